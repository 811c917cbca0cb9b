"""Fields of the form on which a person says what a bank line is."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from ..currencies import written
from ..models import Fund, Payout, Policy
from .spending_forms import AmountField


class PartField(AmountField):
    """Empty for all that is open."""

    def clean(self, value: Any) -> Any:
        return super().clean(value) if str(value or "").strip() else None


class PayoutField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Payouts on their way, each with its amount and the day it was expected."""

    def label_from_instance(self, payout: Payout) -> str:
        parts = written(payout.amount, payout.currency), plain_day(payout.arrives_on), str(payout)
        return " · ".join(parts)


class DepositField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Costs whose deposit a court holds, `with_figures`: each with its person and what is held."""

    def label_from_instance(self, cost: Any) -> str:
        held = written(cost.with_court, cost.currency)
        return " · ".join((cost.number, str(cost.defendant), held))


def offer_bearers(*fields: Any) -> None:
    """Of fields that choose a fund for a bank's fee: those alone that by the policy may bear it, and which these are."""
    policy = Policy.objects.in_force(on=timezone.now().date())
    if policy and policy.fee_order:
        said = _("By the policy fees of banks are borne by %(funds)s.") % {
            "funds": ", ".join(policy.fee_bearers)
        }
        for field in fields:
            field.queryset = Fund.objects.open().filter(kind__in=policy.fee_order)
            field.help_text = f"{field.help_text} {said}".strip()
