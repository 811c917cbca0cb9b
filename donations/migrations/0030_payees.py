"""A register of payees takes the place of names and accounts written on each cost and payment: first the rows."""

import re

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from stdnum import iban
from stdnum.ar import cbu

import defensefund.privacy
import donations.models.payee
from defensefund.privacy import keyed_hash


def scheme_of(account):
    compact = re.sub(r"\s", "", account)
    if iban.is_valid(compact):
        return "iban", iban.compact(compact)
    if re.fullmatch("[0-9]{22}", compact) and cbu.is_valid(compact):
        return "cbu", compact
    return "other", " ".join(account.split())


def register(apps, schema_editor):
    """One payee for each name and account there is. Without a sealing key nothing can be sealed yet: the account waits,
    encrypted as it was, for the first key, and for a second person to confirm it."""
    Payee, PayeeAccount = (apps.get_model("donations", name) for name in ("Payee", "PayeeAccount"))
    made = {}

    def account_of(row, by, at, is_sample):
        name = row.payee_name.strip()
        scheme, account = scheme_of(row.payee_account)
        key = keyed_hash(f"{name}\n{account}", purpose="payee")
        if key not in made:
            payee = Payee.objects.create(
                kind="lawyer", recorded_by_id=by, recorded_at=at, is_sample=is_sample
            )
            compact = "".join(account.split())
            made[key] = PayeeAccount.objects.create(
                payee=payee,
                name=name,
                scheme=scheme,
                tail="…" + compact[-4 if len(compact) >= 10 else -2 :],
                account_hash=keyed_hash(compact, purpose="account"),
                payee_hash=key,
                waiting=account,
                given_by_id=by,
                given_at=at,
            )
            payee.account = made[key]
            payee.save()
        return made[key]

    for cost in apps.get_model("donations", "LegalCost").objects.order_by("pk"):
        cost.payee_id = account_of(
            cost, cost.recorded_by_id, cost.recorded_at, cost.is_sample
        ).payee_id
        cost.save(update_fields=["payee"])
    # What is paid is not touched, says a trigger; here its payee is only written down in another place.
    schema_editor.execute("ALTER TABLE donations_disbursement DISABLE TRIGGER USER")
    payments = apps.get_model("donations", "Disbursement").objects.select_related("cost")
    for payment in payments.order_by("pk"):
        payment.account = account_of(
            payment, payment.requested_by_id, payment.requested_at, payment.cost.is_sample
        )
        payment.save(update_fields=["account"])
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute("ALTER TABLE donations_disbursement ENABLE TRIGGER USER")


