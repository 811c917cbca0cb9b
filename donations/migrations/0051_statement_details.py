"""What notifications of a bank tell of the payments within a line."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import defensefund.privacy


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0050_came_back"),
    ]

    operations = [
        migrations.CreateModel(
            name="StatementDetail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=100, verbose_name="key of the line")),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3,
                        help_text="Positive: money came in.",
                        max_digits=21,
                        verbose_name="amount",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "references",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=35),
                        default=list,
                        verbose_name="references",
                    ),
                ),
                (
                    "counterparty",
                    defensefund.privacy.EncryptedTextField(blank=True, verbose_name="counterparty"),
                ),
                (
                    "counterparty_account",
                    defensefund.privacy.EncryptedTextField(
                        blank=True, verbose_name="counterparty's account"
                    ),
                ),
                ("text", defensefund.privacy.EncryptedTextField(blank=True, verbose_name="text")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="details",
                        to="donations.bankaccount",
                        verbose_name="bank account",
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="details",
                        to="donations.statementimport",
                        verbose_name="file",
                    ),
                ),
            ],
            options={
                "verbose_name": "detail of a statement line",
                "verbose_name_plural": "details of statement lines",
                "ordering": ["pk"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "key", "position"), name="statement_detail_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True),
                        name="statement_detail_amount_not_zero",
                    ),
                ],
            },
        ),
    ]
