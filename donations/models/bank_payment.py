"""What all payments have in common that people make at the bank: asked for, approved, paid, proved by a line of a statement."""

import uuid

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .fields import CurrencyField, MoneyField
from .proposal import Proposal
from .undoing import Undoing, undone_by_another


class BankPayment(Proposal, Undoing):
    """Two approvals instead of one where the policy of the request asks for a third person."""

    class State(models.TextChoices):
        TO_APPROVE = "approve", _("to approve")
        TO_PAY = "pay", _("to pay")
        TO_PROVE = "prove", _("paid, to be seen at the bank")
        DONE = "done", _("done")
        CAME_BACK = "came_back", _("came back")
        NEVER_LEFT = "never_left", _("never left the bank")
        REFUSED = "refused", _("refused")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    payment_reference = models.CharField(
        _("payment reference"),
        max_length=35,
        unique=True,
        help_text=_("Write it on the bank transfer: the statement line is found by it."),
    )
    content_hash = models.CharField(_("content hash"), max_length=64, editable=False)
    seconded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("approved by a third person"),
    )
    seconded_at = models.DateTimeField(_("approved by a third person at"), null=True)
    policy = models.ForeignKey(
        "donations.Policy",
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("asked for under"),
    )
    approvals_needed = models.PositiveSmallIntegerField(
        _("approvals it needs"), default=1, db_default=1
    )
    paid_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("paid by"),
    )
    paid_at = models.DateTimeField(_("recorded as paid at"), null=True)
    paid_on = models.DateField(_("paid on"), null=True)
    bank_reference = models.CharField(
        _("the bank's reference"), max_length=60, blank=True, db_default=""
    )
    came_back_on = models.DateField(
        _("came back on"),
        null=True,
        editable=False,
        help_text=_(
            "From when on it does not count: the day of the bank line that gave it back, kept by the database, or of one that "
            "never left its own day."
        ),
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.payment_reference

    @property
    def lacks_second(self) -> bool:
        """One approval is there, and a third person's is still needed; in an emergency also after it was paid."""
        return bool(self.approved_at and self.approvals_needed == 2 and not self.seconded_at)

    @property
    def is_approved(self) -> bool:
        """May be paid."""
        return bool(self.approved_at) and not self.lacks_second

    @property
    def people(self) -> list[User]:
        """Who has asked and approved so far."""
        people = (self.requested_by, self.approved_by, self.seconded_by)
        return [person for person in people if person is not None]

    def state(self, *, is_proved: bool) -> "BankPayment.State":
        """`is_proved` as `with_proof` tells it."""
        if self.refused_at:
            return self.State.REFUSED
        if self.undone_at:
            return self.State.NEVER_LEFT
        if self.came_back_on:
            return self.State.CAME_BACK
        if self.paid_at:
            return self.State.DONE if is_proved else self.State.TO_PROVE
        return self.State.TO_PAY if self.is_approved else self.State.TO_APPROVE


def paid_in_steps(name: str) -> list[models.BaseConstraint]:
    """The rules of the table of such payments, named after it; of its approvals each has its own."""
    return [
        models.CheckConstraint(name=f"{name}_amount_positive", condition=Q(amount__gt=0)),
        models.CheckConstraint(
            name=f"{name}_approved_by_another_person",
            condition=Q(approved_by=None) | ~Q(approved_by=F("requested_by")),
        ),
        models.CheckConstraint(
            name=f"{name}_paid_only_when_approved",
            condition=Q(paid_by__isnull=True, paid_at__isnull=True, paid_on__isnull=True)
            | Q(
                paid_by__isnull=False,
                paid_at__isnull=False,
                paid_on__isnull=False,
                approved_at__isnull=False,
                refused_at__isnull=True,
            ),
        ),
        models.CheckConstraint(
            name=f"{name}_came_back_after_it_was_paid",
            condition=Q(came_back_on=None) | Q(paid_at__isnull=False),
        ),
        *undone_by_another(
            name,
            asked_of=Q(paid_at__isnull=False),
            undone_of=Q(came_back_on=F("paid_on"), came_back_on__isnull=False),
        ),
        models.CheckConstraint(
            name=f"{name}_refusal_complete",
            condition=Q(refused_by__isnull=True, refused_at__isnull=True, refusal_reason="")
            | (Q(refused_by__isnull=False, refused_at__isnull=False) & ~Q(refusal_reason="")),
        ),
    ]
