import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("roster", "0001_initial"),
    ]

    operations = [
        migrations.RemoveField(model_name="importchange", name="row"),
        migrations.AddField(
            model_name="importchange",
            name="rows",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="importchange",
            name="kind",
            field=models.TextField(
                choices=[("new", "New"), ("changed", "Changed"), ("left", "Left"), ("removed", "Removed")]
            ),
        ),
        migrations.AlterField(
            model_name="importchange",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="roster.import",
            ),
        ),
        migrations.AddField(model_name="import", name="orgs", field=models.JSONField(default=dict)),
        migrations.AddField(
            model_name="import",
            name="mark",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
