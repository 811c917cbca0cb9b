"""Several open accounts in a currency, one of which takes gifts; and transfers between accounts of ours."""

import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STAYS = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id, NEW.deposit_id,
        NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id, OLD.deposit_id,
        OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""
STAYS_BACK = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id, NEW.deposit_id,
        NEW.refund_request_id, NEW.exchange_id, NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id, OLD.deposit_id,
        OLD.refund_request_id, OLD.exchange_id, OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""

# A match is of the account, the side and the amount that its transfer has.
OWN_TRANSFERS = """
CREATE FUNCTION donations_owntransfer_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a transfer between own accounts stays as it was seen: take its matches back'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'own_transfer_stays';
    END IF;
    IF EXISTS (SELECT 1 FROM donations_bankaccount
               WHERE id IN (NEW.left_from_id, NEW.arrives_at_id) AND currency <> NEW.currency) THEN
        RAISE EXCEPTION 'both accounts are in the currency of the transfer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_transfer_of_one_currency';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER own_transfer_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_owntransfer
    FOR EACH ROW EXECUTE FUNCTION donations_owntransfer_stays();

CREATE FUNCTION donations_match_of_its_side() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_owntransfer t JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE t.id = NEW.own_transfer_id
          AND ((l.account_id = t.left_from_id AND NEW.amount = -t.amount)
               OR (l.account_id = t.arrives_at_id AND NEW.amount = t.amount))) THEN
        RAISE EXCEPTION 'this line is no side of that transfer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_transfer_match_of_its_side';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_its_side BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.own_transfer_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_its_side();
"""
OWN_TRANSFERS_BACK = """
DROP TRIGGER match_of_its_side ON donations_statementmatch;
DROP FUNCTION donations_match_of_its_side();
DROP TRIGGER own_transfer_stays ON donations_owntransfer;
DROP FUNCTION donations_owntransfer_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0048_lines_by_currency"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OwnTransfer",
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
                ("begun_at", models.DateTimeField(verbose_name="said at")),
            ],
            options={
                "verbose_name": "transfer between own accounts",
                "verbose_name_plural": "transfers between own accounts",
                "ordering": ["-pk"],
                "default_permissions": (),
            },
        ),
        migrations.RemoveConstraint(
            model_name="bankaccount",
            name="bank_account_one_per_currency",
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
            model_name="entry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("donation", "donation"),
                    ("fee", "processing fee"),
                    ("refund", "refund"),
                    ("refund_returned", "refund came back"),
                    ("payout_left", "payout left Stripe"),
                    ("payout_arrived", "payout arrived at the bank"),
                    ("payout_returned", "payout came back"),
                    ("deposit_left", "cash brought to the bank"),
                    ("deposit_arrived", "cash arrived at the bank"),
                    ("transfer_left", "left for another account of ours"),
                    ("transfer_arrived", "arrived from another account of ours"),
                    ("dispute", "disputed"),
                    ("dispute_fee", "dispute fee"),
                    ("dispute_won", "dispute won"),
                    ("bank_fee", "bank fee"),
                    ("interest", "interest"),
                    ("bail_returned", "bail returned"),
                    ("bail_forfeited", "bail forfeited"),
                    ("opening", "what was there before these books began"),
                    ("past_payment", "payment before these books began"),
                    ("allocation", "allocation"),
                    ("release", "release of an allocation"),
                    ("disbursement", "payment of a legal cost"),
                    ("bail_paid", "bail paid"),
                    ("cover", "cover of a fund below zero"),
                    ("exchange", "exchange of currencies"),
                    ("surplus", "rest of a fund whose purpose is over"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="lot",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("donation", "donation"),
                    ("fee", "processing fee"),
                    ("refund", "refund"),
                    ("refund_returned", "refund came back"),
                    ("payout_left", "payout left Stripe"),
                    ("payout_arrived", "payout arrived at the bank"),
                    ("payout_returned", "payout came back"),
                    ("deposit_left", "cash brought to the bank"),
                    ("deposit_arrived", "cash arrived at the bank"),
                    ("transfer_left", "left for another account of ours"),
                    ("transfer_arrived", "arrived from another account of ours"),
                    ("dispute", "disputed"),
                    ("dispute_fee", "dispute fee"),
                    ("dispute_won", "dispute won"),
                    ("bank_fee", "bank fee"),
                    ("interest", "interest"),
                    ("bail_returned", "bail returned"),
                    ("bail_forfeited", "bail forfeited"),
                    ("opening", "what was there before these books began"),
                    ("past_payment", "payment before these books began"),
                    ("allocation", "allocation"),
                    ("release", "release of an allocation"),
                    ("disbursement", "payment of a legal cost"),
                    ("bail_paid", "bail paid"),
                    ("cover", "cover of a fund below zero"),
                    ("exchange", "exchange of currencies"),
                    ("surplus", "rest of a fund whose purpose is over"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="shortfall",
            name="kind",
            field=models.CharField(
                choices=[
                    ("donation", "donation"),
                    ("fee", "processing fee"),
                    ("refund", "refund"),
                    ("refund_returned", "refund came back"),
                    ("payout_left", "payout left Stripe"),
                    ("payout_arrived", "payout arrived at the bank"),
                    ("payout_returned", "payout came back"),
                    ("deposit_left", "cash brought to the bank"),
                    ("deposit_arrived", "cash arrived at the bank"),
                    ("transfer_left", "left for another account of ours"),
                    ("transfer_arrived", "arrived from another account of ours"),
                    ("dispute", "disputed"),
                    ("dispute_fee", "dispute fee"),
                    ("dispute_won", "dispute won"),
                    ("bank_fee", "bank fee"),
                    ("interest", "interest"),
                    ("bail_returned", "bail returned"),
                    ("bail_forfeited", "bail forfeited"),
                    ("opening", "what was there before these books began"),
                    ("past_payment", "payment before these books began"),
                    ("allocation", "allocation"),
                    ("release", "release of an allocation"),
                    ("disbursement", "payment of a legal cost"),
                    ("bail_paid", "bail paid"),
                    ("cover", "cover of a fund below zero"),
                    ("exchange", "exchange of currencies"),
                    ("surplus", "rest of a fund whose purpose is over"),
                ],
                max_length=20,
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
                    ("refund_returned", "refund came back"),
                    ("payout_left", "payout left Stripe"),
                    ("payout_arrived", "payout arrived at the bank"),
                    ("payout_returned", "payout came back"),
                    ("deposit_left", "cash brought to the bank"),
                    ("deposit_arrived", "cash arrived at the bank"),
                    ("transfer_left", "left for another account of ours"),
                    ("transfer_arrived", "arrived from another account of ours"),
                    ("dispute", "disputed"),
                    ("dispute_fee", "dispute fee"),
                    ("dispute_won", "dispute won"),
                    ("bank_fee", "bank fee"),
                    ("interest", "interest"),
                    ("bail_returned", "bail returned"),
                    ("bail_forfeited", "bail forfeited"),
                    ("opening", "what was there before these books began"),
                    ("past_payment", "payment before these books began"),
                    ("allocation", "allocation"),
                    ("release", "release of an allocation"),
                    ("disbursement", "payment of a legal cost"),
                    ("bail_paid", "bail paid"),
                    ("cover", "cover of a fund below zero"),
                    ("exchange", "exchange of currencies"),
                    ("surplus", "rest of a fund whose purpose is over"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="bankaccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_on", None), ("takes_gifts", True)),
                fields=("currency",),
                name="bank_account_taking_gifts_once_per_currency",
                violation_error_message="Another open account takes gifts in this currency: supporters are told one. Let that one take none first.",
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
                            "refund_returned",
                            "payout_left",
                            "payout_arrived",
                            "payout_returned",
                            "deposit_left",
                            "deposit_arrived",
                            "transfer_left",
                            "transfer_arrived",
                            "dispute",
                            "dispute_fee",
                            "dispute_won",
                            "bank_fee",
                            "interest",
                            "bail_returned",
                            "bail_forfeited",
                            "opening",
                            "past_payment",
                            "allocation",
                            "release",
                            "disbursement",
                            "bail_paid",
                            "cover",
                            "exchange",
                            "surplus",
                        ],
                    )
                ),
                name="entry_kind_known",
            ),
        ),
        migrations.AddField(
            model_name="owntransfer",
            name="arrives_at",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transfers_in",
                to="donations.bankaccount",
                verbose_name="to account",
            ),
        ),
        migrations.AddField(
            model_name="owntransfer",
            name="begun_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="said by",
            ),
        ),
        migrations.AddField(
            model_name="owntransfer",
            name="left_from",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transfers_out",
                to="donations.bankaccount",
                verbose_name="from account",
            ),
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="own_transfer",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.owntransfer",
                verbose_name="transfer between own accounts",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("own_transfer__isnull", False)),
                fields=["own_transfer"],
                name="match_of_own_transfer",
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
                        ("exchange", None),
                        ("own_transfer", None),
                        ("payout", None),
                        ("refund_request", None),
                        models.Q(("explanation", ""), _negated=True),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("own_transfer", None),
                        ("refund_request", None),
                        ("explanation", ""),
                        ("payout__isnull", False),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("donation", None),
                        ("exchange", None),
                        ("own_transfer", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("disbursement__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("exchange", None),
                        ("own_transfer", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("donation__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("own_transfer", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("deposit__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("own_transfer", None),
                        ("payout", None),
                        ("explanation", ""),
                        ("refund_request__isnull", False),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("own_transfer", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("exchange__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("explanation", ""),
                        ("own_transfer__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="match_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("own_transfer__isnull", False), ("undone_at", None), ("amount__lt", 0)
                ),
                fields=("own_transfer",),
                name="match_own_transfer_once_out",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("own_transfer__isnull", False), ("undone_at", None), ("amount__gt", 0)
                ),
                fields=("own_transfer",),
                name="match_own_transfer_once_in",
            ),
        ),
        migrations.AddConstraint(
            model_name="owntransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="own_transfer_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="owntransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("left_from", models.F("arrives_at")), _negated=True),
                name="own_transfer_between_two_accounts",
            ),
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(OWN_TRANSFERS, OWN_TRANSFERS_BACK),
    ]
