import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import defensefund.privacy

EXACT = """
ALTER TABLE donations_cashreceipt ADD CONSTRAINT cashreceipt_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
ALTER TABLE donations_cashdeposit ADD CONSTRAINT cashdeposit_amount_exact
    CHECK (amount = round(amount, donations_exponent(currency)));
"""
EXACT_BACK = """
ALTER TABLE donations_cashreceipt DROP CONSTRAINT cashreceipt_amount_exact;
ALTER TABLE donations_cashdeposit DROP CONSTRAINT cashdeposit_amount_exact;
"""

# One number after the other in each year: who writes a slip waits until the slip before is committed or given up.
NUMBERS = """
CREATE FUNCTION donations_cash_receipt_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.year := extract(year FROM NEW.recorded_at AT TIME ZONE 'UTC');
    PERFORM pg_advisory_xact_lock(hashtext('donations_cashreceipt'), NEW.year);
    SELECT coalesce(max(serial), 0) + 1 INTO NEW.serial FROM donations_cashreceipt WHERE year = NEW.year;
    RETURN NEW;
END $$;
CREATE TRIGGER cash_receipt_number BEFORE INSERT ON donations_cashreceipt
    FOR EACH ROW EXECUTE FUNCTION donations_cash_receipt_number();

CREATE FUNCTION donations_cash_receipt_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (NEW.key, NEW.year, NEW.serial, NEW.kind, NEW.fund_id, NEW.pledge_id, NEW.amount, NEW.currency,
            NEW.received_on, NEW.recorded_by_id, NEW.recorded_at)
           IS NOT DISTINCT FROM
           (OLD.key, OLD.year, OLD.serial, OLD.kind, OLD.fund_id, OLD.pledge_id, OLD.amount, OLD.currency,
            OLD.received_on, OLD.recorded_by_id, OLD.recorded_at)
       AND (OLD.voided_at IS NULL OR (NEW.voided_at, NEW.voided_by_id, NEW.void_reason)
                                     IS NOT DISTINCT FROM (OLD.voided_at, OLD.voided_by_id, OLD.void_reason)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a slip is never changed or deleted: take it back'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'cash_receipt_is_final';
END $$;
CREATE TRIGGER cash_receipt_final BEFORE UPDATE OR DELETE ON donations_cashreceipt
    FOR EACH ROW EXECUTE FUNCTION donations_cash_receipt_final();
"""
NUMBERS_BACK = """
DROP TRIGGER cash_receipt_final ON donations_cashreceipt;
DROP FUNCTION donations_cash_receipt_final();
DROP TRIGGER cash_receipt_number ON donations_cashreceipt;
DROP FUNCTION donations_cash_receipt_number();
"""

