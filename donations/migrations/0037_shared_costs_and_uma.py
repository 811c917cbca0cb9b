"""Costs in UMA, shared and by instalments; which funds may serve a cost, and how far."""

from decimal import Decimal
from importlib import import_module

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _as_in(migration: str, constant: str, function: str) -> str:
    """The function as an earlier migration made it, to make it so again."""
    sql = getattr(import_module(f"donations.migrations.{migration}"), constant)
    body = sql.partition(f"CREATE FUNCTION {function}()")[2].partition("END $$;")[0]
    return f"CREATE OR REPLACE FUNCTION {function}(){body}END $$;"


APPEND_ONLY = """
CREATE FUNCTION donations_uma_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was owed and what it was settled at is never changed: enter the right value for the same day'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'uma_append_only';
END $$;
CREATE TRIGGER uma_value_append_only BEFORE UPDATE OR DELETE ON donations_umavalue
    FOR EACH ROW EXECUTE FUNCTION donations_uma_append_only();
CREATE TRIGGER uma_value_no_truncate BEFORE TRUNCATE ON donations_umavalue
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_append_only();
CREATE TRIGGER uma_payment_append_only BEFORE UPDATE OR DELETE ON donations_umapayment
    FOR EACH ROW EXECUTE FUNCTION donations_uma_append_only();
CREATE TRIGGER uma_payment_no_truncate BEFORE TRUNCATE ON donations_umapayment
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_append_only();
CREATE TRIGGER owed_change_append_only BEFORE UPDATE OR DELETE ON donations_owedchange
    FOR EACH ROW EXECUTE FUNCTION donations_uma_append_only();
CREATE TRIGGER owed_change_no_truncate BEFORE TRUNCATE ON donations_owedchange
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_append_only();
ALTER TABLE donations_umavalue ENABLE ALWAYS TRIGGER uma_value_append_only;
ALTER TABLE donations_umavalue ENABLE ALWAYS TRIGGER uma_value_no_truncate;
ALTER TABLE donations_umapayment ENABLE ALWAYS TRIGGER uma_payment_append_only;
ALTER TABLE donations_umapayment ENABLE ALWAYS TRIGGER uma_payment_no_truncate;
ALTER TABLE donations_owedchange ENABLE ALWAYS TRIGGER owed_change_append_only;
ALTER TABLE donations_owedchange ENABLE ALWAYS TRIGGER owed_change_no_truncate;
"""
APPEND_ONLY_BACK = """
DROP TRIGGER owed_change_no_truncate ON donations_owedchange;
DROP TRIGGER owed_change_append_only ON donations_owedchange;
DROP TRIGGER uma_payment_no_truncate ON donations_umapayment;
DROP TRIGGER uma_payment_append_only ON donations_umapayment;
DROP TRIGGER uma_value_no_truncate ON donations_umavalue;
DROP TRIGGER uma_value_append_only ON donations_umavalue;
DROP FUNCTION donations_uma_append_only();
"""

