"""Where the money of each gift is now: kept by the database (donations_follow), derived from the entries alone.

A lot is an amount of one gift in one fund, set aside for one cost, or gone from a fund for one kind of thing. Reading a
gift is reading its few lots, however large the books are; that they add up is proved by check_books.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .account import Account
from .donation import Donation
from .exchange import Exchange
from .fields import CurrencyField, MoneyField
from .ledger import Entry


class Lot(models.Model):
    """Money of one origin in one place.

    In a fund `left` is still there. In a cost `left` is set aside and `spent` is paid. Without an account it left a fund
    for good: `spent`, by entries of `kind`. Amounts are in the place's currency; `…_worth` says what part of the gift
    it is, in the gift's own: over all lots of a gift the worths add up to what was given.
    """

    account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="lots")
    kind = models.CharField(max_length=20, choices=Entry.Kind, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, db_index=False, related_name="children"
    )
    donation = models.ForeignKey(Donation, models.PROTECT, null=True, related_name="lots")
    exchange = models.ForeignKey(
        Exchange, models.PROTECT, null=True, db_index=False, related_name="lots"
    )
    currency = CurrencyField()
    left = MoneyField(db_default=0)
    left_worth = MoneyField(db_default=0)
    spent = MoneyField(db_default=0)
    spent_worth = MoneyField(db_default=0)

    class Meta:
        verbose_name = _("lot of a gift")
        verbose_name_plural = _("lots of gifts")
        constraints = [
            models.CheckConstraint(
                name="lot_not_below_zero",
                condition=Q(left__gte=0, left_worth__gte=0, spent__gte=0, spent_worth__gte=0),
            ),
            models.UniqueConstraint(
                name="lot_once_per_place",
                fields=["parent", "account", "kind", "exchange"],
                nulls_distinct=False,
                condition=Q(parent__isnull=False),
            ),
        ]
        indexes = [
            # The head of a fund's queue is the first of these.
            models.Index(name="lot_queue", fields=["account", "id"], condition=Q(left__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.donation_id}: {self.left} + {self.spent}"


class Shortfall(models.Model):
    """What left a fund before any money was there for it: the next that comes stands for it."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="shortfalls")
    kind = models.CharField(max_length=20, choices=Entry.Kind)
    amount = MoneyField()

    class Meta:
        verbose_name = _("shortfall")
        verbose_name_plural = _("shortfalls")
        constraints = [
            models.UniqueConstraint(name="shortfall_once", fields=["account", "kind"]),
            models.CheckConstraint(name="shortfall_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.amount}"


class UnfollowedEntry(models.Model):
    """An entry whose money is not followed yet; the posting notes it, following takes it away."""

    # Entries are never deleted: a key in the database would be looked up for each one in vain.
    entry = models.OneToOneField(
        Entry, models.PROTECT, primary_key=True, db_constraint=False, related_name="+"
    )

    class Meta:
        verbose_name = _("entry to be followed")
        verbose_name_plural = _("entries to be followed")

    def __str__(self) -> str:
        return str(self.entry_id)
