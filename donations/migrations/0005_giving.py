"""What a supporter agreed to, was promised and was given for it stays so: promises, conditions, receipts, cash."""

from django.db import migrations

# Looked at when the transaction ends: parts are written after their promise, and changed together.
PROMISE = """
CREATE FUNCTION donations_promise_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    promise donations_pledge%ROWTYPE;
    wanted bigint;
    parts numeric;
    total numeric;
BEGIN
    IF TG_TABLE_NAME = 'donations_pledge' THEN
        wanted := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        wanted := OLD.pledge_id;
    ELSE
        wanted := NEW.pledge_id;
    END IF;
    SELECT * INTO promise FROM donations_pledge WHERE id = wanted;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT count(*), sum(amount) INTO parts, total FROM donations_instalment WHERE pledge_id = wanted;
    IF parts = 0 AND (promise.method IN ('cash', 'card_later') OR promise.is_open_ended) THEN
        RAISE EXCEPTION 'promise % has no part', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promise_has_parts';
    END IF;
    IF parts > 0 AND promise.method NOT IN ('transfer', 'cash', 'card_later') THEN
        RAISE EXCEPTION 'pledge % is not kept in parts', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promise_kept_in_parts';
    END IF;
    IF parts > 0 AND NOT promise.is_open_ended AND total <> promise.amount THEN
        RAISE EXCEPTION 'the parts of promise % come to %, not to %', wanted, total, promise.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'promise_adds_up';
    END IF;
    IF EXISTS (SELECT 1 FROM donations_instalment
               WHERE pledge_id = wanted AND amount <> round(amount, donations_exponent(promise.currency))) THEN
        RAISE EXCEPTION 'a part of promise % is finer than its currency', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'instalment_amount_exact';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER promise_adds_up AFTER INSERT OR UPDATE ON donations_pledge
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_promise_adds_up();
CREATE CONSTRAINT TRIGGER instalments_add_up AFTER INSERT OR UPDATE OR DELETE ON donations_instalment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_promise_adds_up();
"""
PROMISE_BACK = "DROP FUNCTION donations_promise_adds_up CASCADE;"

# What supporters agreed to stands, and so does what was decided.
TERMS = """
CREATE FUNCTION donations_condition_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.appeal_id, NEW.currency, NEW.target, NEW.ends_on) IS DISTINCT FROM
       (OLD.appeal_id, OLD.currency, OLD.target, OLD.ends_on) THEN
        RAISE EXCEPTION 'supporters agreed to these terms: they are not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'condition_terms_stand';
    END IF;
    IF (OLD.met_at IS NOT NULL OR OLD.failed_at IS NOT NULL)
       AND (NEW.met_at, NEW.failed_at) IS DISTINCT FROM (OLD.met_at, OLD.failed_at) THEN
        RAISE EXCEPTION 'this condition was decided'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'condition_decision_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER condition_terms BEFORE UPDATE ON donations_condition
    FOR EACH ROW EXECUTE FUNCTION donations_condition_terms();
"""
TERMS_BACK = "DROP FUNCTION donations_condition_terms CASCADE;"

# Never before the target is met, never for a gift that was taken back, never when it arrived.
CHARGE = """
CREATE FUNCTION donations_card_charge_met() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_pledge p JOIN donations_condition c ON c.id = p.condition_id
        WHERE p.id = NEW.pledge_id AND c.met_at IS NOT NULL AND p.cancelled_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM donations_donation d WHERE d.pledge_id = p.id AND d.reversed_at IS NULL)) THEN
        RAISE EXCEPTION 'this card may not be charged'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'card_charge_only_when_met';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER card_charge_met BEFORE INSERT ON donations_cardcharge
    FOR EACH ROW EXECUTE FUNCTION donations_card_charge_met();
"""
CHARGE_BACK = "DROP FUNCTION donations_card_charge_met CASCADE;"

