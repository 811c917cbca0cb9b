"""Months that are closed by two people and take no entry any more; totals of days, by which any day's balance is read."""

import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The first day that takes entries. No row is locked for it: whoever closes a month waits for all who are posting, and
# holds up all who begin to, by one advisory lock that these share.
OPEN_FROM = """
CREATE FUNCTION donations_open_from() RETURNS date LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT max(month) + interval '1 month' FROM donations_period WHERE closed_at IS NOT NULL),
                    '-infinity')::date
$$;

CREATE FUNCTION donations_entry_period() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('donations_period'), 0);
    IF EXISTS (SELECT 1 FROM new_entries WHERE booked_on < donations_open_from()) THEN
        RAISE EXCEPTION 'this month is closed: a later fact is booked on the first open day'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_open';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_period AFTER INSERT ON donations_entry
    REFERENCING NEW TABLE AS new_entries
    FOR EACH STATEMENT EXECUTE FUNCTION donations_entry_period();
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_period;
"""
OPEN_FROM_BACK = """
DROP TRIGGER entry_period ON donations_entry;
DROP FUNCTION donations_entry_period();
DROP FUNCTION donations_open_from();
"""

# Triggers of one event fire in the order of their names: after entry_post, which holds the accounts.
DAYS = """
INSERT INTO donations_daytotal (account_id, booked_on, kind, slot, debit, credit)
SELECT account_id, booked_on, kind, 0, sum(debit), sum(credit) FROM (
    SELECT debit_id AS account_id, booked_on, kind, amount AS debit, 0 AS credit FROM donations_entry
    UNION ALL SELECT credit_id, booked_on, kind, 0, amount FROM donations_entry) m
GROUP BY account_id, booked_on, kind;

CREATE FUNCTION donations_entry_totals_of_day() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO donations_daytotal AS t (account_id, booked_on, kind, slot, debit, credit)
    SELECT m.account_id, m.booked_on, m.kind, pg_backend_pid() % 16, sum(m.debit), sum(m.credit)
    FROM (
        SELECT debit_id AS account_id, booked_on, kind, amount AS debit, 0 AS credit FROM new_entries
        UNION ALL
        SELECT credit_id, booked_on, kind, 0, amount FROM new_entries
    ) m
    GROUP BY m.account_id, m.booked_on, m.kind ORDER BY m.account_id, m.booked_on, m.kind
    ON CONFLICT (account_id, booked_on, kind, slot)
        DO UPDATE SET debit = t.debit + excluded.debit, credit = t.credit + excluded.credit;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_totals_of_day AFTER INSERT ON donations_entry
    REFERENCING NEW TABLE AS new_entries
    FOR EACH STATEMENT EXECUTE FUNCTION donations_entry_totals_of_day();
ALTER TABLE donations_entry ENABLE ALWAYS TRIGGER entry_totals_of_day;

CREATE FUNCTION donations_balance_on(account bigint, day date) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(t.credit - t.debit), 0) * CASE WHEN a.kind = 'asset' THEN -1 ELSE 1 END
    FROM donations_account a LEFT JOIN donations_daytotal t ON t.account_id = a.id AND t.booked_on <= day
    WHERE a.id = account GROUP BY a.kind
$$;
"""
DAYS_BACK = """
DROP FUNCTION donations_balance_on(bigint, date);
DROP TRIGGER entry_totals_of_day ON donations_entry;
DROP FUNCTION donations_entry_totals_of_day();
"""

