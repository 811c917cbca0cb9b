"""What people fill in to send money back: how much, why, and by bank transfer to whom."""

from decimal import Decimal

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.days import DayField
from defensefund.templatetags.formats import money
from defensefund.verbs import VerbForm

from .. import ledger
from ..models import AccountKey, BankAccount, Donation, RefundRequest
from .spending_forms import AmountField, MoneyForm


class RefundForm(MoneyForm):
    """Full or partial: the amount is what is left, until somebody writes less."""

    amount = AmountField()
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("Choose a reason")), *RefundRequest.Reason.choices],
        error_messages={"required": gettext_lazy("Choose a reason.")},
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=1000,
        help_text=gettext_lazy("For the office: what somebody needs to know later. No names."),
    )
    bank_account = forms.ModelChoiceField(
        BankAccount.objects.none(),
        label=gettext_lazy("From the account"),
        error_messages={"required": gettext_lazy("Choose the account the money is paid from.")},
    )
    payee_name = forms.CharField(
        label=gettext_lazy("Payee"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Write whom to pay.")},
    )
    payee_account = forms.CharField(
        label=gettext_lazy("Payee's account"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "The account the gift came from, unless the supporter says otherwise."
        ),
        error_messages={"required": gettext_lazy("Write to which account.")},
    )

    def prepare(self) -> None:
        donation: Donation = self.row
        left = donation.refundable()
        self.take_amounts_in(donation.currency, left)
        self.fields["amount"].help_text = " ".join(
            [
                _("%(amount)s can still be sent back.")
                % {"amount": money(left, donation.currency)},
                who_decides(donation),
            ]
        )
        if donation.method == Donation.Method.CARD:
            for name in ("bank_account", "payee_name", "payee_account"):
                del self.fields[name]
        else:
            self._prepare_payee(donation)

    def _prepare_payee(self, donation: Donation) -> None:
        accounts = BankAccount.objects.filter(currency=donation.currency, closed_on=None)
        self.fields["bank_account"].queryset = accounts.usual_first()  # type: ignore[attr-defined]
        match = donation.matches.standing().select_related("line__account").first()
        if match:
            self.fields["bank_account"].initial = match.line.account_id
            self.fields["payee_name"].initial = match.line.counterparty
            self.fields["payee_account"].initial = match.line.counterparty_account


def who_decides(donation: Donation) -> str:
    """In a sentence or two: what one person may send back alone, and what it does to the fund."""
    currency = donation.currency
    if donation.method != Donation.Method.CARD:
        return _("Another person approves it; then it is paid by bank transfer.")
    free = max(ledger.free(AccountKey.fund(donation.fund, currency)), Decimal(0))
    alone = min(settings.REFUND_LIMITS.get(currency, Decimal(0)), free)
    said = (
        _("Up to %(amount)s goes out at once; for more another person must approve.")
        % {"amount": money(alone, currency)}
        if alone
        else _("Another person must approve it.")
    )
    if free < donation.refundable():
        said += " " + _(
            "The fund has only %(amount)s left: a larger refund takes it below zero and freezes it."
        ) % {"amount": money(free, currency)}
    return said


class RefundPayForm(VerbForm):
    paid_on = DayField(
        label=gettext_lazy("Paid on"),
        missing=gettext_lazy("Write the day of the payment."),
        help_text=gettext_lazy("The day the bank was told to pay."),
    )

    def prepare(self) -> None:
        self.fields["paid_on"].initial = timezone.now().date()
