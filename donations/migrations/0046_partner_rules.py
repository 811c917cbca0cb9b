"""The rules of payments to the partner: whom the policy names before needs nothing, two people decide, and who they are."""

from django.db import migrations

ORDER = """
-- Costs that this fund is for, in this currency, lack money.
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

-- What in the policy's order stands against a payment to the partner: nothing; that it names none; that costs of the fund
-- itself lack money; or a step before the partner that needs it. As donations_surplus_hindrance says of other funds.
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

-- Money of the fund is set aside for a cost and not paid yet, or lies with a court. As donations/allocation/shares.py says.
CREATE FUNCTION donations_fund_waits(fund bigint, code text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM (
            SELECT g.fund_id, g.amount, donations_balance(a.id)
                   - (sum(g.amount) OVER (PARTITION BY g.cost_id ORDER BY g.first DESC) - g.amount) AS reaching
            FROM (SELECT cost_id, fund_id, min(id) AS first, sum(CASE WHEN is_release THEN -amount ELSE amount END) AS amount
                  FROM donations_allocation
                  WHERE cost_id IN (SELECT cost_id FROM donations_allocation WHERE fund_id = $1)
                  GROUP BY cost_id, fund_id) g
            JOIN donations_legalcost l ON l.id = g.cost_id AND l.currency = $2 AND l.ended_on IS NULL
            JOIN donations_account a ON a.legal_cost_id = g.cost_id AND a.kind = 'cost') given
        WHERE given.fund_id = $1 AND least(given.amount, given.reaching) > 0)
$$;

-- As before; nor that its rest in another currency went to the partner.
CREATE OR REPLACE FUNCTION donations_fund_moved_on(fund bigint) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT max(t.booked_on) FROM donations_daytotal t JOIN donations_account a ON a.id = t.account_id
    WHERE a.fund_id = $1 AND t.kind NOT IN ('fee', 'bank_fee', 'dispute_fee', 'interest')
          AND NOT (t.kind IN ('surplus', 'partner_payment') AND t.credit = 0)
       OR a.legal_cost_id IN (SELECT cost_id FROM donations_allocation WHERE fund_id = $1)
          AND t.kind IN ('disbursement', 'bail_paid')
$$;
"""
ORDER_BACK = """
CREATE OR REPLACE FUNCTION donations_fund_moved_on(fund bigint) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT max(t.booked_on) FROM donations_daytotal t JOIN donations_account a ON a.id = t.account_id
    WHERE a.fund_id = $1 AND t.kind NOT IN ('fee', 'bank_fee', 'dispute_fee', 'interest')
          AND NOT (t.kind = 'surplus' AND t.credit = 0)
       OR a.legal_cost_id IN (SELECT cost_id FROM donations_allocation WHERE fund_id = $1)
          AND t.kind IN ('disbursement', 'bail_paid')
$$;
DROP FUNCTION donations_fund_waits;
DROP FUNCTION donations_partner_hindrance;
DROP FUNCTION donations_fund_lacks;
"""