# The statement of a month, one fact a line: what no entry of later can change, once the month takes none.
STATEMENT = """
CREATE FUNCTION donations_period_lines(month date) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT line FROM (
        SELECT 1 AS part, NULL::date AS day, '' AS name, 'month|' || to_char(month, 'YYYY-MM') AS line
        UNION ALL
        SELECT 2, NULL, a.code, concat_ws('|', 'account', a.code, a.currency,
            trim_scale(sum(CASE WHEN t.booked_on < month THEN t.credit - t.debit ELSE 0 END) * sign.of),
            trim_scale(sum(CASE WHEN t.booked_on >= month THEN t.debit ELSE 0 END)),
            trim_scale(sum(CASE WHEN t.booked_on >= month THEN t.credit ELSE 0 END)),
            trim_scale(sum(t.credit - t.debit) * sign.of))
        FROM donations_daytotal t JOIN donations_account a ON a.id = t.account_id
        CROSS JOIN LATERAL (SELECT CASE WHEN a.kind = 'asset' THEN -1 ELSE 1 END AS of) sign
        WHERE t.booked_on < month + interval '1 month'
        GROUP BY a.id, a.code, a.currency, sign.of
        UNION ALL
        SELECT 3, e.booked_on, e.source, concat_ws('|', 'entry', to_char(e.booked_on, 'YYYY-MM-DD'),
            coalesce(to_char(e.happened_on, 'YYYY-MM-DD'), ''), e.source, e.kind, d.code, c.code,
            trim_scale(e.amount), e.currency)
        FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        WHERE e.booked_on >= month AND e.booked_on < month + interval '1 month'
    ) lines
    ORDER BY part, day, name COLLATE "C"
$$;

CREATE FUNCTION donations_period_sha256(month date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(string_agg(line || chr(10), '' ORDER BY number), 'UTF8')), 'hex')
    FROM donations_period_lines(month) WITH ORDINALITY AS lines (line, number)
$$;
"""
STATEMENT_BACK = """
DROP FUNCTION donations_period_sha256(date);
DROP FUNCTION donations_period_lines(date);
"""

