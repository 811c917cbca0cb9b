"""What a draft of the fund's policy is typed into: orders of places, amounts of a currency, documents of a kind of cost."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..currencies import is_exact, offered, quantize
from ..models import BankAccount, CostDocument, Fund, Policy


class OrderWidget(forms.MultiWidget):
    """One list for each place, the first place first."""

    def __init__(self, choices: Sequence[tuple[str, Any]]) -> None:
        self.places = len(choices)
        super().__init__(
            [forms.Select(choices=[("", "–"), *choices]) for _place in choices], attrs={}
        )

    def decompress(self, value: list[str] | None) -> list[str]:
        return [*(value or []), *[""] * self.places][: self.places]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        for place, select in enumerate(context["widget"]["subwidgets"], start=1):
            select["attrs"]["aria-label"] = _("Place %(place)d") % {"place": place}
        return context


class OrderField(forms.MultiValueField):
    """An order of some of the choices; places left empty are passed over."""

    def __init__(self, choices: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(
            [forms.ChoiceField(choices=choices, required=False) for _place in choices],
            widget=OrderWidget(choices),
            require_all_fields=False,
            **kwargs,
        )

    def compress(self, values: list[str]) -> list[str]:
        named = [value for value in values if value]
        if len(set(named)) < len(named):
            raise ValidationError(_("One of them stands in two places: name each once."))
        return named


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    not_eligible = forms.MultipleChoiceField(
        label=gettext_lazy("Never paid for"),
        choices=Policy.Exclusion,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    approvers = forms.TypedChoiceField(
        label=gettext_lazy("People who approve a payment"),
        coerce=int,
        choices=[
            (1, gettext_lazy("one; above the limit below two")),
            (2, gettext_lazy("always two")),
        ],
        help_text=gettext_lazy("Besides the person who asks for it."),
    )
    fund_order = OrderField(
        Fund.Kind.choices,
        label=gettext_lazy("Order of the funds"),
        help_text=gettext_lazy(
            "Which kinds of fund may serve a cost, the first to be used first. What is not named serves none."
        ),
        error_messages={"required": gettext_lazy("Name at least one kind of fund.")},
    )
    fee_order = OrderField(
        Fund.Kind.choices,
        label=gettext_lazy("Who bears the banks' fees"),
        required=False,
        help_text=gettext_lazy(
            "Fees of banks, and charges of Stripe, that belong to no single gift; the first fund to be asked first. Empty: "
            "whichever the treasurer names."
        ),
    )
    surplus_order = OrderField(
        Policy.Surplus.choices,
        label=gettext_lazy("What is left over goes to"),
        help_text=gettext_lazy("The first of them that needs it."),
        error_messages={"required": gettext_lazy("Say where it goes first.")},
    )

    class Meta:
        model = Policy
        fields = (
            "in_force_from", "not_eligible", "approvers", "emergency_hours", "reserve_percent",
            "admin_percent", "fund_order", "fee_order", "surplus_order", "partner", "dormant_months",
            "dissolution",
        )  # fmt: skip
        widgets = {
            "in_force_from": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "dissolution": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Empty in versions of before it was asked for; no new one is enacted without.
        if dissolution := self.fields.get("dissolution"):
            dissolution.required = True
            dissolution.error_messages["required"] = _(
                "Say to whom what is left goes when the fund is dissolved."
            )
        for name in ("reserve_percent", "admin_percent"):
            percent = self.initial.get(name)
            if percent is not None and percent == int(percent):
                self.initial[name] = Decimal(int(percent))

    def clean_in_force_from(self) -> Any:
        day = self.cleaned_data["in_force_from"]
        if day < timezone.now().date():
            raise ValidationError(_("Rules do not reach back: choose today or a later day."))
        return day


def currencies() -> list[tuple[str, str]]:
    own = BankAccount.objects.filter(closed_on=None).values_list("currency", flat=True)
    return [("", "–"), *((code, code) for code in sorted({*offered(), *own}))]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Amounts no finer than their currency, which is chosen among those the fund uses."""

    amounts: tuple[str, ...] = ()
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=currencies)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.amounts:
            if (amount := self.initial.get(name)) is not None and self.instance.currency:
                self.initial[name] = quantize(amount, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.amounts:
            amount, currency = cleaned.get(name), cleaned.get("currency")
            if amount is not None and currency and not is_exact(amount, currency):
                self.add_error(
                    name, _("%(currency)s has no such small parts.") % {"currency": currency}
                )
        return cleaned


class CapForm(RuleForm):
    amounts = ("amount",)


class LimitForm(RuleForm):
    amounts = ("third_person_above", "emergency_up_to", "fee_alone_up_to")


class KindForm(forms.ModelForm):  # type: ignore[type-arg]
    documents = forms.MultipleChoiceField(
        label=gettext_lazy("Documents it needs"),
        choices=CostDocument.Kind,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": gettext_lazy("Nothing is paid without a document: choose one.")
        },
    )
