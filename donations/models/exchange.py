"""Money of a fund changed from one currency into another: what was given, what was really got for it, and where."""

import uuid
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.templatetags.formats import plain_day

from .bank_account import BankAccount
from .fields import CurrencyField, MoneyField
from .fund import Fund
from .legal_cost import CostDocument
from .proposal import Decision, ProposalQuerySet, decided_by_another
from .undoing import Undoing, undone_by_another


class ExchangeQuerySet(ProposalQuerySet["Exchange"]):
    def booked(self) -> "ExchangeQuerySet":
        """Approved, and not taken back."""
        return self.filter(approved_at__isnull=False, undone_at=None)

    def doubted(self) -> "ExchangeQuerySet":
        """Somebody asks that they be taken back; another person is to decide."""
        return self.filter(undo_requested_at__isnull=False, undone_at=None)

    def in_state(self, state: "Exchange.State") -> "ExchangeQuerySet":
        match state:
            case Exchange.State.TO_APPROVE:
                return self.undecided()
            case Exchange.State.BOOKED:
                return self.booked()
            case Exchange.State.REFUSED:
                return self.filter(refused_at__isnull=False)
            case Exchange.State.UNDONE:
                return self.filter(undone_at__isnull=False)


def slip_path(exchange: "Exchange", filename: str) -> str:
    """A random name: the file's own could name people."""
    return f"exchanges/{uuid.uuid4().hex}.{CostDocument.EXTENSIONS[exchange.content_type]}"


class Exchange(Decision, Undoing):
    """One exchange of one fund's money, on one day; booked when another person than who recorded it approves.

    What was recorded is never changed (migrations): a mistake is refused, or taken back by two people, and recorded anew.
    """

    class Market(models.TextChoices):
        # Where the rate was got. In Argentina they differ by a third and more.
        OFFICIAL = "official", _("official rate of a bank")
        MEP = "mep", _("MEP (bonds bought here, sold in dollars here)")
        CCL = "ccl", _("CCL (bonds bought here, sold abroad)")
        REMITTANCE = "remittance", _("money transfer service")
        CARD = "card", _("rate of a card or payment service")
        HOUSE = "house", _("exchange house")

    class State(models.TextChoices):
        TO_APPROVE = "approve", _("to approve")
        BOOKED = "booked", _("booked")
        REFUSED = "refused", _("refused")
        UNDONE = "undone", _("taken back")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="exchanges", verbose_name=_("fund"))
    given = MoneyField(_("given"))
    given_currency = CurrencyField(_("currency given"))
    given_from = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="exchanges_out", verbose_name=_("from account")
    )
    received = MoneyField(_("received"))
    received_currency = CurrencyField(_("currency received"))
    received_into = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="exchanges_in", verbose_name=_("into account")
    )
    market = models.CharField(_("market"), max_length=10, choices=Market)
    exchanged_on = models.DateField(_("exchanged on"))
    file = models.FileField(_("document"), upload_to=slip_path)
    content_type = models.CharField(
        _("type"), max_length=20, choices=[(key, key) for key in CostDocument.EXTENSIONS]
    )
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    # Why those were taken back for which one person was enough; empty in all later ones.
    undoing_reason = models.TextField(_("reason of taking it back"), blank=True)

    objects = ExchangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("exchange")
        verbose_name_plural = _("exchanges")
        ordering = ["-pk"]
        permissions = [
            ("record_exchange", "Can record an exchange, and ask that one be taken back"),
            ("approve_exchange", "Can approve or refuse an exchange"),
            ("undo_exchange", "Can take back an exchange"),
        ]
        constraints = [
            models.CheckConstraint(
                name="exchange_amounts_positive", condition=Q(given__gt=0, received__gt=0)
            ),
            models.CheckConstraint(
                name="exchange_of_two_currencies",
                condition=~Q(given_currency=F("received_currency")),
            ),
            *decided_by_another("exchange", proposer="recorded_by"),
            *undone_by_another(
                "exchange",
                asked_of=Q(approved_at__isnull=False),
                undone_of=Q(approved_at__isnull=False),
                by_one=~Q(undoing_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.given_currency} → {self.received_currency}, {plain_day(self.exchanged_on)}"

    @property
    def rate(self) -> Decimal:
        """How many units of what was received one unit of what was given really brought."""
        return self.received / self.given

    @property
    def state(self) -> "Exchange.State":
        if self.undone_at:
            return self.State.UNDONE
        if self.refused_at:
            return self.State.REFUSED
        return self.State.BOOKED if self.approved_at else self.State.TO_APPROVE

    def source(self, leg: str) -> str:
        """The name in the ledger of what left ("out") and of what came ("in")."""
        return f"exchange:{self.number}:{leg}"

    def bank_sides(
        self,
    ) -> tuple[tuple[BankAccount, Decimal, date], tuple[BankAccount, Decimal, date]]:
        """What the two banks' statements should show: account, signed amount, about which day; out, then in."""
        return (
            (self.given_from, -self.given, self.exchanged_on),
            (self.received_into, self.received, self.exchanged_on),
        )