UMA = """
-- What is open is owed at: the latest day of effect, and of one day what was entered last.
CREATE FUNCTION donations_uma_newest() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM donations_umavalue ORDER BY effective_from DESC, id DESC LIMIT 1
$$;

-- A payment settles at the value in effect on its day as far as it was published by then; failing that, at what was
-- published later for that day; failing that, at the newest.
CREATE FUNCTION donations_uma_value_of_payment(day date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT id FROM donations_umavalue WHERE effective_from <= day AND published_on <= day
         ORDER BY effective_from DESC, id DESC LIMIT 1),
        (SELECT id FROM donations_umavalue WHERE effective_from <= day ORDER BY effective_from DESC, id DESC LIMIT 1),
        donations_uma_newest())
$$;

CREATE FUNCTION donations_uma_open(legal_cost bigint, units numeric) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT units - coalesce((SELECT sum(settled) FROM donations_umapayment WHERE cost_id = legal_cost), 0)
$$;

-- Each payment as it was made, and what is open at the newest value; NULL while no value is known.
CREATE FUNCTION donations_uma_owed(legal_cost bigint, units numeric) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(d.amount) FROM donations_umapayment p
                     JOIN donations_disbursement d ON d.id = p.disbursement_id WHERE p.cost_id = legal_cost), 0)
         + round(donations_uma_open(legal_cost, units) * value, donations_exponent('ARS'))
    FROM donations_umavalue WHERE id = donations_uma_newest()
$$;

CREATE FUNCTION donations_legalcost_floats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What has ended owes what it owed then.
    IF NEW.uma IS NOT NULL AND NEW.ended_on IS NULL THEN
        IF donations_uma_open(NEW.id, NEW.uma) < 0 THEN
            RAISE EXCEPTION 'more UMA are paid than this'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_owes_the_uma_paid';
        END IF;
        NEW.owed := donations_uma_owed(NEW.id, NEW.uma);
        IF NEW.owed IS NULL THEN
            RAISE EXCEPTION 'no value of the UMA is known'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_uma_has_a_value';
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts before the other triggers of the table: they look at what is owed.
CREATE TRIGGER legal_cost_floats BEFORE INSERT OR UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_legalcost_floats();

CREATE FUNCTION donations_uma_revalue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_legalcost SET owed = owed WHERE id IN (
        SELECT id FROM donations_legalcost WHERE uma IS NOT NULL AND ended_on IS NULL AND donations_uma_open(id, uma) > 0
        ORDER BY id FOR NO KEY UPDATE);
    RETURN NULL;
END $$;
CREATE TRIGGER uma_value_revalues AFTER INSERT ON donations_umavalue
    FOR EACH STATEMENT EXECUTE FUNCTION donations_uma_revalue();

CREATE FUNCTION donations_uma_settle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    units numeric;
    still_open numeric;
    at_value donations_umavalue;
BEGIN
    SELECT uma INTO units FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF units IS NULL THEN
        RETURN NULL;
    END IF;
    still_open := donations_uma_open(NEW.cost_id, units);
    SELECT * INTO at_value FROM donations_umavalue WHERE id = donations_uma_value_of_payment(NEW.paid_on);
    INSERT INTO donations_umapayment (disbursement_id, cost_id, value_id, settled) VALUES (
        NEW.id, NEW.cost_id, at_value.id,
        CASE WHEN NEW.amount >= round(still_open * at_value.value, donations_exponent('ARS')) THEN still_open
             ELSE round(NEW.amount / at_value.value, 12) END);
    UPDATE donations_legalcost SET owed = owed WHERE id = NEW.cost_id;
    RETURN NULL;
END $$;
CREATE TRIGGER disbursement_settles_uma AFTER UPDATE OF paid_at ON donations_disbursement
    FOR EACH ROW WHEN (OLD.paid_at IS NULL AND NEW.paid_at IS NOT NULL)
    EXECUTE FUNCTION donations_uma_settle();

INSERT INTO donations_owedchange (cost_id, owed, changed_at)
    SELECT id, owed, recorded_at FROM donations_legalcost ORDER BY id;

CREATE FUNCTION donations_owed_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.owed IS DISTINCT FROM OLD.owed THEN
        INSERT INTO donations_owedchange (cost_id, owed, changed_at, uma_value_id) VALUES (
            NEW.id, NEW.owed, CASE TG_OP WHEN 'INSERT' THEN NEW.recorded_at ELSE clock_timestamp() END,
            CASE WHEN NEW.uma IS NOT NULL THEN donations_uma_newest() END);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER legal_cost_owed_change AFTER INSERT OR UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_owed_change();
"""
UMA_BACK = """
DROP TRIGGER legal_cost_owed_change ON donations_legalcost;
DROP FUNCTION donations_owed_change();
DROP TRIGGER disbursement_settles_uma ON donations_disbursement;
DROP FUNCTION donations_uma_settle();
DROP TRIGGER uma_value_revalues ON donations_umavalue;
DROP FUNCTION donations_uma_revalue();
DROP TRIGGER legal_cost_floats ON donations_legalcost;
DROP FUNCTION donations_legalcost_floats();
DROP FUNCTION donations_uma_owed(bigint, numeric);
DROP FUNCTION donations_uma_open(bigint, numeric);
DROP FUNCTION donations_uma_value_of_payment(date);
DROP FUNCTION donations_uma_newest();
"""