def write_back(apps, schema_editor):
    """The way back has each account as far as it can be read here: of what was sealed, its last characters."""
    for cost in apps.get_model("donations", "LegalCost").objects.select_related("payee__account"):
        account = cost.payee.account
        cost.payee_name, cost.payee_account = account.name, account.waiting or account.tail
        cost.save(update_fields=["payee_name", "payee_account"])
    # What is paid is not touched, says a trigger; here it is only written down as before.
    schema_editor.execute("ALTER TABLE donations_disbursement DISABLE TRIGGER USER")
    payments = apps.get_model("donations", "Disbursement").objects.select_related("account")
    for payment in payments:
        account = payment.account
        payment.payee_name, payment.payee_account = account.name, account.waiting or account.tail
        payment.payee_hash = account.payee_hash
        payment.save(update_fields=["payee_name", "payee_account", "payee_hash"])
    schema_editor.execute("ALTER TABLE donations_disbursement ENABLE TRIGGER USER")


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0029_lists"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Payee",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.CharField(
                        default=donations.models.payee.new_payee_number,
                        editable=False,
                        max_length=20,
                        unique=True,
                        verbose_name="number",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("lawyer", "lawyer"),
                            ("court", "court or authority"),
                            ("expert", "expert or translator"),
                            ("other", "another provider"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("is_sample", models.BooleanField(default=False, verbose_name="sample data")),
                ("recorded_at", models.DateTimeField(verbose_name="recorded at")),
                ("retired_at", models.DateTimeField(null=True, verbose_name="retired at")),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recorded by",
                    ),
                ),
                (
                    "retired_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="retired by",
                    ),
                ),
            ],
            options={
                "verbose_name": "payee",
                "verbose_name_plural": "payees",
                "ordering": ["-pk"],
                "permissions": [
                    ("record_payee", "Can record a payee and change its account"),
                    ("confirm_payee", "Can confirm a payee's account"),
                    ("unseal_payee", "Can download a payee's sealed account, and seal it anew"),
                ],
            },
        ),
        migrations.AddField(
            model_name="legalcost",
            name="payee",
            field=models.ForeignKey(
                help_text="The lawyer, court or expert to be paid, from the register of payees.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="costs",
                to="donations.payee",
                verbose_name="payee",
            ),
        ),
        migrations.CreateModel(
            name="PayeeAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", defensefund.privacy.EncryptedTextField(verbose_name="account holder")),
                (
                    "scheme",
                    models.CharField(
                        choices=[
                            ("iban", "IBAN"),
                            ("cbu", "CBU, CVU or alias (Argentina)"),
                            ("sort_code", "sort code and account number (United Kingdom)"),
                            ("pix", "Pix key (Brazil)"),
                            ("other", "another kind of number"),
                        ],
                        max_length=10,
                        verbose_name="kind of number",
                    ),
                ),
                ("tail", models.CharField(max_length=10, verbose_name="ends with")),
                (
                    "account_hash",
                    models.CharField(
                        db_index=True, max_length=64, verbose_name="account, keyed hash"
                    ),
                ),
                ("payee_hash", models.CharField(max_length=64, verbose_name="payee, keyed hash")),
                (
                    "code",
                    models.CharField(
                        blank=True, max_length=64, verbose_name="code of the sealed file"
                    ),
                ),
                ("sealed", models.BinaryField(default=bytes, verbose_name="sealed file")),
                (
                    "waiting",
                    defensefund.privacy.EncryptedTextField(
                        blank=True, verbose_name="account, not sealed yet"
                    ),
                ),
                ("given_at", models.DateTimeField(verbose_name="given at")),
                ("confirmed_at", models.DateTimeField(null=True, verbose_name="confirmed at")),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="confirmed by",
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="given by",
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="donations.payee",
                        verbose_name="payee",
                    ),
                ),
            ],
            options={
                "verbose_name": "payee's account",
                "verbose_name_plural": "payees' accounts",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="payee",
            name="account",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.payeeaccount",
                verbose_name="account",
            ),
        ),
        migrations.AddField(
            model_name="disbursement",
            name="account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.payeeaccount",
                verbose_name="payee",
            ),
        ),
        migrations.CreateModel(
            name="SealingKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_key",
                    models.CharField(max_length=62, unique=True, verbose_name="public key"),
                ),
                ("registered_at", models.DateTimeField(verbose_name="registered at")),
                ("confirmed_at", models.DateTimeField(null=True, verbose_name="confirmed at")),
                ("withdrawn_at", models.DateTimeField(null=True, verbose_name="withdrawn at")),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="confirmed by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealing_keys",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="whose it is",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="withdrawn by",
                    ),
                ),
            ],
            options={
                "verbose_name": "sealing key",
                "verbose_name_plural": "sealing keys",
                "ordering": ["-pk"],
                "permissions": [
                    ("register_sealingkey", "Can register an own sealing key"),
                    ("confirm_sealingkey", "Can confirm or withdraw another person's sealing key"),
                ],
            },
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="sealed_to",
            field=models.ManyToManyField(
                related_name="accounts", to="donations.sealingkey", verbose_name="sealed to"
            ),
        ),
        migrations.AddConstraint(
            model_name="payee",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["lawyer", "court", "expert", "other"])),
                name="payee_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("retired_at", None), ("retired_by", None)),
                    models.Q(("retired_at__isnull", False), ("retired_by__isnull", False)),
                    _connector="OR",
                ),
                name="payee_retirement_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="sealingkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by", None),
                    models.Q(("confirmed_by", models.F("user")), _negated=True),
                    _connector="OR",
                ),
                name="sealing_key_confirmed_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="sealingkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at", None), ("confirmed_by", None)),
                    models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                    _connector="OR",
                ),
                name="sealing_key_confirmation_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="sealingkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("withdrawn_at", None), ("withdrawn_by", None)),
                    models.Q(("withdrawn_at__isnull", False), ("withdrawn_by__isnull", False)),
                    _connector="OR",
                ),
                name="sealing_key_withdrawal_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="payeeaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("scheme__in", ["iban", "cbu", "sort_code", "pix", "other"])),
                name="payee_account_scheme_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payeeaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by", None),
                    models.Q(("confirmed_by", models.F("given_by")), _negated=True),
                    _connector="OR",
                ),
                name="payee_account_confirmed_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="payeeaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at", None), ("confirmed_by", None)),
                    models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                    _connector="OR",
                ),
                name="payee_account_confirmation_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="payeeaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("code", ""), ("sealed", b""), models.Q(("waiting", ""), _negated=True)
                    ),
                    models.Q(
                        ("waiting", ""),
                        models.Q(("sealed", b""), _negated=True),
                        models.Q(("code", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payee_account_sealed_or_waiting",
            ),
        ),
        migrations.RunPython(register, write_back),
    ]
