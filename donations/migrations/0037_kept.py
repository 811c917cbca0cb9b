"""What closed months' statements say that no entry holds: kept as a month is closed, and of those closed before, as known now."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

# A row for each share of a cost, and one for a cost that nobody shares. In their order: what is shared is cut to the cent
# from the first share on.
STANDING = """
CREATE VIEW donations_standingshare AS
SELECT coalesce(s.id, -c.id) AS id, c.id AS cost_id, c.case_id, coalesce(s.defendant_id, c.defendant_id) AS defendant_id,
       c.kind, c.currency, c.ended_on, s.parts, s.amount
FROM donations_legalcost c LEFT JOIN donations_costshare s ON s.cost_id = c.id;
"""
STANDING_BACK = "DROP VIEW donations_standingshare;"

# Months that were closed before anything was kept: whose each cost was, as it is known now.
EARLIER_SHARES = """
INSERT INTO donations_keptshare (period_id, cost_id, case_id, defendant_id, kind, currency, ended_on, parts, amount)
SELECT p.id, s.cost_id, s.case_id, s.defendant_id, s.kind, s.currency, s.ended_on, s.parts, s.amount
FROM donations_period p CROSS JOIN donations_standingshare s
WHERE p.closed_at IS NOT NULL ORDER BY p.month, s.cost_id, s.id;
"""

# And what exchanges had gained, as donations/exchange_gains.py has it, by the newest rate between the two currencies
# themselves; one that takes a third currency is left out, as a rate that is not known.
EARLIER_GAINS = """
INSERT INTO donations_keptgain (period_id, payment_id, exchange_id, booked_on, received, given, worth)
WITH paid AS (
    SELECT e.id, e.amount, e.debit_id, e.booked_on,
           sum(e.amount) OVER (PARTITION BY e.debit_id ORDER BY e.id) AS reached,
           regexp_replace(e.source, '^(reversal:)+', '') AS source
    FROM donations_entry e JOIN donations_account a ON a.id = e.debit_id AND a.kind = 'cost'
    WHERE e.kind IN ('disbursement', 'bail_forfeited')
      AND NOT EXISTS (SELECT 1 FROM donations_entry r WHERE r.reverses_id = e.id)
), queue AS (
    SELECT l.account_id, l.exchange_id, l.spent, sum(l.spent) OVER (PARTITION BY l.account_id ORDER BY l.first, l.id) AS reached
    FROM (SELECT l.*, min(l.id) OVER (PARTITION BY l.account_id, p.account_id) AS first
          FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
          WHERE l.account_id IN (SELECT debit_id FROM paid)) l
), parts AS (
    SELECT p.source, p.booked_on, q.exchange_id,
           sum(least(q.reached, p.reached) - greatest(q.reached - q.spent, p.reached - p.amount)) AS received
    FROM queue q JOIN paid p
      ON p.debit_id = q.account_id AND q.reached > p.reached - p.amount AND q.reached - q.spent < p.reached
    WHERE q.exchange_id IS NOT NULL GROUP BY p.source, p.booked_on, q.exchange_id
)
SELECT m.id, d.id, x.id, parts.booked_on, parts.received,
       trunc(x.given * parts.received / x.received, donations_exponent(x.given_currency)),
       trunc(parts.received * rate.worth, donations_exponent(x.given_currency))
FROM parts
JOIN donations_disbursement d ON 'disbursement:' || d.number = parts.source
JOIN donations_exchange x ON x.id = parts.exchange_id
JOIN donations_period m ON m.closed_at IS NOT NULL AND m.month = date_trunc('month', parts.booked_on)
LEFT JOIN LATERAL (
    SELECT CASE WHEN r.base = x.received_currency THEN r.rate ELSE 1 / r.rate END AS worth
    FROM donations_rate r
    WHERE (r.base, r.quote) IN ((x.received_currency, x.given_currency), (x.given_currency, x.received_currency))
      AND r.rated_on <= d.paid_on
    ORDER BY r.rated_on DESC, r.base = x.received_currency DESC, r.id DESC LIMIT 1) rate ON true
ORDER BY parts.booked_on, d.payment_reference, x.id;
"""

# Once they are kept with a closed month, they stay.
KEPT = """
CREATE FUNCTION donations_kept_stands() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM donations_period WHERE id = NEW.period_id AND closed_at IS NOT NULL) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what the statements of a closed month say is never changed'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'kept_stands';
END $$;
CREATE TRIGGER kept_share_stands BEFORE INSERT OR UPDATE OR DELETE ON donations_keptshare
    FOR EACH ROW EXECUTE FUNCTION donations_kept_stands();
ALTER TABLE donations_keptshare ENABLE ALWAYS TRIGGER kept_share_stands;
CREATE TRIGGER kept_share_no_truncate BEFORE TRUNCATE ON donations_keptshare
    FOR EACH STATEMENT EXECUTE FUNCTION donations_kept_stands();
ALTER TABLE donations_keptshare ENABLE ALWAYS TRIGGER kept_share_no_truncate;
CREATE TRIGGER kept_gain_stands BEFORE INSERT OR UPDATE OR DELETE ON donations_keptgain
    FOR EACH ROW EXECUTE FUNCTION donations_kept_stands();