# What is computed is booked like any fact, above what is set aside or below it: the office is told to release the rest.
HOLDS = """
CREATE OR REPLACE FUNCTION donations_legalcost_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.uma IS NULL AND NEW.owed < donations_set_aside(NEW.id) THEN
        RAISE EXCEPTION 'more is set aside than this'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_owes_what_is_set_aside';
    END IF;
    IF (NEW.number, NEW.case_id, NEW.defendant_id, NEW.kind, NEW.currency, NEW.uma IS NULL)
       IS DISTINCT FROM (OLD.number, OLD.case_id, OLD.defendant_id, OLD.kind, OLD.currency, OLD.uma IS NULL)
       AND EXISTS (SELECT 1 FROM donations_account WHERE legal_cost_id = NEW.id) THEN
        RAISE EXCEPTION 'the cost stands in the ledger: its case, defendant, kind and currency stay'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_stays';
    END IF;
    RETURN NEW;
END $$;
"""
HOLDS_BACK = _as_in("0004_spending_rules", "COST", "donations_legalcost_holds")

# The cap is for what people decide: a cost in UMA that rose above it by a new value is still owed.
CAP = """
CREATE OR REPLACE FUNCTION donations_legalcost_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.policy_id := donations_policy_in_force((NEW.recorded_at AT TIME ZONE 'UTC')::date);
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a cost keeps the policy it was recorded under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_keeps_its_policy';
    ELSIF (NEW.kind, NEW.currency, NEW.uma, NEW.owed) IS NOT DISTINCT FROM (OLD.kind, OLD.currency, OLD.uma, OLD.owed)
          OR NEW.uma IS NOT NULL AND (NEW.kind, NEW.uma) IS NOT DISTINCT FROM (OLD.kind, OLD.uma) THEN
        RETURN NEW;
    END IF;
    IF NEW.policy_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM donations_policykind WHERE policy_id = NEW.policy_id AND kind = NEW.kind) THEN
        RAISE EXCEPTION 'the policy does not pay this kind of cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_of_a_kind_the_policy_pays';
    END IF;
    SELECT amount INTO most FROM donations_policycap
    WHERE policy_id = NEW.policy_id AND kind = NEW.kind AND currency = NEW.currency;
    IF NEW.owed > most THEN
        RAISE EXCEPTION 'the cost is above the cap of its kind'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_within_its_cap';
    END IF;
    RETURN NEW;
END $$;
"""
CAP_BACK = _as_in("0025_policy", "COST", "donations_legalcost_policy")

