"""What is filled in for an exchange: both amounts, both accounts, the market, the day and the slip."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.days import DayField
from defensefund.templatetags.formats import plain_day
from defensefund.verbs import VerbForm

from .. import exchange, ledger
from ..cleaning import UnfitDocument, clean
from ..models import BankAccount, Exchange, Fund
from .document_field import DocumentField
from .spending_forms import AmountField

# Which field a refusal of the verb stands beside ("" above the form).
REFUSALS: dict[type[Exception], str] = {
    UnfitDocument: "file",
    exchange.NotEnoughMoney: "given",
    exchange.WrongDay: "exchanged_on",
    exchange.ExchangeError: "",
}


def _amount(label: Any, help_text: Any) -> AmountField:
    return AmountField(label=label, help_text=help_text)


def _account(label: Any) -> Any:
    return forms.ModelChoiceField(
        BankAccount.objects.filter(closed_on=None).usual_first(),
        label=label,
        error_messages={"required": gettext_lazy("Choose the account.")},
    )


class RecordForm(forms.Form):
    # Makes the same form sent twice one exchange.
    number = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    fund = forms.ModelChoiceField(
        Fund.objects.open().order_by("name"),
        label=gettext_lazy("Fund"),
        help_text=gettext_lazy("The money stays this fund's: what it was given for goes with it."),
        error_messages={"required": gettext_lazy("Choose the fund whose money was exchanged.")},
    )
    given_from = _account(gettext_lazy("From account"))
    given = _amount(
        gettext_lazy("Amount given"),
        gettext_lazy("All that left the account for it, fees of the exchange included."),
    )
    received_into = _account(gettext_lazy("Into account"))
    received = _amount(
        gettext_lazy("Amount received"),
        gettext_lazy("What really arrived. The rate is worked out from the two amounts."),
    )
    market = forms.ChoiceField(
        label=gettext_lazy("Market"),
        choices=Exchange.Market.choices,
        help_text=gettext_lazy("Where the rate was got; it is shown to everybody."),
    )
    exchanged_on = DayField(label=gettext_lazy("Exchanged on"))
    file = DocumentField(
        help_text=gettext_lazy(
            "The bank's, broker's or money transfer service's slip, as PDF, JPEG or PNG, up to 10 MB."
        )
    )
    field_order = (
        "fund", "given_from", "given", "received_into", "received", "market", "exchanged_on", "file",
    )  # fmt: skip

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        self.fields["exchanged_on"].initial = timezone.now().date()
        for amount, account in (("given", "given_from"), ("received", "received_into")):
            field = self.fields[amount]
            assert isinstance(field, AmountField)
            field.currency = self._currency_of(account)

    def _currency_of(self, name: str) -> str:
        """Of the account chosen; any at all while none is, since its own complaint comes first."""
        key = self.data.get(name, "") if self.is_bound else ""
        chosen = BankAccount.objects.filter(pk=key).first() if key.isdecimal() else None
        return chosen.currency if chosen else "EUR"

    def act(self, *, by: User, at: datetime) -> Exchange:
        said = self.cleaned_data
        cleaned = clean(said["file"].name, said["file"].read())
        return exchange.record(
            fund=said["fund"],
            deal=exchange.Deal(
                given=said["given"],
                given_from=said["given_from"],
                received=said["received"],
                received_into=said["received_into"],
                market=Exchange.Market(said["market"]),
                exchanged_on=said["exchanged_on"],
            ),
            document=exchange.Document(cleaned.content_type, cleaned.content),
            number=said["number"],
            by=by,
            at=at,
        )


class ApproveForm(VerbForm):
    def prepare(self) -> None:
        """A day of a closed month is kept, and both ways are booked later: whoever approves should know."""
        first = ledger.open_from()
        if first and self.row.exchanged_on < first:
            self.warning = _(
                "The month of %(day)s is closed: both ways are booked on %(first)s, and keep their own day beside it."
            ) % {"day": plain_day(self.row.exchanged_on), "first": plain_day(first)}