ALTER TABLE donations_keptgain ENABLE ALWAYS TRIGGER kept_gain_stands;
CREATE TRIGGER kept_gain_no_truncate BEFORE TRUNCATE ON donations_keptgain
    FOR EACH STATEMENT EXECUTE FUNCTION donations_kept_stands();
ALTER TABLE donations_keptgain ENABLE ALWAYS TRIGGER kept_gain_no_truncate;

-- Whoever closes a month keeps with it whose each cost is.
CREATE FUNCTION donations_period_keeps() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO donations_keptshare (period_id, cost_id, case_id, defendant_id, kind, currency, ended_on, parts, amount)
    SELECT NEW.id, cost_id, case_id, defendant_id, kind, currency, ended_on, parts, amount
    FROM donations_standingshare ORDER BY cost_id, id;
    RETURN NEW;
END $$;
-- Their names sort after period_stands, which says whether the month may be closed at all.
CREATE TRIGGER period_then_keeps BEFORE UPDATE ON donations_period
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION donations_period_keeps();
CREATE TRIGGER period_then_keeps_new BEFORE INSERT ON donations_period
    FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION donations_period_keeps();
ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_then_keeps;
ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_then_keeps_new;
"""
KEPT_BACK = "DROP FUNCTION donations_period_keeps, donations_kept_stands CASCADE;"

# The statements of a case and a defendant have their funds' accounts.
FUND = """
CREATE FUNCTION donations_fund_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.code, NEW.kind, NEW.appeal_id, NEW.case_id, NEW.defendant_id)
       IS DISTINCT FROM (OLD.code, OLD.kind, OLD.appeal_id, OLD.case_id, OLD.defendant_id)
       AND EXISTS (SELECT 1 FROM donations_account WHERE fund_id = NEW.id) THEN
        RAISE EXCEPTION 'the fund stands in the ledger: its code and what it is for stay'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'fund_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_stays BEFORE UPDATE ON donations_fund FOR EACH ROW EXECUTE FUNCTION donations_fund_stays();
"""
FUND_BACK = "DROP FUNCTION donations_fund_stays CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0036_dissolution"),
    ]

    operations = [
        migrations.CreateModel(
            name="StandingShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fees", "lawyers' fees"),
                            ("bail", "bail (a deposit)"),
                            ("court", "court fees and fines"),
                            ("experts", "experts and translators"),
                            ("travel", "travel to hearings"),
                            ("prison", "support in prison"),
                            ("family", "support of the family"),
                            ("medical", "medical and psychological care"),
                            ("security", "security after a raid"),
                            ("bank", "bank and exchange fees"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                ("ended_on", models.DateField(null=True, verbose_name="ended on")),
                ("parts", models.PositiveSmallIntegerField(null=True, verbose_name="parts")),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, null=True, verbose_name="amount"
                    ),
                ),
            ],
            options={
                "db_table": "donations_standingshare",
                "ordering": ["id"],
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="KeptShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fees", "lawyers' fees"),
                            ("bail", "bail (a deposit)"),
                            ("court", "court fees and fines"),
                            ("experts", "experts and translators"),
                            ("travel", "travel to hearings"),
                            ("prison", "support in prison"),
                            ("family", "support of the family"),
                            ("medical", "medical and psychological care"),
                            ("security", "security after a raid"),
                            ("bank", "bank and exchange fees"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                ("ended_on", models.DateField(null=True, verbose_name="ended on")),
                ("parts", models.PositiveSmallIntegerField(null=True, verbose_name="parts")),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, null=True, verbose_name="amount"
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="appeals.case",
                        verbose_name="case",
                    ),
                ),
                (
                    "cost",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.legalcost",
                        verbose_name="legal cost",
                    ),
                ),
                (
                    "defendant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="appeals.defendant",
                        verbose_name="defendant",
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kept_shares",
                        to="donations.period",
                        verbose_name="month",
                    ),
                ),
            ],
            options={
                "verbose_name": "share as it was when a month was closed",
                "verbose_name_plural": "shares as they were when a month was closed",
                "ordering": ["id"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="KeptGain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("booked_on", models.DateField(verbose_name="booked on")),
                (
                    "received",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="received"),
                ),
                (
                    "given",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="given"),
                ),
                (
                    "worth",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, null=True, verbose_name="worth"
                    ),
                ),
                (
                    "exchange",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.exchange",
                        verbose_name="exchange",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.disbursement",
                        verbose_name="payment",
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kept_gains",
                        to="donations.period",
                        verbose_name="month",
                    ),
                ),
            ],
            options={
                "verbose_name": "gain as it was known when a month was closed",
                "verbose_name_plural": "gains as they were known when a month was closed",
                "ordering": ["id"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("period", "payment", "exchange"), name="kept_gain_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(STANDING, STANDING_BACK),
        # What was kept is checked before the guards are put on its tables.
        migrations.RunSQL(
            EARLIER_SHARES + EARLIER_GAINS + "SET CONSTRAINTS ALL IMMEDIATE;",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(KEPT, KEPT_BACK),
        migrations.RunSQL(FUND, FUND_BACK),
    ]
