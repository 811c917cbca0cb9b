"""The fund's policy: versions that stay, kept with each gift and cost, and checked where costs are recorded."""

from decimal import Decimal

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import donations.models.policy

STAYS = """
CREATE FUNCTION donations_policy_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.enacted_at IS NOT NULL THEN
            RAISE EXCEPTION 'a policy starts as a draft'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_starts_as_draft';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.enacted_at IS NOT NULL THEN
        RAISE EXCEPTION 'an enacted policy stays as it is: draft another version'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_enacted_stays';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER policy_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_policy
    FOR EACH ROW EXECUTE FUNCTION donations_policy_steps();

CREATE FUNCTION donations_policy_rule_of_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    enacted timestamptz;
BEGIN
    -- Held against donations/policy.py, which enacts what it read. Without a row the whole draft is being deleted.
    IF TG_OP <> 'INSERT' THEN
        SELECT enacted_at INTO enacted FROM donations_policy WHERE id = OLD.policy_id FOR SHARE;
    END IF;
    IF TG_OP <> 'DELETE' AND enacted IS NULL THEN
        SELECT enacted_at INTO enacted FROM donations_policy WHERE id = NEW.policy_id FOR SHARE;
    END IF;
    IF enacted IS NOT NULL THEN
        RAISE EXCEPTION 'an enacted policy stays as it is: draft another version'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_enacted_stays';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER policy_kind_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policykind
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
CREATE TRIGGER policy_cap_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policycap
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
CREATE TRIGGER policy_limit_of_draft BEFORE INSERT OR UPDATE OR DELETE ON donations_policylimit
    FOR EACH ROW EXECUTE FUNCTION donations_policy_rule_of_draft();
"""
STAYS_BACK = """
DROP TRIGGER policy_limit_of_draft ON donations_policylimit;
DROP TRIGGER policy_cap_of_draft ON donations_policycap;
DROP TRIGGER policy_kind_of_draft ON donations_policykind;
DROP TRIGGER policy_steps ON donations_policy;
DROP FUNCTION donations_policy_rule_of_draft();
DROP FUNCTION donations_policy_steps();
"""

# The same choice as PolicyQuerySet.in_force.
KEPT = """
CREATE FUNCTION donations_policy_in_force(day date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM donations_policy WHERE enacted_at IS NOT NULL AND in_force_from <= day
    ORDER BY in_force_from DESC, version DESC LIMIT 1
$$;

CREATE FUNCTION donations_pledge_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.policy_id := donations_policy_in_force((NEW.created_at AT TIME ZONE 'UTC')::date);
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a gift keeps the policy it was given under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'gift_keeps_its_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pledge_policy BEFORE INSERT OR UPDATE OF policy_id ON donations_pledge
    FOR EACH ROW EXECUTE FUNCTION donations_pledge_policy();

CREATE FUNCTION donations_donation_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.pledge_id IS NULL THEN
            NEW.policy_id := donations_policy_in_force((NEW.received_at AT TIME ZONE 'UTC')::date);
        ELSE
            SELECT policy_id INTO NEW.policy_id FROM donations_pledge WHERE id = NEW.pledge_id;
        END IF;
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a gift keeps the policy it was given under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'gift_keeps_its_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER donation_policy BEFORE INSERT OR UPDATE OF policy_id ON donations_donation
    FOR EACH ROW EXECUTE FUNCTION donations_donation_policy();
"""
KEPT_BACK = """
DROP TRIGGER donation_policy ON donations_donation;
DROP TRIGGER pledge_policy ON donations_pledge;
DROP FUNCTION donations_donation_policy();
DROP FUNCTION donations_pledge_policy();
DROP FUNCTION donations_policy_in_force(date);
"""

