from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_devices'),
    ]

    operations = [
        migrations.AlterField(
            model_name='activationmail',
            name='kind',
            field=models.TextField(choices=[('link', 'Link'), ('code', 'Code'), ('second_factor_set_up', 'Second Factor Set Up'), ('second_factor_off', 'Second Factor Off'), ('second_factor_taken_off', 'Second Factor Taken Off'), ('recovery_code_used', 'Recovery Code Used'), ('password_link', 'Password Link'), ('password_changed', 'Password Changed'), ('way_connected', 'Way Connected'), ('way_disconnected', 'Way Disconnected')]),
        ),
    ]
