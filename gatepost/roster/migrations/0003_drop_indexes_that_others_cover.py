import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("roster", "0002_imports_remember_new_rows_together"),
    ]

    operations = [
        migrations.AlterField(
            model_name="student",
            name="school",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="students",
                to="roster.school",
            ),
        ),
        migrations.AlterField(
            model_name="guardianrecord",
            name="student",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="guardian_records",
                to="roster.student",
            ),
        ),
    ]
