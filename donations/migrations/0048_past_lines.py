"""A bank line proves a row of the past that is booked already, so that nothing of it is booked twice."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

STAYS = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.collection_id, NEW.partner_payment_id, NEW.past_row_id, NEW.proposal_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.collection_id, OLD.partner_payment_id, OLD.past_row_id, OLD.proposal_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""
STAYS_BACK = STAYS.replace(" NEW.past_row_id,", "").replace(" OLD.past_row_id,", "")

# What a payment service kept of a gift never came to the account.
PROVED = """
CREATE FUNCTION donations_match_of_past_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_pastrow r JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE r.id = NEW.past_row_id AND r.bank_account_id = l.account_id
          AND NEW.amount = CASE r.kind WHEN 'gift' THEN r.amount - r.fee WHEN 'payment' THEN -r.amount END) THEN
        RAISE EXCEPTION 'this row of the past did not move that account so'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_of_a_past_row_as_it_moved';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_past_row BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.past_row_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_past_row();
"""
PROVED_BACK = "DROP FUNCTION donations_match_of_past_row CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0047_payee_not_of_staff"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.RemoveConstraint(
                    model_name="statementmatch",
                    name="match_is_one_thing",
                ),
                migrations.AddField(
                    model_name="statementmatch",
                    name="past_row",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="matches",
                        to="donations.pastrow",
                        verbose_name="row of the past",
                    ),
                ),
                migrations.AddIndex(
                    model_name="statementmatch",
                    index=models.Index(
                        condition=models.Q(("past_row__isnull", False)),
                        fields=["past_row"],
                        name="match_of_past_row",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                models.Q(("explanation", ""), _negated=True),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("payout__isnull", False),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("disbursement__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("donation__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("deposit__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("explanation", ""),
                                ("refund_request__isnull", False),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("exchange__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("own_transfer__isnull", False),
                            ),
                            models.Q(
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("bail_outcome__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("collection__isnull", False),
                                ("explanation", ""),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("past_row", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("partner_payment__isnull", False),
                            ),
                            models.Q(
                                ("bail_outcome", None),
                                ("collection", None),
                                ("deposit", None),
                                ("disbursement", None),
                                ("donation", None),
                                ("exchange", None),
                                ("own_transfer", None),
                                ("partner_payment", None),
                                ("payout", None),
                                ("refund_request", None),
                                ("explanation", ""),
                                ("past_row__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="match_is_one_thing",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("past_row__isnull", False), ("undone_at", None)),
                        fields=("past_row",),
                        name="match_past_row_once",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(PROVED, PROVED_BACK),
    ]
