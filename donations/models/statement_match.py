"""What a bank line is: a match of it, or of a part of it, with a thing of ours, or with a word why it is none."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .fields import MoneyField
from .statement import StatementLine


class StatementMatchQuerySet(models.QuerySet["StatementMatch"]):
    def standing(self) -> "StatementMatchQuerySet":
        return self.filter(undone_at=None)

    def same_way(self, amount: Decimal) -> "StatementMatchQuerySet":
        """Of lines on which money went out where `amount` is below zero, else of those on which it came in."""
        return self.filter(amount__lt=0) if amount < 0 else self.filter(amount__gt=0)


# What a line can be matched to; a match names one of them, or none and says why.
THINGS = (
    "payout", "disbursement", "donation", "deposit", "refund_request", "exchange", "own_transfer", "bail_outcome", "collection",
    "partner_payment", "past_row",
)  # fmt: skip
# These can be on two lines: what left, and what came for it; of a payment, that it came back.
TWO_SIDED = ("exchange", "own_transfer", "disbursement", "partner_payment")


def _one_of(*things: str) -> Q:
    """Exactly one of the foreign keys, or none of them and an explanation."""
    none = Q(**dict.fromkeys(things))
    either = none & ~Q(explanation="")
    for thing in things:
        others = Q(**dict.fromkeys(other for other in things if other != thing))
        either |= others & Q(**{f"{thing}__isnull": False}, explanation="")
    return either


class StatementMatch(models.Model):
    """That a bank line, or a part of it, is this payout, this disbursement, this gift or this refund.

    A person says so; or nobody (`confirmed_by` is empty) where reference, amount and currency left no doubt when the file
    came. The database lets the standing matches of a line come to no more than it (in the migration "bank").
    """

    line = models.ForeignKey(
        StatementLine, models.PROTECT, related_name="matches", verbose_name=_("line")
    )
    amount = MoneyField(
        _("amount"), help_text=_("Which part of the line, with its sign: positive, money came in.")
    )
    withheld = MoneyField(
        _("withheld"),
        default=Decimal(0),
        db_default=Decimal(0),
        help_text=_(
            "What a bank kept of a payout, or of a transfer between own accounts, on its way: its fee, booked apart from the line."
        ),
    )
    source = models.CharField(  # noqa: DJ001  unique where there is one
        _("source"),
        max_length=200,
        null=True,
        blank=True,
        help_text=_("Of the entry it booked; empty where it only proves one that was there."),
    )
    # Links have no indexes of all rows: most are empty in most rows, and there are many rows to write at an import.
    payout = models.ForeignKey(
        "Payout",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("payout"),
    )
    disbursement = models.ForeignKey(
        "Disbursement",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("disbursement"),
    )
    partner_payment = models.ForeignKey(
        "PartnerPayment",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("payment to the partner"),
    )
    donation = models.ForeignKey(
        "Donation",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("donation"),
    )
    deposit = models.ForeignKey(
        "CashDeposit",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("cash brought to the bank"),
    )
    refund_request = models.ForeignKey(
        "RefundRequest",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("refund"),
    )
    exchange = models.ForeignKey(
        "Exchange",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("exchange of currencies"),
    )
    own_transfer = models.ForeignKey(
        "OwnTransfer",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("transfer between own accounts"),
    )
    bail_outcome = models.ForeignKey(
        "BailOutcome",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("bail that came back"),
    )
    collection = models.ForeignKey(
        "MovementExplanation",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("what Stripe collected"),
    )
    past_row = models.ForeignKey(
        "PastRow",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("row of the past"),
    )
    explanation = models.TextField(
        _("explanation"), blank=True, help_text=_("Why the line belongs to none of these.")
    )
    proposal = models.ForeignKey(
        "LineExplanation",
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="matches",
        verbose_name=_("approved explanation"),
        help_text=_("What two people said of money that left the bank, and of no payment of ours."),
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("confirmed by"),
        help_text=_("Empty when reference, amount and currency agreed at the import."),
    )
    confirmed_at = models.DateTimeField(_("confirmed at"))
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("undone by"),
    )
    undone_at = models.DateTimeField(_("undone at"), null=True)

    objects = StatementMatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("match")
        verbose_name_plural = _("matches")
        constraints = [
            models.CheckConstraint(
                name="match_is_one_thing",
                condition=_one_of(*THINGS),
            ),
            # Here and not with the field, whose index would be doubled for searches by the first characters.
            models.UniqueConstraint(
                name="match_source_once", fields=["source"], condition=Q(source__isnull=False)
            ),
            models.UniqueConstraint(
                name="match_proposal_once",
                fields=["proposal"],
                condition=Q(proposal__isnull=False),
            ),
            models.CheckConstraint(name="match_amount_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="match_withheld_on_its_way",
                condition=Q(withheld=0)
                | Q(withheld__gt=0, payout__isnull=False)
                | Q(withheld__gt=0, own_transfer__isnull=False),
            ),
            # What nobody confirmed must at least be something we know of.
            models.CheckConstraint(
                name="match_by_itself_names_a_thing",
                condition=Q(confirmed_by__isnull=False) | Q(explanation=""),
            ),
            models.CheckConstraint(
                name="match_undoing_complete",
                condition=Q(undone_by__isnull=True, undone_at__isnull=True)
                | Q(undone_by__isnull=False, undone_at__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=[thing],
                    name=f"match_{thing}_once",
                    condition=Q(undone_at=None, **{f"{thing}__isnull": False}),
                )
                for thing in THINGS
                if thing not in TWO_SIDED
            ),
            *(
                models.UniqueConstraint(
                    fields=[thing],
                    name=f"match_{thing}_once_{way}",
                    condition=Q(undone_at=None, **{f"{thing}__isnull": False}) & sign,
                )
                for thing in TWO_SIDED
                for way, sign in (("out", Q(amount__lt=0)), ("in", Q(amount__gt=0)))
            ),
        ]
        indexes = [
            *(
                models.Index(
                    name=f"match_of_{thing}",
                    fields=[thing],
                    condition=Q(**{f"{thing}__isnull": False}),
                )
                for thing in THINGS
            ),
            # The bank's own: which fund bore the last one.
            models.Index(
                name="match_charge",
                fields=["line"],
                condition=Q(source__isnull=False, undone_at=None) & ~Q(explanation=""),
            ),
            # What somebody explained and nobody booked.
            models.Index(
                name="match_note",
                fields=["line"],
                condition=Q(source=None, undone_at=None) & ~Q(explanation=""),
            ),
        ]

    def __str__(self) -> str:
        return str(self.line)

    @property
    def is_note(self) -> bool:
        """What somebody said, and nobody booked."""
        return self.source is None and bool(self.explanation)
