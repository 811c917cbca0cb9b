"""A policy's texts and its cap for administration; and that a surplus goes by its order. Refused by the database itself."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import appeals.models.language

TEXTS = """
CREATE TRIGGER policy_text_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policytext
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
"""
TEXTS_BACK = "DROP TRIGGER policy_text_of_draft ON donations_policytext;"

# Of a currency: the policy's part of what funds received in it, or got for it by exchange, less what is asked for or paid
# for kinds of cost that count as administration.
ADMINISTRATION = """
CREATE FUNCTION donations_admin_left(rules bigint, code text, but bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT trunc(p.admin_percent / 100 * greatest((
               SELECT coalesce(sum(t.credit - t.debit), 0) FROM donations_total t
               JOIN donations_account a ON a.id = t.account_id
               WHERE a.kind = 'fund' AND a.currency = $2 AND t.kind IN (
                   'donation', 'interest', 'opening', 'refund', 'refund_returned', 'dispute', 'dispute_won', 'exchange')), 0),
               donations_exponent($2)) - (
               SELECT coalesce(sum(d.amount), 0) FROM donations_disbursement d
               JOIN donations_legalcost l ON l.id = d.cost_id
               JOIN donations_policykind k ON k.policy_id = p.id AND k.kind = l.kind AND k.is_admin
               WHERE d.currency = $2 AND d.refused_at IS NULL AND d.came_back_on IS NULL AND d.id IS DISTINCT FROM $3)
    FROM donations_policy p WHERE p.id = $1
$$;

CREATE FUNCTION donations_disbursement_admin() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rules bigint := donations_policy_in_force((NEW.requested_at AT TIME ZONE 'UTC')::date);
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_policykind k JOIN donations_legalcost l ON l.id = NEW.cost_id AND l.kind = k.kind
        JOIN donations_policy p ON p.id = k.policy_id
        WHERE k.policy_id = rules AND k.is_admin AND p.admin_percent IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    -- Two at once would each count on what is left.
    PERFORM pg_advisory_xact_lock(hashtext('donations.administration ' || NEW.currency));
    IF NEW.amount > donations_admin_left(rules, NEW.currency, NEW.id) THEN
        RAISE EXCEPTION 'more would be paid for administration than the policy lets be'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_within_administration';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disbursement_admin BEFORE INSERT OR UPDATE OF requested_at, amount ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_admin();
"""
ADMINISTRATION_BACK = """
DROP TRIGGER disbursement_admin ON donations_disbursement;
DROP FUNCTION donations_disbursement_admin();
DROP FUNCTION donations_admin_left(bigint, text, bigint);
"""

SURPLUS = """
CREATE FUNCTION donations_fund_appeals(fund bigint) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT appeal), '{}') FROM (
        SELECT f.appeal_id FROM donations_fund f WHERE f.id = fund
        UNION SELECT c.appeal_id FROM donations_fund f JOIN appeals_case c ON c.id = f.case_id WHERE f.id = fund
        UNION SELECT c.appeal_id FROM donations_fund f
              JOIN appeals_defendant_cases p ON p.defendant_id = f.defendant_id JOIN appeals_case c ON c.id = p.case_id
              WHERE f.id = fund) named (appeal)
    WHERE appeal IS NOT NULL
$$;

-- Whether costs that `source` does not serve itself lack money, in its own appeals or outside of them.
CREATE FUNCTION donations_others_need(source bigint, code text, inside boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM donations_legalcost l
        JOIN appeals_case c ON c.id = l.case_id
        JOIN donations_fund f ON f.id = $1
        WHERE l.currency = $2 AND l.ended_on IS NULL AND f.kind <> 'general'
          AND (c.appeal_id = ANY (donations_fund_appeals($1))) = $3
          AND l.case_id IS DISTINCT FROM f.case_id AND l.defendant_id IS DISTINCT FROM f.defendant_id
          AND c.appeal_id IS DISTINCT FROM f.appeal_id
          AND l.owed > coalesce((SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END)
                                 FROM donations_allocation WHERE cost_id = l.id), 0)
                     + coalesce((SELECT sum(amount) FROM donations_bailoutcome
                                 WHERE cost_id = l.id AND kind = 'returned'), 0))