# A pause is a record: it is ended once, and nothing else of it ever changes.
PAUSE = """
CREATE FUNCTION donations_paymentpause_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.reopened_at IS NOT NULL OR
       (NEW.method, NEW.currency, NEW.paused_at, NEW.paused_by_id, NEW.reason)
       IS DISTINCT FROM (OLD.method, OLD.currency, OLD.paused_at, OLD.paused_by_id, OLD.reason) THEN
        RAISE EXCEPTION 'a pause is ended by reopening, and stays as it was'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payment_pause_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_pause_stays BEFORE UPDATE OR DELETE ON donations_paymentpause
    FOR EACH ROW EXECUTE FUNCTION donations_paymentpause_stays();
"""
PAUSE_BACK = "DROP FUNCTION donations_paymentpause_stays CASCADE;"

# The lock is held until the transaction ends, so the next number is given only after this one is kept or gone: no gap.
# Receipts are issued one by one, each in a transaction of its own, so nothing long waits here; gifts never do.
RECEIPT = """
CREATE FUNCTION donations_receipt_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('donations_receipt', 0));
    NEW.serial := (SELECT coalesce(max(serial), 0) + 1 FROM donations_receipt);
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_number BEFORE INSERT ON donations_receipt
    FOR EACH ROW EXECUTE FUNCTION donations_receipt_number();
ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER receipt_number;

CREATE FUNCTION donations_receipt_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The sentence follows when the supporter names another country; never when the office rewords it.
    IF TG_OP = 'UPDATE'
       AND (NEW.id, NEW.serial, NEW.donation_id, NEW.issued_at) = (OLD.id, OLD.serial, OLD.donation_id, OLD.issued_at)
       AND (NEW.tax_sentence = OLD.tax_sentence OR NEW.country <> OLD.country)
       AND (OLD.downloaded_at IS NULL OR NEW.downloaded_at = OLD.downloaded_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a receipt stays as it was issued'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'receipt_stands';
END $$;
CREATE TRIGGER receipt_stands BEFORE UPDATE OR DELETE ON donations_receipt
    FOR EACH ROW EXECUTE FUNCTION donations_receipt_stands();
ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER receipt_stands;
CREATE TRIGGER receipt_no_truncate BEFORE TRUNCATE ON donations_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION donations_receipt_stands();
ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER receipt_no_truncate;
"""
RECEIPT_BACK = "DROP FUNCTION donations_receipt_stands, donations_receipt_number CASCADE;"

# What is shown in public of a gift: without what went back, and came not back again, or a bank took.
# No row for a secret gift, no name where none was chosen, and no column at all that says who gave.
PUBLIC_GIFT = """
CREATE VIEW donations_publicgift AS
SELECT d.id,
       p.appeal_id,
       d.amount - r.refunded AS amount,
       d.currency,
       (d.received_at AT TIME ZONE 'UTC')::date AS received_on,
       CASE WHEN p.visibility = 'name' THEN p.public_name END AS name
FROM donations_donation d
JOIN donations_pledge p ON p.id = d.pledge_id
JOIN appeals_appeal a ON a.id = p.appeal_id AND a.published_at IS NOT NULL
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS refunded FROM (
        SELECT amount FROM donations_refund WHERE donation_id = d.id AND status IN ('pending', 'succeeded')
        UNION ALL
        SELECT amount FROM donations_dispute WHERE donation_id = d.id
           AND status IN ('needs_response', 'under_review', 'lost', 'appeal_needs_response', 'appeal_under_review')
    ) back
) r
WHERE p.visibility IN ('amount', 'name') AND d.reversed_at IS NULL AND d.amount > r.refunded;
"""
PUBLIC_GIFT_BACK = "DROP VIEW donations_publicgift;"

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
NUMBERS_BACK = "DROP FUNCTION donations_cash_receipt_final, donations_cash_receipt_number CASCADE;"

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
BOX_BACK = "DROP FUNCTION donations_cash_box CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0008_promises")]
    dependencies = [("donations", "0004_follow")]
    operations = [
        migrations.RunSQL(PROMISE, PROMISE_BACK),
        migrations.RunSQL(TERMS, TERMS_BACK),
        migrations.RunSQL(CHARGE, CHARGE_BACK),
        migrations.RunSQL(PAUSE, PAUSE_BACK),
        migrations.RunSQL(RECEIPT, RECEIPT_BACK),
        migrations.RunSQL(PUBLIC_GIFT, PUBLIC_GIFT_BACK),
        migrations.RunSQL(NUMBERS, NUMBERS_BACK),
        migrations.RunSQL(BOX, BOX_BACK),
    ]
