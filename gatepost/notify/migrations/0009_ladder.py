from django.db import migrations, models

from gatepost.kit.partitions import months_of

CLIMB = """
CREATE TABLE notify_climb (
    notice_id bigint NOT NULL,
    on_date date NOT NULL,
    about uuid NOT NULL,
    due_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    rungs smallint NOT NULL DEFAULT 0 CHECK (rungs >= 0),
    last_delivery_id bigint,
    exhausted_at timestamptz,
    ended_at timestamptz,
    ended_because text NOT NULL DEFAULT '' CHECK (ended_because IN ('', 'delivered', 'seen', 'withdrawn', 'over')),
    proven_by uuid,
    PRIMARY KEY (notice_id, on_date),
    CHECK ((ended_at IS NULL) = (ended_because = '')),
    CHECK ((proven_by IS NOT NULL) = (ended_because IN ('delivered', 'seen'))),
    CHECK ((last_delivery_id IS NULL) = (rungs = 0))
) PARTITION BY RANGE (on_date);
CREATE TABLE notify_climb_default PARTITION OF notify_climb DEFAULT;
CREATE INDEX notify_climb_open ON notify_climb (due_at) WHERE ended_at IS NULL;
CREATE INDEX notify_climb_about ON notify_climb (on_date, about);
"""

# A rung is made once, whoever makes it: its number is unique.
RUNG = """
CREATE TABLE notify_rung (
    delivery_id bigint NOT NULL,
    on_date date NOT NULL,
    notice_id bigint NOT NULL,
    number smallint NOT NULL CHECK (number > 0),
    account_id uuid NOT NULL,
    to_another boolean NOT NULL,
    because text NOT NULL CHECK (because IN ('silent', 'failed', 'unaddressed')),
    made_at timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, on_date),
    UNIQUE (notice_id, number, on_date)
) PARTITION BY RANGE (on_date);
CREATE TABLE notify_rung_default PARTITION OF notify_rung DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("notify", "0008_push")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(CLIMB, reverse_sql="DROP TABLE notify_climb"),
                migrations.RunPython(months_of("notify_climb"), migrations.RunPython.noop),
                migrations.RunSQL(RUNG, reverse_sql="DROP TABLE notify_rung"),
                migrations.RunPython(months_of("notify_rung"), migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Climb",
                    fields=[
                        ("notice_id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("on_date", models.DateField()),
                        ("about", models.UUIDField()),
                        ("due_at", models.DateTimeField()),
                        ("until", models.DateTimeField()),
                        ("rungs", models.SmallIntegerField(default=0)),
                        ("last_delivery_id", models.BigIntegerField(null=True)),
                        ("exhausted_at", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                        (
                            "ended_because",
                            models.TextField(
                                blank=True,
                                choices=[
                                    ("delivered", "Delivered"),
                                    ("seen", "Seen"),
                                    ("withdrawn", "Withdrawn"),
                                    ("over", "Over"),
                                ],
                            ),
                        ),
                        ("proven_by", models.UUIDField(null=True)),
                    ],
                    options={"db_table": "notify_climb"},
                ),
                migrations.CreateModel(
                    name="Rung",
                    fields=[
                        ("delivery_id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("on_date", models.DateField()),
                        ("notice_id", models.BigIntegerField()),
                        ("number", models.SmallIntegerField()),
                        ("account_id", models.UUIDField()),
                        ("to_another", models.BooleanField()),
                        (
                            "because",
                            models.TextField(
                                choices=[
                                    ("silent", "Silent"),
                                    ("failed", "Failed"),
                                    ("unaddressed", "Unaddressed"),
                                ]
                            ),
                        ),
                        ("made_at", models.DateTimeField()),
                    ],
                    options={"db_table": "notify_rung"},
                ),
            ],
        ),
    ]
