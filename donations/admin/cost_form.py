"""The form a treasurer records a legal cost with."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import money

from .. import ledger
from ..currencies import offered
from ..models import AccountKey, BankAccount, LegalCost, Payee, Policy, UmaValue
from ..models.uma import CURRENCY as UMA_CURRENCY
from .spending_forms import AmountField, read_amount, typed


class LegalCostForm(forms.ModelForm):  # type: ignore[type-arg]
    currency = forms.ChoiceField()
    owed = forms.CharField(max_length=30, required=False)

    class Meta:
        model = LegalCost
        fields = (
            "case", "defendant", "kind", "description", "currency", "owed", "uma", "due_on",
            "payee",
        )  # fmt: skip
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is fixed by now is not in the form.
        if "currency" in self.fields:
            own = BankAccount.objects.filter(closed_on=None).values_list("currency", flat=True)
            known = sorted({*offered(), *own, *filter(None, [self.instance.currency])})
            self.fields["currency"].choices = [(code, code) for code in known]  # type: ignore[attr-defined]
            self.fields["currency"].label = _("Currency")
            self.fields["currency"].initial = offered()[0]
        if "payee" in self.fields:
            may = Payee.objects.active() | Payee.objects.filter(pk=self.instance.payee_id)
            self.fields["payee"].queryset = may.with_account()  # type: ignore[attr-defined]
        if "owed" in self.fields:
            self.fields["owed"].label = _("Amount owed")
            self.fields["owed"].widget = AmountField().widget
            self.fields["owed"].help_text = _("Leave it empty when the bill is in UMA.")
            if self.instance.pk and self.instance.uma is None:
                self.initial["owed"] = typed(self.instance.owed, self.instance.currency)
            elif self.instance.pk:
                self.initial["owed"] = ""
                self.initial["uma"] = f"{self.instance.uma.normalize():f}"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        case, defendant = cleaned.get("case"), cleaned.get("defendant")
        if case and defendant and not defendant.cases.filter(pk=case.pk).exists():
            self.add_error("defendant", _("This person is no defendant in that case."))
        currency = cleaned.get("currency") or self.instance.currency
        if currency and "owed" in self.fields:
            self._read_debt(cleaned, currency)
        if not self.errors:
            self._check_policy(cleaned, currency)
            self._check_parts(cleaned)
        return cleaned

    def _read_debt(self, cleaned: dict[str, Any], currency: str) -> None:
        """In a currency or in UMA; of one in UMA `owed` becomes what it comes to now, as the database computes it."""
        if "uma" in self.errors:
            return
        if (cleaned.get("uma") is None) == (not cleaned.get("owed")):
            self.add_error(
                "owed", _("Write what is owed, in its currency or in UMA: one of the two.")
            )
        elif cleaned.get("uma") is None:
            self._read_owed(cleaned, currency)
        else:
            self._read_uma(cleaned, currency)
        is_fixed = self.instance.pk and "currency" not in self.fields
        if is_fixed and (cleaned.get("uma") is None) != (self.instance.uma is None):
            self.add_error("uma", _("Money is set aside already: what it is owed in stays."))

    def _read_uma(self, cleaned: dict[str, Any], currency: str) -> None:
        if currency != UMA_CURRENCY:
            self.add_error("uma", _("A bill in UMA is paid in pesos: choose ARS."))
            return
        if cleaned["uma"] <= 0:
            self.add_error("uma", _("A bill in UMA is above zero."))
            return
        if (newest := UmaValue.objects.newest()) is None:
            self.add_error("uma", _("No value of the UMA is known yet: enter it first."))
            return
        still_open, paid = cleaned["uma"], Decimal(0)
        if self.instance.pk and self.instance.uma is not None:
            settled = self.instance.uma - (self.instance.uma_open() or 0)
            still_open -= settled
            paid = self.instance.disbursements.paid().total()
        if still_open < 0:
            self.add_error("uma", _("More UMA of this cost are paid than that."))
            return
        pesos = (still_open * newest.value).quantize(Decimal("0.01"), ROUND_HALF_UP)
        cleaned["owed"] = paid + pesos

    def _check_policy(self, cleaned: dict[str, Any], currency: str) -> None:
        """As the database holds: by the policy the cost was, or will be, recorded under."""
        new = not self.instance.pk
        policy = Policy.objects.in_force(on=timezone.now().date()) if new else self.instance.policy
        if policy is None or not {"kind", "currency", "owed", "uma"} & set(self.changed_data):
            return
        kind = cleaned.get("kind") or self.instance.kind
        label = LegalCost.Kind(kind).label
        if not policy.pays(kind):
            self.add_error(
                "kind" if "kind" in self.fields else None,
                _("The fund's policy (%(version)s) does not pay “%(kind)s”.")
                % {"version": policy, "kind": label},
            )
            return
        cap = policy.cap(kind, currency)
        if cap is not None and "owed" in self.fields and cleaned["owed"] > cap:
            self.add_error(
                "uma" if cleaned.get("uma") else "owed",
                _(
                    "The fund's policy pays at most %(cap)s for “%(kind)s”: record that part of the bill."
                )
                % {"cap": money(cap, currency), "kind": label},
            )

    def _check_parts(self, cleaned: dict[str, Any]) -> None:
        """Shares as amounts, and instalments, add up to what is owed: they are changed on their own pages."""
        if not self.instance.pk or not {"owed", "uma", "defendant", "case"} & set(
            self.changed_data
        ):
            return
        before = LegalCost.objects.get(pk=self.instance.pk)
        if before.shares.exists() and {"defendant", "case"} & set(self.changed_data):
            self.add_error("defendant", _("Others share this cost: end the sharing first."))
        is_other = (cleaned.get("uma"), cleaned.get("owed")) != (before.uma, before.owed)
        if is_other and before.shares.filter(parts=None).exists():
            self.add_error("owed", _("It is shared by amounts: share it by parts first."))
        if is_other and before.instalments.exists():
            self.add_error(
                "owed", _("It falls due by instalments: end the plan first, then agree another.")
            )

    def _read_owed(self, cleaned: dict[str, Any], currency: str) -> None:
        try:
            cleaned["owed"] = read_amount(cleaned["owed"], currency)
        except ValidationError as error:
            self.add_error("owed", error)
            return
        if not self.instance.pk:
            return
        # Held until it is saved, so that nobody sets more aside meanwhile.
        LegalCost.objects.held(self.instance)
        given = self.instance.allocations.net()
        came_back = self.instance.bail_outcomes.returned().total()
        paid = given - ledger.balance(AccountKey.cost(self.instance))
        if cleaned["owed"] < paid:
            self.add_error(
                "owed",
                _("%(amount)s of this cost is paid: it was owed.")
                % {"amount": money(paid, currency)},
            )
        elif cleaned["owed"] < given + came_back:
            self.add_error(
                "owed",
                _("%(amount)s of this bail is with the court, or came back: it was owed.")
                % {"amount": money(given + came_back, currency)}
                if came_back
                else _("%(amount)s is set aside for this cost: release what is too much first.")
                % {"amount": money(given, currency)},
            )
