import defensefund.models.authenticator
import defensefund.privacy
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Authenticator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(help_text='The user that this device belongs to.', on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                ('key', defensefund.privacy.EncryptedTextField(default=defensefund.models.authenticator.new_key, editable=False, verbose_name='secret key')),
                ('last_step', models.BigIntegerField(default=-1, editable=False, verbose_name='last time step used')),
                ('failures', models.PositiveIntegerField(default=0, editable=False, verbose_name='wrong codes in a row')),
                ('failed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last wrong code')),
                ('set_up_at', models.DateTimeField(editable=False, verbose_name='set up')),
            ],
            options={
                'verbose_name': 'authenticator',
                'verbose_name_plural': 'authenticators',
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('confirmed', True)), fields=('user',), name='authenticator_confirmed_once_per_user'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
                ('digest', models.CharField(max_length=64)),
                ('made_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'recovery code',
                'verbose_name_plural': 'recovery codes',
                'constraints': [
                    models.UniqueConstraint(fields=('user', 'digest'), name='recovery_code_once_per_user'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SecurityEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('logged in', 'logged in'), ('new device', 'logged in from a new device'), ('second factor set up', 'second factor set up'), ('second factor removed', 'second factor removed'), ('recovery codes made', 'recovery codes made'), ('recovery code used', 'recovery code used'), ('password changed', 'password changed'), ('rights changed', 'account or rights changed'), ('locked out', 'too many failed logins')], max_length=40, verbose_name='what')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='security_events', to=settings.AUTH_USER_MODEL, verbose_name='whose access')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='done by')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('chain', models.CharField(editable=False, max_length=64)),
            ],
            options={
                'ordering': ['-at', '-pk'],
                'verbose_name': 'security event',
                'verbose_name_plural': 'security log',
                'indexes': [
                    models.Index(fields=['user', '-at'], name='security_event_user_at'),
                    models.Index(fields=['at', 'id'], name='security_event_by_day'),
                    models.Index(fields=['kind', 'at', 'id'], name='security_event_kind_by_day'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('count', models.PositiveIntegerField()),
                ('ends_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
