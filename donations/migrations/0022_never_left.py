"""A payment whose money never left the bank is taken back by two people, once, and never where a bank line shows it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

NEVER_LEFT = """
CREATE FUNCTION donations_disbursement_never_left() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_asked boolean;
    is_undone boolean;
    ended date;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.undo_requested_at IS NOT NULL OR NEW.undone_at IS NOT NULL THEN
            RAISE EXCEPTION 'a payment starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.undone_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'a payment that never left is not changed: ask for another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_undone_is_final';
    END IF;
    is_asked := NEW.undo_requested_at IS NOT NULL AND OLD.undo_requested_at IS NULL;
    is_undone := NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL;
    IF (is_undone OR (OLD.undo_requested_at IS NOT NULL AND NEW.undo_requested_at IS NOT NULL))
       AND (NEW.undo_reason, NEW.undo_requested_by_id, NEW.undo_requested_at)
           IS DISTINCT FROM (OLD.undo_reason, OLD.undo_requested_by_id, OLD.undo_requested_at) THEN
        RAISE EXCEPTION 'a payment is taken back as it was asked for'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_undone_as_asked';
    END IF;
    IF NOT (is_asked OR is_undone) THEN
        RETURN NEW;
    END IF;
    IF NEW.came_back_on IS NOT NULL AND NOT is_undone OR EXISTS (
        SELECT 1 FROM donations_statementmatch WHERE disbursement_id = NEW.id AND undone_at IS NULL) THEN
        RAISE EXCEPTION 'a bank line shows that this payment left'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_proved_is_not_undone';
    END IF;
    -- Held as by who enters a conflict.
    PERFORM 1 FROM donations_payee p JOIN donations_payeeaccount a ON a.payee_id = p.id
    WHERE a.id = NEW.payee_account_id FOR SHARE OF p;
    IF EXISTS (
        SELECT 1 FROM donations_conflict k
        WHERE k.ended_at IS NULL AND k.user_id = CASE WHEN is_undone THEN NEW.undone_by_id ELSE NEW.undo_requested_by_id END
          AND (k.payee_id = (SELECT payee_id FROM donations_payeeaccount WHERE id = NEW.payee_account_id)
               OR donations_cost_concerns(NEW.cost_id, k.defendant_id))) THEN
        RAISE EXCEPTION 'who has a stake in a payment keeps out of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_without_stake';
    END IF;
    IF is_undone THEN
        -- Held, so that it does not end meanwhile: nothing is set aside for a cost that has.
        SELECT ended_on INTO ended FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
        IF ended IS NOT NULL THEN
            RAISE EXCEPTION 'this cost has ended'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_undone_of_open_cost';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_undone BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_never_left();

-- Held, so that two people do not say meanwhile that it never left.
CREATE FUNCTION donations_match_of_made_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    undone timestamptz;
BEGIN
    SELECT undone_at INTO undone FROM donations_disbursement WHERE id = NEW.disbursement_id FOR SHARE;
    IF undone IS NOT NULL THEN
        RAISE EXCEPTION 'this payment never left'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_of_payment_that_left';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_made_payment BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.disbursement_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_made_payment();
"""
NEVER_LEFT_BACK = """
DROP FUNCTION donations_match_of_made_payment, donations_disbursement_never_left CASCADE;
"""

# As before, but an emergency that never left waits for no second approval.
PEOPLE = """
CREATE OR REPLACE FUNCTION donations_disbursement_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
    is_approved boolean := NOT is_new AND NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL;
    is_seconded boolean := NOT is_new AND NEW.seconded_at IS NOT NULL AND OLD.seconded_at IS NULL;
    is_paid boolean := NOT is_new AND NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL;
    rule record;
    account record;