STEPS = """
-- What two people approve: nothing of it changes.
CREATE FUNCTION donations_partnerpayment_hash(p donations_partnerpayment) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws('|', p.fund_id, p.amount, p.currency, p.partner,
        (SELECT y.number || '|' || a.payee_hash || '|' || a.account_hash FROM donations_payeeaccount a
         JOIN donations_payee y ON y.id = a.payee_id WHERE a.id = p.payee_account_id),
        p.bank_account_id, p.sha256), 'UTF8')), 'hex')
$$;

CREATE FUNCTION donations_partnerpayment_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    steps constant text[] := ARRAY[
        'approved_by_id', 'approved_at', 'seconded_by_id', 'seconded_at', 'refused_by_id', 'refused_at', 'refusal_reason',
        'paid_by_id', 'paid_at', 'paid_on', 'bank_reference', 'came_back_on', 'undo_reason', 'undo_requested_by_id',
        'undo_requested_at', 'undone_by_id', 'undone_at'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payment to the partner is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'partner_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF num_nonnulls(NEW.approved_at, NEW.seconded_at, NEW.refused_at, NEW.paid_at, NEW.came_back_on,
                        NEW.undo_requested_at, NEW.undone_at) > 0 THEN
            RAISE EXCEPTION 'a payment to the partner starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_starts_as_request';
        END IF;
        NEW.content_hash := donations_partnerpayment_hash(NEW);
        -- The rules in force on the day it is asked for.
        NEW.policy_id := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
        NEW.approvals_needed := CASE WHEN EXISTS (
            SELECT 1 FROM donations_policy p
            LEFT JOIN donations_policylimit l ON l.policy_id = p.id AND l.currency = NEW.currency
            WHERE p.id = NEW.policy_id AND p.approvers = 1 AND NEW.amount <= l.third_person_above) THEN 1 ELSE 2 END;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - steps IS DISTINCT FROM to_jsonb(OLD) - steps
       OR (OLD.refused_at IS NOT NULL OR OLD.undone_at IS NOT NULL) AND NEW IS DISTINCT FROM OLD
       OR OLD.approved_at IS NOT NULL AND (NEW.approved_by_id, NEW.approved_at) IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at)
       OR OLD.seconded_at IS NOT NULL AND (NEW.seconded_by_id, NEW.seconded_at) IS DISTINCT FROM (OLD.seconded_by_id, OLD.seconded_at)
       OR OLD.paid_at IS NOT NULL AND (NEW.paid_by_id, NEW.paid_at, NEW.paid_on, NEW.bank_reference, NEW.seconded_at)
                                      IS DISTINCT FROM (OLD.paid_by_id, OLD.paid_at, OLD.paid_on, OLD.bank_reference, OLD.seconded_at) THEN
        RAISE EXCEPTION 'a payment to the partner is decided as it was asked for, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'partner_stays';
    END IF;
    IF (NEW.undone_at IS NOT NULL OR (OLD.undo_requested_at IS NOT NULL AND NEW.undo_requested_at IS NOT NULL))
       AND (NEW.undo_reason, NEW.undo_requested_by_id, NEW.undo_requested_at)
           IS DISTINCT FROM (OLD.undo_reason, OLD.undo_requested_by_id, OLD.undo_requested_at) THEN
        RAISE EXCEPTION 'a payment is taken back as it was asked for'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'partner_undone_as_asked';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER partner_payment_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_partnerpayment
    FOR EACH ROW EXECUTE FUNCTION donations_partnerpayment_steps();
"""
STEPS_BACK = "DROP FUNCTION donations_partnerpayment_steps, donations_partnerpayment_hash CASCADE;"

