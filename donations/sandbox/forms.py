"""What a supporter may do on the stand-in's payment page, and whoever tries the fund out on its control page."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _


class CardForm(forms.Form):
    """Test cards by what they do; nobody types a card number here."""

    PAYS, DECLINED, NO_FUNDS, SECURE, DEBIT = "4242", "0002", "9995", "3155", "debit"
    FAILS_LATER, ASKS_ALWAYS, SLOW_REFUND = "0341", "3184", "7726"

    # What each shows when it is charged at once, and what more when it is kept.
    AT_ONCE = [
        (PAYS, _("4242 … 4242: the payment goes through")),
        (DECLINED, _("4000 … 0002: the bank declines")),
        (NO_FUNDS, _("4000 … 9995: not enough money on the account")),
        (SECURE, _("4000 … 3155: the bank asks for a confirmation (3-D Secure)")),
        (SLOW_REFUND, _("4000 … 7726: goes through, and a refund would take some days")),
        (DEBIT, _("Bank debit: agreed now, settled or refused later")),
    ]
    KEPT = [
        (PAYS, _("4242 … 4242: works, now and later")),
        (FAILS_LATER, _("4000 … 0341: works now, the bank declines every later charge")),
        (
            ASKS_ALWAYS,
            _("4000 … 3184: the bank asks for a confirmation (3-D Secure) now and every time"),
        ),
        (DECLINED, _("4000 … 0002: the bank declines")),
        (NO_FUNDS, _("4000 … 9995: not enough money on the account")),
        (SECURE, _("4000 … 3155: the bank asks for a confirmation (3-D Secure) this once")),
        (DEBIT, _("Bank debit: agreed now, settled or refused later")),
    ]

    card = forms.ChoiceField(
        label=_("Pay with a test card"),
        widget=forms.RadioSelect,
        initial=PAYS,
        error_messages={
            "required": _("Choose a test card."),
            "invalid_choice": _("This is none of the test cards: choose one of the list."),
        },
    )
    # What the bank of the 3155 card was told in its second step: "yes", "no", or nothing yet.
    answer = forms.ChoiceField(
        required=False, choices=[("", ""), ("yes", "yes"), ("no", "no")], widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, is_kept: bool, **kwargs: Any) -> None:
        """`is_kept`: the card is charged again later, so it matters what it will do then."""
        super().__init__(*args, **kwargs)
        choice = cast(forms.ChoiceField, self.fields["card"])
        choice.choices = self.KEPT if is_kept else self.AT_ONCE

    def asks_bank_first(self) -> bool:
        """Whether the bank's question comes next; for a valid form."""
        return self._asks() and not self.cleaned_data["answer"]

    def _asks(self) -> bool:
        return self.cleaned_data["card"] in {self.SECURE, self.ASKS_ALWAYS}

    def decline_code(self) -> str:
        """Why the bank declines, in Stripe's words; empty when it does not. For a valid form."""
        if self._asks() and self.cleaned_data["answer"] == "no":
            return "authentication_required"
        return {self.DECLINED: "generic_decline", self.NO_FUNDS: "insufficient_funds"}.get(
            self.cleaned_data["card"], ""
        )


# What the supporter reads when the bank declines.
DECLINED = {
    "generic_decline": _("The bank declined this card. Nothing was charged."),
    "insufficient_funds": _("There is not enough money on this account. Nothing was charged."),
    "authentication_required": _("The payment was not confirmed. Nothing was charged."),
}


class PortalForm(forms.Form):
    """What a supporter may do to a regular gift of theirs."""

    act = forms.ChoiceField(
        choices=[
            (name, name)
            for name in ("card", "stop_now", "stop_later", "go_on", "pause", "resume", "email")
        ]
    )
    subscription = forms.CharField(max_length=255, required=False)
    email = forms.EmailField(max_length=254, required=False)

    def clean(self) -> dict[str, Any]:
        is_missing = not self.cleaned_data.get("email") and "email" not in self.errors
        if self.cleaned_data.get("act") == "email" and is_missing:
            self.add_error("email", _("Write an e-mail address, like name@mail.example."))
        return self.cleaned_data


class ActForm(forms.Form):
    """One button of the control page: what to do, and to which object."""

    act = forms.ChoiceField(
        choices=[
            (name, name) for name in ("deliver", "expire", "settle", "fail", "refund", "pay_out")
        ]
    )
    target = forms.CharField(max_length=255)