# A cost is measured by the policy it was recorded under: whether the kind is paid at all, and its cap.
COST = """
CREATE FUNCTION donations_legalcost_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.policy_id := donations_policy_in_force((NEW.recorded_at AT TIME ZONE 'UTC')::date);
    ELSIF NEW.policy_id IS DISTINCT FROM OLD.policy_id THEN
        RAISE EXCEPTION 'a cost keeps the policy it was recorded under'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_keeps_its_policy';
    ELSIF (NEW.kind, NEW.currency, NEW.owed) IS NOT DISTINCT FROM (OLD.kind, OLD.currency, OLD.owed) THEN
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
CREATE TRIGGER legal_cost_policy BEFORE INSERT OR UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_legalcost_policy();
"""
COST_BACK = """
DROP TRIGGER legal_cost_policy ON donations_legalcost;
DROP FUNCTION donations_legalcost_policy();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0024_event_object"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="costdocument",
            name="kind",
            field=models.CharField(
                choices=[
                    ("bill", "bill or invoice"),
                    ("agreement", "agreement on fees"),
                    ("ruling", "court's ruling or notice"),
                    ("receipt", "receipt or ticket"),
                    ("need", "written statement of need"),
                    ("statement", "bank statement"),
                ],
                default="bill",
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(
                        editable=False,
                        help_text="Empty: a draft.",
                        null=True,
                        unique=True,
                        verbose_name="version",
                    ),
                ),
                (
                    "in_force_from",
                    models.DateField(
                        help_text="Not before the day on which it is enacted.",
                        verbose_name="in force from",
                    ),
                ),
                (
                    "not_eligible",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("campaigning", "campaigning"),
                                ("weapons", "weapons"),
                                ("salaries", "salaries of organizers"),
                                ("party", "debts of political parties"),
                                ("undocumented", "anything without a document"),
                            ],
                            max_length=20,
                        ),
                        blank=True,
                        default=donations.models.policy.all_exclusions,
                        verbose_name="never paid for",
                    ),
                ),
                (
                    "approvers",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="Besides the person who asks for it: 1, and a third person above the limit below; or always 2.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(2),
                        ],
                        verbose_name="people who approve a payment",
                    ),
                ),
                (
                    "emergency_hours",
                    models.PositiveSmallIntegerField(
                        default=72,
                        help_text="Within them another person signs what one person paid in an emergency.",
                        verbose_name="hours for the second signature",
                    ),
                ),
                (
                    "reserve_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        help_text="So much of each general fund's money is not set aside for costs.",
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="reserve, in percent",
                    ),
                ),
                (
                    "fund_order",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("general", "general"),
                                ("appeal", "an appeal"),
                                ("case", "a case"),
                                ("defendant", "a defendant"),
                            ],
                            max_length=10,
                        ),
                        default=donations.models.policy.narrowest_first,
                        help_text="Which funds may serve a cost, the first to be used first.",
                        verbose_name="order of the funds",
                    ),
                ),
                (
                    "surplus_order",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("appeal", "other defendants of the same appeal"),
                                ("others", "defendants in other cases"),
                                ("partner", "the partner named here"),
                            ],
                            max_length=10,
                        ),
                        default=donations.models.policy.usual_surplus_order,
                        help_text="Where money goes that its purpose no longer needs.",
                        verbose_name="order for what is left over",
                    ),
                ),
                (
                    "partner",
                    models.CharField(
                        blank=True,
                        help_text="The organization that gets what nobody here needs. Shown to everyone.",
                        max_length=120,
                        verbose_name="partner",
                    ),
                ),
                (
                    "dormant_months",
                    models.PositiveSmallIntegerField(
                        default=12,
                        help_text="Without a movement for so long, a fund is handled like one no longer needed.",
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="months until a fund is dormant",
                    ),
                ),
                (
                    "is_sample",
                    models.BooleanField(default=False, editable=False, verbose_name="sample data"),
                ),
                ("drafted_at", models.DateTimeField(editable=False, verbose_name="drafted at")),
                (
                    "enacted_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="enacted at"),
                ),
                (
                    "drafted_by",
                    models.ForeignKey(
                        editable=False,
                        help_text="Who changed it last.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="drafted by",
                    ),
                ),
                (
                    "enacted_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="enacted by",
                    ),
                ),
            ],
            options={
                "verbose_name": "policy of the fund",
                "verbose_name_plural": "policy of the fund",
                "ordering": ["-pk"],
                "permissions": [("enact_policy", "Can enact the fund's policy")],
            },
        ),
        migrations.AddField(
            model_name="donation",
            name="policy",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                help_text="The policy the promise was made under, else the one in force that day; the database notes it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.policy",
                verbose_name="given under",
            ),
        ),
        migrations.AddField(
            model_name="legalcost",
            name="policy",
            field=models.ForeignKey(
                editable=False,
                help_text="The policy in force that day; the database notes it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.policy",
                verbose_name="recorded under",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="policy",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                help_text="The policy in force that day; the database notes it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.policy",
                verbose_name="given under",
            ),
        ),
        migrations.CreateModel(
            name="PolicyCap",
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
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=3, max_digits=21, verbose_name="at most, for one cost"
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="caps",
                        to="donations.policy",
                    ),
                ),
            ],
            options={
                "verbose_name": "cap",
                "verbose_name_plural": "caps",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PolicyKind",
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
                    "documents",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("bill", "bill or invoice"),
                                ("agreement", "agreement on fees"),
                                ("ruling", "court's ruling or notice"),
                                ("receipt", "receipt or ticket"),
                                ("need", "written statement of need"),
                                ("statement", "bank statement"),
                            ],
                            max_length=10,
                        ),
                        help_text="All of them, before it is paid.",
                        verbose_name="documents it needs",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kinds",
                        to="donations.policy",
                    ),
                ),
            ],
            options={
                "verbose_name": "kind of cost the fund pays",
                "verbose_name_plural": "kinds of cost the fund pays",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="PolicyLimit",
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
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "third_person_above",
                    models.DecimalField(
                        decimal_places=3,
                        help_text="Payments above this need two approvals.",
                        max_digits=21,
                        verbose_name="third person above",
                    ),
                ),
                (
                    "emergency_up_to",
                    models.DecimalField(
                        decimal_places=3,
                        default=Decimal("0"),
                        help_text="Up to this one person may pay and a second signs afterwards. 0: never.",
                        max_digits=21,
                        verbose_name="emergency up to",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limits",
                        to="donations.policy",
                    ),
                ),
            ],
            options={
                "verbose_name": "limit",
                "verbose_name_plural": "limits",
                "ordering": ["pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("enacted_by", None),
                    models.Q(("enacted_by", models.F("drafted_by")), _negated=True),
                    _connector="OR",
                ),
                name="policy_enacted_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("enacted_at", None), ("enacted_by", None), ("version", None)),
                    models.Q(
                        ("enacted_at__isnull", False),
                        ("enacted_by__isnull", False),
                        ("version__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="policy_enactment_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("enacted_at", None),
                    ("in_force_from__gte", models.F("enacted_at__date")),
                    _connector="OR",
                ),
                name="policy_not_in_force_before_enacted",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("approvers__in", [1, 2])), name="policy_approvers_one_or_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("reserve_percent__gte", 0), ("reserve_percent__lte", 100)),
                name="policy_reserve_is_a_part",
                violation_error_message="The reserve is between 0 and 100 percent.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("dormant_months__gte", 1)), name="policy_dormant_after_a_month"
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("fund_order__len__gte", 1)), name="policy_uses_some_fund"
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("surplus_order__contains", ["partner"]), _negated=True),
                    models.Q(("partner", ""), _negated=True),
                    _connector="OR",
                ),
                name="policy_partner_named",
                violation_error_message="Name the partner, or take it out of the order.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policycap",
            constraint=models.UniqueConstraint(
                fields=("policy", "kind", "currency"),
                name="policy_cap_once",
                violation_error_message="This kind has a cap in this currency already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policycap",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)),
                name="policy_cap_positive",
                violation_error_message="A cap is above zero.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policykind",
            constraint=models.UniqueConstraint(
                fields=("policy", "kind"),
                name="policy_kind_once",
                violation_error_message="This kind is listed already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policykind",
            constraint=models.CheckConstraint(
                condition=models.Q(("documents__len__gte", 1)),
                name="policy_kind_needs_a_document",
                violation_error_message="Nothing is paid without a document: choose one.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policylimit",
            constraint=models.UniqueConstraint(
                fields=("policy", "currency"),
                name="policy_limit_once",
                violation_error_message="This currency has its limits already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="policylimit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("emergency_up_to__gte", 0),
                    ("third_person_above__gte", models.F("emergency_up_to")),
                ),
                name="policy_emergency_needs_no_third_person",
                violation_error_message="What one person may pay in an emergency cannot be above what needs a third.",
            ),
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(KEPT, KEPT_BACK),
        migrations.RunSQL(COST, COST_BACK),
    ]