# Who acts, and on what: at the request, at each approval, when it is recorded as paid, and when it is taken back.
PEOPLE = """
CREATE FUNCTION donations_partnerpayment_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
    is_approved boolean := NOT is_new AND NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL;
    is_seconded boolean := NOT is_new AND NEW.seconded_at IS NOT NULL AND OLD.seconded_at IS NULL;
    is_paid boolean := NOT is_new AND NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL;
    is_asked boolean := NOT is_new AND NEW.undo_requested_at IS NOT NULL AND OLD.undo_requested_at IS NULL;
    is_undone boolean := NOT is_new AND NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL;
    acting bigint[] := CASE WHEN is_asked THEN ARRAY[NEW.undo_requested_by_id] WHEN is_undone THEN ARRAY[NEW.undone_by_id]
                       ELSE ARRAY[NEW.requested_by_id, NEW.approved_by_id, NEW.seconded_by_id, NEW.paid_by_id] END;
    declaring bigint := CASE WHEN is_new THEN NEW.requested_by_id WHEN is_approved THEN NEW.approved_by_id
                        WHEN is_seconded THEN NEW.seconded_by_id END;
    payee record;
BEGIN
    IF NOT (is_new OR is_approved OR is_seconded OR is_paid OR is_asked OR is_undone) THEN
        RETURN NEW;
    END IF;
    -- Held as by who changes a payee, enters a conflict or an account of staff.
    SELECT p.id, a.account_hash, p.account_id = a.id AND p.retired_at IS NULL AS is_current,
           a.confirmed_at IS NOT NULL AND a.sealed <> '' AS is_confirmed
    INTO payee FROM donations_payee p, donations_payeeaccount a
    WHERE a.id = NEW.payee_account_id AND p.id = a.payee_id FOR SHARE OF p;
    IF EXISTS (SELECT 1 FROM donations_conflict k
               WHERE k.ended_at IS NULL AND k.user_id = ANY (acting)
                 AND (k.payee_id = payee.id
                      OR k.defendant_id = (SELECT defendant_id FROM donations_fund WHERE id = NEW.fund_id))) THEN
        RAISE EXCEPTION 'who has a stake in a payment keeps out of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_without_stake';
    END IF;
    IF is_asked OR is_undone THEN
        RETURN NEW;
    END IF;
    IF NOT payee.is_current OR NOT (is_new OR payee.is_confirmed) THEN
        RAISE EXCEPTION 'the payee is not confirmed, or not the same any more'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_payee_confirmed';
    END IF;
    IF donations_is_staff_account(payee.account_hash) THEN
        RAISE EXCEPTION 'nothing is paid to an account of staff'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_not_to_staff';
    END IF;
    IF declaring IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM donations_staffaccount s WHERE s.user_id = declaring AND s.ended_at IS NULL) THEN
        RAISE EXCEPTION 'who asks for a payment or approves it has said which account is theirs'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_by_who_declared';
    END IF;
    IF is_paid AND NEW.approvals_needed = 2 AND NEW.seconded_at IS NULL THEN
        RAISE EXCEPTION 'a third person has not approved it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_needs_a_third_person';
    END IF;
    IF is_paid AND NEW.paid_on < (greatest(NEW.approved_at, NEW.seconded_at) AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'a payment is made after it was approved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_paid_after_approval';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER partner_people BEFORE INSERT OR UPDATE ON donations_partnerpayment
    FOR EACH ROW EXECUTE FUNCTION donations_partnerpayment_people();
"""
PEOPLE_BACK = "DROP FUNCTION donations_partnerpayment_people CASCADE;"

# What is decided, at the request and at each approval; that the money is there also when it is paid.
RULES = """
CREATE FUNCTION donations_partnerpayment_rules() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER partner_rules BEFORE INSERT OR UPDATE ON donations_partnerpayment
    FOR EACH ROW EXECUTE FUNCTION donations_partnerpayment_rules();
"""
RULES_BACK = "DROP FUNCTION donations_partnerpayment_rules CASCADE;"

UNDONE = """
CREATE FUNCTION donations_partnerpayment_undone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed date;
BEGIN
    IF EXISTS (SELECT 1 FROM donations_statementmatch WHERE partner_payment_id = NEW.id AND undone_at IS NULL) THEN
        RAISE EXCEPTION 'a bank line shows that this payment left'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'partner_proved_is_not_undone';
    END IF;
    SELECT closed_on INTO closed FROM donations_fund WHERE id = NEW.fund_id FOR SHARE;
    IF closed IS NOT NULL AND NEW.undone_at IS NOT NULL THEN
        RAISE EXCEPTION 'a closed fund takes no money back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'partner_undone_to_open_fund';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER partner_undone BEFORE UPDATE ON donations_partnerpayment
    FOR EACH ROW WHEN (NEW.undo_requested_at IS NOT NULL AND OLD.undo_requested_at IS NULL
                       OR NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL)
    EXECUTE FUNCTION donations_partnerpayment_undone();
"""
UNDONE_BACK = "DROP FUNCTION donations_partnerpayment_undone CASCADE;"

# One line shows that it left, another that it came back, as of payments of costs.
MATCHED = """
CREATE FUNCTION donations_match_of_partner_payment() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER match_of_partner_payment BEFORE INSERT OR UPDATE OF undone_at ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.partner_payment_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_partner_payment();

CREATE FUNCTION donations_partnerpayment_came_back() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE donations_partnerpayment SET came_back_on = (
        SELECT l.booked_on FROM donations_statementmatch m JOIN donations_statementline l ON l.id = m.line_id
        WHERE m.partner_payment_id = NEW.partner_payment_id AND m.amount > 0 AND m.undone_at IS NULL)
    WHERE id = NEW.partner_payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER match_gives_partner_payment_back AFTER INSERT OR UPDATE OF undone_at ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.partner_payment_id IS NOT NULL AND NEW.amount > 0)
    EXECUTE FUNCTION donations_partnerpayment_came_back();
"""
MATCHED_BACK = (
    "DROP FUNCTION donations_partnerpayment_came_back, donations_match_of_partner_payment CASCADE;"
)

