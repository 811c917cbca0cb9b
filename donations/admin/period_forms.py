"""The form on which a person says what lay on an account at the end of a month."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from defensefund.verbs import VerbForm

from ..models import Account
from .spending_forms import read_amount


class BalanceForm(VerbForm):
    """What a person read on paper, or counted; below zero when the account is overdrawn."""

    account = forms.ModelChoiceField(
        Account.objects.none(),
        label=gettext_lazy("Account"),
        error_messages={"required": gettext_lazy("Choose an account.")},
    )
    stated = forms.CharField(
        label=gettext_lazy("Balance"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy("As it was at the end of the month's last day."),
        error_messages={"required": gettext_lazy("Write the balance.")},
    )

    def prepare(self) -> None:
        field = self.fields["account"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = (
            Account.objects.filter(place__in=[Account.Place.BANK, Account.Place.CASH])
            .select_related("bank_account")
            .order_by("code")
        )
        field.choices = [
            (
                account.pk,
                str(account.bank_account or f"{account.get_place_display()} ({account.currency})"),
            )
            for account in field.queryset
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        account, text = cleaned.get("account"), cleaned.get("stated")
        if account and text:
            bare = text.strip().replace("\N{MINUS SIGN}", "-")
            is_below = bare.startswith("-")
            try:
                amount = read_amount(bare.removeprefix("-"), account.currency)
            except forms.ValidationError as error:
                self.add_error("stated", error)
            else:
                cleaned["stated"] = -amount if is_below else amount
        return cleaned
