import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models

from gatepost.kit.partitions import months_of


TAP = """
CREATE TABLE gates_tap (
    month date NOT NULL,
    school_id integer NOT NULL,
    reader_id uuid NOT NULL,
    nonce uuid NOT NULL,
    card text NOT NULL,
    uid text NOT NULL,
    read_at timestamptz,
    tapped_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    skew_ms bigint NOT NULL,
    direction text CHECK (direction IN ('in', 'out')),
    reason text NOT NULL,
    PRIMARY KEY (reader_id, nonce, month)
) PARTITION BY RANGE (month);
CREATE TABLE gates_tap_default PARTITION OF gates_tap DEFAULT;
CREATE INDEX gates_tap_by_school ON gates_tap (school_id, tapped_at);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("roster", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reader",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("key_digest", models.BinaryField(max_length=32, unique=True)),
                ("card_rule", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("rested_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TAP, reverse_sql="DROP TABLE gates_tap"),
                migrations.RunPython(months_of("gates_tap"), migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Tap",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "reader_id",
                                "nonce",
                                "month",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("month", models.DateField()),
                        ("school_id", models.IntegerField()),
                        ("reader_id", models.UUIDField()),
                        ("nonce", models.UUIDField()),
                        ("card", models.TextField()),
                        ("uid", models.TextField()),
                        ("read_at", models.DateTimeField(null=True)),
                        ("tapped_at", models.DateTimeField()),
                        ("received_at", models.DateTimeField()),
                        ("skew_ms", models.BigIntegerField()),
                        ("direction", models.TextField(choices=[("in", "In"), ("out", "Out")], null=True)),
                        ("reason", models.TextField(blank=True)),
                    ],
                    options={
                        "db_table": "gates_tap",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Gate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gates", to="roster.school"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReaderHealth",
            fields=[
                (
                    "reader",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="health",
                        serialize=False,
                        to="gates.reader",
                    ),
                ),
                ("heard_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField()),
                ("queue", models.PositiveIntegerField()),
                ("skew_ms", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "reader health",
            },
        ),
        migrations.AddField(
            model_name="reader",
            name="gate",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="readers", to="gates.gate"
            ),
        ),
        migrations.AddField(
            model_name="reader",
            name="school",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="readers", to="roster.school"
            ),
        ),
        migrations.CreateModel(
            name="TapQueue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("shard", models.SmallIntegerField()),
                ("school_id", models.IntegerField()),
                ("reader_id", models.UUIDField()),
                ("nonce", models.UUIDField()),
                ("uid", models.TextField()),
                ("tapped_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("direction", models.TextField(null=True)),
            ],
            options={
                "verbose_name_plural": "tap queue",
                "indexes": [
                    models.Index(fields=["shard", "id"], name="gates_tapqueue_by_shard"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="gate",
            constraint=models.UniqueConstraint(fields=("school", "name"), name="gates_gate_name_once"),
        ),
        migrations.AddConstraint(
            model_name="reader",
            constraint=models.UniqueConstraint(fields=("gate", "name"), name="gates_reader_name_once"),
        ),
    ]