# A match keeps this thing as it keeps the others.
MATCH_STAYS = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.collection_id, NEW.partner_payment_id, NEW.proposal_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.collection_id, OLD.partner_payment_id, OLD.proposal_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""
MATCH_STAYS_BACK = MATCH_STAYS.replace(" NEW.partner_payment_id,", "").replace(
    " OLD.partner_payment_id,", ""
)

DECIDED = """
CREATE OR REPLACE FUNCTION donations_is_decided(
    kind text, source text, amount numeric, from_fund bigint, to_fund bigint, bank bigint
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'surplus' THEN EXISTS (
        SELECT 1 FROM donations_surplusmove s
        WHERE s.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'surplus:' || s.number
          AND s.approved_at IS NOT NULL AND s.amount = $3 AND s.source_id = $4 AND s.target_id = $5)
    WHEN 'partner_payment' THEN EXISTS (
        SELECT 1 FROM donations_partnerpayment p
        WHERE p.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'partner_payment:' || p.number
          AND p.paid_at IS NOT NULL AND p.amount = $3 AND p.fund_id = $4 AND $5 IS NULL AND p.bank_account_id = $6)
    ELSE EXISTS (
        SELECT 1 FROM donations_exchange x
        WHERE x.number = substring($2 from '[0-9a-f-]{36}')::uuid AND x.approved_at IS NOT NULL
          AND x.undone_at IS NULL AND x.fund_id = $4
          AND ($2, $3, $6) IN (('exchange:' || x.number || ':out', x.given, x.given_from_id),
                               ('exchange:' || x.number || ':in', x.received, x.received_into_id)))
    END
$$;

-- That what is behind the entry that this reversal names was taken back. Of a payment to the partner: that it never left,
-- or that it did by a line of the bank, and so may come back by another; and that it did not come back after all.
CREATE OR REPLACE FUNCTION donations_is_taken_back(kind text, source text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'surplus' THEN EXISTS (
        SELECT 1 FROM donations_surplusmove s
        WHERE s.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'reversal:surplus:' || s.number
          AND s.undone_at IS NOT NULL)
    WHEN 'partner_payment' THEN EXISTS (
        SELECT 1 FROM donations_partnerpayment p
        WHERE p.number = substring($2 from '[0-9a-f-]{36}')::uuid AND p.paid_at IS NOT NULL
          AND CASE WHEN $2 ~ '^(reversal:reversal:)*partner_payment:' THEN p.came_back_on IS NOT NULL
              ELSE p.undone_at IS NOT NULL OR p.came_back_on IS NULL AND EXISTS (
                  SELECT 1 FROM donations_statementmatch m
                  WHERE m.partner_payment_id = p.id AND m.amount < 0 AND m.undone_at IS NULL) END)
    ELSE EXISTS (
        SELECT 1 FROM donations_exchange x
        WHERE x.number = substring($2 from '[0-9a-f-]{36}')::uuid
          AND $2 IN ('reversal:exchange:' || x.number || ':out', 'reversal:exchange:' || x.number || ':in')
          AND x.undone_at IS NOT NULL)
    END
$$;
"""
# As they were in 0002_ledger and 0025_surplus_undo.
DECIDED_BACK = """
CREATE OR REPLACE FUNCTION donations_is_decided(
    kind text, source text, amount numeric, from_fund bigint, to_fund bigint, bank bigint
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'surplus' THEN EXISTS (
        SELECT 1 FROM donations_surplusmove s
        WHERE s.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'surplus:' || s.number
          AND s.approved_at IS NOT NULL AND s.amount = $3 AND s.source_id = $4 AND s.target_id = $5)
    ELSE EXISTS (
        SELECT 1 FROM donations_exchange x
        WHERE x.number = substring($2 from '[0-9a-f-]{36}')::uuid AND x.approved_at IS NOT NULL
          AND x.undone_at IS NULL AND x.fund_id = $4
          AND ($2, $3, $6) IN (('exchange:' || x.number || ':out', x.given, x.given_from_id),
                               ('exchange:' || x.number || ':in', x.received, x.received_into_id)))
    END
$$;

CREATE OR REPLACE FUNCTION donations_is_taken_back(kind text, source text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE kind WHEN 'surplus' THEN EXISTS (
        SELECT 1 FROM donations_surplusmove s
        WHERE s.number = substring($2 from '[0-9a-f-]{36}')::uuid AND $2 = 'reversal:surplus:' || s.number
          AND s.undone_at IS NOT NULL)
    ELSE EXISTS (
        SELECT 1 FROM donations_exchange x
        WHERE x.number = substring($2 from '[0-9a-f-]{36}')::uuid
          AND $2 IN ('reversal:exchange:' || x.number || ':out', 'reversal:exchange:' || x.number || ':in')
          AND x.undone_at IS NOT NULL)
    END
$$;
"""

