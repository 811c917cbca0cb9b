"""Money that goes back: never more than was given, decided once; and Stripe's own words stay as it said them."""

from django.db import migrations

REFUNDABLE = """
-- What of a donation is neither sent back, nor asked back, nor at the supporter's bank in a dispute.
CREATE FUNCTION donations_refundable(donation bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT d.amount
         - coalesce((SELECT sum(r.amount) FROM donations_refund r
                     WHERE r.donation_id = d.id AND r.status IN ('pending', 'succeeded')), 0)
         - coalesce((SELECT sum(q.amount) FROM donations_refundrequest q
                     WHERE q.donation_id = d.id AND q.refused_at IS NULL AND q.failed_at IS NULL
                       AND q.refund_id IS NULL), 0)
         - coalesce((SELECT sum(p.amount) FROM donations_dispute p
                     WHERE p.donation_id = d.id
                       AND p.status IN ('needs_response', 'under_review', 'lost', 'appeal_needs_response',
                                        'appeal_under_review')), 0)
    FROM donations_donation d WHERE d.id = donation
$$;

-- Facts: what went back is never more than what was given.
CREATE FUNCTION donations_refund_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given numeric;
BEGIN
    -- Held until the end of the transaction, so that of two at once the second sees the first.
    SELECT amount INTO given FROM donations_donation WHERE id = NEW.donation_id FOR NO KEY UPDATE;
    IF (SELECT sum(amount) FROM donations_refund
        WHERE donation_id = NEW.donation_id AND status IN ('pending', 'succeeded')) > given THEN
        RAISE EXCEPTION 'more went back than was given'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_donation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refund_fits AFTER INSERT OR UPDATE OF amount, status, donation_id ON donations_refund
    FOR EACH ROW EXECUTE FUNCTION donations_refund_fits();

CREATE FUNCTION donations_refund_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a refund is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_stays';
    END IF;
    IF (NEW.donation_id, NEW.amount, NEW.refunded_at, NEW.stripe_refund_id)
       IS DISTINCT FROM (OLD.donation_id, OLD.amount, OLD.refunded_at, OLD.stripe_refund_id)
       OR (OLD.source IS NOT NULL AND NEW.source IS DISTINCT FROM OLD.source)
       OR (OLD.return_source IS NOT NULL AND NEW.return_source IS DISTINCT FROM OLD.return_source)
       OR (OLD.status IN ('failed', 'canceled') AND NEW.status IS DISTINCT FROM OLD.status) THEN
        RAISE EXCEPTION 'what went back, and what came back of it, is never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_stays BEFORE UPDATE OR DELETE ON donations_refund
    FOR EACH ROW EXECUTE FUNCTION donations_refund_stays();
"""
REFUNDABLE_BACK = """
DROP FUNCTION donations_refund_stays, donations_refund_fits, donations_refundable CASCADE;
"""

# Stripe names the payout of a movement days later: that alone may be added, once.
BALANCE = """
CREATE FUNCTION donations_balancetransaction_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.payout_id IS NULL AND to_jsonb(NEW) - 'payout_id' = to_jsonb(OLD) - 'payout_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what Stripe said of its balance is never changed'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'balance_transaction_stays';
END $$;
CREATE TRIGGER balance_transaction_stays BEFORE UPDATE OR DELETE ON donations_balancetransaction
    FOR EACH ROW EXECUTE FUNCTION donations_balancetransaction_stays();
"""
BALANCE_BACK = "DROP FUNCTION donations_balancetransaction_stays CASCADE;"

# What two people say of a movement at Stripe that nothing of ours explains.
EXPLANATION = """
CREATE FUNCTION donations_explanation_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'what was said of a movement is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'explanation_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'an explanation starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_starts_as_request';
        END IF;
        IF EXISTS (SELECT 1 FROM donations_bankaccount b, donations_balancetransaction m
                   WHERE b.id = NEW.bank_account_id AND m.id = NEW.movement_id AND b.currency <> m.currency) THEN
            RAISE EXCEPTION 'Stripe collects from an account of the same currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_currency_of_account';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.movement_id, NEW.meaning, NEW.fund_id, NEW.bank_account_id, NEW.note, NEW.requested_by_id,
        NEW.requested_at)
       IS DISTINCT FROM
       (OLD.number, OLD.movement_id, OLD.meaning, OLD.fund_id, OLD.bank_account_id, OLD.note, OLD.requested_by_id,
        OLD.requested_at)
       OR OLD.refused_at IS NOT NULL OR OLD.undone_at IS NOT NULL
       OR (OLD.approved_at IS NOT NULL AND (NEW.undone_at IS NULL OR (NEW.approved_by_id, NEW.approved_at, NEW.source)
            IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at, OLD.source))) THEN
        RAISE EXCEPTION 'an explanation is approved as it was asked for, or refused, once, and taken back once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'explanation_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER explanation_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_movementexplanation
    FOR EACH ROW EXECUTE FUNCTION donations_explanation_steps();
"""
EXPLANATION_BACK = "DROP FUNCTION donations_explanation_steps CASCADE;"

