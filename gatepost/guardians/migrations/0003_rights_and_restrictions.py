
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("guardians", "0002_applications"),
        ("roster", "0003_drop_indexes_that_others_cover"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="restriction",
            name="guardians_restriction_once",
        ),
        migrations.AddField(
            model_name="guardianship",
            name="collect_since",
            field=models.DateTimeField(blank=True, db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="ended_because",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="ending_told_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="pay_since",
            field=models.DateTimeField(blank=True, db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="person_digest",
            field=models.BinaryField(blank=True, max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="see_since",
            field=models.DateTimeField(blank=True, db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="sign_since",
            field=models.DateTimeField(blank=True, db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AddField(
            model_name="guardianship",
            name="told_since",
            field=models.DateTimeField(blank=True, db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AddField(
            model_name="restriction",
            name="lifted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="restriction",
            name="person_digest",
            field=models.BinaryField(blank=True, max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="restriction",
            name="person_masked",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="restriction",
            name="person_name",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="restriction",
            name="rights",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=["told", "see", "sign", "pay", "collect"], size=None
            ),
        ),
        migrations.AlterField(
            model_name="restriction",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="restrictions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="guardianship",
            index=models.Index(
                condition=models.Q(("person_digest__isnull", False)),
                fields=["person_digest"],
                name="guardians_bond_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="guardianship",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", False),
                    ("told_since__isnull", False),
                    ("see_since__isnull", False),
                    ("sign_since__isnull", False),
                    ("pay_since__isnull", False),
                    ("collect_since__isnull", False),
                    _connector="OR",
                ),
                name="guardians_bond_some_right",
            ),
        ),
        migrations.AddConstraint(
            model_name="restriction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at__isnull", True)),
                fields=("student", "account", "person_digest", "document", "rights", "until"),
                name="guardians_restriction_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="restriction",
            constraint=models.CheckConstraint(
                condition=models.Q(("account__isnull", False), ("person_digest__isnull", False), _connector="OR"),
                name="guardians_restriction_whom",
            ),
        ),
        migrations.AddConstraint(
            model_name="restriction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rights__contained_by", ["told", "see", "sign", "pay", "collect"]), ("rights__len__gt", 0)
                ),
                name="guardians_restriction_rights",
            ),
        ),
        migrations.AddConstraint(
            model_name="restriction",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__isnull", True), ("until__gt", models.F("placed_at")), _connector="OR"),
                name="guardians_restriction_until",
            ),
        ),
    ]
