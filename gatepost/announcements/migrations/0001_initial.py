import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("roster", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Announcement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.TextField(
                        choices=[("news", "公告"), ("system", "系統"), ("event", "活動"), ("urgent", "緊急")],
                        default="news",
                    ),
                ),
                ("title", models.TextField()),
                ("body", models.TextField(blank=True)),
                ("important", models.BooleanField(default=False)),
                ("published_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
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
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="announcements",
                        to="roster.school",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["school", "-published_at"], name="announcements_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True), ("expires_at__gt", models.F("published_at")), _connector="OR"
                        ),
                        name="announcements_expire_after_publishing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("title", ""), _negated=True), name="announcements_have_a_title"
                    ),
                ],
            },
        ),
    ]
