"""What people fill in to spend: each form reads the input of one verb and says what is wrong with it."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import money
from defensefund.verbs import VerbForm

from .. import ledger
from ..currencies import UnreadableAmount, exponent, parse_amount, quantize
from ..forms import UNREADABLE
from ..models import AccountKey, CostDocument, Fund
from .document_field import DocumentField
from .standing import (
    covering_funds,
    documents_lacking,
    giving_funds,
    lacking_accounts,
    policy_today,
    refilled_accounts,
    serving_funds,
)


def read_amount(text: str, currency: str) -> Decimal:
    """Raises ValidationError with the sentence for what cannot be read."""
    try:
        return parse_amount(text, currency)
    except UnreadableAmount as error:
        example = "1500" if exponent(currency) == 0 else "25,50"
        raise ValidationError(
            UNREADABLE[str(error)], params={"example": example, "currency": currency}
        ) from error


def typed(amount: Decimal, currency: str) -> str:
    """As `read_amount` reads it back. With the currency's own decimals: "1000.000" euros would be a million."""
    return f"{quantize(max(amount, Decimal(0)), currency):f}"


class AmountField(forms.CharField):
    """`currency` is set by the form before the field is cleaned."""

    currency = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=30,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            error_messages={"required": gettext_lazy("Write the amount.")},
            **{"label": gettext_lazy("Amount")} | kwargs,
        )

    def clean(self, value: Any) -> Decimal:
        return read_amount(super().clean(value), self.currency)


class FundField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Each fund with what it has, as `labels` says."""

    labels: dict[int, str]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Fund.objects.all(),
            error_messages={"required": gettext_lazy("Choose a fund.")},
            **kwargs,
        )

    def offer(self, labels: dict[int, str]) -> None:
        self.labels = labels
        self.queryset = Fund.objects.filter(pk__in=labels)
        self.choices = [
            ("", _("Choose a fund")),
            *((pk, label) for pk, label in labels.items()),
        ]


class MoneyForm(VerbForm):
    """An amount in the row's currency, and a number that makes the same form sent twice one decision."""

    number = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def take_amounts_in(self, currency: str, first: Decimal) -> None:
        field = self.fields["amount"]
        assert isinstance(field, AmountField)
        field.currency = currency
        field.initial = typed(first, currency)
        field.help_text = _("In %(currency)s.") % {"currency": currency}


class AllocateForm(MoneyForm):
    fund = FundField(label=gettext_lazy("From the fund"))
    amount = AmountField()

    def prepare(self) -> None:
        funds = serving_funds(self.row, policy_today())
        field = self.fields["fund"]
        assert isinstance(field, FundField)
        field.offer({f.fund.pk: f"{f.fund.name}: {f.told(self.row.currency)}" for f in funds})
        usable = [f for f in funds if f.usable > 0]
        field.initial = usable[0].fund.pk if usable else None
        most = usable[0].usable if usable else Decimal(0)
        self.take_amounts_in(self.row.currency, min(self.row.missing, most))


class ReleaseForm(MoneyForm):
    fund = FundField(label=gettext_lazy("Back to the fund"))
    amount = AmountField()

    def prepare(self) -> None:
        giving = giving_funds(self.row)
        field = self.fields["fund"]
        assert isinstance(field, FundField)
        field.offer(
            {
                fund.pk: _("%(fund)s: %(amount)s set aside")
                % {"fund": fund.name, "amount": money(given, self.row.currency)}
                for fund, given in giving
            }
        )
        field.initial = giving[0][0].pk if giving else None
        most = giving[0][1] if giving else Decimal(0)
        free = ledger.free(AccountKey.cost(self.row)) - self.row.requested
        self.take_amounts_in(self.row.currency, min(most, free))


class AttachForm(VerbForm):
    kind = forms.TypedChoiceField(
        label=gettext_lazy("What it is"),
        choices=CostDocument.Kind,
        required=False,
        empty_value=CostDocument.Kind.BILL,
        help_text=gettext_lazy("The policy says which of them a cost needs before it is paid."),
    )
    file = DocumentField(
        help_text=gettext_lazy("The bill, receipt or ruling as PDF, JPEG or PNG, up to 10 MB.")
    )

    def prepare(self) -> None:
        """The first document that is still lacking."""
        lacking = documents_lacking(self.row, policy_today())
        self.fields["kind"].initial = lacking[0] if lacking else CostDocument.Kind.BILL


def told(accounts: list[Any]) -> list[tuple[str, str]]:
    """Choices of a fund's accounts: the currency, with what is in it."""
    return [(account.currency, money(account.balance, account.currency)) for account in accounts]


class CoverForm(VerbForm):
    """Names the currency too: a fund may be frozen in several."""

    currency = forms.ChoiceField(label=gettext_lazy("What is to be covered"))
    source = FundField(label=gettext_lazy("By the fund"))
    amount = AmountField()
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy(
            "Why money given for one purpose may be used here. Kept with the decision; no names."
        ),
        error_messages={"required": gettext_lazy("Say why this fund covers the other.")},
    )

    def prepare(self) -> None:
        lacking = lacking_accounts(self.row)
        self.fields["currency"].choices = told(lacking)  # type: ignore[attr-defined]
        field = self.fields["source"]
        assert isinstance(field, FundField)
        field.offer(covering_funds(self.row, [account.currency for account in lacking]))
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        if lacking:
            self.fields["currency"].initial = lacking[0].currency
            amount.initial = typed(-lacking[0].balance, lacking[0].currency)
        # Cleaned before the amount, so that the amount is read in it.
        amount.currency = self.data.get("currency", "") if self.is_bound else ""


class LiftForm(VerbForm):
    """Names the currency too, as `CoverForm`."""

    currency = forms.ChoiceField(label=gettext_lazy("What gifts have refilled"))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy(
            "What took it below zero, and what filled it again. Kept with the decision; no names."
        ),
        error_messages={"required": gettext_lazy("Say why the freeze may be lifted.")},
    )

    def prepare(self) -> None:
        refilled = refilled_accounts(self.row)
        self.fields["currency"].choices = told(refilled)  # type: ignore[attr-defined]
        if refilled:
            self.fields["currency"].initial = refilled[0].currency
