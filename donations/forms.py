"""The form a supporter gives with."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

from django import forms
from django.conf import settings
from django.core import signing
from django.http import QueryDict
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from appeals.markdown import with_names
from appeals.models import Appeal
from defensefund.templatetags.formats import money_whole

from . import card_fees, currencies, stripe_facts
from .checkout import Gift
from .currencies import GIVING, UnreadableAmount, parse_amount, written
from .models import BankAccount, Fund, Pledge, Subscription, TaxSentence

OTHER = "other"
# A form left open longer is asked to be sent again, with everything still filled in.
FORM_LIFE_SECONDS = 24 * 3600
_signer = signing.TimestampSigner(salt="donations.form")

UNREADABLE = {
    "digits": _(
        "Write the amount in figures, like %(example)s: no letters, signs or currency symbol."
    ),
    "groups": _("We cannot tell what amount this is. Write it without grouping, like %(example)s."),
    "decimals": _("%(currency)s has no such small parts. Write the amount like %(example)s."),
}


class FundChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, fund: Fund) -> str:
        if fund.kind == Fund.Kind.APPEAL:
            return gettext("Where it is needed most")
        title: str = fund.public_title  # type: ignore[attr-defined]  # annotated by with_public_title
        return with_names(title, {})


def read_amount(text: str, currency: str) -> Decimal:
    """The amount a supporter wrote, within what may be given at once; raises ValidationError."""
    limits = GIVING[currency]
    try:
        amount = parse_amount(text, currency)
    except UnreadableAmount as error:
        raise forms.ValidationError(
            UNREADABLE[str(error)],
            params={"example": currencies.example(currency), "currency": currency},
        ) from error
    if amount < limits.minimum:
        raise forms.ValidationError(
            _("The smallest gift by this form is %(amount)s."),
            params={"amount": written(limits.minimum, currency)},
        )
    if amount > limits.maximum:
        raise forms.ValidationError(
            _("The largest gift by this form is %(amount)s. For more, please write to us."),
            params={"amount": written(limits.maximum, currency)},
        )
    return amount


class SentOnceForm(forms.Form):
    """A form with an identifier of its own, so that sending it twice does one thing once; and sent by people."""

    started = forms.CharField(widget=forms.HiddenInput, required=False)
    # For programs that fill in whatever they find: people meet it neither with their eyes nor their keys.
    website = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["started"].initial = _signer.sign(uuid4().hex)

    def clean_started(self) -> UUID:
        """The form's own identifier."""
        try:
            signed = _signer.unsign(self.cleaned_data["started"], max_age=FORM_LIFE_SECONDS)
            uuid = UUID(hex=signed)
        except (signing.BadSignature, ValueError) as error:
            # A fresh one goes out with the errors, so that sending again is all there is to do.
            self._send_out("started", _signer.sign(uuid4().hex))
            raise forms.ValidationError(
                _("This page was open for too long. Nothing was charged; please send it again.")
            ) from error
        if not self._is_older_than(settings.FORM_LEAST_SECONDS):
            raise forms.ValidationError(
                _("That was quicker than people are. Nothing was charged; please send it again.")
            )
        return uuid

    def _is_older_than(self, seconds: int) -> bool:
        try:
            _signer.unsign(self.cleaned_data["started"], max_age=seconds)
        except signing.SignatureExpired:
            return True
        return not seconds

    def _send_out(self, name: str, value: str) -> None:
        """Has the page show `value` in place of what was sent in."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        data[self.add_prefix(name)] = value
        self.data = data

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("website"):
            self._send_out("website", "")
            self.add_error(
                None,
                _(
                    "Something filled in a field that is not for people. It is empty again and nothing was charged;"
                    " please send the form once more."
                ),
            )
        return cleaned

    @property
    def uuid(self) -> UUID:
        uuid: UUID = self.cleaned_data["started"]
        return uuid


def fee_cover_field() -> forms.BooleanField:
    return forms.BooleanField(
        label=_("Add the card fee, so that my gift arrives whole"), required=False
    )


@dataclass(frozen=True)
class CoverExample:
    """What covering the fee adds to a suggested amount."""

    amount: Decimal
    cover: Decimal


def cover_examples(currency: str) -> list[CoverExample]:
    """For each suggested amount; none where covering the fee is not offered."""
    return [
        CoverExample(preset, cover)
        for preset in GIVING[currency].presets
        if (cover := card_fees.cover_of(preset, currency)) is not None
    ]


def refuse_more_than_a_card(amount: Decimal, currency: str, *, covers_fee: bool) -> None:
    """Raises ValidationError when only the share of the fees takes the amount over what Stripe takes at once."""
    cover = card_fees.cover_of(amount, currency) if covers_fee else None
    if cover and amount + cover > stripe_facts.largest(currency):
        raise forms.ValidationError(
            _(
                "With the card fee this is more than a card can pay at once. Give less, or leave the fee out."
            )
        )


class DonateForm(SentOnceForm):
    """`currency` is chosen before, by a link, because it decides the amounts offered and the ways to pay.

    `previous` is a gift that was not paid and is chosen anew: the form starts with what it said.
    """

    fund = FundChoiceField(
        Fund.objects.none(),
        label=_("What it is for"),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": _("Choose what your gift is for."),
            "invalid_choice": _("This purpose takes no gifts any more. Please choose another."),
        },
    )
    preset = forms.ChoiceField(label=_("Amount"), widget=forms.RadioSelect, required=False)
    amount = forms.CharField(
        label=_("Another amount"),
        required=False,
        max_length=30,
        # Not autocomplete="off": then browsers give nothing back to who comes back to the page.
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    frequency = forms.ChoiceField(
        label=_("How often"),
        widget=forms.RadioSelect,
        choices=[
            (Pledge.Frequency.ONCE.value, _("Once")),
            (Pledge.Frequency.MONTHLY.value, _("Every month")),
        ],
        initial=Pledge.Frequency.ONCE.value,
        error_messages={"required": _("Choose once or every month.")},
    )
    method = forms.ChoiceField(
        label=_("How you give"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose card or bank transfer.")},
    )
    cover_fee = fee_cover_field()
    email = forms.EmailField(
        label=_("E-mail for the receipt"),
        required=False,
        max_length=254,
        help_text=_(
            "Not needed. It is kept encrypted, used for this gift alone and shown to nobody."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"invalid": _("This is no e-mail address. Write it like ana@example.org.")},
    )

    country = forms.ChoiceField(
        label=_("Country you pay taxes in"),
        required=False,
        choices=(),
        help_text=_("Decides what the receipt says on taxes."),
    )

    def __init__(
        self,
        *args: Any,
        appeal: Appeal,
        currency: str,
        paused: frozenset[str] = frozenset(),
        previous: Pledge | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.appeal, self.currency, self.previous = appeal, currency, previous
        self.range = GIVING[currency]
        self.language = get_language() or "es"
        funds = Fund.objects.offered_for(appeal).with_public_title(self.language)
        self.fields["fund"].queryset = funds  # type: ignore[attr-defined]
        self.fields["fund"].initial = first = funds.first()
        self.has_fund = first is not None
        self.fields["preset"].choices = [  # type: ignore[attr-defined]
            *((f"{preset:f}", money_whole(preset, currency)) for preset in self.range.presets),
            (OTHER, _("Another amount")),
        ]
        self.fields["preset"].initial = f"{self.range.presets[1]:f}"
        self.bank_account = BankAccount.objects.taking_gifts_in(currency).first()
        methods = [(Pledge.Method.CARD.value, _("Card"))]
        if self.bank_account:
            methods.append((Pledge.Method.TRANSFER.value, _("Bank transfer")))
        self.methods = [method for method in methods if method[0] not in paused]
        field = self.fields["method"]
        field.choices = self.methods  # type: ignore[attr-defined]
        field.initial = self.methods[0][0] if self.methods else None
        if Pledge.Method.CARD in paused:
            self.fields["frequency"].choices = [  # type: ignore[attr-defined]
                (Pledge.Frequency.ONCE.value, _("Once"))
            ]
        # Only cards give every month.
        self.offers_cards = Pledge.Method.CARD not in paused
        if paused and self.methods:
            # Who opened the page before the pause chose what was offered then.
            field.error_messages["invalid_choice"] = _(
                "This way to give is paused. Please choose the other one; nothing was charged."
            )
        self.cover_examples = cover_examples(currency)
        if not self.cover_examples or Pledge.Method.CARD in paused:
            del self.fields["cover_fee"]
        named = TaxSentence.objects.country_choices()
        self.fields["country"].choices = named  # type: ignore[attr-defined]
        if not named:
            del self.fields["country"]
        if previous:
            self._start_from(previous)

    def _start_from(self, previous: Pledge) -> None:
        """Fills in what the earlier gift said; its address stays unseen and is used unless another is written."""
        # Of a monthly gift what it came to last, which may be more than it began with.
        monthly: Subscription | None = getattr(previous, "subscription", None)
        amount = monthly.amount if monthly else previous.amount
        says: dict[str, Any] = {
            "fund": previous.fund,
            "frequency": previous.frequency,
            "cover_fee": bool(monthly.fee_cover if monthly else previous.fee_cover),
            "country": previous.country,
        }
        if previous.method in dict(self.methods):
            says["method"] = previous.method
        if previous.currency == self.currency:
            suggested = amount in self.range.presets
            says["preset"] = f"{amount.normalize():f}" if suggested else OTHER
            says["amount"] = "" if suggested else currencies.plain(amount, self.currency)
        for name, value in says.items():
            if name in self.fields:
                self.fields[name].initial = value
        if previous.supporter:
            self.fields["email"].help_text = _(
                "Leave it empty and the receipt goes to the address you gave before."
            )

    def clean_amount(self) -> Decimal | None:
        text = self.cleaned_data["amount"].strip()
        preset = self.data.get(self.add_prefix("preset"), "")
        if not text:
            if preset == OTHER:
                raise forms.ValidationError(_("Write the amount you want to give."))
            return None
        return read_amount(text, self.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.has_error("amount") and cleaned.get("amount") is None:
            preset = cleaned.get("preset")
            if not preset:
                if not self.has_error("preset"):
                    self.add_error("preset", _("Choose an amount, or write another."))
            else:
                cleaned["amount"] = currencies.quantize(Decimal(preset), self.currency)
        amount = cleaned.get("amount")
        if cleaned.get("method") == Pledge.Method.CARD and amount:
            self._refuse_what_no_card_pays(amount)
            if not self.errors:
                self._refuse_fee_over_the_top(amount)
        if cleaned.get("method") == Pledge.Method.TRANSFER and (
            cleaned.get("frequency") == Pledge.Frequency.MONTHLY
        ):
            self.add_error(
                "frequency",
                _(
                    "Every month works by card. By bank transfer give once, or set up a standing order at your bank."
                ),
            )
        return cleaned

    def _refuse_fee_over_the_top(self, amount: Decimal) -> None:
        try:
            refuse_more_than_a_card(
                amount, self.currency, covers_fee=self.cleaned_data.get("cover_fee", False)
            )
        except forms.ValidationError as error:
            self.add_error("amount", error)

    def _refuse_what_no_card_pays(self, amount: Decimal) -> None:
        if stripe_facts.is_charged(amount, self.currency):
            return
        step = stripe_facts.step(self.currency)
        below = amount - amount % step
        params = {
            "currency": self.currency,
            "step": f"{step:f}",
            "below": written(below, self.currency),
            "above": written(below + step, self.currency),
        }
        if self.bank_account:
            sentence = _(
                "Cards carry %(currency)s in steps of %(step)s only: give %(below)s or %(above)s, or choose bank "
                "transfer for any amount."
            )
        else:
            sentence = _(
                "Cards carry %(currency)s in steps of %(step)s only: give %(below)s or %(above)s."
            )
        self.add_error("amount", forms.ValidationError(sentence, params=params))

    @property
    def is_whole(self) -> bool:
        """Whether the currency has no decimals at all."""
        return not currencies.exponent(self.currency)

    @property
    def uuid(self) -> UUID:
        """The gift's identifier: the same form with the same choices sent twice is one gift, with others another.

        Who comes back to correct the address or the country means the same gift.
        """
        return uuid5(self.cleaned_data["started"], repr(replace(self.gift(), email="", country="")))

    def gift(self) -> Gift:
        """The checked gift; only after is_valid()."""
        data = self.cleaned_data
        return Gift(
            appeal=self.appeal,
            fund=data["fund"],
            method=Pledge.Method(data["method"]),
            amount=data["amount"],
            currency=self.currency,
            email=data["email"],
            language=self.language,
            frequency=Pledge.Frequency(data["frequency"]),
            covers_fee=data.get("cover_fee", False),
            supporter=self.previous.supporter if self.previous else None,
            country=data.get("country", ""),
        )
