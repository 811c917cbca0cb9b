"""What a supporter may do on the stand-in's payment page, and whoever tries the fund out on its control page."""

from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from donations.stripe_facts import to_minor_units

from .models import SandboxFaults


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
    """One button of the control page: what to do, to which object, of what amount, and where to go on."""

    ACTS = (
        *(
            "announce",
            "arrive",
            "cancel",
            "charge",
            "close_inquiry",
            "deliver",
            "deliver_due",
            "dispute",
        ),
        *("escalate", "expire", "fail", "fail_payout", "fail_refund", "inquire", "lose"),
        *(
            "pay_elsewhere",
            "pay_out",
            "pay_out_by_hand",
            "refund",
            "refund_slowly",
            "renew",
            "renew_asked",
            "renew_declined",
        ),
        *("renew_no_funds", "reset", "retry", "settle", "warn", "win", "win_without_fee"),
    )
    PAGES = ("control", "subscriptions", "events", "faults")

    act = forms.ChoiceField(choices=[(name, name) for name in ACTS])
    target = forms.CharField(max_length=255)
    # In the payment's currency; empty: all that is left.
    amount = forms.CharField(max_length=20, required=False)
    currency = forms.CharField(max_length=3, min_length=3, required=False)
    back = forms.ChoiceField(choices=[(name, name) for name in PAGES], required=False)

    def clean_amount(self) -> Decimal | None:
        text = self.cleaned_data["amount"].replace(",", ".").strip()
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            raise forms.ValidationError(_("Write an amount like 12.50, or none.")) from error
        if not amount.is_finite():
            raise forms.ValidationError(_("Write an amount like 12.50, or none."))
        return amount

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("amount") is not None:
            try:
                self.units()
            except ValueError:
                self.add_error("amount", _("This currency has no such small part."))
        return self.cleaned_data

    def units(self) -> int | None:
        """The amount in the smallest unit of its currency; None: all that is left."""
        amount: Decimal | None = self.cleaned_data["amount"]
        if amount is None:
            return None
        return to_minor_units(amount, self.cleaned_data["currency"].upper())


class FaultsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is to go wrong on purpose."""

    class Meta:
        model = SandboxFaults
        fields = (
            "is_twice",
            "late_seconds",
            "is_out_of_order",
            "drop_percent",
            "api_fault",
            "api_requests",
            "fails_reads",
        )
        labels = {
            "is_twice": _("Send every webhook twice"),
            "late_seconds": _("Send webhooks late, by so many seconds"),
            "is_out_of_order": _("Send the newest webhook first (they are held for two seconds)"),
            "drop_percent": _("Lose so many webhooks of a hundred (100: all)"),
            "api_fault": _("Stripe's API"),
            "api_requests": _("for so many requests"),
            "fails_reads": _("also requests that only read"),
        }
        help_texts = {
            "api_requests": _(
                "The fund asks up to three times before it gives up: 1 or 2 are overcome unseen, 3 are felt."
            ),
        }
        widgets = {
            "late_seconds": forms.NumberInput(attrs={"inputmode": "numeric", "max": 86_400}),
            "drop_percent": forms.NumberInput(attrs={"inputmode": "numeric", "max": 100}),
            "api_requests": forms.NumberInput(attrs={"inputmode": "numeric"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fault = cast(forms.TypedChoiceField, self.fields["api_fault"])
        fault.choices = [("", _("answers as it should")), *SandboxFaults.Api.choices]
        fault.widget = forms.RadioSelect(choices=fault.choices)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        fault, requests = self.cleaned_data.get("api_fault"), self.cleaned_data.get("api_requests")
        if fault and requests == 0:
            self.add_error("api_requests", _("Write for how many requests, from 1 on."))
        elif not fault and requests is not None:
            self.cleaned_data["api_requests"] = 0
        return cleaned
