"""Money leaves the bank by nobody's word alone: what is no payment of ours counts when two people have said what it was."""

from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

STAYS = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.collection_id, NEW.proposal_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.collection_id, OLD.proposal_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""
STAYS_BACK = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.collection_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.collection_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""

# One person says what a line is, another approves it as it was said, or it is refused; once.
STEPS = """
CREATE FUNCTION donations_lineexplanation_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'what was said of a bank line is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'line_explanation_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'an explanation starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'line_explanation_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.line_id, NEW.amount, NEW.fund_id, NEW.returns_id, NEW.payout_id, NEW.own_transfer_id, NEW.explanation,
        NEW.requested_by_id, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.fund_id, OLD.returns_id, OLD.payout_id, OLD.own_transfer_id, OLD.explanation,
        OLD.requested_by_id, OLD.requested_at)
       OR OLD.approved_at IS NOT NULL OR OLD.refused_at IS NOT NULL THEN
        RAISE EXCEPTION 'an explanation is approved as it was asked for, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'line_explanation_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER line_explanation_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_lineexplanation
    FOR EACH ROW EXECUTE FUNCTION donations_lineexplanation_steps();
"""
STEPS_BACK = "DROP FUNCTION donations_lineexplanation_steps CASCADE;"

# What a bank kept is a fee, whether it is a line of its own or missing from what arrived.
TWO = """
CREATE FUNCTION donations_match_by_two() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fee numeric := NEW.withheld
        + CASE WHEN NEW.amount < 0 AND NEW.explanation <> '' AND NEW.source IS NOT NULL THEN -NEW.amount ELSE 0 END;
    alone numeric;
    most numeric;
BEGIN
    IF NEW.proposal_id IS NULL AND fee > 0 THEN
        -- Held, so that of two parts of one line at once the second sees the first.
        PERFORM 1 FROM donations_statementline WHERE id = NEW.line_id FOR NO KEY UPDATE;
        SELECT coalesce(sum(m.withheld + CASE WHEN m.amount < 0 AND m.explanation <> '' AND m.source IS NOT NULL
                                              THEN -m.amount ELSE 0 END), 0) INTO alone
        FROM donations_statementmatch m
        WHERE m.line_id = NEW.line_id AND m.undone_at IS NULL AND m.proposal_id IS NULL;
        SELECT p.fee_alone_up_to INTO most
        FROM donations_policylimit p JOIN donations_statementline l ON l.id = NEW.line_id AND l.currency = p.currency
        WHERE p.policy_id = donations_policy_in_force((NEW.confirmed_at AT TIME ZONE 'UTC')::date);
        IF alone + fee <= most THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM donations_lineexplanation x
        WHERE x.id = NEW.proposal_id AND x.approved_at IS NOT NULL AND x.requested_by_id = NEW.confirmed_by_id
          AND x.line_id = NEW.line_id AND x.amount = NEW.amount
          AND (x.payout_id, x.own_transfer_id) IS NOT DISTINCT FROM (NEW.payout_id, NEW.own_transfer_id)
          AND CASE WHEN x.fund_id IS NULL THEN NEW.source IS NULL AND NEW.explanation <> ''
              ELSE EXISTS (
                  SELECT 1 FROM donations_entry e JOIN donations_account a ON a.id = e.debit_id AND a.fund_id = x.fund_id
                  WHERE e.kind = 'bank_fee' AND e.source = NEW.source || CASE WHEN NEW.withheld > 0 THEN ':fee' ELSE '' END)
              END) THEN
        RAISE EXCEPTION 'money that left the bank, and is no payment of ours, counts when two people have said what it was'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_by_two';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_by_two BEFORE INSERT ON donations_statementmatch FOR EACH ROW
    WHEN (NEW.proposal_id IS NOT NULL OR NEW.withheld > 0 OR (NEW.amount < 0 AND NEW.explanation <> ''))
    EXECUTE FUNCTION donations_match_by_two();
"""
TWO_BACK = "DROP FUNCTION donations_match_by_two CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0037_kept"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.CreateModel(
                    name="LineExplanation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "approved_at",
                            models.DateTimeField(null=True, verbose_name="approved at"),
                        ),
                        ("refused_at", models.DateTimeField(null=True, verbose_name="refused at")),
                        (
                            "refusal_reason",
                            models.TextField(blank=True, verbose_name="reason of the refusal"),
                        ),
                        ("requested_at", models.DateTimeField(verbose_name="requested at")),
                        (
                            "amount",
                            models.DecimalField(
                                decimal_places=3,
                                help_text="Which part of the line, with its sign: positive, money came in.",
                                max_digits=21,
                                verbose_name="amount",
                            ),
                        ),
                        ("explanation", models.TextField(verbose_name="explanation")),
                        (
                            "approved_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="approved by",
                            ),
                        ),
                        (
                            "fund",
                            models.ForeignKey(
                                help_text="That bears it as a fee of a bank; empty for what is not booked.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="donations.fund",
                                verbose_name="fund",
                            ),
                        ),
                        (
                            "line",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="explanations",
                                to="donations.statementline",
                                verbose_name="line",
                            ),
                        ),
                        (
                            "own_transfer",
                            models.ForeignKey(
                                help_text="Of which a bank kept the fee.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="donations.owntransfer",
                                verbose_name="transfer between own accounts",
                            ),
                        ),
                        (
                            "payout",
                            models.ForeignKey(
                                help_text="Of which a bank kept the fee.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="donations.payout",
                                verbose_name="payout",
                            ),
                        ),
                        (
                            "refused_by",
                            models.ForeignKey(
                                help_text="Who asked for it, when they withdrew it.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="refused by",
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="requested by",
                            ),
                        ),
                        (
                            "returns",
                            models.ForeignKey(
                                help_text="The earlier line that it undoes.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="donations.statementline",
                                verbose_name="gives back",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "explanation of a bank line",
                        "verbose_name_plural": "explanations of bank lines",
                        "ordering": ["-pk"],
                        "permissions": [
                            ("approve_lineexplanation", "Can approve what a bank line is")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("approved_by", None),
                                    models.Q(
                                        ("approved_by", models.F("requested_by")), _negated=True
                                    ),
                                    _connector="OR",
                                ),
                                name="line_explanation_approved_by_another_person",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("approved_at__isnull", True), ("approved_by__isnull", True)
                                    ),
                                    models.Q(
                                        ("approved_at__isnull", False),
                                        ("approved_by__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="line_explanation_approval_complete",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("refusal_reason", ""),
                                        ("refused_at__isnull", True),
                                        ("refused_by__isnull", True),
                                    ),
                                    models.Q(
                                        ("approved_at", None),
                                        ("refused_at__isnull", False),
                                        ("refused_by__isnull", False),
                                        models.Q(("refusal_reason", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="line_explanation_refusal_complete",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("amount__lt", 0),
                                        ("own_transfer", None),
                                        ("payout", None),
                                        ("returns", None),
                                    ),
                                    models.Q(
                                        ("amount__lt", 0),
                                        ("fund", None),
                                        ("own_transfer", None),
                                        ("payout", None),
                                        ("returns__isnull", False),
                                    ),
                                    models.Q(
                                        ("amount__gt", 0),
                                        ("fund__isnull", False),
                                        ("payout__isnull", False),
                                        ("returns", None),
                                        ("own_transfer", None),
                                    ),
                                    models.Q(
                                        ("fund__isnull", False),
                                        ("own_transfer__isnull", False),
                                        ("payout", None),
                                        ("returns", None),
                                    ),
                                    _connector="OR",
                                ),
                                name="line_explanation_is_one_thing",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("amount", 0), _negated=True),
                                    models.Q(("explanation", ""), _negated=True),
                                ),
                                name="line_explanation_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("returns", models.F("line")), _negated=True),
                                name="line_explanation_of_two_lines",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("approved_at", None), ("refused_at", None)),
                                fields=("line",),
                                name="line_explanation_asked_once",
                            ),
                        ],
                    },
                ),
                migrations.RemoveConstraint(
                    model_name="policylimit",
                    name="policy_limits_not_below_zero",
                ),
                migrations.AddField(
                    model_name="policylimit",
                    name="fee_alone_up_to",
                    field=models.DecimalField(
                        db_default=Decimal("0"),
                        decimal_places=3,
                        default=Decimal("0"),
                        help_text="A fee of a bank up to this counts when one person has said so; above it another approves. 0: another always does.",
                        max_digits=21,
                        verbose_name="fee by one person up to",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="policylimit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("emergency_up_to__gte", 0),
                            ("fee_alone_up_to__gte", 0),
                            ("third_person_above__gte", 0),
                        ),
                        name="policy_limits_not_below_zero",
                        violation_error_message="A limit is not below zero.",
                    ),
                ),
                migrations.AddField(
                    model_name="statementmatch",
                    name="proposal",
                    field=models.ForeignKey(
                        db_index=False,
                        help_text="What two people said of money that left the bank, and of no payment of ours.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="matches",
                        to="donations.lineexplanation",
                        verbose_name="approved explanation",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("proposal__isnull", False)),
                        fields=("proposal",),
                        name="match_proposal_once",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(STEPS, STEPS_BACK),
        migrations.RunSQL(TWO, TWO_BACK),
    ]