# Cash that leaves the box is looked at under a lock on the box, before its entry is posted in the same transaction.
BOX = """
CREATE FUNCTION donations_cash_box() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    box bigint;
BEGIN
    IF TG_TABLE_NAME = 'donations_cashreceipt' THEN
        IF OLD.voided_at IS NOT NULL OR NEW.voided_at IS NULL OR NOT EXISTS (
            SELECT 1 FROM donations_donation d
            WHERE d.id = NEW.donation_id AND d.reversed_at IS NULL AND d.source LIKE 'cash:%') THEN
            RETURN NEW;
        END IF;
    END IF;
    SELECT id INTO box FROM donations_account WHERE code = 'cash:' || NEW.currency FOR NO KEY UPDATE;
    IF box IS NULL OR donations_balance(box) < NEW.amount THEN
        RAISE EXCEPTION 'there is less cash than this'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cash_not_overdrawn';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cash_deposit_box BEFORE INSERT ON donations_cashdeposit
    FOR EACH ROW EXECUTE FUNCTION donations_cash_box();
CREATE TRIGGER cash_receipt_box BEFORE UPDATE ON donations_cashreceipt
    FOR EACH ROW EXECUTE FUNCTION donations_cash_box();
"""
BOX_BACK = """
DROP TRIGGER cash_deposit_box ON donations_cashdeposit;
DROP TRIGGER cash_receipt_box ON donations_cashreceipt;
DROP FUNCTION donations_cash_box();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0014_transfer_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CashDeposit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, unique=True, verbose_name="number"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="amount"),
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
                ("deposited_on", models.DateField(verbose_name="brought on")),
                ("deposited_at", models.DateTimeField(verbose_name="recorded at")),
                ("voided_at", models.DateTimeField(null=True, verbose_name="taken back at")),
            ],
            options={
                "verbose_name": "cash brought to the bank",
                "verbose_name_plural": "cash brought to the bank",
                "ordering": ["-pk"],
                "permissions": [("record_cashdeposit", "Can record cash brought to the bank")],
            },
        ),
        migrations.CreateModel(
            name="CashReceipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "year",
                    models.PositiveSmallIntegerField(
                        db_default=0, editable=False, verbose_name="year"
                    ),
                ),
                (
                    "serial",
                    models.PositiveIntegerField(
                        db_default=0, editable=False, verbose_name="number in its year"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("cash", "cash"), ("cheque", "cheque")],
                        max_length=6,
                        verbose_name="kind",
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="amount"),
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
                ("received_on", models.DateField(verbose_name="received on")),
                (
                    "payer",
                    defensefund.privacy.EncryptedTextField(
                        blank=True,
                        help_text="Printed on the slip; encrypted, and empty for who wants no name on it.",
                        verbose_name="received from",
                    ),
                ),
                ("recorded_at", models.DateTimeField(verbose_name="recorded at")),
                ("voided_at", models.DateTimeField(null=True, verbose_name="taken back at")),
                ("void_reason", models.TextField(blank=True, verbose_name="why it was taken back")),
            ],
            options={
                "verbose_name": "cash or cheque",
                "verbose_name_plural": "cash and cheques",
                "ordering": ["-pk"],
                "permissions": [
                    ("record_cashreceipt", "Can record cash and cheques"),
                    ("void_cashreceipt", "Can take back a slip for cash or a cheque"),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="statementmatch",
            name="match_is_one_thing",
        ),
        migrations.AlterField(
            model_name="donation",
            name="method",
            field=models.CharField(
                choices=[
                    ("card", "card"),
                    ("transfer", "bank transfer"),
                    ("cash", "cash"),
                    ("cheque", "cheque"),
                ],
                max_length=10,
                verbose_name="method",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("donation", "donation"),
                    ("fee", "processing fee"),
                    ("refund", "refund"),
                    ("payout_left", "payout left Stripe"),
                    ("payout_arrived", "payout arrived at the bank"),
                    ("payout_returned", "payout came back"),
                    ("deposit_left", "cash brought to the bank"),
                    ("deposit_arrived", "cash arrived at the bank"),
                    ("dispute", "disputed"),
                    ("dispute_fee", "dispute fee"),
                    ("dispute_won", "dispute won"),
                    ("bank_fee", "bank fee"),
                    ("interest", "interest"),
                    ("bail_returned", "bail returned"),
                    ("bail_forfeited", "bail forfeited"),
                    ("allocation", "allocation"),
                    ("release", "release of an allocation"),
                    ("disbursement", "payment of a legal cost"),
                    ("bail_paid", "bail paid"),
                    ("cover", "cover of a fund below zero"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="total",
            name="kind",
            field=models.CharField(
                choices=[
                    ("donation", "donation"),
                    ("fee", "processing fee"),
                    ("refund", "refund"),
                    ("payout_left", "payout left Stripe"),
                    ("payout_arrived", "payout arrived at the bank"),
                    ("payout_returned", "payout came back"),
                    ("deposit_left", "cash brought to the bank"),
                    ("deposit_arrived", "cash arrived at the bank"),
                    ("dispute", "disputed"),
                    ("dispute_fee", "dispute fee"),
                    ("dispute_won", "dispute won"),
                    ("bank_fee", "bank fee"),
                    ("interest", "interest"),
                    ("bail_returned", "bail returned"),
                    ("bail_forfeited", "bail forfeited"),
                    ("allocation", "allocation"),
                    ("release", "release of an allocation"),
                    ("disbursement", "payment of a legal cost"),
                    ("bail_paid", "bail paid"),
                    ("cover", "cover of a fund below zero"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "donation",
                            "fee",
                            "refund",
                            "payout_left",
                            "payout_arrived",
                            "payout_returned",
                            "deposit_left",
                            "deposit_arrived",
                            "dispute",
                            "dispute_fee",
                            "dispute_won",
                            "bank_fee",
                            "interest",
                            "bail_returned",
                            "bail_forfeited",
                            "allocation",
                            "release",
                            "disbursement",
                            "bail_paid",
                            "cover",
                        ],
                    )
                ),
                name="entry_kind_known",
            ),
        ),
        migrations.AddField(
            model_name="cashdeposit",
            name="bank_account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deposits",
                to="donations.bankaccount",
                verbose_name="bank account",
            ),
        ),
        migrations.AddField(
            model_name="cashdeposit",
            name="deposited_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="recorded by",
            ),
        ),
        migrations.AddField(
            model_name="cashdeposit",
            name="voided_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="taken back by",
            ),
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="deposit",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.cashdeposit",
                verbose_name="cash brought to the bank",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("payout", None),
                        models.Q(("explanation", ""), _negated=True),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("explanation", ""),
                        ("payout__isnull", False),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("donation", None),
                        ("payout", None),
                        ("disbursement__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("payout", None),
                        ("donation__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("disbursement", None),
                        ("donation", None),
                        ("payout", None),
                        ("deposit__isnull", False),
                        ("explanation", ""),
                    ),
                    _connector="OR",
                ),
                name="match_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deposit__isnull", False), ("undone_at", None)),
                fields=("deposit",),
                name="match_deposit_once",
            ),
        ),
        migrations.AddField(
            model_name="cashreceipt",
            name="donation",
            field=models.OneToOneField(
                help_text="Empty while a cheque is not money yet.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cash_receipt",
                to="donations.donation",
                verbose_name="donation",
            ),
        ),
        migrations.AddField(
            model_name="cashreceipt",
            name="fund",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cash_receipts",
                to="donations.fund",
                verbose_name="fund",
            ),
        ),
        migrations.AddField(
            model_name="cashreceipt",
            name="pledge",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cash_receipts",
                to="donations.pledge",
                verbose_name="pledge",
            ),
        ),
        migrations.AddField(
            model_name="cashreceipt",
            name="recorded_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="recorded by",
            ),
        ),
        migrations.AddField(
            model_name="cashreceipt",
            name="voided_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="taken back by",
            ),
        ),
        migrations.AddConstraint(
            model_name="cashdeposit",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="cash_deposit_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="cashdeposit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("voided_at__isnull", True), ("voided_by__isnull", True)),
                    models.Q(("voided_at__isnull", False), ("voided_by__isnull", False)),
                    _connector="OR",
                ),
                name="cash_deposit_void_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="cashreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="cash_receipt_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="cashreceipt",
            constraint=models.UniqueConstraint(
                fields=("year", "serial"), name="cash_receipt_numbered_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="cashreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind", "cheque"), ("donation__isnull", False), _connector="OR"
                ),
                name="cash_receipt_cash_is_booked",
            ),
        ),
        migrations.AddConstraint(
            model_name="cashreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("void_reason", ""), ("voided_at", None), ("voided_by", None)),
                    models.Q(
                        ("void_reason__regex", "\\S"),
                        ("voided_at__isnull", False),
                        ("voided_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="cash_receipt_void_says_why",
            ),
        ),
        migrations.RunSQL(EXACT, EXACT_BACK),
        migrations.RunSQL(NUMBERS, NUMBERS_BACK),
        migrations.RunSQL(BOX, BOX_BACK),
    ]
