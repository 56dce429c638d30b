import datetime as dt
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from gatepost.kit.partitions import months_of


EVENT = """
CREATE SEQUENCE attendance_event_id_seq;
CREATE TABLE attendance_event (
    id bigint NOT NULL DEFAULT nextval('attendance_event_id_seq'),
    school_id integer NOT NULL,
    date date NOT NULL,
    student_id uuid NOT NULL,
    at timestamptz NOT NULL,
    side text NOT NULL CHECK (side IN ('in', 'out', 'seen')),
    sure boolean NOT NULL,
    source text NOT NULL CHECK (source IN ('card', 'guard', 'teacher', 'office')),
    reader_id uuid,
    nonce uuid,
    by_id uuid,
    note text NOT NULL DEFAULT '',
    recorded_at timestamptz NOT NULL,
    voided_at timestamptz,
    voided_by_id uuid,
    voided_because text NOT NULL DEFAULT '',
    PRIMARY KEY (id, date),
    -- Every event names its source: a card its reader, anything else the person who wrote it down.
    CHECK ((source = 'card') = (reader_id IS NOT NULL AND nonce IS NOT NULL)),
    CHECK ((source = 'card') = (by_id IS NULL)),
    CHECK ((voided_at IS NULL) = (voided_by_id IS NULL))
) PARTITION BY RANGE (date);
ALTER SEQUENCE attendance_event_id_seq OWNED BY attendance_event.id;
CREATE TABLE attendance_event_default PARTITION OF attendance_event DEFAULT;
CREATE UNIQUE INDEX attendance_event_once ON attendance_event (school_id, date, student_id, reader_id, nonce);
"""

