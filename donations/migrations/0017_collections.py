"""A bank line proves what Stripe collected from the bank, as two people explained it; while it does, that is not taken back."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

STAYS = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.collection_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.collection_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
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
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""

COLLECTIONS = """
CREATE FUNCTION donations_match_of_collection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Held, so that nobody takes it back meanwhile.
    PERFORM 1 FROM donations_movementexplanation x
    JOIN donations_balancetransaction b ON b.id = x.movement_id
    JOIN donations_statementline l ON l.id = NEW.line_id
    WHERE x.id = NEW.collection_id AND x.meaning = 'collected' AND x.approved_at IS NOT NULL AND x.undone_at IS NULL
      AND l.account_id = x.bank_account_id AND NEW.amount = -b.amount
    FOR NO KEY UPDATE OF x;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Stripe did not collect this from that account, or nobody approved it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_of_what_stripe_collected';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_collection BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.collection_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_collection();

CREATE FUNCTION donations_explanation_proved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM donations_statementmatch WHERE collection_id = NEW.id AND undone_at IS NULL) THEN
        RAISE EXCEPTION 'a bank line proves this: its match is taken back first'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'explanation_proved_by_a_line';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER explanation_proved BEFORE UPDATE ON donations_movementexplanation
    FOR EACH ROW WHEN (NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL)
    EXECUTE FUNCTION donations_explanation_proved();
"""
COLLECTIONS_BACK = (
    "DROP FUNCTION donations_explanation_proved, donations_match_of_collection CASCADE;"
)


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0016_refilled"),
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
                    name="collection",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="matches",
                        to="donations.movementexplanation",
                        verbose_name="what Stripe collected",
                    ),
                ),
                migrations.AddIndex(
                    model_name="statementmatch",
                    index=models.Index(
                        condition=models.Q(("collection__isnull", False)),
                        fields=["collection"],
                        name="match_of_collection",
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
                                ("payout", None),
                                ("refund_request", None),
                                ("collection__isnull", False),
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
                        condition=models.Q(("collection__isnull", False), ("undone_at", None)),
                        fields=("collection",),
                        name="match_collection_once",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(COLLECTIONS, COLLECTIONS_BACK),
    ]
