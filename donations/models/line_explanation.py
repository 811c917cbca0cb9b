"""What one person says of money that left the bank, and of no payment of ours; it counts when another approves it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .fields import MoneyField
from .fund import Fund
from .own_transfer import OwnTransfer
from .payout import Payout
from .proposal import Proposal, ProposalQuerySet, decided_by_another
from .statement import StatementLine


class LineExplanationQuerySet(ProposalQuerySet["LineExplanation"]):
    def standing(self) -> "LineExplanationQuerySet":
        """Approved, and not taken back since."""
        return self.filter(matches__undone_at=None, approved_at__isnull=False)


class LineExplanation(Proposal):
    """That a line, or a part of it, is not booked, is a fee above what one person may book, or gave an earlier line back.

    Approved, it is a match of the line as any other, and is taken back where the line is. Small fees of the bank need none.
    """

    line = models.ForeignKey(
        StatementLine, models.PROTECT, related_name="explanations", verbose_name=_("line")
    )
    amount = MoneyField(
        _("amount"), help_text=_("Which part of the line, with its sign: positive, money came in.")
    )
    fund = models.ForeignKey(
        Fund,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("fund"),
        help_text=_("That bears it as a fee of a bank; empty for what is not booked."),
    )
    returns = models.ForeignKey(
        StatementLine,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("gives back"),
        help_text=_("The earlier line that it undoes."),
    )
    payout = models.ForeignKey(
        Payout,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("payout"),
        help_text=_("Of which a bank kept the fee."),
    )
    own_transfer = models.ForeignKey(
        OwnTransfer,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("transfer between own accounts"),
        help_text=_("Of which a bank kept the fee."),
    )
    explanation = models.TextField(_("explanation"))

    objects = LineExplanationQuerySet.as_manager()

    class Meta:
        verbose_name = _("explanation of a bank line")
        verbose_name_plural = _("explanations of bank lines")
        ordering = ["-pk"]
        permissions = [("approve_lineexplanation", "Can approve what a bank line is")]
        constraints = [
            *decided_by_another("line_explanation"),
            models.CheckConstraint(
                name="line_explanation_is_one_thing",
                condition=Q(amount__lt=0, returns=None, payout=None, own_transfer=None)
                | Q(amount__lt=0, returns__isnull=False, fund=None, payout=None, own_transfer=None)
                | Q(amount__gt=0, payout__isnull=False, fund__isnull=False, returns=None)
                & Q(own_transfer=None)
                | Q(own_transfer__isnull=False, fund__isnull=False, returns=None, payout=None),
            ),
            models.CheckConstraint(
                name="line_explanation_not_empty", condition=~Q(amount=0) & ~Q(explanation="")
            ),
            models.CheckConstraint(
                name="line_explanation_of_two_lines", condition=~Q(returns=F("line"))
            ),
            models.UniqueConstraint(
                name="line_explanation_asked_once",
                fields=["line"],
                condition=Q(approved_at=None, refused_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.explanation}"
