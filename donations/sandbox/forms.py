"""What a supporter may do on the stand-in's payment page."""

from django import forms
from django.utils.translation import gettext_lazy as _


class CardForm(forms.Form):
    """Test cards by what they do; nobody types a card number here."""

    PAYS, DECLINED, NO_FUNDS, SECURE, DEBIT = "4242", "0002", "9995", "3155", "debit"

    card = forms.ChoiceField(
        label=_("Test card"),
        widget=forms.RadioSelect,
        initial=PAYS,
        choices=[
            (PAYS, _("4242 … 4242: the payment goes through")),
            (DECLINED, _("4000 … 0002: the bank declines")),
            (NO_FUNDS, _("4000 … 9995: not enough money on the account")),
            (SECURE, _("4000 … 3155: the bank asks for a confirmation (3-D Secure)")),
            (DEBIT, _("Bank debit: confirmed now, settled or refused later")),
        ],
        error_messages={"required": _("Choose a test card.")},
    )
    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)


DECLINES = {
    CardForm.DECLINED: ("generic_decline", _("The bank declined this card. Nothing was charged.")),
    CardForm.NO_FUNDS: (
        "insufficient_funds",
        _("There is not enough money on this account. Nothing was charged."),
    ),
}


class ActForm(forms.Form):
    """One button of the control page: what to do, and to which object."""

    act = forms.ChoiceField(
        choices=[
            (name, name) for name in ("deliver", "expire", "settle", "fail", "refund", "pay_out")
        ]
    )
    target = forms.CharField(max_length=255)