CLOSING = """
CREATE FUNCTION donations_period_stands() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last_closed date;
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') OR (TG_OP = 'UPDATE' AND OLD.closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a month of the books is never deleted, and a closed one never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'period_stands';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.month <> OLD.month THEN
        RAISE EXCEPTION 'a month of the books stays the month it is'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'period_stands';
    END IF;
    IF NEW.closed_at IS NULL THEN
        RETURN NEW;
    END IF;
    -- Whoever posted is done or has not begun: what follows sees all of the month, and nothing is added meanwhile.
    PERFORM pg_advisory_xact_lock(hashtext('donations_period'), 0);
    IF least(NEW.closed_at, now()) AT TIME ZONE 'UTC' < NEW.month + interval '1 month' THEN
        RAISE EXCEPTION 'the month is not over'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_is_over';
    END IF;
    SELECT max(month) INTO last_closed FROM donations_period WHERE closed_at IS NOT NULL;
    IF NEW.month <> last_closed + interval '1 month'
       OR (last_closed IS NULL AND EXISTS (SELECT 1 FROM donations_daytotal WHERE booked_on < NEW.month)) THEN
        RAISE EXCEPTION 'an earlier month is open'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_closed_in_turn';
    END IF;
    IF EXISTS (
        SELECT 1 FROM donations_account a
        LEFT JOIN donations_assertion s ON s.account_id = a.id AND s.period_id = NEW.id
        WHERE (s.id IS NOT NULL OR (a.place IN ('stripe', 'bank') AND EXISTS (
                  SELECT 1 FROM donations_daytotal t
                  WHERE t.account_id = a.id AND t.booked_on < NEW.month + interval '1 month')))
          AND (s.id IS NULL OR s.stated <> s.booked + s.explained
               OR s.booked <> donations_balance_on(a.id, (NEW.month + interval '1 month' - interval '1 day')::date))
    ) THEN
        RAISE EXCEPTION 'a balance is not proved'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_balances_proved';
    END IF;
    IF NEW.sha256 IS DISTINCT FROM donations_period_sha256(NEW.month) THEN
        RAISE EXCEPTION 'something was booked in the month since closing was asked for'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_closed_as_requested';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER period_stands BEFORE INSERT OR UPDATE OR DELETE ON donations_period
    FOR EACH ROW EXECUTE FUNCTION donations_period_stands();
CREATE TRIGGER period_no_truncate BEFORE TRUNCATE ON donations_period
    FOR EACH STATEMENT EXECUTE FUNCTION donations_period_stands();
ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_stands;
ALTER TABLE donations_period ENABLE ALWAYS TRIGGER period_no_truncate;

CREATE FUNCTION donations_assertion_stands() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' OR EXISTS (
        SELECT 1 FROM donations_period WHERE closed_at IS NOT NULL
        AND id IN (CASE WHEN TG_OP <> 'DELETE' THEN NEW.period_id END, CASE WHEN TG_OP <> 'INSERT' THEN OLD.period_id END)
    ) THEN
        RAISE EXCEPTION 'what a closed month was proved by is never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'assertion_stands';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER assertion_stands BEFORE INSERT OR UPDATE OR DELETE ON donations_assertion
    FOR EACH ROW EXECUTE FUNCTION donations_assertion_stands();
CREATE TRIGGER assertion_no_truncate BEFORE TRUNCATE ON donations_assertion
    FOR EACH STATEMENT EXECUTE FUNCTION donations_assertion_stands();
ALTER TABLE donations_assertion ENABLE ALWAYS TRIGGER assertion_stands;
ALTER TABLE donations_assertion ENABLE ALWAYS TRIGGER assertion_no_truncate;
"""
CLOSING_BACK = """
DROP TRIGGER assertion_stands ON donations_assertion;
DROP TRIGGER assertion_no_truncate ON donations_assertion;
DROP FUNCTION donations_assertion_stands();
DROP TRIGGER period_stands ON donations_period;
DROP TRIGGER period_no_truncate ON donations_period;
DROP FUNCTION donations_period_stands();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0025_policy"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Assertion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("statement", "bank statement"),
                            ("stripe", "Stripe's balance"),
                            ("typed", "read by a person"),
                        ],
                        max_length=9,
                        verbose_name="by",
                    ),
                ),
                (
                    "stated",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="stated"),
                ),
                (
                    "booked",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, verbose_name="in the books"
                    ),
                ),
                (
                    "explained",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="explained"),
                ),
                ("items", models.JSONField(default=list, verbose_name="what explains it")),
                ("made_at", models.DateTimeField(verbose_name="at")),
            ],
            options={
                "verbose_name": "balance assertion",
                "verbose_name_plural": "balance assertions",
                "ordering": ["account__code"],
            },
        ),
        migrations.CreateModel(
            name="DayTotal",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id",
                        "booked_on",
                        "kind",
                        "slot",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="donations.account",
                    ),
                ),
                ("booked_on", models.DateField()),
                ("kind", models.CharField(max_length=20)),
                ("slot", models.SmallIntegerField()),
                ("debit", models.DecimalField(decimal_places=3, max_digits=21)),
                ("credit", models.DecimalField(decimal_places=3, max_digits=21)),
            ],
            options={
                "verbose_name": "total of a day",
                "verbose_name_plural": "totals of days",
            },
        ),
        migrations.CreateModel(
            name="Period",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "month",
                    models.DateField(help_text="Its first day.", unique=True, verbose_name="month"),
                ),
                ("verified_at", models.DateTimeField(null=True, verbose_name="totals verified at")),
                ("reconciled_at", models.DateTimeField(null=True, verbose_name="reconciled at")),
                (
                    "requested_at",
                    models.DateTimeField(null=True, verbose_name="closing requested at"),
                ),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed at")),
                (
                    "sha256",
                    models.CharField(
                        blank=True, max_length=64, verbose_name="SHA-256 of the month's statement"
                    ),
                ),
                ("entries", models.PositiveIntegerField(null=True, verbose_name="entries")),
            ],
            options={
                "verbose_name": "month of the books",
                "verbose_name_plural": "months of the books",
                "ordering": ["-month"],
                "permissions": [
                    ("verify_period", "Can verify and reconcile a month, and ask to close it"),
                    ("close_period", "Can close a month that another person asked to close"),
                ],
            },
        ),
        migrations.CreateModel(
            name="StripeBalance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=3, max_digits=21, verbose_name="at Stripe"),
                ),
                (
                    "moved",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, verbose_name="by its movements"
                    ),
                ),
                ("read_at", models.DateTimeField(verbose_name="read at")),
            ],
            options={
                "verbose_name": "balance at Stripe",
                "verbose_name_plural": "balances at Stripe",
                "ordering": ["currency"],
            },
        ),
        migrations.AddField(
            model_name="entry",
            name="happened_on",
            field=models.DateField(
                help_text="The fact's own day, when its month was closed already and it was booked on the first open day instead.",
                null=True,
                verbose_name="happened on",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="credit",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credits",
                to="donations.account",
                verbose_name="credit",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="debit",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="debits",
                to="donations.account",
                verbose_name="debit",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["booked_on"], name="entry_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("happened_on", None),
                    ("happened_on__lt", models.F("booked_on")),
                    _connector="OR",
                ),
                name="entry_booked_after_it_happened",
            ),
        ),
        migrations.AddField(
            model_name="assertion",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assertions",
                to="donations.account",
                verbose_name="account",
            ),
        ),
        migrations.AddField(
            model_name="assertion",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="assertion",
            name="statement",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.statementimport",
                verbose_name="statement import",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="closed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="closed by",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="reconciled_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="reconciled by",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="requested_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="closing requested by",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="verified_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="totals verified by",
            ),
        ),
        migrations.AddField(
            model_name="assertion",
            name="period",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assertions",
                to="donations.period",
                verbose_name="month",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="period_begins_on_the_first"
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verified_at", None), ("verified_by", None)),
                    models.Q(("verified_at__isnull", False), ("verified_by__isnull", False)),
                    _connector="OR",
                ),
                name="period_verified_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reconciled_at", None), ("reconciled_by", None)),
                    models.Q(("reconciled_at__isnull", False), ("reconciled_by__isnull", False)),
                    _connector="OR",
                ),
                name="period_reconciled_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("requested_at", None), ("requested_by", None)),
                    models.Q(("requested_at__isnull", False), ("requested_by__isnull", False)),
                    _connector="OR",
                ),
                name="period_requested_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("closed_by", None)),
                    models.Q(("closed_at__isnull", False), ("closed_by__isnull", False)),
                    _connector="OR",
                ),
                name="period_closed_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("reconciled_at", None), ("verified_at__isnull", False), _connector="OR"
                    ),
                    models.Q(
                        ("requested_at", None), ("reconciled_at__isnull", False), _connector="OR"
                    ),
                    models.Q(("closed_at", None), ("requested_at__isnull", False), _connector="OR"),
                ),
                name="period_steps_in_turn",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("entries", None), ("requested_at", None), ("sha256", "")),
                    models.Q(
                        ("entries__gte", 0),
                        ("requested_at__isnull", False),
                        ("sha256__regex", "^[0-9a-f]{64}$"),
                    ),
                    _connector="OR",
                ),
                name="period_request_names_its_statement",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_by", None),
                    models.Q(("closed_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="period_closed_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="assertion",
            constraint=models.UniqueConstraint(
                fields=("period", "account"), name="assertion_once_per_account"
            ),
        ),
        migrations.AddConstraint(
            model_name="assertion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("basis", "statement"), ("statement__isnull", False)),
                    models.Q(models.Q(("basis", "statement"), _negated=True), ("statement", None)),
                    _connector="OR",
                ),
                name="assertion_names_its_statement",
            ),
        ),
        migrations.RunSQL(OPEN_FROM, OPEN_FROM_BACK),
        migrations.RunSQL(DAYS, DAYS_BACK),
        migrations.RunSQL(STATEMENT, STATEMENT_BACK),
        migrations.RunSQL(CLOSING, CLOSING_BACK),
    ]
