"""What people fill in to ask for a payment and to take it through its steps."""

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.days import DayField
from defensefund.templatetags.formats import number, plain_day, plain_moment
from defensefund.verbs import VerbForm

from .. import disbursement, ledger
from ..currencies import exponent, offered, written
from ..models import AccountKey, BankAccount, CostDocument, Policy, UmaValue
from ..same_documents import elsewhere
from ..schedule import cover
from .spending_forms import AmountField, MoneyForm, read_amount
from .standing import cap_standing, policy_today


class DocumentField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, document: CostDocument) -> str:
        return _("%(kind)s of %(day)s (%(hash)s)") % {
            "kind": document.get_kind_display(),
            "day": plain_day(document.uploaded_at.date()),
            "hash": document.sha256[:8],
        }


class PayingAccountField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, account: BankAccount) -> str:
        """With what lies there: more may be free for a cost than is at the bank, while gifts are still at Stripe."""
        amount = written(ledger.balance(AccountKey.bank(account)), account.currency)
        return _("%(account)s: %(amount)s in the books") % {"account": account, "amount": amount}


def _in(hours: int) -> datetime:
    return timezone.now() + timedelta(hours=hours)


class ContentForm(MoneyForm):
    """What a payment consists of."""

    amount = AmountField()
    document = DocumentField(
        CostDocument.objects.none(),
        label=gettext_lazy("For this document"),
        error_messages={"required": gettext_lazy("Choose the document that this payment is for.")},
    )
    bank_account = PayingAccountField(
        BankAccount.objects.none(),
        label=gettext_lazy("From the account"),
        error_messages={"required": gettext_lazy("Choose the account the money is paid from.")},
    )
    emergency_reason = forms.CharField(
        label=gettext_lazy("In an emergency: why it cannot wait"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    same_document_reason = forms.CharField(
        label=gettext_lazy("Why this document is paid here too"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "Where the document you choose is also with another cost, as said above. Who approves approves this sentence "
            "too. No names."
        ),
    )

    def offer_for(
        self, cost: Any, policy: Policy | None, *, also: BankAccount | None = None
    ) -> None:
        documents = cost.documents.order_by("-pk")
        accounts = BankAccount.objects.filter(
            Q(currency=cost.currency, closed_on=None) | Q(pk=also.pk if also else None)
        ).usual_first()
        self.fields["document"].queryset = documents  # type: ignore[attr-defined]
        self.fields["bank_account"].queryset = accounts  # type: ignore[attr-defined]
        if policy is None or policy.emergency_limit(cost.currency) <= policy.third_person_above(
            cost.currency
        ):
            # Nothing that one approval is not enough for could be paid so.
            del self.fields["emergency_reason"]
        else:
            hours = policy.emergency_hours
            self.fields["emergency_reason"].help_text = ngettext(
                "Then one approval is enough to pay it, and a third person signs within an hour after it is recorded as paid: "
                "if that is now, by %(until)s. Shown to everyone as a count. No names.",
                "Then one approval is enough to pay it, and a third person signs within %(hours)s hours after it is recorded as "
                "paid: if that is now, by %(until)s. Shown to everyone as a count. No names.",
                hours,
            ) % {"hours": number(hours), "until": plain_moment(_in(hours))}
        if not any(also.payments for also in elsewhere(documents)):
            del self.fields["same_document_reason"]

    def clean(self) -> dict[str, Any]:
        """Beside its own field, what the verb would refuse."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "same_document_reason" in self.fields and (document := cleaned.get("document")):
            try:
                disbursement.check_same_document(document, cleaned.get("same_document_reason", ""))
            except disbursement.SameDocument as refusal:
                self.add_error("same_document_reason", str(refusal))
        return cleaned


class RequestForm(ContentForm):
    def prepare(self) -> None:
        policy = policy_today()
        self.offer_for(self.row, policy)
        free = ledger.free(AccountKey.cost(self.row)) - self.row.requested
        cap = cap_standing(self.row, policy)
        most = min(free, cap.left) if cap else free
        self.take_amounts_in(self.row.currency, min(most, self._falls_due() or most))
        for name in ("document", "bank_account"):
            choices = self.fields[name].queryset  # type: ignore[attr-defined]
            self.fields[name].initial = choices.first()

    def _falls_due(self) -> Decimal:
        """What to pay next of the agreed instalments, what is asked for counted as paid; nothing without a plan."""
        parts, today = self.row.instalments.values_list("due_on", "amount"), timezone.now().date()
        if self.row.uma is None:
            return cover(parts, self.row.paid_out + self.row.requested, today=today).to_pay
        newest = UmaValue.objects.newest()
        if newest is None:
            return Decimal(0)
        gone = self.row.uma - self.row.uma_open() + self.row.requested / newest.value
        due = cover(parts, gone, today=today).to_pay * newest.value
        # A payment cut down to the cent would leave a sliver of the instalment due.
        return due.quantize(Decimal(1).scaleb(-exponent(self.row.currency)), ROUND_CEILING)


class AmendForm(ContentForm):
    def prepare(self) -> None:
        self.offer_for(self.row.cost, policy_today(), also=self.row.bank_account)
        self.take_amounts_in(self.row.currency, self.row.amount)
        self.fields["document"].initial = self.row.document_id
        self.fields["bank_account"].initial = self.row.bank_account_id
        if "emergency_reason" in self.fields:
            self.fields["emergency_reason"].initial = self.row.emergency_reason
        if "same_document_reason" in self.fields:
            self.fields["same_document_reason"].initial = self.row.same_document_reason
        # Amending says what shall be, so doing it twice is doing it once.
        del self.fields["number"]


class RefuseForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy("Kept with the payment, for who asked for it. No names."),
        error_messages={"required": gettext_lazy("Say why: who asked for it will want to know.")},
    )


class ObjectForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("What speaks against it"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy("Kept with the payment. No names."),
        error_messages={"required": gettext_lazy("Say what speaks against it.")},
    )


class AnswerForm(VerbForm):
    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy("Kept with the payment. No names."),
        error_messages={"required": gettext_lazy("Write the answer.")},
    )


class PaidForm(VerbForm):
    """That the bank was told to pay."""

    paid_on = DayField(
        label=gettext_lazy("Paid on"),
        missing=gettext_lazy("Write the day of the payment."),
        help_text=gettext_lazy("The day the bank was told to pay."),
    )
    bank_reference = forms.CharField(
        label=gettext_lazy("The bank's reference"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The number the bank gave the order, if it gave one."),
    )

    def prepare(self) -> None:
        self.fields["paid_on"].initial = timezone.now().date()


class PayForm(PaidForm):
    received_currency = forms.ChoiceField(
        label=gettext_lazy("The payee received another currency"), required=False
    )
    received = forms.CharField(
        label=gettext_lazy("So much of it"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "As the bank's note says: the rate really obtained follows from it."
        ),
    )

    def prepare(self) -> None:
        super().prepare()
        if self.row.is_emergency and self.row.lacks_second:
            until = plain_moment(_in(self.row.policy.emergency_hours))
            self.fields["paid_on"].help_text = _(
                "The day the bank was told to pay. It is an emergency: recorded now, a third person has to sign it by %(until)s; "
                "after that no other emergency is paid until somebody does."
            ) % {"until": until}
        others = [code for code in offered() if code != self.row.currency]
        self.fields["received_currency"].choices = [  # type: ignore[attr-defined]
            ("", _("No")),
            *((code, code) for code in others),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        currency, text = cleaned.get("received_currency"), cleaned.pop("received", "")
        if bool(currency) != bool(text):
            beside = "received" if currency else "received_currency"
            self.add_error(beside, _("Write the currency and the amount, or neither."))
        elif currency and text:
            try:
                cleaned["received"] = read_amount(text, currency)
            except ValidationError as error:
                self.add_error("received", error)
        return cleaned
