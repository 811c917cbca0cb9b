"""Money of ours on its way from one of our bank accounts to another."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField
from .statement_match import StatementMatch


class OwnTransferQuerySet(models.QuerySet["OwnTransfer"]):
    def with_sides(self) -> "OwnTransferQuerySet":
        """Annotates `has_left` and `has_arrived`: a line of the one account, of the other, was matched to it."""
        standing = StatementMatch.objects.standing().filter(own_transfer=models.OuterRef("pk"))
        return self.annotate(
            has_left=models.Exists(standing.filter(amount__lt=0)),
            has_arrived=models.Exists(standing.filter(amount__gt=0)),
        )

    def half_seen(self) -> "OwnTransferQuerySet":
        """On the statement of one of the two accounts only, so far."""
        seen: OwnTransferQuerySet = self.with_sides()
        return seen.filter(
            Q(has_left=True, has_arrived=False) | Q(has_left=False, has_arrived=True)
        )


class OwnTransfer(models.Model):
    """One transfer between two accounts of the fund. It begins with the first bank line that shows it, from either side.

    Nothing of it ever changes (migrations): what is known of it are its matches, one a side. Between them the money, or
    what is missing of it, stands on the account of what is on its way.
    """

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    left_from = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="transfers_out", verbose_name=_("from account")
    )
    arrives_at = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="transfers_in", verbose_name=_("to account")
    )
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    begun_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("said by")
    )
    begun_at = models.DateTimeField(_("said at"))

    objects = OwnTransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("transfer between own accounts")
        verbose_name_plural = _("transfers between own accounts")
        ordering = ["-pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(name="own_transfer_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="own_transfer_between_two_accounts",
                condition=~Q(left_from=F("arrives_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.left_from.code} → {self.arrives_at.code}"

    def side_of(self, account_id: int) -> Decimal | None:
        """What a line of the account should move, with its sign; None where the account has no part in it."""
        if account_id == self.left_from_id:
            return -self.amount
        return self.amount if account_id == self.arrives_at_id else None
