import django.core.validators
import django.db.models.deletion
import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='SandboxObject',
            fields=[
                ('id', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('data', models.JSONField()),
                ('created_at', models.DateTimeField()),
                ('notes', models.JSONField(default=dict)),
                ('due_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [
                    models.Index(fields=['kind', '-created_at', '-id'], name='sandbox_newest_of_kind'),
                    models.Index(condition=models.Q(('due_at', None), _negated=True), fields=['due_at'], name='sandbox_object_due'),
                    models.Index(django.db.models.fields.json.KeyTransform('charge', 'data'), condition=models.Q(('kind__in', ['refund', 'dispute', 'radar.early_fraud_warning'])), name='sandbox_by_charge'),
                    models.Index(django.db.models.fields.json.KeyTransform('customer', 'data'), condition=models.Q(('kind__in', ['subscription', 'invoice', 'payment_method', 'payment_intent', 'charge'])), name='sandbox_by_customer'),
                    models.Index(django.db.models.fields.json.KeyTransform('invoice', 'data'), condition=models.Q(('kind__in', ['invoice_payment'])), name='sandbox_by_invoice'),
                    models.Index(django.db.models.fields.json.KeyTransform('payment_intent', django.db.models.fields.json.KeyTransform('payment', 'data')), condition=models.Q(('kind__in', ['invoice_payment'])), name='sandbox_by_paid_by'),
                    models.Index(django.db.models.fields.json.KeyTransform('payment_intent', 'data'), condition=models.Q(('kind__in', ['checkout.session', 'charge', 'refund', 'dispute', 'radar.early_fraud_warning'])), name='sandbox_by_payment_intent'),
                    models.Index(django.db.models.fields.json.KeyTransform('payout', 'notes'), condition=models.Q(('kind__in', ['balance_transaction'])), name='sandbox_by_payout'),
                    models.Index(django.db.models.fields.json.KeyTransform('source', 'data'), condition=models.Q(('kind__in', ['balance_transaction'])), name='sandbox_by_source'),
                    models.Index(django.db.models.fields.json.KeyTransform('subscription', django.db.models.fields.json.KeyTransform('subscription_details', django.db.models.fields.json.KeyTransform('parent', 'data'))), condition=models.Q(('kind__in', ['invoice'])), name='sandbox_by_subscription'),
                    models.Index(condition=models.Q(('kind', 'balance_transaction'), models.Q(('notes__has_key', 'payout'), _negated=True)), fields=['id'], name='sandbox_not_paid_out'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SandboxRequest',
            fields=[
                ('key', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('fingerprint', models.CharField(max_length=64)),
                ('answer', models.JSONField()),
                ('status', models.PositiveSmallIntegerField(default=200)),
                ('created_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='SandboxDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='sandbox.sandboxobject')),
                ('due_at', models.DateTimeField()),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('last_answer', models.CharField(blank=True, max_length=80)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('given_up_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [
                    models.Index(condition=models.Q(('delivered_at', None), ('given_up_at', None)), fields=['due_at'], name='sandbox_delivery_due'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('delivered_at', None), ('given_up_at', None), _connector='OR'), name='sandbox_delivery_ends_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SandboxFaults',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('is_twice', models.BooleanField(default=False)),
                ('late_seconds', models.PositiveIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(86400)])),
                ('is_out_of_order', models.BooleanField(default=False)),
                ('drop_percent', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(100)])),
                ('api_fault', models.CharField(blank=True, choices=[('error', 'answers 500, with nothing done'), ('times_out', 'does not answer in time, with nothing done'), ('done_then_error', 'does what was asked, then answers 500')], max_length=20)),
                ('api_requests', models.PositiveSmallIntegerField(default=0)),
                ('fails_reads', models.BooleanField(default=False)),
            ],
            options={
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('id', 1)), name='sandbox_faults_one_row'),
                    models.CheckConstraint(condition=models.Q(('drop_percent__lte', 100)), name='sandbox_faults_percent'),
                    models.CheckConstraint(condition=models.Q(('late_seconds__lte', 86400)), name='sandbox_faults_late_a_day'),
                    models.CheckConstraint(condition=models.Q(models.Q(('api_fault', ''), ('api_requests', 0)), models.Q(('api_fault__in', ['error', 'times_out', 'done_then_error']), ('api_requests__gt', 0)), _connector='OR'), name='sandbox_faults_api_counted'),
                ],
            },
        ),
    ]
