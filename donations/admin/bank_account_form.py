"""The form of a bank account: which numbers it has depends on the kind, and each is checked before it is kept."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import account_numbers
from ..account_numbers import WrongNumber
from ..models import BankAccount, Scheme

# Which numbers an account of each kind may have; others must stay empty.
NUMBERS = {
    Scheme.IBAN: ("number", "bic"),
    Scheme.CBU: ("number", "alias"),
    Scheme.SORT_CODE: ("sort_code", "number"),
    # The number by which the bank's files name the account; supporters use the key.
    Scheme.PIX: ("pix_kind", "pix_key", "number"),
    Scheme.OTHER: ("number", "bic"),
}
# The least an account that takes gifts must have: one of each group.
NEEDED = {
    Scheme.IBAN: (("number",),),
    Scheme.CBU: (("number", "alias"),),
    Scheme.SORT_CODE: (("sort_code",), ("number",)),
    Scheme.PIX: (("pix_key",),),
    Scheme.OTHER: (("number",),),
}
LONGEST_SEPA_NAME = 70
FIELDSETS: Any = (
    (None, {"fields": ("code", "name", "currency", "closed_on")}),
    (
        gettext_lazy("How money is sent to it"),
        {
            "fields": (
                "holder", "bank", "scheme", "number", "bic", "alias", "sort_code", "pix_kind", "pix_key",
            ),
            "description": gettext_lazy(
                "Choose the kind first: an IBAN may have a BIC, a CBU an alias, a British account has a sort code, a "
                "Pix key its kind. What does not belong to the kind stays empty."
            ),
        },
    ),
    (
        gettext_lazy("What supporters see"),
        {"fields": ("takes_gifts", "instructions")},
    ),
)  # fmt: skip


class BankAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    # With the spaces people copy along; without them it is never longer.
    number = forms.CharField(
        label=capfirst(BankAccount._meta.get_field("number").verbose_name),
        required=False,
        max_length=60,
        help_text=BankAccount._meta.get_field("number").help_text,
    )
    sort_code = forms.CharField(
        label=capfirst(BankAccount._meta.get_field("sort_code").verbose_name),
        required=False,
        max_length=10,
        help_text=BankAccount._meta.get_field("sort_code").help_text,
    )

    class Meta:
        model = BankAccount
        fields = (
            "code", "name", "currency", "closed_on", "holder", "bank", "scheme", "number", "bic", "alias",
            "sort_code", "pix_kind", "pix_key", "instructions", "takes_gifts",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None and "scheme" in self.fields:
            self.fields["scheme"].initial = Scheme.IBAN.value

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if "scheme" not in cleaned:
            return cleaned
        scheme = Scheme(cleaned["scheme"])
        for name in ("number", "bic", "alias", "sort_code", "pix_kind", "pix_key"):
            if name not in self.errors and cleaned.get(name):
                self._clean_number(name, scheme)
        has_key, has_kind = bool(cleaned.get("pix_key")), bool(cleaned.get("pix_kind"))
        if scheme == Scheme.PIX and has_key != has_kind and "pix_key" not in self.errors:
            self._refuse("pix_kind", _("Choose the kind of the key, and write the key."))
        if scheme == Scheme.IBAN and len(cleaned.get("holder") or "") > LONGEST_SEPA_NAME:
            self._refuse(
                "holder",
                _(
                    "A SEPA transfer carries a name of 70 characters at most. Shorten it as the bank does."
                ),
            )
        if cleaned.get("takes_gifts"):
            self._check_complete(scheme)
            self._check_alone()
        return cleaned

    def _clean_number(self, name: str, scheme: Scheme) -> None:
        if name not in NUMBERS[scheme]:
            self._refuse(
                name,
                _(
                    "This does not belong to the kind “%(kind)s”: leave it empty, or choose another kind."
                )
                % {"kind": scheme.label},
            )
            return
        checks: dict[tuple[Scheme, str], Callable[[str], str]] = {
            (Scheme.IBAN, "number"): account_numbers.iban,
            (Scheme.CBU, "number"): account_numbers.cbu,
            (Scheme.SORT_CODE, "number"): account_numbers.uk_account,
            (Scheme.OTHER, "number"): self._other_number,
            (scheme, "bic"): account_numbers.bic,
            (scheme, "alias"): account_numbers.alias,
            (scheme, "sort_code"): account_numbers.sort_code,
            (scheme, "pix_key"): self._pix_key,
        }
        check = checks.get((scheme, name), str.strip)
        try:
            self.cleaned_data[name] = check(self.cleaned_data[name])
        except WrongNumber as refusal:
            self._refuse(name, str(refusal))

    def _other_number(self, text: str) -> str:
        """As written; an IBAN would miss its check and its QR code."""
        try:
            account_numbers.iban(text)
        except WrongNumber:
            if len(text.strip()) <= 40:
                return text.strip()
            raise WrongNumber(_("An account number has 40 characters at most.")) from None
        raise WrongNumber(_("This is an IBAN: choose that kind, so that it is checked."))

    def _pix_key(self, text: str) -> str:
        kind = self.cleaned_data.get("pix_kind", "")
        # That the kind is missing is said beside it.
        return account_numbers.pix_key(text, kind) if kind else text

    def _check_complete(self, scheme: Scheme) -> None:
        if not self.cleaned_data.get("holder"):
            self._refuse("holder", _("Supporters need the account holder's name."))
        for group in NEEDED[scheme]:
            has_error = any(name in self.errors for name in group)
            if not has_error and not any(self.cleaned_data.get(name) for name in group):
                self._refuse(group[0], _("Supporters need an account number to send money to."))

    def _check_alone(self) -> None:
        """As the constraint says; where the currency is shown and not asked for, the form would leave that out."""
        currency = self.cleaned_data.get("currency") or self.instance.currency
        others = BankAccount.objects.taking_gifts_in(currency).exclude(pk=self.instance.pk)
        if not self.cleaned_data.get("closed_on") and others.exists():
            self._refuse(
                "takes_gifts",
                _(
                    "Another open account takes gifts in this currency: supporters are told one. Let that one take none first."
                ),
            )

    def _refuse(self, name: str, sentence: str) -> None:
        if name not in self.errors:
            self.add_error(name, sentence)
