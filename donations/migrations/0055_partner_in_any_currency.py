"""No payment to the partner while costs lack money in any currency: euros of a case can become its pesos."""

from django.db import migrations

RULES = """
-- Costs that this fund is for lack money: in any currency, since money can be exchanged, and what a partner has is gone.
CREATE OR REPLACE FUNCTION donations_fund_lacks(fund bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM donations_fund f, donations_legalcost l JOIN appeals_case c ON c.id = l.case_id
        WHERE f.id = $1 AND l.ended_on IS NULL
          AND (f.kind = 'general' OR c.appeal_id = f.appeal_id OR c.id = f.case_id
               OR donations_cost_concerns(l.id, f.defendant_id))
          AND l.owed > coalesce((SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END)
                                 FROM donations_allocation WHERE cost_id = l.id), 0)
                     + coalesce((SELECT sum(amount) FROM donations_bailoutcome
                                 WHERE cost_id = l.id AND kind = 'returned' AND undone_at IS NULL), 0))
$$;

-- What in the policy's order stands against a payment to the partner: nothing; that it names none; that costs of the fund
-- itself lack money; or a step before the partner that needs it. As donations_surplus_hindrance says of other funds, but in
-- any currency.
CREATE OR REPLACE FUNCTION donations_partner_hindrance(source bigint, day date) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    steps text[] := (SELECT surplus_order FROM donations_policy WHERE id = donations_policy_in_force(day));
    step text;
BEGIN
    IF steps IS NULL OR NOT 'partner' = ANY (steps) THEN
        RETURN 'unnamed';
    END IF;
    IF donations_fund_lacks(source) THEN
        RETURN 'own';
    END IF;
    FOREACH step IN ARRAY steps LOOP
        IF step = 'partner' THEN
            RETURN NULL;
        END IF;
        PERFORM 1 FROM (SELECT DISTINCT currency FROM donations_legalcost WHERE ended_on IS NULL) owed
        WHERE donations_others_need(source, owed.currency, step = 'appeal');
        IF FOUND THEN
            RETURN step;
        END IF;
    END LOOP;
END $$;

-- As before, but in any currency.
CREATE OR REPLACE FUNCTION donations_partnerpayment_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_paid boolean := TG_OP = 'UPDATE' AND NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL;
    day date := (greatest(NEW.requested_at, NEW.approved_at, NEW.seconded_at) AT TIME ZONE 'UTC')::date;
    rules record;
    held record;
BEGIN
    IF TG_OP = 'UPDATE' AND NOT is_paid
       AND (NEW.approved_at IS NULL OR OLD.approved_at IS NOT NULL) AND (NEW.seconded_at IS NULL OR OLD.seconded_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    IF NOT is_paid THEN
        IF NEW.currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.bank_account_id) THEN
            RAISE EXCEPTION 'a payment leaves an account in its currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_account_in_its_currency';
        END IF;
        SELECT partner, dormant_months INTO rules FROM donations_policy WHERE id = donations_policy_in_force(day);
        IF NEW.partner IS DISTINCT FROM rules.partner
           OR donations_partner_hindrance(NEW.fund_id, day) IS NOT NULL THEN
            RAISE EXCEPTION 'what is left goes by the order of the policy, and to the partner it names'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_by_the_policy';
        END IF;
        IF donations_fund_waits(NEW.fund_id, NEW.currency) THEN
            RAISE EXCEPTION 'money of this fund is set aside for a cost, or lies with a court'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_when_nothing_waits';
        END IF;
        IF NEW.cause = 'paid' AND donations_fund_has_open_costs(NEW.fund_id) THEN
            RAISE EXCEPTION 'not all costs of this fund are paid'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_costs_are_paid';
        END IF;
        IF NEW.cause = 'dormant'
           AND donations_fund_moved_on(NEW.fund_id) + make_interval(months => rules.dormant_months) > day THEN
            RAISE EXCEPTION 'this fund is not dormant by the policy'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_of_a_dormant_fund';
        END IF;
    END IF;
    -- Held until the end, so that of two who decide over the same money at once the second sees the first. On the day of
    -- the payment, and on each later one, as much was there.
    SELECT id, frozen_at, currency INTO held FROM donations_account
    WHERE fund_id = NEW.fund_id AND currency = NEW.currency FOR NO KEY UPDATE;
    IF held.id IS NULL OR held.frozen_at IS NOT NULL
       OR donations_free(held.id) < NEW.amount
       OR is_paid AND donations_least_from(held.id, NEW.paid_on) < NEW.amount THEN
        RAISE EXCEPTION 'the fund has not so much free'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_of_free_money';
    END IF;
    RETURN NEW;
END $$;

-- Not there where the database was made while 0046 had the functions above itself.
DROP FUNCTION IF EXISTS donations_partner_hindrance(bigint, text, date);
DROP FUNCTION IF EXISTS donations_fund_lacks(bigint, text);
"""
RULES_BACK = """
CREATE FUNCTION donations_fund_lacks(fund bigint, code text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM donations_fund f, donations_legalcost l JOIN appeals_case c ON c.id = l.case_id
        WHERE f.id = $1 AND l.currency = $2 AND l.ended_on IS NULL
          AND (f.kind = 'general' OR c.appeal_id = f.appeal_id OR c.id = f.case_id
               OR donations_cost_concerns(l.id, f.defendant_id))
          AND l.owed > coalesce((SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END)
                                 FROM donations_allocation WHERE cost_id = l.id), 0)
                     + coalesce((SELECT sum(amount) FROM donations_bailoutcome
                                 WHERE cost_id = l.id AND kind = 'returned' AND undone_at IS NULL), 0))
$$;

CREATE FUNCTION donations_partner_hindrance(source bigint, code text, day date) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    steps text[] := (SELECT surplus_order FROM donations_policy WHERE id = donations_policy_in_force(day));
    step text;
BEGIN
    IF steps IS NULL OR NOT 'partner' = ANY (steps) THEN
        RETURN 'unnamed';
    END IF;
    IF donations_fund_lacks(source, code) THEN
        RETURN 'own';
    END IF;
    FOREACH step IN ARRAY steps LOOP
        IF step = 'partner' THEN
            RETURN NULL;
        END IF;
        IF donations_others_need(source, code, step = 'appeal') THEN
            RETURN step;
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION donations_partnerpayment_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_paid boolean := TG_OP = 'UPDATE' AND NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL;
    day date := (greatest(NEW.requested_at, NEW.approved_at, NEW.seconded_at) AT TIME ZONE 'UTC')::date;
    rules record;
    held record;
BEGIN
    IF TG_OP = 'UPDATE' AND NOT is_paid
       AND (NEW.approved_at IS NULL OR OLD.approved_at IS NOT NULL) AND (NEW.seconded_at IS NULL OR OLD.seconded_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    IF NOT is_paid THEN
        IF NEW.currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.bank_account_id) THEN
            RAISE EXCEPTION 'a payment leaves an account in its currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_account_in_its_currency';
        END IF;
        SELECT partner, dormant_months INTO rules FROM donations_policy WHERE id = donations_policy_in_force(day);
        IF NEW.partner IS DISTINCT FROM rules.partner
           OR donations_partner_hindrance(NEW.fund_id, NEW.currency, day) IS NOT NULL THEN
            RAISE EXCEPTION 'what is left goes by the order of the policy, and to the partner it names'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_by_the_policy';
        END IF;
        IF donations_fund_waits(NEW.fund_id, NEW.currency) THEN
            RAISE EXCEPTION 'money of this fund is set aside for a cost, or lies with a court'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_when_nothing_waits';
        END IF;
        IF NEW.cause = 'paid' AND donations_fund_has_open_costs(NEW.fund_id) THEN
            RAISE EXCEPTION 'not all costs of this fund are paid'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_costs_are_paid';
        END IF;
        IF NEW.cause = 'dormant'
           AND donations_fund_moved_on(NEW.fund_id) + make_interval(months => rules.dormant_months) > day THEN
            RAISE EXCEPTION 'this fund is not dormant by the policy'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_of_a_dormant_fund';
        END IF;
    END IF;
    -- Held until the end, so that of two who decide over the same money at once the second sees the first. On the day of
    -- the payment, and on each later one, as much was there.
    SELECT id, frozen_at, currency INTO held FROM donations_account
    WHERE fund_id = NEW.fund_id AND currency = NEW.currency FOR NO KEY UPDATE;
    IF held.id IS NULL OR held.frozen_at IS NOT NULL
       OR donations_free(held.id) < NEW.amount
       OR is_paid AND donations_least_from(held.id, NEW.paid_on) < NEW.amount THEN
        RAISE EXCEPTION 'the fund has not so much free'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_of_free_money';
    END IF;
    RETURN NEW;
END $$;

DROP FUNCTION donations_partner_hindrance(bigint, date);
DROP FUNCTION donations_fund_lacks(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0054_exchange_proved_stays")]
    operations = [migrations.RunSQL(RULES, RULES_BACK)]
