"""Payments that come back, bail that came back on a bank line, and payouts of which a bank kept its fee."""

from decimal import Decimal
from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _as_before(function: str, constant: str) -> str:
    """The function as the migration of costs in UMA made it."""
    sql = getattr(import_module("donations.migrations.0037_shared_costs_and_uma"), constant)
    body = sql[sql.index(f"CREATE FUNCTION {function}(") :]
    return "CREATE OR REPLACE" + body[len("CREATE") : body.index("$$;") + 3]


STAYS = """
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
STAYS_BACK = import_module("donations.migrations.0049_own_transfers").STAYS

# A payment comes back whole, to the account it left, after a line showed that it left; and while it is back, that line
# stays its proof.
CAME_BACK = """
CREATE FUNCTION donations_match_comes_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.amount < 0 AND NEW.undone_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM donations_statementmatch
            WHERE disbursement_id = NEW.disbursement_id AND amount > 0 AND undone_at IS NULL) THEN
            RAISE EXCEPTION 'this payment came back: that is taken back first'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_of_payment_that_came_back';
        END IF;
    ELSIF NEW.amount > 0 AND NOT EXISTS (
        SELECT 1 FROM donations_disbursement d
        JOIN donations_statementline l ON l.id = NEW.line_id AND l.account_id = d.bank_account_id
        JOIN donations_statementmatch m ON m.disbursement_id = d.id AND m.amount = -NEW.amount AND m.undone_at IS NULL
        WHERE d.id = NEW.disbursement_id AND d.amount = NEW.amount AND d.paid_at IS NOT NULL) THEN
        RAISE EXCEPTION 'what did not leave by a line cannot come back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_comes_back_as_it_left';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_comes_back BEFORE INSERT OR UPDATE OF undone_at ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.disbursement_id IS NOT NULL) EXECUTE FUNCTION donations_match_comes_back();

CREATE FUNCTION donations_disbursement_came_back() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE donations_disbursement SET came_back_on = (
        SELECT l.booked_on FROM donations_statementmatch m JOIN donations_statementline l ON l.id = m.line_id
        WHERE m.disbursement_id = NEW.disbursement_id AND m.amount > 0 AND m.undone_at IS NULL)
    WHERE id = NEW.disbursement_id;
    RETURN NULL;
END $$;
CREATE TRIGGER match_gives_back AFTER INSERT OR UPDATE OF undone_at ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.disbursement_id IS NOT NULL AND NEW.amount > 0)
    EXECUTE FUNCTION donations_disbursement_came_back();

-- A payment in UMA that came back settled nothing, as long as it is back.
CREATE OR REPLACE FUNCTION donations_uma_open(legal_cost bigint, units numeric) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT units - coalesce((
        SELECT sum(p.settled) FROM donations_umapayment p
        JOIN donations_disbursement d ON d.id = p.disbursement_id AND d.came_back_on IS NULL
        WHERE p.cost_id = legal_cost), 0)
$$;
CREATE OR REPLACE FUNCTION donations_uma_owed(legal_cost bigint, units numeric) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(d.amount) FROM donations_umapayment p
                     JOIN donations_disbursement d ON d.id = p.disbursement_id AND d.came_back_on IS NULL
                     WHERE p.cost_id = legal_cost), 0)
         + round(donations_uma_open(legal_cost, units) * value, donations_exponent('ARS'))
    FROM donations_umavalue WHERE id = donations_uma_newest()
$$;
CREATE FUNCTION donations_uma_reopen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_legalcost SET owed = owed WHERE id = NEW.cost_id AND uma IS NOT NULL AND ended_on IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER disbursement_reopens_uma AFTER UPDATE OF came_back_on ON donations_disbursement
    FOR EACH ROW WHEN (OLD.came_back_on IS DISTINCT FROM NEW.came_back_on)
    EXECUTE FUNCTION donations_uma_reopen();

CREATE OR REPLACE FUNCTION donations_next_due(legal_cost bigint) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN c.ended_on IS NOT NULL THEN NULL
        WHEN EXISTS (SELECT 1 FROM donations_costinstalment WHERE cost_id = c.id) THEN (
        SELECT min(i.due_on) FROM (
            SELECT due_on, sum(amount) OVER (ORDER BY due_on) AS upto FROM donations_costinstalment
            WHERE cost_id = c.id) i
        WHERE i.upto > CASE WHEN c.uma IS NULL THEN p.amount ELSE c.uma - donations_uma_open(c.id, c.uma) END)
        WHEN p.amount < c.owed THEN c.due_on END
    FROM donations_legalcost c CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount FROM donations_disbursement
        WHERE cost_id = c.id AND paid_at IS NOT NULL AND came_back_on IS NULL) p
    WHERE c.id = legal_cost
$$;

CREATE FUNCTION donations_match_of_its_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_bailoutcome o JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE o.id = NEW.bail_outcome_id AND o.bank_account_id = l.account_id AND o.amount = NEW.amount) THEN
        RAISE EXCEPTION 'this line is not where that bail came back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_match_as_it_came_back';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_its_outcome BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.bail_outcome_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_its_outcome();
"""
CAME_BACK_BACK = f"""
DROP TRIGGER match_of_its_outcome ON donations_statementmatch;
DROP FUNCTION donations_match_of_its_outcome();
DROP TRIGGER disbursement_reopens_uma ON donations_disbursement;
DROP FUNCTION donations_uma_reopen();
{_as_before("donations_uma_open", "UMA")}
{_as_before("donations_uma_owed", "UMA")}
{_as_before("donations_next_due", "SHARES")}
DROP TRIGGER match_gives_back ON donations_statementmatch;
DROP FUNCTION donations_disbursement_came_back();
DROP TRIGGER match_comes_back ON donations_statementmatch;
DROP FUNCTION donations_match_comes_back();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0049_own_transfers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="statementmatch",
            name="match_disbursement_once",
        ),
        migrations.RemoveConstraint(
            model_name="statementmatch",
            name="match_is_one_thing",
        ),
        migrations.AddField(
            model_name="disbursement",
            name="came_back_on",
            field=models.DateField(
                editable=False,
                help_text="The day of the bank line that gave it back; kept by the database.",
                null=True,
                verbose_name="came back on",
            ),
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="bail_outcome",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.bailoutcome",
                verbose_name="bail that came back",
            ),
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="withheld",
            field=models.DecimalField(
                db_default=Decimal("0"),
                decimal_places=3,
                default=Decimal("0"),
                help_text="What a bank kept of a payout on its way: its fee, booked apart from the line.",
                max_digits=21,
                verbose_name="withheld",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("bail_outcome__isnull", False)),
                fields=["bail_outcome"],
                name="match_of_bail_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="disbursement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("came_back_on", None), ("paid_at__isnull", False), _connector="OR"
                ),
                name="disbursement_came_back_after_it_was_paid",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bail_outcome", None),
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
                    _connector="OR",
                ),
                name="match_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("withheld", 0),
                    models.Q(("payout__isnull", False), ("withheld__gt", 0)),
                    _connector="OR",
                ),
                name="match_withheld_of_a_payout",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("bail_outcome__isnull", False), ("undone_at", None)),
                fields=("bail_outcome",),
                name="match_bail_outcome_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("disbursement__isnull", False), ("undone_at", None), ("amount__lt", 0)
                ),
                fields=("disbursement",),
                name="match_disbursement_once_out",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("disbursement__isnull", False), ("undone_at", None), ("amount__gt", 0)
                ),
                fields=("disbursement",),
                name="match_disbursement_once_in",
            ),
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(CAME_BACK, CAME_BACK_BACK),
    ]
