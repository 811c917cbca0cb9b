"""What a supporter may change of a monthly gift, and the one-click way to stop it from a mail."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import card_fees, currencies, monthly
from .forms import fee_cover_field, read_amount, refuse_more_than_a_card
from .models import Subscription


class AmountForm(forms.Form):
    """From the next charge on."""

    amount = forms.CharField(
        label=_("New monthly amount"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"required": _("Write the amount you want to give each month.")},
    )
    cover_fee = fee_cover_field()

    def __init__(self, *args: Any, subscription: Subscription, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = subscription.currency
        self.range = currencies.GIVING[self.currency]
        self.fields["amount"].initial = currencies.plain(subscription.amount, self.currency)
        self.fields["cover_fee"].initial = bool(subscription.fee_cover)
        self.card_fee = card_fees.fee_of(self.currency)
        if self.card_fee is None:
            del self.fields["cover_fee"]

    def clean_amount(self) -> Decimal:
        return read_amount(self.cleaned_data["amount"], self.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "amount" in cleaned:
            refuse_more_than_a_card(
                cleaned["amount"], self.currency, covers_fee=cleaned.get("cover_fee", False)
            )
        return cleaned

    @property
    def cover(self) -> Decimal:
        """What the share of the fees adds; only after is_valid()."""
        if not self.cleaned_data.get("cover_fee"):
            return Decimal(0)
        return card_fees.cover_of(self.cleaned_data["amount"], self.currency) or Decimal(0)

    @property
    def total(self) -> Decimal:
        """What each month is then charged; only after is_valid()."""
        amount: Decimal = self.cleaned_data["amount"]
        return amount + self.cover


class DayForm(forms.Form):
    """The day of the month; the 29th to the 31st are not in every one."""

    day = forms.TypedChoiceField(
        label=_("Day of the month"),
        choices=[(day, day) for day in monthly.DAYS],
        coerce=int,
        error_messages={"invalid_choice": _("Choose a day from 1 to 28.")},
    )
