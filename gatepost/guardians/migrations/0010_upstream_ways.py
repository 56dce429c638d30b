from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('guardians', '0009_email_comes_back'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='provennumber',
            name='guardians_number_how',
        ),
        migrations.AlterField(
            model_name='provennumber',
            name='how',
            field=models.TextField(choices=[('review', 'Review'), ('taipei_pass', 'Taipei Pass'), ('twfido', 'Twfido'), ('mobile_id', 'Mobile Id')]),
        ),
        migrations.AddConstraint(
            model_name='provennumber',
            constraint=models.CheckConstraint(condition=models.Q(('how__in', ['review', 'taipei_pass', 'twfido', 'mobile_id'])), name='guardians_number_how'),
        ),
    ]