DAY = """
CREATE TABLE attendance_day (
    school_id integer NOT NULL,
    date date NOT NULL,
    student_id uuid NOT NULL,
    arrived_at timestamptz,
    arrived_event_id bigint,
    left_at timestamptz,
    left_event_id bigint,
    seen_at timestamptz,
    not_arrived_at timestamptz,
    PRIMARY KEY (school_id, date, student_id),
    CHECK ((arrived_at IS NULL) = (arrived_event_id IS NULL)),
    CHECK ((left_at IS NULL) = (left_event_id IS NULL))
) PARTITION BY RANGE (date);
CREATE TABLE attendance_day_default PARTITION OF attendance_day DEFAULT;
CREATE INDEX attendance_day_of_student ON attendance_day (student_id, date);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("roster", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(DAY, reverse_sql="DROP TABLE attendance_day"),
                migrations.RunPython(months_of("attendance_day"), migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Day",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "school_id",
                                "date",
                                "student_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("school_id", models.IntegerField()),
                        ("date", models.DateField()),
                        ("student_id", models.UUIDField()),
                        ("arrived_at", models.DateTimeField(null=True)),
                        ("arrived_event_id", models.BigIntegerField(null=True)),
                        ("left_at", models.DateTimeField(null=True)),
                        ("left_event_id", models.BigIntegerField(null=True)),
                        ("seen_at", models.DateTimeField(null=True)),
                        ("not_arrived_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "db_table": "attendance_day",
                    },
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(EVENT, reverse_sql="DROP TABLE attendance_event"),
                migrations.RunPython(months_of("attendance_event"), migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("school_id", models.IntegerField()),
                        ("date", models.DateField()),
                        ("student_id", models.UUIDField()),
                        ("at", models.DateTimeField()),
                        ("side", models.TextField(choices=[("in", "到校"), ("out", "離校"), ("seen", "在校")])),
                        ("sure", models.BooleanField()),
                        (
                            "source",
                            models.TextField(
                                choices=[
                                    ("card", "刷卡"),
                                    ("guard", "警衛登記"),
                                    ("teacher", "導師登記"),
                                    ("office", "學務處登記"),
                                ]
                            ),
                        ),
                        ("reader_id", models.UUIDField(null=True)),
                        ("nonce", models.UUIDField(null=True)),
                        ("by_id", models.UUIDField(null=True)),
                        ("note", models.TextField(blank=True)),
                        ("recorded_at", models.DateTimeField()),
                        ("voided_at", models.DateTimeField(null=True)),
                        ("voided_by_id", models.UUIDField(null=True)),
                        ("voided_because", models.TextField(blank=True)),
                    ],
                    options={
                        "db_table": "attendance_event",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Rules",
            fields=[
                (
                    "school",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="attendance_rules",
                        serialize=False,
                        to="roster.school",
                    ),
                ),
                ("late_after", models.TimeField(default=dt.time(8, 0))),
                ("cutoff", models.TimeField(default=dt.time(8, 10))),
                ("leave_from", models.TimeField(default=dt.time(15, 30))),
                ("half_day_leave_from", models.TimeField(default=dt.time(12, 0))),
                ("quiet_gap_seconds", models.PositiveIntegerField(default=300)),
                ("brake_percent", models.PositiveSmallIntegerField(default=8)),
                ("brake_times_usual", models.PositiveSmallIntegerField(default=3)),
                ("brake_at_least", models.PositiveSmallIntegerField(default=5)),
                ("not_arrived_until", models.TimeField(default=dt.time(10, 0))),
            ],
            options={
                "verbose_name_plural": "rules",
            },
        ),
        migrations.CreateModel(
            name="Leave",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_date", models.DateField()),
                ("last_date", models.DateField()),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("personal", "事假"),
                            ("sick", "病假"),
                            ("official", "公假"),
                            ("bereavement", "喪假"),
                            ("other", "其他"),
                        ]
                    ),
                ),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("refused_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="leaves", to="roster.student"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["student", "first_date", "last_date"], name="attendance_leave_student")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("last_date__gte", models.F("first_date"))), name="attendance_leave_runs"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_at__isnull", True), ("refused_at__isnull", True), _connector="OR"
                        ),
                        name="attendance_leave_one_answer",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SchoolDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grade", models.PositiveSmallIntegerField()),
                ("date", models.DateField()),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("school", "上課日"),
                            ("half", "半天課"),
                            ("make_up", "補課日"),
                            ("holiday", "放假"),
                            ("closure", "停課"),
                        ]
                    ),
                ),
                ("name", models.TextField(blank=True)),
                ("leave_from", models.TimeField(blank=True, null=True)),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="days", to="roster.school"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("school", "date", "grade"), name="attendance_day_once"),
                    models.CheckConstraint(
                        condition=models.Q(("grade__gte", 1), ("grade__lte", 12)), name="attendance_day_grade"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Sweep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField()),
                ("asked_at", models.DateTimeField()),
                ("held_at", models.DateTimeField(null=True)),
                (
                    "held_because",
                    models.TextField(
                        blank=True,
                        choices=[
                            ("readers", "讀卡機資料不完整"),
                            ("taps", "刷卡資料處理中"),
                            ("brake", "人數異常"),
                            ("calendar", "行事曆未設定"),
                        ],
                    ),
                ),
                ("held_facts", models.JSONField(default=dict)),
                ("decided_at", models.DateTimeField(null=True)),
                ("expected", models.PositiveIntegerField(default=0)),
                ("missing", models.PositiveIntegerField(default=0)),
                (
                    "released_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sweeps", to="roster.school"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["school", "-date"], name="attendance_sweep_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("school", "date"), name="attendance_sweep_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("held_at__isnull", True), ("held_because", "")),
                            models.Q(("held_at__isnull", False), models.Q(("held_because", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="attendance_sweep_held_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Timetable",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grade", models.PositiveSmallIntegerField()),
                ("weekday", models.PositiveSmallIntegerField()),
                ("leave_from", models.TimeField()),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="timetable", to="roster.school"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("school", "grade", "weekday"), name="attendance_timetable_once"),
                    models.CheckConstraint(
                        condition=models.Q(("weekday__gte", 1), ("weekday__lte", 7)),
                        name="attendance_timetable_weekday",
                    ),
                ],
            },
        ),
    ]