SHARES = """
-- As models/cost_share.py split(): cut to the smallest unit, and what was cut off carried to the next.
CREATE FUNCTION donations_shares(legal_cost bigint) RETURNS TABLE (defendant_id bigint, owed numeric)
LANGUAGE sql STABLE AS $$
    SELECT s.defendant_id, coalesce(s.amount,
           (div(c.owed * u.units * sum(s.parts) OVER upto, sum(s.parts) OVER ())
            - div(c.owed * u.units * (sum(s.parts) OVER upto - s.parts), sum(s.parts) OVER ())) / u.units)
    FROM donations_legalcost c JOIN donations_costshare s ON s.cost_id = c.id
    CROSS JOIN LATERAL (SELECT power(10::numeric, donations_exponent(c.currency)) AS units) u
    WHERE c.id = legal_cost
    WINDOW upto AS (ORDER BY s.id)
    UNION ALL
    SELECT c.defendant_id, c.owed FROM donations_legalcost c
    WHERE c.id = legal_cost AND NOT EXISTS (SELECT 1 FROM donations_costshare WHERE cost_id = c.id)
$$;

CREATE FUNCTION donations_own_funds_fit(legal_cost bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM (
            SELECT f.defendant_id, sum(CASE WHEN a.is_release THEN -a.amount ELSE a.amount END) AS given
            FROM donations_allocation a JOIN donations_fund f ON f.id = a.fund_id
            WHERE a.cost_id = legal_cost AND f.kind = 'defendant' GROUP BY f.defendant_id) g
        LEFT JOIN donations_shares(legal_cost) s ON s.defendant_id = g.defendant_id
        WHERE g.given > coalesce(s.owed, 0))
$$;

CREATE FUNCTION donations_cost_adds_up(legal_cost bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    cost donations_legalcost;
    shares record;
    agreed numeric;
BEGIN
    SELECT * INTO cost FROM donations_legalcost WHERE id = legal_cost;
    SELECT count(*) AS of_all, count(parts) AS by_parts, sum(amount) AS amount,
           coalesce(bool_or(defendant_id = cost.defendant_id), true) AS has_its_own,
           NOT coalesce(bool_and(EXISTS (
               SELECT 1 FROM appeals_defendant_cases d
               WHERE d.defendant_id = s.defendant_id AND d.case_id = cost.case_id)), true) AS has_strangers
    INTO shares FROM donations_costshare s WHERE cost_id = legal_cost;
    IF shares.of_all = 1 THEN
        RAISE EXCEPTION 'a cost is shared by several or by nobody'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shared_by_several';
    ELSIF shares.by_parts NOT IN (0, shares.of_all) THEN
        RAISE EXCEPTION 'the shares of a cost are all parts or all amounts'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shares_of_one_sort';
    ELSIF NOT shares.has_its_own OR shares.has_strangers THEN
        RAISE EXCEPTION 'a cost is shared by its defendant and others of its case'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shared_within_its_case';
    ELSIF shares.of_all > 0 AND shares.by_parts = 0 AND shares.amount <> cost.owed THEN
        RAISE EXCEPTION 'the shares do not add up to what is owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shares_add_up';
    ELSIF cost.uma IS NULL AND NOT donations_own_funds_fit(legal_cost) THEN
        RAISE EXCEPTION 'a defendant''s own fund gave more than that defendant''s share'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_fund_within_share';
    END IF;
    SELECT sum(amount) INTO agreed FROM donations_costinstalment WHERE cost_id = legal_cost;
    IF agreed <> coalesce(cost.uma, cost.owed) THEN
        RAISE EXCEPTION 'the instalments do not add up to what is owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_instalments_add_up';
    END IF;
END $$;

CREATE FUNCTION donations_cost_part_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM donations_cost_adds_up(OLD.cost_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM donations_cost_adds_up(NEW.cost_id);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cost_share_adds_up AFTER INSERT OR UPDATE OR DELETE ON donations_costshare
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_cost_part_adds_up();
CREATE CONSTRAINT TRIGGER cost_instalment_adds_up AFTER INSERT OR UPDATE OR DELETE ON donations_costinstalment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION donations_cost_part_adds_up();

CREATE FUNCTION donations_legalcost_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM donations_cost_adds_up(NEW.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER legal_cost_adds_up AFTER UPDATE ON donations_legalcost
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.owed, NEW.uma, NEW.defendant_id, NEW.case_id)
          IS DISTINCT FROM (OLD.owed, OLD.uma, OLD.defendant_id, OLD.case_id))
    EXECUTE FUNCTION donations_legalcost_adds_up();

-- By the agreed instalments, the oldest first, in the unit the cost is owed in; without any by the cost's own day.
CREATE FUNCTION donations_next_due(legal_cost bigint) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN c.ended_on IS NOT NULL THEN NULL
        WHEN EXISTS (SELECT 1 FROM donations_costinstalment WHERE cost_id = c.id) THEN (
        SELECT min(i.due_on) FROM (
            SELECT due_on, sum(amount) OVER (ORDER BY due_on) AS upto FROM donations_costinstalment
            WHERE cost_id = c.id) i
        WHERE i.upto > CASE WHEN c.uma IS NULL THEN p.amount ELSE c.uma - donations_uma_open(c.id, c.uma) END)
        WHEN p.amount < c.owed THEN c.due_on END
    FROM donations_legalcost c CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount FROM donations_disbursement
        WHERE cost_id = c.id AND paid_at IS NOT NULL) p
    WHERE c.id = legal_cost
$$;
"""
SHARES_BACK = """
DROP FUNCTION donations_next_due(bigint);
DROP TRIGGER legal_cost_adds_up ON donations_legalcost;
DROP FUNCTION donations_legalcost_adds_up();
DROP TRIGGER cost_instalment_adds_up ON donations_costinstalment;
DROP TRIGGER cost_share_adds_up ON donations_costshare;
DROP FUNCTION donations_cost_part_adds_up();
DROP FUNCTION donations_cost_adds_up(bigint);
DROP FUNCTION donations_own_funds_fit(bigint);
DROP FUNCTION donations_shares(bigint);
"""