BEGIN
    IF NOT is_new AND OLD.paid_at IS NOT NULL AND
       ((NEW.policy_id, NEW.approvals_needed, NEW.emergency_reason, NEW.bank_reference, NEW.received,
         NEW.received_currency)
        IS DISTINCT FROM
        (OLD.policy_id, OLD.approvals_needed, OLD.emergency_reason, OLD.bank_reference, OLD.received,
         OLD.received_currency)
        OR (OLD.seconded_at IS NOT NULL AND
            (NEW.seconded_at, NEW.seconded_by_id) IS DISTINCT FROM (OLD.seconded_at, OLD.seconded_by_id))) THEN
        RAISE EXCEPTION 'a paid disbursement is not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
    END IF;
    -- Whatever voids the first approval voids the second.
    IF NEW.approved_at IS NULL THEN
        NEW.seconded_by_id := NULL;
        NEW.seconded_at := NULL;
        NEW.seconded_hash := '';
        is_seconded := false;
    END IF;

    -- The rules in force on the day it is asked for; without any, one other person approves.
    IF is_new OR (NEW.amount, NEW.currency, NEW.requested_at, NEW.policy_id, NEW.approvals_needed, NEW.emergency_reason)
                 IS DISTINCT FROM
                 (OLD.amount, OLD.currency, OLD.requested_at, OLD.policy_id, OLD.approvals_needed, OLD.emergency_reason)
    THEN
        IF NOT is_new AND OLD.approved_at IS NOT NULL AND NEW.approved_at IS NOT NULL
           AND NEW.emergency_reason <> OLD.emergency_reason THEN
            RAISE EXCEPTION 'what is approved does not become an emergency afterwards'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_emergency_before_approval';
        END IF;
        NEW.policy_id := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
        SELECT p.approvers, l.third_person_above, l.emergency_up_to INTO rule
        FROM donations_policy p
        LEFT JOIN donations_policylimit l ON l.policy_id = p.id AND l.currency = NEW.currency
        WHERE p.id = NEW.policy_id;
        NEW.approvals_needed := CASE
            WHEN NEW.policy_id IS NULL THEN 1
            WHEN rule.approvers = 2 OR NEW.amount > coalesce(rule.third_person_above, 0) THEN 2
            ELSE 1 END;
        IF NEW.emergency_reason <> '' AND (NEW.approvals_needed = 1 OR btrim(NEW.emergency_reason) = ''
                                           OR NEW.amount > coalesce(rule.emergency_up_to, 0)) THEN
            RAISE EXCEPTION 'no emergency by the policy in force'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_emergency_within_limit';
        END IF;
    END IF;

    IF NOT (is_new OR is_approved OR is_seconded OR is_paid OR NEW.requested_by_id <> OLD.requested_by_id) THEN
        RETURN NEW;
    END IF;
    -- Held as by who enters a conflict or an account of staff.
    SELECT p.id AS payee_id, a.account_hash INTO account
    FROM donations_payee p, donations_payeeaccount a
    WHERE a.id = NEW.payee_account_id AND p.id = a.payee_id
    FOR SHARE OF p;
    -- After the payment the late signature is only that: it moves nothing, and is refused to nobody but who has a stake.
    IF donations_is_staff_account(account.account_hash) AND NOT (is_seconded AND OLD.paid_at IS NOT NULL) THEN
        RAISE EXCEPTION 'nothing is paid to an account of staff'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_not_to_staff';
    END IF;
    IF EXISTS (
        SELECT 1 FROM donations_conflict
        WHERE ended_at IS NULL
          AND (payee_id = account.payee_id OR donations_cost_concerns(NEW.cost_id, defendant_id))
          AND (user_id IN (NEW.seconded_by_id, NEW.paid_by_id) AND (is_seconded OR is_paid)
               OR user_id IN (NEW.requested_by_id, NEW.approved_by_id) AND NOT (is_seconded AND OLD.paid_at IS NOT NULL))
    ) THEN
        RAISE EXCEPTION 'who has a stake in a payment keeps out of it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_without_stake';
    END IF;
    IF is_paid AND NEW.approvals_needed = 2 AND NEW.seconded_at IS NULL AND NEW.emergency_reason = '' THEN
        RAISE EXCEPTION 'a third person has not approved it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_needs_a_third_person';
    END IF;
    IF NEW.emergency_reason <> '' AND (is_new OR is_paid) AND EXISTS (
        SELECT 1 FROM donations_disbursement d JOIN donations_policy p ON p.id = d.policy_id
        WHERE d.emergency_reason <> '' AND d.seconded_at IS NULL AND d.undone_at IS NULL
          AND d.paid_at + p.emergency_hours * interval '1 hour' < coalesce(NEW.paid_at, NEW.requested_at)
    ) THEN
        RAISE EXCEPTION 'an earlier emergency still waits for its second approval'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_emergencies_frozen';
    END IF;
    RETURN NEW;
