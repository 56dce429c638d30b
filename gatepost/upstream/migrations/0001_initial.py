import django.db.models.deletion
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
            name='Asking',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('provider', models.TextField(choices=[('taipei_pass', '台北通 Taipei Pass'), ('twfido', '行動自然人憑證 TW FidO'), ('mobile_id', '手機電信驗證 Mobile ID')])),
                ('state_digest', models.BinaryField(max_length=32, unique=True)),
                ('kept_sealed', models.BinaryField()),
                ('aim', models.TextField(blank=True)),
                ('asked_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('polled_at', models.DateTimeField(null=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['until'], name='upstream_asking_until')],
                'constraints': [models.CheckConstraint(condition=models.Q(('asked_at__lt', models.F('until'))), name='upstream_asking_runs'), models.CheckConstraint(condition=models.Q(('provider__in', ['taipei_pass', 'twfido', 'mobile_id'])), name='upstream_asking_provider')],
            },
        ),
        migrations.CreateModel(
            name='Link',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.TextField(choices=[('taipei_pass', '台北通 Taipei Pass'), ('twfido', '行動自然人憑證 TW FidO'), ('mobile_id', '手機電信驗證 Mobile ID')])),
                ('subject_digest', models.BinaryField(max_length=32)),
                ('by_number', models.BooleanField()),
                ('linked_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='upstream_links', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('provider', 'subject_digest'), name='upstream_link_subject_once'), models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('account', 'provider'), name='upstream_link_account_once'), models.CheckConstraint(condition=models.Q(('provider__in', ['taipei_pass', 'twfido', 'mobile_id'])), name='upstream_link_provider')],
            },
        ),
    ]