FITS = """
CREATE OR REPLACE FUNCTION donations_allocation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cost donations_legalcost;
    of_fund numeric;
BEGIN
    -- Held until the end of the transaction, as donations/allocation does, so that two at once see each other.
    SELECT * INTO cost FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF NOT NEW.is_release AND donations_set_aside(NEW.cost_id) > cost.owed THEN
        RAISE EXCEPTION 'more is set aside than owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END) INTO of_fund
    FROM donations_allocation WHERE cost_id = NEW.cost_id AND fund_id = NEW.fund_id;
    IF of_fund < 0 THEN
        RAISE EXCEPTION 'more is released than the fund set aside'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'release_within_allocated';
    END IF;
    IF NEW.is_release THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM donations_fund f JOIN appeals_case c ON c.id = cost.case_id
        WHERE f.id = NEW.fund_id AND f.closed_on IS NULL
        AND (f.kind = 'general' OR f.appeal_id = c.appeal_id OR f.case_id = c.id
             OR f.defendant_id IN (SELECT s.defendant_id FROM donations_shares(cost.id) s))
        AND coalesce((SELECT f.kind = ANY (p.fund_order) FROM donations_policy p
                      WHERE p.id = donations_policy_in_force((NEW.at AT TIME ZONE 'UTC')::date)), true)) THEN
        RAISE EXCEPTION 'this fund may not serve the cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_of_a_fund_that_may_serve';
    END IF;
    IF NOT donations_own_funds_fit(cost.id) THEN
        RAISE EXCEPTION 'a defendant''s own fund gave more than that defendant''s share'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_fund_within_share';
    END IF;
    RETURN NULL;
END $$;

-- When the transaction ends, and with it the fund's account, held by the entry, is as it will be.
CREATE FUNCTION donations_allocation_leaves_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    part numeric;
    free numeric;
    given numeric;
BEGIN
    SELECT p.reserve_percent / 100 INTO part FROM donations_policy p, donations_fund f
    WHERE p.id = donations_policy_in_force((NEW.at AT TIME ZONE 'UTC')::date)
    AND f.id = NEW.fund_id AND f.kind = 'general';
    IF part IS NULL OR part = 0 THEN
        RETURN NULL;
    END IF;
    SELECT donations_balance(a.id) INTO free FROM donations_account a JOIN donations_legalcost c ON c.id = NEW.cost_id
    WHERE a.fund_id = NEW.fund_id AND a.currency = c.currency;
    SELECT sum(CASE WHEN a.is_release THEN -a.amount ELSE a.amount END) INTO given
    FROM donations_allocation a JOIN donations_legalcost c ON c.id = a.cost_id
    WHERE a.fund_id = NEW.fund_id AND c.currency = (SELECT currency FROM donations_legalcost WHERE id = NEW.cost_id);
    IF free < (free + given) * part THEN
        RAISE EXCEPTION 'this would not leave the reserve of the general fund'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_leaves_reserve';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER allocation_leaves_reserve AFTER INSERT ON donations_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NOT NEW.is_release)
    EXECUTE FUNCTION donations_allocation_leaves_reserve();
"""
FITS_BACK = f"""
DROP TRIGGER allocation_leaves_reserve ON donations_allocation;
DROP FUNCTION donations_allocation_leaves_reserve();
{_as_in("0004_spending_rules", "ALLOCATION", "donations_allocation_fits")}
"""


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0036_follow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="policy",
            name="reserve_percent",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal(0),
                help_text="So much of all that a general fund received is never set aside for costs.",
                max_digits=5,
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(100),
                ],
                verbose_name="reserve, in percent",
            ),
        ),
        migrations.CreateModel(
            name="CostInstalment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                (
                    "amount",
                    models.DecimalField(decimal_places=4, max_digits=22, verbose_name="amount"),
                ),
            ],
            options={
                "verbose_name": "instalment of a cost",
                "verbose_name_plural": "instalments of costs",
                "ordering": ["due_on"],
            },
        ),
        migrations.CreateModel(
            name="CostShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("parts", models.PositiveSmallIntegerField(null=True, verbose_name="parts")),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, null=True, verbose_name="amount"
                    ),
                ),
            ],
            options={
                "verbose_name": "share of a cost",
                "verbose_name_plural": "shares of costs",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="OwedChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "owed",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, verbose_name="amount owed"
                    ),
                ),
                ("changed_at", models.DateTimeField(verbose_name="changed at")),
            ],
            options={
                "verbose_name": "change of what is owed",
                "verbose_name_plural": "changes of what is owed",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="UmaPayment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "settled",
                    models.DecimalField(
                        decimal_places=12,
                        help_text="Amount by value, to twelve decimals; all the rest when all that is open is paid.",
                        max_digits=30,
                        verbose_name="UMA settled",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment of UMA",
                "verbose_name_plural": "payments of UMA",
            },
        ),
        migrations.CreateModel(
            name="UmaValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "value",
                    models.DecimalField(
                        decimal_places=4,
                        help_text="As the ruling says.",
                        max_digits=18,
                        verbose_name="pesos for one UMA",
                    ),
                ),
                ("effective_from", models.DateField(verbose_name="in effect from")),
                (
                    "published_on",
                    models.DateField(
                        help_text="Payments of earlier days stay as they are.",
                        verbose_name="published on",
                    ),
                ),
                (
                    "ruling",
                    models.CharField(
                        help_text="The court's act that sets it, by name and number.",
                        max_length=200,
                        verbose_name="ruling",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True,
                        help_text="Where it can be read: a link or a page.",
                        max_length=300,
                        verbose_name="source",
                    ),
                ),
                ("entered_at", models.DateTimeField(verbose_name="entered at")),
            ],
            options={
                "verbose_name": "value of the UMA",
                "verbose_name_plural": "values of the UMA",
                "ordering": ["-effective_from", "-pk"],
                "permissions": [("enter_umavalue", "Can enter values of the UMA")],
            },
        ),
        migrations.AddField(
            model_name="legalcost",
            name="uma",
            field=models.DecimalField(
                blank=True,
                decimal_places=4,
                help_text="Where the bill is in UMA: how many. What is open of it is owed at the newest value.",
                max_digits=18,
                null=True,
                verbose_name="owed in UMA",
            ),
        ),
        migrations.AlterField(
            model_name="legalcost",
            name="owed",
            field=models.DecimalField(
                decimal_places=3,
                help_text="Of a bill in UMA: what was paid, and what is open at the newest value.",
                max_digits=21,
                verbose_name="amount owed",
            ),
        ),
        migrations.AddConstraint(
            model_name="legalcost",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("uma", None), models.Q(("currency", "ARS"), ("uma__gt", 0)), _connector="OR"
                ),
                name="legal_cost_uma_in_pesos",
                violation_error_message="A bill in UMA is above zero, and paid in pesos (ARS).",
            ),
        ),
        migrations.AddField(
            model_name="costinstalment",
            name="cost",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="instalments",
                to="donations.legalcost",
                verbose_name="legal cost",
            ),
        ),
        migrations.AddField(
            model_name="costshare",
            name="cost",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="shares",
                to="donations.legalcost",
                verbose_name="legal cost",
            ),
        ),
        migrations.AddField(
            model_name="costshare",
            name="defendant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cost_shares",
                to="appeals.defendant",
                verbose_name="defendant",
            ),
        ),
        migrations.AddField(
            model_name="owedchange",
            name="cost",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="owed_changes",
                to="donations.legalcost",
                verbose_name="legal cost",
            ),
        ),
        migrations.AddField(
            model_name="umapayment",
            name="cost",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="uma_payments",
                to="donations.legalcost",
                verbose_name="legal cost",
            ),
        ),
        migrations.AddField(
            model_name="umapayment",
            name="disbursement",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="uma",
                to="donations.disbursement",
                verbose_name="payment",
            ),
        ),
        migrations.AddField(
            model_name="umavalue",
            name="entered_by",
            field=models.ForeignKey(
                help_text="Empty when a command did it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="entered by",
            ),
        ),
        migrations.AddField(
            model_name="umapayment",
            name="value",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments",
                to="donations.umavalue",
                verbose_name="value of the UMA",
            ),
        ),
        migrations.AddField(
            model_name="owedchange",
            name="uma_value",
            field=models.ForeignKey(
                help_text="At which what is open of a bill in UMA was owed then.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.umavalue",
                verbose_name="value of the UMA",
            ),
        ),
        migrations.AddConstraint(
            model_name="costinstalment",
            constraint=models.UniqueConstraint(
                fields=("cost", "due_on"), name="cost_instalment_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="costinstalment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="cost_instalment_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="costshare",
            constraint=models.UniqueConstraint(
                fields=("cost", "defendant"), name="cost_share_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="costshare",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount", None), ("parts__gt", 0)),
                    models.Q(("amount__gt", 0), ("parts", None)),
                    _connector="OR",
                ),
                name="cost_share_by_parts_or_amount",
            ),
        ),
        migrations.AddIndex(
            model_name="umavalue",
            index=models.Index(fields=["-effective_from", "-id"], name="uma_newest"),
        ),
        migrations.AddConstraint(
            model_name="umavalue",
            constraint=models.CheckConstraint(
                condition=models.Q(("value__gt", 0)), name="uma_value_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="umavalue",
            constraint=models.CheckConstraint(
                condition=models.Q(("ruling", ""), _negated=True), name="uma_value_has_ruling"
            ),
        ),
        migrations.AddConstraint(
            model_name="umavalue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("effective_from__lte", models.F("entered_at__date")),
                    ("published_on__lte", models.F("entered_at__date")),
                ),
                name="uma_value_in_effect_and_published",
            ),
        ),
        migrations.AddConstraint(
            model_name="umapayment",
            constraint=models.CheckConstraint(
                condition=models.Q(("settled__gte", 0)), name="uma_payment_not_negative"
            ),
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        migrations.RunSQL(UMA, UMA_BACK),
        migrations.RunSQL(HOLDS, HOLDS_BACK),
        migrations.RunSQL(CAP, CAP_BACK),
        migrations.RunSQL(SHARES, SHARES_BACK),
        migrations.RunSQL(FITS, FITS_BACK),
    ]
