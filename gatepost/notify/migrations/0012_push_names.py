from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notify", "0011_quiet_hours")]

    operations = [
        migrations.AddField(
            model_name="pushreceiver", name="named_since", field=models.DateTimeField(null=True)
        )
    ]