# As before, with one kind more that two people decide.
ENTRY_POST = """
CREATE OR REPLACE FUNCTION donations_entry_post() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    decisions constant text[] := ARRAY['allocation', 'release', 'disbursement', 'bail_paid', 'cover', 'exchange',
                                     'surplus', 'partner_payment'];
    seen record;
    lowered_ids bigint[];
    decided_ids bigint[];
    lifted_ids bigint[];
BEGIN
    -- Whoever closes a month waits for all who are posting, and holds up all who begin to.
    PERFORM pg_advisory_xact_lock_shared(hashtext('donations_period'), 0);
    SELECT min(n.booked_on) AS first_day,
           bool_or(d.kind = 'fund' AND c.kind = 'fund' AND n.kind NOT IN ('cover', 'surplus')) AS between_funds,
           bool_or(n.kind IN ('exchange', 'surplus', 'partner_payment')) AS are_decided, bool_or(n.kind = 'bail_paid' AND n.reverses_id IS NULL) AS lay_bail,
           bool_or(c.place = 'bail') AS end_bail, bool_or(d.kind <> 'asset' OR d.place = 'bail') AS lower,
           bool_or(n.kind IN ('cover', 'dispute_won') OR n.reverses_id IS NOT NULL) AS lift
    INTO seen
    FROM new_entries n JOIN donations_account d ON d.id = n.debit_id JOIN donations_account c ON c.id = n.credit_id;
    IF seen.first_day < donations_open_from() THEN
        RAISE EXCEPTION 'this month is closed: a later fact is booked on the first open day'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_open';
    END IF;
    IF seen.between_funds THEN
        RAISE EXCEPTION 'money given for one fund becomes another''s only by a cover or by the surplus rule'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fund_keeps_its_money';
    END IF;
    IF seen.are_decided THEN
        PERFORM 1 FROM new_entries n
        JOIN donations_account d ON d.id = n.debit_id JOIN donations_account c ON c.id = n.credit_id
        WHERE n.kind IN ('exchange', 'surplus', 'partner_payment') AND NOT CASE
            WHEN n.reverses_id IS NOT NULL THEN donations_is_taken_back(n.kind, n.source)
            ELSE donations_is_decided(n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
                                      coalesce(c.bank_account_id, d.bank_account_id)) END;
        IF FOUND THEN
            RAISE EXCEPTION 'nobody decided this, or not so'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_decided_by_two';
        END IF;
    END IF;
    IF seen.end_bail THEN
        -- What courts give back or keep waits for each other on the cost's row, and is never more than they hold.
        PERFORM 1 FROM donations_account WHERE kind = 'cost' AND legal_cost_id IN (
            SELECT c.legal_cost_id FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
            WHERE c.place = 'bail') ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF seen.lower THEN
        -- Whoever takes money out of a fund or a cost, or lays down bail for a cost, holds its row until the end of the
        -- transaction. NO KEY, since the foreign keys of entries being posted hold KEY SHARE on the same rows.
        SELECT array_agg(DISTINCT a.id), array_agg(DISTINCT a.id) FILTER (WHERE n.kind = ANY (decisions))
        INTO lowered_ids, decided_ids
        FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
        JOIN donations_account a ON (d.place = 'bail' AND a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id)
                                 OR (d.kind <> 'asset' AND a.id = d.id);
    END IF;
    IF seen.lift THEN
        SELECT array_agg(DISTINCT c.id) INTO lifted_ids
        FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
        WHERE c.kind <> 'asset' AND (n.kind IN ('cover', 'dispute_won') OR n.reverses_id IS NOT NULL);
    END IF;
    IF lowered_ids IS NOT NULL OR lifted_ids IS NOT NULL THEN
        PERFORM 1 FROM donations_account WHERE id = ANY (lowered_ids || lifted_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF seen.lay_bail THEN
        PERFORM 1 FROM new_entries n JOIN donations_account d ON d.id = n.debit_id
        WHERE n.kind = 'bail_paid' AND n.reverses_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM donations_account a WHERE a.kind = 'cost' AND a.legal_cost_id = d.legal_cost_id);
        IF FOUND THEN
            RAISE EXCEPTION 'nothing is set aside for this bail'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_not_overdrawn';
        END IF;
    END IF;

    -- Each entry is noted to be followed (donations_follow), and counted in the totals of its day and of all days.
    WITH noted AS (
        INSERT INTO donations_unfollowedentry (entry_id) SELECT id FROM new_entries
    ), moved AS MATERIALIZED (
        SELECT account_id, kind, booked_on, sum(debit) AS debit, sum(credit) AS credit
        FROM (SELECT debit_id AS account_id, kind, booked_on, amount AS debit, 0 AS credit FROM new_entries
              UNION ALL SELECT credit_id, kind, booked_on, 0, amount FROM new_entries) sides
        GROUP BY account_id, kind, booked_on
    ), days AS (
        INSERT INTO donations_daytotal AS t (account_id, booked_on, kind, slot, debit, credit)
        SELECT account_id, booked_on, kind, pg_backend_pid() % 16, debit, credit
        FROM moved ORDER BY account_id, booked_on, kind
        ON CONFLICT (account_id, booked_on, kind, slot)
            DO UPDATE SET debit = t.debit + excluded.debit, credit = t.credit + excluded.credit
    )
    INSERT INTO donations_total AS t (account_id, kind, slot, debit, credit)
    SELECT account_id, kind, pg_backend_pid() % 16, sum(debit), sum(credit)
    FROM moved GROUP BY account_id, kind ORDER BY account_id, kind
    ON CONFLICT (account_id, kind, slot)
        DO UPDATE SET debit = t.debit + excluded.debit, credit = t.credit + excluded.credit;

    IF seen.end_bail THEN
        PERFORM 1 FROM new_entries n JOIN donations_account c ON c.id = n.credit_id
        WHERE c.place = 'bail' AND donations_balance(c.id) < 0;
        IF FOUND THEN
            RAISE EXCEPTION 'no court holds that much bail'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_within_deposit';
        END IF;
    END IF;
    IF lowered_ids IS NOT NULL THEN
        PERFORM donations_refuse_or_freeze(lowered_ids, decided_ids);
    END IF;
    IF lifted_ids IS NOT NULL THEN
        UPDATE donations_account SET frozen_at = NULL
        WHERE frozen_at IS NOT NULL AND donations_free(id) >= 0 AND id = ANY (lifted_ids);
    END IF;
    RETURN NULL;
END $$;
"""
ENTRY_POST_BACK = ENTRY_POST.replace(", 'partner_payment'", "")


class Migration(migrations.Migration):
    dependencies = [("donations", "0045_partner_payment")]
    operations = [
        migrations.RunSQL(ORDER, ORDER_BACK),
        migrations.RunSQL(STEPS, STEPS_BACK),
        migrations.RunSQL(PEOPLE, PEOPLE_BACK),
        migrations.RunSQL(RULES, RULES_BACK),
        migrations.RunSQL(UNDONE, UNDONE_BACK),
        migrations.RunSQL(MATCHED, MATCHED_BACK),
        migrations.RunSQL(MATCH_STAYS, MATCH_STAYS_BACK),
        migrations.RunSQL(DECIDED, DECIDED_BACK),
        migrations.RunSQL(ENTRY_POST, ENTRY_POST_BACK),
    ]
