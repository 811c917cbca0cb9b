"""The form a treasurer records a legal cost with."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import money

from ..currencies import offered
from ..models import BankAccount, LegalCost, Payee
from .spending_forms import AmountField, read_amount, typed


class LegalCostForm(forms.ModelForm):  # type: ignore[type-arg]
    currency = forms.ChoiceField()
    owed = forms.CharField(max_length=30)

    class Meta:
        model = LegalCost
        fields = (
            "case", "defendant", "kind", "description", "currency", "owed", "due_on",
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
            if self.instance.pk:
                self.initial["owed"] = typed(self.instance.owed, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        case, defendant = cleaned.get("case"), cleaned.get("defendant")
        if case and defendant and not defendant.cases.filter(pk=case.pk).exists():
            self.add_error("defendant", _("This person is no defendant in that case."))
        currency = cleaned.get("currency") or self.instance.currency
        if currency and cleaned.get("owed"):
            self._read_owed(cleaned, currency)
        return cleaned

    def _read_owed(self, cleaned: dict[str, Any], currency: str) -> None:
        try:
            cleaned["owed"] = read_amount(cleaned["owed"], currency)
        except ValidationError as error:
            self.add_error("owed", error)
            return
        if not self.instance.pk:
            return
        # Held until it is saved, so that nobody sets more aside meanwhile.
        LegalCost.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
        set_aside = self.instance.allocations.net()
        if cleaned["owed"] < set_aside:
            self.add_error(
                "owed",
                _("%(amount)s is set aside for this cost: release what is too much first.")
                % {"amount": money(set_aside, currency)},
            )
