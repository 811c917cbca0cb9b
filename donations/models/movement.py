"""What two people say of a movement on Stripe's balance that no gift, refund, dispute or payout of ours explains."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .balance import BalanceTransaction
from .bank_account import BankAccount
from .fund import Fund
from .proposal import Asked, Decided, ProposalQuerySet
from .statement_match import StatementMatch


class MovementExplanationQuerySet(ProposalQuerySet["MovementExplanation"]):
    def standing(self) -> "MovementExplanationQuerySet":
        return self.filter(approved_at__isnull=False, undone_at=None)

    def unproved(self) -> "MovementExplanationQuerySet":
        """Collected from the bank by Stripe, and not yet seen on a bank statement."""
        proof = StatementMatch.objects.standing().filter(collection=models.OuterRef("pk"))
        collected = self.standing().filter(meaning=MovementExplanation.Meaning.COLLECTED)
        return collected.filter(~models.Exists(proof))


class MovementExplanation(Asked, Decided):
    """One word on one movement, booked when another person approves it; taken back, the movement is open again."""

    class Meaning(models.TextChoices):
        FEE = "fee", _("a charge or credit of Stripe's own, for a fund")
        GIFT = "gift", _("a gift to a fund, made at Stripe past our pages")
        FUND = "fund", _("money of a fund that came or went another way")
        NOT_OURS = "not_ours", _("not ours: it goes back to whom it belongs")
        COLLECTED = "collected", _("Stripe collected from our bank what it lacked")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    movement = models.ForeignKey(
        BalanceTransaction,
        models.PROTECT,
        related_name="explanations",
        verbose_name=_("movement at Stripe"),
    )
    meaning = models.CharField(_("what it is"), max_length=10, choices=Meaning)
    fund = models.ForeignKey(
        Fund, models.PROTECT, null=True, related_name="+", verbose_name=_("fund")
    )
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, null=True, related_name="+", verbose_name=_("bank account")
    )
    note = models.TextField(_("how you know"))
    source = models.CharField(
        _("source"),
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        help_text=_("Of the entry it booked."),
    )
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    undone_at = models.DateTimeField(_("taken back at"), null=True)
    # One reason, of the refusal or of taking it back.
    reason = models.TextField(_("why it was refused or taken back"), blank=True)

    objects = MovementExplanationQuerySet.as_manager()

    class Meta:
        verbose_name = _("explanation of a movement at Stripe")
        verbose_name_plural = _("explanations of movements at Stripe")
        ordering = ["-pk"]
        permissions = [
            ("request_movementexplanation", "Can say what a movement at Stripe is"),
            ("approve_movementexplanation", "Can approve what a movement at Stripe is"),
        ]
        constraints = [
            models.CheckConstraint(
                name="explanation_names_where_it_is_booked",
                condition=Q(
                    meaning__in=["fee", "fund", "gift"], fund__isnull=False, bank_account=None
                )
                | Q(meaning="not_ours", fund=None, bank_account=None)
                | Q(meaning="collected", fund=None, bank_account__isnull=False),
            ),
            models.CheckConstraint(name="explanation_has_note", condition=~Q(note="")),
            models.CheckConstraint(
                name="explanation_approved_by_another_person",
                condition=Q(approved_by=None) | ~Q(approved_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="explanation_approval_complete",
                condition=Q(approved_by__isnull=True, approved_at__isnull=True, source=None)
                | (
                    Q(approved_by__isnull=False, approved_at__isnull=False)
                    & (Q(meaning="not_ours", source=None) | ~Q(meaning="not_ours"))
                    & (Q(meaning="not_ours") | Q(source__isnull=False))
                ),
            ),
            models.CheckConstraint(
                name="explanation_end_complete",
                condition=Q(
                    refused_by=None, refused_at=None, undone_by=None, undone_at=None, reason=""
                )
                | (
                    Q(refused_by__isnull=False, refused_at__isnull=False, undone_by=None)
                    & Q(undone_at=None, approved_at=None)
                    & ~Q(reason="")
                )
                | (
                    Q(undone_by__isnull=False, undone_at__isnull=False, refused_by=None)
                    & Q(refused_at=None, approved_at__isnull=False)
                    & ~Q(reason="")
                ),
            ),
            # As every gift by card, it is sent back, and its entry stays.
            models.CheckConstraint(
                name="explanation_as_a_gift_stays",
                condition=~Q(meaning="gift") | Q(undone_at=None),
            ),
            models.UniqueConstraint(
                name="explanation_once_per_movement",
                fields=["movement"],
                condition=Q(refused_at=None, undone_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.movement}: {self.get_meaning_display()}"
