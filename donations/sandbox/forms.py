"""What a supporter may do on the stand-in's payment page, and whoever tries the fund out on its control page."""

from django import forms
from django.utils.translation import gettext_lazy as _


class CardForm(forms.Form):
    """Test cards by what they do; nobody types a card number here."""

    PAYS, DECLINED, NO_FUNDS, SECURE, DEBIT = "4242", "0002", "9995", "3155", "debit"

    card = forms.ChoiceField(
        label=_("Pay with a test card"),
        widget=forms.RadioSelect,
        initial=PAYS,
        choices=[
            (PAYS, _("4242 … 4242: the payment goes through")),
            (DECLINED, _("4000 … 0002: the bank declines")),
            (NO_FUNDS, _("4000 … 9995: not enough money on the account")),
            (SECURE, _("4000 … 3155: the bank asks for a confirmation (3-D Secure)")),
            (DEBIT, _("Bank debit: agreed now, settled or refused later")),
        ],
        error_messages={
            "required": _("Choose a test card."),
            "invalid_choice": _("This is none of the test cards: choose one of the list."),
        },
    )
    # What the bank of the 3155 card was told in its second step: "yes", "no", or nothing yet.
    answer = forms.ChoiceField(
        required=False, choices=[("", ""), ("yes", "yes"), ("no", "no")], widget=forms.HiddenInput
    )

    def asks_bank_first(self) -> bool:
        """Whether the bank's question comes next; for a valid form."""
        return self.cleaned_data["card"] == self.SECURE and not self.cleaned_data["answer"]

    def decline_code(self) -> str:
        """Why the bank declines, in Stripe's words; empty when it does not. For a valid form."""
        if self.cleaned_data["card"] == self.SECURE and self.cleaned_data["answer"] == "no":
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


class ActForm(forms.Form):
    """One button of the control page: what to do, and to which object."""

    act = forms.ChoiceField(
        choices=[
            (name, name) for name in ("deliver", "expire", "settle", "fail", "refund", "pay_out")
        ]
    )
    target = forms.CharField(max_length=255)
