"""What is left of a fund whose purpose is over, moved to the fund its surplus rule names."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField, MoneyField
from .fund import Fund
from .proposal import Proposal, ProposalQuerySet, decided_by_another
from .undoing import Undoing, undone_by_another


class SurplusMoveQuerySet(ProposalQuerySet["SurplusMove"]):
    def moved(self) -> "SurplusMoveQuerySet":
        """Approved; also those that were taken back since."""
        return self.filter(approved_at__isnull=False)

    def doubted(self) -> "SurplusMoveQuerySet":
        """Somebody asks that they be taken back; another person is to decide."""
        return self.filter(undo_requested_at__isnull=False, undone_at=None)

    def in_state(self, state: "SurplusMove.State") -> "SurplusMoveQuerySet":
        match state:
            case SurplusMove.State.TO_APPROVE:
                return self.undecided()
            case SurplusMove.State.DONE:
                return self.moved().filter(undone_at=None)
            case SurplusMove.State.UNDONE:
                return self.filter(undone_at__isnull=False)
            case SurplusMove.State.REFUSED:
                return self.filter(refused_at__isnull=False)


class SurplusMove(Proposal, Undoing):
    """Two people's decision that a fund's purpose is over: its rest in one currency goes to its fallback fund.

    It is taken back by two people, too, as long as all of it is still there; the database sees to that (migrations).
    """

    class Cause(models.TextChoices):
        # Public, and so chosen, not written.
        CASE_ENDED = "case", _("the case has ended")
        COSTS_PAID = "paid", _("all its costs are paid")
        NOT_NEEDED = "unneeded", _("nobody needs it for this purpose any more")
        APPEAL_ENDED = "appeal", _("the appeal has ended")
        # How many months that is, the policy says.
        DORMANT = "dormant", _("nothing moved in it for the months that the rules name")

    class State(models.TextChoices):
        TO_APPROVE = "approve", _("to approve")
        DONE = "done", _("done")
        UNDONE = "undone", _("taken back")
        REFUSED = "refused", _("refused")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(
        Fund, models.PROTECT, related_name="surplus_moves", verbose_name=_("from")
    )
    target = models.ForeignKey(Fund, models.PROTECT, related_name="+", verbose_name=_("to"))
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    cause = models.CharField(_("why the purpose is over"), max_length=10, choices=Cause)
    note = models.TextField(_("note for the office"), blank=True)

    objects = SurplusMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("move of a surplus")
        verbose_name_plural = _("moves of surpluses")
        ordering = ["-pk"]
        permissions = [
            ("request_surplusmove", "Can ask to move a fund's surplus"),
            ("approve_surplusmove", "Can approve the move of a surplus"),
            ("undo_surplusmove", "Can take back the move of a surplus"),
        ]
        constraints = [
            models.CheckConstraint(name="surplus_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="surplus_between_two_funds", condition=~Q(source=F("target"))
            ),
            *decided_by_another("surplus"),
            *undone_by_another("surplus", asked_of=Q(approved_at__isnull=False)),
            models.UniqueConstraint(
                name="surplus_asked_once",
                fields=["source", "currency"],
                condition=Q(approved_at=None, refused_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"

    @property
    def entry_source(self) -> str:
        """Its entry's name in the ledger."""
        return f"surplus:{self.number}"

    @property
    def state(self) -> "SurplusMove.State":
        if self.undone_at:
            return self.State.UNDONE
        if self.refused_at:
            return self.State.REFUSED
        return self.State.DONE if self.approved_at else self.State.TO_APPROVE
