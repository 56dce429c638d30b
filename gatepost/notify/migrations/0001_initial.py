import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from gatepost.kit.partitions import months_of


NOTICE = """
CREATE SEQUENCE notify_notice_id_seq;
CREATE TABLE notify_notice (
    id bigint NOT NULL DEFAULT nextval('notify_notice_id_seq'),
    on_date date NOT NULL,
    key text NOT NULL,
    topic text NOT NULL,
    about uuid NOT NULL,
    data jsonb NOT NULL,
    posted_at timestamptz NOT NULL,
    best_before timestamptz NOT NULL,
    follows bigint,
    PRIMARY KEY (id, on_date),
    UNIQUE (key, on_date)
) PARTITION BY RANGE (on_date);
ALTER SEQUENCE notify_notice_id_seq OWNED BY notify_notice.id;
CREATE TABLE notify_notice_default PARTITION OF notify_notice DEFAULT;
CREATE INDEX notify_notice_about ON notify_notice (about, on_date);
"""

DELIVERY = """
CREATE SEQUENCE notify_delivery_id_seq;
CREATE TABLE notify_delivery (
    id bigint NOT NULL DEFAULT nextval('notify_delivery_id_seq'),
    on_date date NOT NULL,
    notice_id bigint NOT NULL,
    address_id bigint NOT NULL,
    account_id uuid NOT NULL,
    about uuid NOT NULL,
    channel text NOT NULL,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'dropped')),
    due_at timestamptz NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    because text NOT NULL DEFAULT '',
    response text NOT NULL DEFAULT '',
    settled_at timestamptz,
    PRIMARY KEY (id, on_date),
    UNIQUE (notice_id, address_id, on_date),
    CHECK ((settled_at IS NULL) = (state IN ('queued', 'sending'))),
    CHECK (state NOT IN ('failed', 'dropped') OR because <> '')
) PARTITION BY RANGE (on_date);
ALTER SEQUENCE notify_delivery_id_seq OWNED BY notify_delivery.id;
CREATE TABLE notify_delivery_default PARTITION OF notify_delivery DEFAULT;
CREATE INDEX notify_delivery_due ON notify_delivery (channel, due_at) WHERE state IN ('queued', 'sending');
CREATE INDEX notify_delivery_about ON notify_delivery (about, on_date);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(DELIVERY, reverse_sql="DROP TABLE notify_delivery"),
                migrations.RunPython(months_of("notify_delivery"), migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("on_date", models.DateField()),
                        ("notice_id", models.BigIntegerField()),
                        ("address_id", models.BigIntegerField()),
                        ("account_id", models.UUIDField()),
                        ("about", models.UUIDField()),
                        ("channel", models.TextField()),
                        (
                            "state",
                            models.TextField(
                                choices=[
                                    ("queued", "Queued"),
                                    ("sending", "Sending"),
                                    ("sent", "Sent"),
                                    ("delivered", "Delivered"),
                                    ("failed", "Failed"),
                                    ("dropped", "Dropped"),
                                ],
                                default="queued",
                            ),
                        ),
                        ("due_at", models.DateTimeField()),
                        ("attempts", models.SmallIntegerField(default=0)),
                        ("because", models.TextField(blank=True)),
                        ("response", models.TextField(blank=True)),
                        ("settled_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "verbose_name_plural": "deliveries",
                        "db_table": "notify_delivery",
                    },
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(NOTICE, reverse_sql="DROP TABLE notify_notice"),
                migrations.RunPython(months_of("notify_notice"), migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Notice",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("on_date", models.DateField()),
                        ("key", models.TextField()),
                        ("topic", models.TextField()),
                        ("about", models.UUIDField()),
                        ("data", models.JSONField(default=dict)),
                        ("posted_at", models.DateTimeField()),
                        ("best_before", models.DateTimeField()),
                        ("follows", models.BigIntegerField(null=True)),
                    ],
                    options={
                        "db_table": "notify_notice",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Address",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.TextField(choices=[("email", "Email")])),
                ("target", models.TextField()),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("disabled_because", models.TextField(blank=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addresses",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "addresses",
            },
        ),
        migrations.CreateModel(
            name="Recipient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("about", models.UUIDField()),
                ("opened_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recipients",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.TextField()),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "address",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="subscriptions", to="notify.address"
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="subscriptions", to="notify.recipient"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="address",
            constraint=models.UniqueConstraint(fields=("account", "channel", "target"), name="notify_address_once"),
        ),
        migrations.AddIndex(
            model_name="recipient",
            index=models.Index(fields=["about"], name="notify_recipient_about"),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.UniqueConstraint(fields=("account", "about"), name="notify_recipient_once"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.UniqueConstraint(
                fields=("recipient", "topic", "address"), name="notify_subscription_once"
            ),
        ),
    ]
