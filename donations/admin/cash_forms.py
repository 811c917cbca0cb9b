"""What people fill in for cash and cheques: each form reads the input of one verb and says what is wrong with it."""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.days import DayField
from defensefund.verbs import VerbForm

from .. import cash, currencies
from ..models import BankAccount, CashDeposit, CashReceipt, Fund, Pledge
from ..references import find_references
from .spending_forms import AmountField, read_amount


def _today() -> date:
    return timezone.now().date()


class RecordForm(forms.Form):
    # Makes the same form sent twice one slip.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    kind = forms.ChoiceField(
        label=gettext_lazy("What was handed over"),
        choices=CashReceipt.Kind.choices,
        widget=forms.RadioSelect,
        initial=CashReceipt.Kind.CASH.value,
        help_text=gettext_lazy("A cheque is booked when the bank has paid it."),
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency"))
    amount = AmountField()
    received_on = DayField(label=gettext_lazy("Handed over on"), initial=_today)
    reference = forms.CharField(
        label=gettext_lazy("Reference of the promise"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("When it keeps a promise: RF and fourteen characters."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 30}),
    )
    fund = forms.ModelChoiceField(
        Fund.objects.open(),
        label=gettext_lazy("Fund the gift is for"),
        required=False,
        help_text=gettext_lazy("Not asked for when it keeps a promise."),
    )
    payer = forms.CharField(
        label=gettext_lazy("Received from"),
        required=False,
        max_length=120,
        help_text=gettext_lazy(
            "Printed on the slip, kept encrypted. Leave it empty for who wants no name on it."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 40}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        offered = currencies.offered()
        self.fields["currency"].choices = [(code, code) for code in offered]  # type: ignore[attr-defined]
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = self.data.get("currency", "") or offered[0]
        if amount.currency not in offered:
            amount.currency = offered[0]

    def clean_reference(self) -> Pledge | None:
        written = self.cleaned_data["reference"]
        if not written:
            return None
        pledge = Pledge.objects.filter(reference__in=find_references(written)).first()
        if pledge is None:
            raise ValidationError(_("Nothing was promised with this reference."))
        return pledge

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("fund") and not cleaned.get("reference") and not self.errors:
            self.add_error("fund", _("Choose the fund the gift is for."))
        return cleaned

    def act(self, *, by: User, at: datetime) -> CashReceipt:
        said = self.cleaned_data
        pledge: Pledge | None = said["reference"]
        return cash.record(
            key=said["key"],
            kind=CashReceipt.Kind(said["kind"]),
            fund=pledge.fund if pledge else said["fund"],
            amount=said["amount"],
            currency=said["currency"],
            received_on=said["received_on"],
            pledge=pledge,
            payer=said["payer"].strip(),
            by=by,
            at=at,
        )


class DepositForm(forms.Form):
    number = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    bank_account = forms.ModelChoiceField(
        BankAccount.objects.filter(closed_on=None).usual_first(),
        label=gettext_lazy("Into the account"),
    )
    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy("In the account's currency."),
    )
    deposited_on = DayField(label=gettext_lazy("Brought on"), initial=_today)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        account = cleaned.get("bank_account")
        if account and cleaned.get("amount"):
            try:
                cleaned["amount"] = read_amount(cleaned["amount"], account.currency)
            except ValidationError as error:
                self.add_error("amount", error)
        return cleaned

    def act(self, *, by: User, at: datetime) -> CashDeposit:
        return cash.deposit(**self.cleaned_data, by=by, at=at)


class CashInForm(VerbForm):
    cashed_on = DayField(label=gettext_lazy("Paid on"), initial=_today)


class ReasonForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("Why it is taken back"),
        max_length=300,
        widget=forms.TextInput(attrs={"size": 50, "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Say why it is taken back.")},
        help_text=gettext_lazy("Kept with the reversal in the books; without names of supporters."),
    )
