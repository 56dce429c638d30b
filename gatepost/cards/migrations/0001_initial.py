import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("roster", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Card",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.TextField(validators=[django.core.validators.RegexValidator("^([0-9A-F]{2}){2,10}$")])),
                ("issued_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("frozen_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ended_as",
                    models.TextField(
                        blank=True, choices=[("lost", "遺失"), ("replaced", "補換"), ("returned", "繳回")]
                    ),
                ),
                ("loan_on", models.DateField(blank=True, null=True)),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="cards", to="roster.student"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["uid", "issued_at"], name="cards_card_uid")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True), ("loan_on__isnull", True)),
                        fields=("uid",),
                        name="cards_card_one_holder",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True), ("loan_on__isnull", False)),
                        fields=("uid", "loan_on"),
                        name="cards_card_one_loan_a_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("uid__regex", "^([0-9A-F]{2}){2,10}$")), name="cards_card_uid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                            models.Q(("ended_at__isnull", False), models.Q(("ended_as", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="cards_card_end_has_a_kind",
                    ),
                ],
            },
        ),
    ]
