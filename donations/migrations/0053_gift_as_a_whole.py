"""What moved of a gift past our pages is booked with it: it is explained as one only while nothing of it stands as something else."""

from django.db import migrations

OF_NO_GIFT = """
CREATE OR REPLACE FUNCTION donations_explanation_of_no_gift() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved record;
BEGIN
    -- Looked at when it is asked for, and again when it is booked.
    IF TG_OP = 'UPDATE' AND (OLD.approved_at IS NOT NULL OR NEW.approved_at IS NULL) THEN
        RETURN NEW;
    END IF;
    SELECT type, amount, is_dispute, stripe_payment_intent_id AS payment INTO moved
    FROM donations_balancetransaction WHERE id = NEW.movement_id;
    IF NEW.meaning = 'gift' AND (moved.type NOT IN ('charge', 'payment') OR moved.amount <= 0 OR moved.payment = '') THEN
        RAISE EXCEPTION 'only what somebody paid is a gift'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_as_a_gift_of_a_payment';
    END IF;
    IF NEW.meaning = 'gift' AND EXISTS (
        SELECT 1 FROM donations_balancetransaction b JOIN donations_movementexplanation x ON x.movement_id = b.id
        WHERE b.stripe_payment_intent_id = moved.payment AND b.id <> NEW.movement_id
          AND x.approved_at IS NOT NULL AND x.undone_at IS NULL) THEN
        RAISE EXCEPTION 'something that moved of this payment is explained as something else'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_as_a_gift_of_all_of_it';
    END IF;
    IF moved.payment <> '' AND EXISTS (SELECT 1 FROM donations_donation WHERE stripe_payment_intent_id = moved.payment) THEN
        RAISE EXCEPTION 'what moved of a gift of ours is booked by itself'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_of_no_gift';
    END IF;
    RETURN NEW;
END $$;
"""
# As it was in 0044_gifts_past_our_pages.
OF_NO_GIFT_BACK = """
CREATE OR REPLACE FUNCTION donations_explanation_of_no_gift() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved record;
BEGIN
    -- Looked at when it is asked for, and again when it is booked.
    IF TG_OP = 'UPDATE' AND (OLD.approved_at IS NOT NULL OR NEW.approved_at IS NULL) THEN
        RETURN NEW;
    END IF;
    SELECT type, amount, is_dispute, stripe_payment_intent_id AS payment INTO moved
    FROM donations_balancetransaction WHERE id = NEW.movement_id;
    IF NEW.meaning = 'gift' AND (moved.type NOT IN ('charge', 'payment') OR moved.amount <= 0 OR moved.payment = '') THEN
        RAISE EXCEPTION 'only what somebody paid is a gift'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_as_a_gift_of_a_payment';
    END IF;
    IF moved.payment <> '' AND EXISTS (SELECT 1 FROM donations_donation WHERE stripe_payment_intent_id = moved.payment) THEN
        RAISE EXCEPTION 'what moved of a gift of ours is booked by itself'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_of_no_gift';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0052_partner_back_to_open_fund")]
    operations = [migrations.RunSQL(OF_NO_GIFT, OF_NO_GIFT_BACK)]