END $$;
"""
PEOPLE_BACK = PEOPLE.replace(" AND d.undone_at IS NULL", "")

# As before, but the reversal of a deposit lays down none.
ENTRY_POST = """
CREATE OR REPLACE FUNCTION donations_entry_post() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    decisions constant text[] := ARRAY['allocation', 'release', 'disbursement', 'bail_paid', 'cover', 'exchange',
                                     'surplus'];
    seen record;
    lowered_ids bigint[];
    decided_ids bigint[];
    lifted_ids bigint[];
BEGIN
    -- Whoever closes a month waits for all who are posting, and holds up all who begin to.
    PERFORM pg_advisory_xact_lock_shared(hashtext('donations_period'), 0);
    SELECT min(n.booked_on) AS first_day,
           bool_or(d.kind = 'fund' AND c.kind = 'fund' AND n.kind NOT IN ('cover', 'surplus')) AS between_funds,
           bool_or(n.kind IN ('exchange', 'surplus')) AS are_decided, bool_or(n.kind = 'bail_paid' AND n.reverses_id IS NULL) AS lay_bail,
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
        WHERE n.kind IN ('exchange', 'surplus') AND n.reverses_id IS NULL AND NOT donations_is_decided(
            n.kind, n.source, n.amount, coalesce(d.fund_id, c.fund_id), c.fund_id,
            coalesce(c.bank_account_id, d.bank_account_id));
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
ENTRY_POST_BACK = ENTRY_POST.replace(
    "n.kind = 'bail_paid' AND n.reverses_id IS NULL", "n.kind = 'bail_paid'"
)


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0021_accepted_reason"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.AlterModelOptions(
                    name="disbursement",
                    options={
                        "ordering": ["-pk"],
                        "permissions": [
                            ("request_disbursement", "Can request a disbursement"),
                            ("approve_disbursement", "Can approve or refuse a disbursement"),
                            ("pay_disbursement", "Can record a disbursement as paid"),
                            (
                                "undo_disbursement",
                                "Can take back a payment that never left the bank",
                            ),
                            ("object_disbursement", "Can object to a payment made in an emergency"),
                            ("answer_disbursement", "Can answer an objection to a payment"),
                        ],
                        "verbose_name": "disbursement",
                        "verbose_name_plural": "disbursements",
                    },
                ),
                migrations.AddField(
                    model_name="disbursement",
                    name="undo_reason",
                    field=models.TextField(
                        blank=True, db_default="", verbose_name="why it is taken back"
                    ),
                ),
                migrations.AddField(
                    model_name="disbursement",
                    name="undo_requested_at",
                    field=models.DateTimeField(null=True, verbose_name="taking back asked for at"),
                ),
                migrations.AddField(
                    model_name="disbursement",
                    name="undo_requested_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taking back asked for by",
                    ),
                ),
                migrations.AddField(
                    model_name="disbursement",
                    name="undone_at",
                    field=models.DateTimeField(null=True, verbose_name="taken back at"),
                ),
                migrations.AddField(
                    model_name="disbursement",
                    name="undone_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taken back by",
                    ),
                ),
                migrations.AlterField(
                    model_name="disbursement",
                    name="came_back_on",
                    field=models.DateField(
                        editable=False,
                        help_text="From when on it does not count: the day of the bank line that gave it back, kept by the database, or of one that never left its own day.",
                        null=True,
                        verbose_name="came back on",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="disbursement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("undo_reason", ""),
                                ("undo_requested_at", None),
                                ("undo_requested_by", None),
                            ),
                            models.Q(
                                ("paid_at__isnull", False),
                                ("undo_requested_at__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(("undo_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="disbursement_undo_asked_whole",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="disbursement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("undone_at", None), ("undone_by", None)),
                            models.Q(
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                ("came_back_on", models.F("paid_on")),
                                ("came_back_on__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(
                                    ("undone_by", models.F("undo_requested_by")), _negated=True
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="disbursement_undone_by_another_person",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(NEVER_LEFT, NEVER_LEFT_BACK),
        migrations.RunSQL(PEOPLE, PEOPLE_BACK),
        migrations.RunSQL(ENTRY_POST, ENTRY_POST_BACK),
    ]