REQUESTS = """
CREATE FUNCTION donations_refundrequest_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given record;
    alone numeric;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request for a refund is refused, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_request_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.sent_at IS NOT NULL
           OR NEW.paid_at IS NOT NULL OR NEW.failed_at IS NOT NULL OR NEW.refund_id IS NOT NULL THEN
            RAISE EXCEPTION 'a refund starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_request_starts_as_request';
        END IF;
        -- Held until the end of the transaction, so that of two requests at once the second sees the first.
        SELECT currency, reversed_at, method INTO given
        FROM donations_donation WHERE id = NEW.donation_id FOR NO KEY UPDATE;
        IF given.currency <> NEW.currency THEN
            RAISE EXCEPTION 'a refund has its donation''s currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_request_currency';
        END IF;
        IF (given.method = 'card') <> (NEW.bank_account_id IS NULL) THEN
            RAISE EXCEPTION 'what came by card goes back to the card, all else by bank transfer'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_request_way';
        END IF;
        IF given.reversed_at IS NOT NULL OR NEW.amount > donations_refundable(NEW.donation_id) THEN
            RAISE EXCEPTION 'not so much is left of the donation'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_within_donation';
        END IF;
        -- Several small ones are one large one.
        SELECT coalesce(sum(amount), 0) INTO alone FROM donations_refundrequest
        WHERE donation_id = NEW.donation_id AND approved_at IS NULL AND refused_at IS NULL AND failed_at IS NULL;
        NEW.needs_two := NEW.bank_account_id IS NOT NULL OR alone + NEW.amount > NEW.alone_limit;
        NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.donation_id, NEW.amount, NEW.currency,
            NEW.reason, NEW.payee_hash, NEW.bank_account_id), 'UTF8')), 'hex');
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.donation_id, NEW.amount, NEW.currency, NEW.reason, NEW.note, NEW.bank_account_id,
        NEW.payee_hash, NEW.payment_reference, NEW.alone_limit, NEW.needs_two, NEW.content_hash,
        NEW.requested_by_id, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.number, OLD.donation_id, OLD.amount, OLD.currency, OLD.reason, OLD.note, OLD.bank_account_id,
        OLD.payee_hash, OLD.payment_reference, OLD.alone_limit, OLD.needs_two, OLD.content_hash,
        OLD.requested_by_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'a request for a refund is not changed: refuse it and ask again'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_request_stays';
    END IF;
    IF (OLD.approved_at IS NOT NULL AND
        (NEW.approved_at, NEW.approved_by_id, NEW.approved_hash)
        IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id, OLD.approved_hash))
       OR (OLD.refused_at IS NOT NULL AND
           (NEW.refused_at, NEW.refused_by_id, NEW.refusal_reason, NEW.approved_at)
           IS DISTINCT FROM (OLD.refused_at, OLD.refused_by_id, OLD.refusal_reason, OLD.approved_at))
       OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at)
       OR (OLD.refund_id IS NOT NULL AND NEW.refund_id IS DISTINCT FROM OLD.refund_id)
       OR (OLD.paid_at IS NOT NULL AND
           (NEW.paid_at, NEW.paid_by_id, NEW.paid_on)
           IS DISTINCT FROM (OLD.paid_at, OLD.paid_by_id, OLD.paid_on)) THEN
        RAISE EXCEPTION 'what was decided about a refund, and done, stays'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_request_is_decided_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_request_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_refundrequest
    FOR EACH ROW EXECUTE FUNCTION donations_refundrequest_steps();

CREATE FUNCTION donations_donation_keeps_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reversed_at IS NOT NULL AND OLD.reversed_at IS NULL
       AND donations_refundable(NEW.id) < NEW.amount THEN
        RAISE EXCEPTION 'money of this donation was sent back: it cannot turn out to be something else'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'donation_with_refund_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER donation_keeps_refunds BEFORE UPDATE OF reversed_at ON donations_donation
    FOR EACH ROW EXECUTE FUNCTION donations_donation_keeps_refunds();
"""
REQUESTS_BACK = """
DROP FUNCTION donations_donation_keeps_refunds, donations_refundrequest_steps CASCADE;
"""

WAKE = """
-- Decided by one person, or now by the second: the worker asks Stripe at once.
CREATE TRIGGER refund_request_wake AFTER INSERT OR UPDATE OF approved_at ON donations_refundrequest
    FOR EACH STATEMENT EXECUTE FUNCTION donations_wake('ask_stripe');
CREATE TRIGGER dispute_wake AFTER UPDATE OF accepted_at ON donations_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION donations_wake('ask_stripe');
"""
WAKE_BACK = """
DROP TRIGGER dispute_wake ON donations_dispute;
DROP TRIGGER refund_request_wake ON donations_refundrequest;
"""


class Migration(migrations.Migration):
    replaces = [("donations", "0019_refund_rules")]
    dependencies = [("donations", "0005_giving")]
    operations = [
        migrations.RunSQL(REFUNDABLE, REFUNDABLE_BACK),
        migrations.RunSQL(BALANCE, BALANCE_BACK),
        migrations.RunSQL(EXPLANATION, EXPLANATION_BACK),
        migrations.RunSQL(REQUESTS, REQUESTS_BACK),
        migrations.RunSQL(WAKE, WAKE_BACK),
    ]
