"""What came back of a payment to the partner goes to an open fund, as what never left does."""

from django.db import migrations

MATCHED = """
CREATE OR REPLACE FUNCTION donations_match_of_partner_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed date;
BEGIN
    -- Held, so that nobody takes it back meanwhile.
    PERFORM 1 FROM donations_partnerpayment WHERE id = NEW.partner_payment_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.amount < 0 AND NEW.undone_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM donations_statementmatch
            WHERE partner_payment_id = NEW.partner_payment_id AND amount > 0 AND undone_at IS NULL) THEN
            RAISE EXCEPTION 'this payment came back: that is taken back first'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_of_payment_that_came_back';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM donations_partnerpayment p
        JOIN donations_statementline l ON l.id = NEW.line_id AND l.account_id = p.bank_account_id
        WHERE p.id = NEW.partner_payment_id AND p.paid_at IS NOT NULL AND p.undone_at IS NULL AND abs(NEW.amount) = p.amount
          AND (NEW.amount < 0 OR EXISTS (SELECT 1 FROM donations_statementmatch m
                                         WHERE m.partner_payment_id = p.id AND m.amount < 0 AND m.undone_at IS NULL))) THEN
        RAISE EXCEPTION 'this payment was not made so, or what came back did not leave by a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_of_a_partner_payment_made';
    END IF;
    IF NEW.amount > 0 THEN
        SELECT f.closed_on INTO closed FROM donations_partnerpayment p JOIN donations_fund f ON f.id = p.fund_id
        WHERE p.id = NEW.partner_payment_id FOR SHARE OF f;
        IF closed IS NOT NULL THEN
            RAISE EXCEPTION 'a closed fund takes no money back'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'match_gives_back_to_open_fund';
        END IF;
    END IF;
    RETURN NEW;
END $$;
"""
# As it was in 0046_partner_rules.
MATCHED_BACK = """
CREATE OR REPLACE FUNCTION donations_match_of_partner_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Held, so that nobody takes it back meanwhile.
    PERFORM 1 FROM donations_partnerpayment WHERE id = NEW.partner_payment_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.amount < 0 AND NEW.undone_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM donations_statementmatch
            WHERE partner_payment_id = NEW.partner_payment_id AND amount > 0 AND undone_at IS NULL) THEN
            RAISE EXCEPTION 'this payment came back: that is taken back first'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_of_payment_that_came_back';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM donations_partnerpayment p
        JOIN donations_statementline l ON l.id = NEW.line_id AND l.account_id = p.bank_account_id
        WHERE p.id = NEW.partner_payment_id AND p.paid_at IS NOT NULL AND p.undone_at IS NULL AND abs(NEW.amount) = p.amount
          AND (NEW.amount < 0 OR EXISTS (SELECT 1 FROM donations_statementmatch m
                                         WHERE m.partner_payment_id = p.id AND m.amount < 0 AND m.undone_at IS NULL))) THEN
        RAISE EXCEPTION 'this payment was not made so, or what came back did not leave by a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_of_a_partner_payment_made';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0051_partner_reserve")]
    operations = [migrations.RunSQL(MATCHED, MATCHED_BACK)]