$$;

-- What in the policy's order stands against a move: nothing, an earlier step that needs the money, or that the order does
-- not name where it would go. The partner is no fund: money for it is a payment, not a move.
CREATE FUNCTION donations_surplus_hindrance(source bigint, target bigint, code text, day date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    steps text[] := (SELECT surplus_order FROM donations_policy WHERE id = donations_policy_in_force(day));
    mine text := CASE WHEN donations_fund_appeals(source) && donations_fund_appeals(target) THEN 'appeal' ELSE 'others' END;
    step text;
BEGIN
    IF steps IS NULL THEN
        RETURN NULL;
    END IF;
    FOREACH step IN ARRAY steps LOOP
        IF step = mine THEN
            RETURN NULL;
        END IF;
        IF step <> 'partner' AND donations_others_need(source, code, step = 'appeal') THEN
            RETURN step;
        END IF;
    END LOOP;
    RETURN 'unnamed';
END $$;

CREATE FUNCTION donations_surplusmove_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.refused_at IS NULL AND donations_surplus_hindrance(
           NEW.source_id, NEW.target_id, NEW.currency,
           (coalesce(NEW.approved_at, NEW.requested_at) AT TIME ZONE 'UTC')::date) IS NOT NULL THEN
        RAISE EXCEPTION 'a surplus goes by the order of the policy'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_by_the_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER surplus_order BEFORE INSERT OR UPDATE ON donations_surplusmove
    FOR EACH ROW EXECUTE FUNCTION donations_surplusmove_order();
"""
SURPLUS_BACK = """
DROP TRIGGER surplus_order ON donations_surplusmove;
DROP FUNCTION donations_surplusmove_order();
DROP FUNCTION donations_surplus_hindrance(bigint, bigint, text, date);
DROP FUNCTION donations_others_need(bigint, text, boolean);
DROP FUNCTION donations_fund_appeals(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0054_explained_movements"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "language",
                    appeals.models.language.LanguageField(
                        choices=appeals.models.language.languages,
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                (
                    "body",
                    models.TextField(
                        help_text="Markdown. What the rows do not say. No names of people.",
                        verbose_name="text",
                    ),
                ),
            ],
            options={
                "verbose_name": "text of the policy",
                "verbose_name_plural": "texts of the policy",
                "ordering": ["language"],
            },
        ),
        migrations.AddField(
            model_name="policy",
            name="admin_percent",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="Of all that was received in a currency, so much may be paid for costs that count as administration. Empty: no cap.",
                max_digits=5,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(100),
                ],
                verbose_name="administration at most, in percent",
            ),
        ),
        migrations.AddField(
            model_name="policykind",
            name="is_admin",
            field=models.BooleanField(
                default=False,
                help_text="Towards the cap for administration, where the policy has one.",
                verbose_name="counts as administration",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("admin_percent", None),
                    models.Q(("admin_percent__gte", 0), ("admin_percent__lte", 100)),
                    _connector="OR",
                ),
                name="policy_administration_is_a_part",
                violation_error_message="Administration is between 0 and 100 percent.",
            ),
        ),
        migrations.AddField(
            model_name="policytext",
            name="policy",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="texts",
                to="donations.policy",
            ),
        ),
        migrations.AddConstraint(
            model_name="policytext",
            constraint=models.UniqueConstraint(
                fields=("policy", "language"),
                name="policy_text_once_per_language",
                violation_error_message="There is a text in this language already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policytext",
            constraint=models.CheckConstraint(
                condition=models.Q(("body", ""), _negated=True), name="policy_text_not_empty"
            ),
        ),
        migrations.RunSQL(TEXTS, TEXTS_BACK),
        migrations.RunSQL(ADMINISTRATION, ADMINISTRATION_BACK),
        migrations.RunSQL(SURPLUS, SURPLUS_BACK),
    ]
