"""What two people say of a movement at Stripe that nothing of ours explains."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STEPS = """
CREATE FUNCTION donations_explanation_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'what was said of a movement is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'explanation_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'an explanation starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_starts_as_request';
        END IF;
        IF EXISTS (SELECT 1 FROM donations_bankaccount b, donations_balancetransaction m
                   WHERE b.id = NEW.bank_account_id AND m.id = NEW.movement_id AND b.currency <> m.currency) THEN
            RAISE EXCEPTION 'Stripe collects from an account of the same currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'explanation_currency_of_account';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.movement_id, NEW.meaning, NEW.fund_id, NEW.bank_account_id, NEW.note, NEW.requested_by_id,
        NEW.requested_at)
       IS DISTINCT FROM
       (OLD.number, OLD.movement_id, OLD.meaning, OLD.fund_id, OLD.bank_account_id, OLD.note, OLD.requested_by_id,
        OLD.requested_at)
       OR OLD.refused_at IS NOT NULL OR OLD.undone_at IS NOT NULL
       OR (OLD.approved_at IS NOT NULL AND (NEW.undone_at IS NULL OR (NEW.approved_by_id, NEW.approved_at, NEW.source)
            IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at, OLD.source))) THEN
        RAISE EXCEPTION 'an explanation is approved as it was asked for, or refused, once, and taken back once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'explanation_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER explanation_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_movementexplanation
    FOR EACH ROW EXECUTE FUNCTION donations_explanation_steps();
"""
STEPS_BACK = """
DROP TRIGGER explanation_steps ON donations_movementexplanation;
DROP FUNCTION donations_explanation_steps();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0053_lines_by_account"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MovementExplanation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, unique=True, verbose_name="number"
                    ),
                ),
                (
                    "meaning",
                    models.CharField(
                        choices=[
                            ("fee", "a charge or credit of Stripe's own, for a fund"),
                            ("fund", "money of a fund that came or went another way"),
                            ("not_ours", "not ours: it goes back to whom it belongs"),
                            ("collected", "Stripe collected from our bank what it lacked"),
                        ],
                        max_length=10,
                        verbose_name="what it is",
                    ),
                ),
                ("note", models.TextField(verbose_name="how you know")),
                (
                    "source",
                    models.CharField(
                        help_text="Of the entry it booked.",
                        blank=True,
                        max_length=200,
                        null=True,
                        unique=True,
                        verbose_name="source",
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("refused_at", models.DateTimeField(null=True, verbose_name="refused at")),
                ("undone_at", models.DateTimeField(null=True, verbose_name="taken back at")),
                (
                    "reason",
                    models.TextField(blank=True, verbose_name="why it was refused or taken back"),
                ),
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
                    "bank_account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.bankaccount",
                        verbose_name="bank account",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "movement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="explanations",
                        to="donations.balancetransaction",
                        verbose_name="movement at Stripe",
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
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taken back by",
                    ),
                ),
            ],
            options={
                "verbose_name": "explanation of a movement at Stripe",
                "verbose_name_plural": "explanations of movements at Stripe",
                "ordering": ["-pk"],
                "permissions": [
                    ("request_movementexplanation", "Can say what a movement at Stripe is"),
                    ("approve_movementexplanation", "Can approve what a movement at Stripe is"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("bank_account", None),
                                ("fund__isnull", False),
                                ("meaning__in", ["fee", "fund"]),
                            ),
                            models.Q(
                                ("bank_account", None), ("fund", None), ("meaning", "not_ours")
                            ),
                            models.Q(
                                ("bank_account__isnull", False),
                                ("fund", None),
                                ("meaning", "collected"),
                            ),
                            _connector="OR",
                        ),
                        name="explanation_names_where_it_is_booked",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("note", ""), _negated=True), name="explanation_has_note"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by", None),
                            models.Q(("approved_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="explanation_approved_by_another_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("approved_at__isnull", True),
                                ("approved_by__isnull", True),
                                ("source", None),
                            ),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("approved_by__isnull", False),
                                models.Q(
                                    models.Q(("meaning", "not_ours"), ("source", None)),
                                    models.Q(("meaning", "not_ours"), _negated=True),
                                    _connector="OR",
                                ),
                                models.Q(
                                    ("meaning", "not_ours"),
                                    ("source__isnull", False),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="explanation_approval_complete",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("reason", ""),
                                ("refused_at", None),
                                ("refused_by", None),
                                ("undone_at", None),
                                ("undone_by", None),
                            ),
                            models.Q(
                                ("refused_at__isnull", False),
                                ("refused_by__isnull", False),
                                ("undone_by", None),
                                ("approved_at", None),
                                ("undone_at", None),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            models.Q(
                                ("refused_by", None),
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                ("approved_at__isnull", False),
                                ("refused_at", None),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="explanation_end_complete",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("refused_at", None), ("undone_at", None)),
                        fields=("movement",),
                        name="explanation_once_per_movement",
                    ),
                ],
            },
        ),
        migrations.RunSQL(STEPS, STEPS_BACK),
    ]
