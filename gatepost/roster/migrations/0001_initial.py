import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="District",
            fields=[
                ("code", models.TextField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("name_en", models.TextField()),
                ("postal_code", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="School",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.TextField(unique=True, validators=[django.core.validators.RegexValidator("^[0-9A-Z]{6}$")]),
                ),
                ("name", models.TextField()),
                ("short_name", models.TextField()),
                (
                    "level",
                    models.TextField(
                        choices=[
                            ("elementary", "國小"),
                            ("junior_high", "國中"),
                            ("senior_high", "高中"),
                            ("vocational_high", "高職"),
                            ("special", "特教"),
                        ]
                    ),
                ),
                ("domain", models.TextField(blank=True)),
                ("timezone", models.TextField(default="Asia/Taipei")),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                (
                    "district",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="schools", to="roster.district"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("form", models.TextField(choices=[("oneroster", "OneRoster 1.2 CSV"), ("spreadsheet", "試算表")])),
                ("file_name", models.TextField()),
                ("read_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("applied_at", models.DateTimeField(null=True)),
                ("undone_at", models.DateTimeField(null=True)),
                ("counts", models.JSONField(default=dict)),
                (
                    "by",
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
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imports",
                        to="roster.school",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SchoolYear",
            fields=[
                ("year", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("starts_on__lt", models.F("ends_on"))), name="roster_year_runs"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Staff",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("title", models.TextField(blank=True)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("source_id", models.TextField(blank=True)),
                ("left_on", models.DateField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="staff_records",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="staff", to="roster.school"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "staff",
            },
        ),
        migrations.CreateModel(
            name="SchoolClass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "stage",
                    models.TextField(
                        choices=[
                            ("elementary", "國小"),
                            ("junior_high", "國中"),
                            ("senior_high", "高中"),
                            ("vocational_high", "高職"),
                            ("special", "特教"),
                        ]
                    ),
                ),
                ("grade", models.PositiveSmallIntegerField()),
                ("number", models.PositiveSmallIntegerField()),
                ("name", models.TextField()),
                ("source_id", models.TextField(blank=True)),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="classes", to="roster.school"
                    ),
                ),
                (
                    "school_year",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="roster.schoolyear"
                    ),
                ),
                (
                    "homeroom_teacher",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="homeroom_classes",
                        to="roster.staff",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "classes",
            },
        ),
        migrations.CreateModel(
            name="Student",
            fields=[
                ("id_number_sealed", models.BinaryField(blank=True, null=True)),
                ("id_number_digest", models.BinaryField(blank=True, max_length=32, null=True)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.TextField()),
                ("name", models.TextField()),
                ("birthday", models.DateField(blank=True, null=True)),
                (
                    "stage",
                    models.TextField(
                        choices=[
                            ("elementary", "國小"),
                            ("junior_high", "國中"),
                            ("senior_high", "高中"),
                            ("vocational_high", "高職"),
                            ("special", "特教"),
                        ]
                    ),
                ),
                ("grade", models.PositiveSmallIntegerField()),
                ("seat", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "study_state",
                    models.TextField(
                        choices=[
                            ("enrolled", "在籍"),
                            ("suspended", "休學"),
                            ("abroad", "出國"),
                            ("home_schooled", "在家自學"),
                            ("dropped_out", "中輟"),
                            ("transferred", "轉出"),
                            ("graduated", "畢業"),
                            ("deceased", "死亡"),
                        ],
                        default="enrolled",
                    ),
                ),
                ("left_on", models.DateField(blank=True, null=True)),
                ("source_id", models.TextField(blank=True)),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="students", to="roster.school"
                    ),
                ),
                (
                    "school_class",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="students",
                        to="roster.schoolclass",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GuardianRecord",
            fields=[
                ("id_number_sealed", models.BinaryField(blank=True, null=True)),
                ("id_number_digest", models.BinaryField(blank=True, max_length=32, null=True)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField(default=1)),
                ("name", models.TextField()),
                ("relation", models.TextField(blank=True)),
                ("mobile", models.TextField(blank=True)),
                ("email", models.TextField(blank=True)),
                ("source_id", models.TextField(blank=True)),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guardian_records",
                        to="roster.student",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Term",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
                (
                    "school_year",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="terms", to="roster.schoolyear"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.TextField()),
                ("row", models.TextField()),
                ("kind", models.TextField(choices=[("new", "New"), ("changed", "Changed"), ("left", "Left")])),
                ("before", models.JSONField(default=dict)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="changes", to="roster.import"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["source", "table"], name="roster_change_by_import")],
            },
        ),
        migrations.AddConstraint(
            model_name="school",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__regex", "^[0-9A-Z]{6}$")), name="roster_school_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="staff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source_id", ""), _negated=True),
                fields=("school", "source_id"),
                name="roster_staff_source_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="schoolclass",
            constraint=models.UniqueConstraint(
                fields=("school", "school_year", "grade", "number"), name="roster_class_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="schoolclass",
            constraint=models.CheckConstraint(
                condition=models.Q(("grade__gte", 1), ("grade__lte", 12)), name="roster_class_grade"
            ),
        ),
        migrations.AddIndex(
            model_name="student",
            index=models.Index(fields=["school", "school_class", "seat"], name="roster_student_by_class"),
        ),
        migrations.AddIndex(
            model_name="student",
            index=models.Index(
                condition=models.Q(("source_id", ""), _negated=True), fields=["source_id"], name="roster_student_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="student",
            constraint=models.UniqueConstraint(fields=("school", "number"), name="roster_student_number_once"),
        ),
        migrations.AddConstraint(
            model_name="student",
            constraint=models.UniqueConstraint(
                condition=models.Q(("left_on__isnull", True)),
                fields=("id_number_digest",),
                name="roster_student_identity_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="student",
            constraint=models.CheckConstraint(
                condition=models.Q(("grade__gte", 1), ("grade__lte", 12)), name="roster_student_grade"
            ),
        ),
        migrations.AddConstraint(
            model_name="student",
            constraint=models.CheckConstraint(
                condition=models.Q(("number", ""), _negated=True), name="roster_student_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="student",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("id_number_digest__isnull", True), ("id_number_sealed__isnull", True)),
                    models.Q(("id_number_digest__isnull", False), ("id_number_sealed__isnull", False)),
                    _connector="OR",
                ),
                name="roster_student_sealed_whole",
            ),
        ),
        migrations.AddIndex(
            model_name="guardianrecord",
            index=models.Index(fields=["id_number_digest"], name="roster_guardian_digest"),
        ),
        migrations.AddConstraint(
            model_name="guardianrecord",
            constraint=models.UniqueConstraint(fields=("student", "position"), name="roster_guardian_position_once"),
        ),
        migrations.AddConstraint(
            model_name="guardianrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("id_number_digest__isnull", True), ("id_number_sealed__isnull", True)),
                    models.Q(("id_number_digest__isnull", False), ("id_number_sealed__isnull", False)),
                    _connector="OR",
                ),
                name="roster_guardian_sealed_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.UniqueConstraint(fields=("school_year", "number"), name="roster_term_once"),
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.CheckConstraint(condition=models.Q(("number__in", [1, 2])), name="roster_term_number"),
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_on__lt", models.F("ends_on"))), name="roster_term_runs"
            ),
        ),
    ]
