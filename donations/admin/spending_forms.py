"""What people fill in to spend: each form reads the input of one verb and says what is wrong with it."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import money, plain_day
from defensefund.verbs import VerbForm

from .. import ledger
from ..cleaning import MAX_BYTES
from ..currencies import UnreadableAmount, exponent, offered, parse_amount, quantize
from ..forms import UNREADABLE
from ..models import AccountKey, BankAccount, CostDocument, Fund, Policy
from ..schedule import cover
from .standing import (
    cap_standing,
    covering_funds,
    documents_lacking,
    giving_funds,
    lacking_accounts,
    refilled_accounts,
    serving_funds,
)


def read_amount(text: str, currency: str) -> Decimal:
    """Raises ValidationError with the sentence for what cannot be read."""
    try:
        return parse_amount(text, currency)
    except UnreadableAmount as error:
        example = "1500" if exponent(currency) == 0 else "25,50"
        raise ValidationError(
            UNREADABLE[str(error)], params={"example": example, "currency": currency}
        ) from error


def typed(amount: Decimal, currency: str) -> str:
    """As `read_amount` reads it back. With the currency's own decimals: "1000.000" euros would be a million."""
    return f"{quantize(max(amount, Decimal(0)), currency):f}"


class AmountField(forms.CharField):
    """`currency` is set by the form before the field is cleaned."""

    currency = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=30,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            error_messages={"required": gettext_lazy("Write the amount.")},
            **{"label": gettext_lazy("Amount")} | kwargs,
        )

    def clean(self, value: Any) -> Decimal:
        return read_amount(super().clean(value), self.currency)


class FundField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Each fund with what it has, as `labels` says."""

    labels: dict[int, str]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Fund.objects.all(),
            error_messages={"required": gettext_lazy("Choose a fund.")},
            **kwargs,
        )

    def offer(self, labels: dict[int, str]) -> None:
        self.labels = labels
        self.queryset = Fund.objects.filter(pk__in=labels)
        self.choices = [
            ("", _("Choose a fund")),
            *((pk, label) for pk, label in labels.items()),
        ]


class MoneyForm(VerbForm):
    """An amount in the row's currency, and a number that makes the same form sent twice one decision."""

    number = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def take_amounts_in(self, currency: str, first: Decimal) -> None:
        field = self.fields["amount"]
        assert isinstance(field, AmountField)
        field.currency = currency
        field.initial = typed(first, currency)
        field.help_text = _("In %(currency)s.") % {"currency": currency}


class AllocateForm(MoneyForm):
    fund = FundField(label=gettext_lazy("From the fund"))
    amount = AmountField()

    def prepare(self) -> None:
        funds = serving_funds(self.row)
        field = self.fields["fund"]
        assert isinstance(field, FundField)
        field.offer({f.fund.pk: f"{f.fund.name}: {f.told(self.row.currency)}" for f in funds})
        usable = [f for f in funds if f.free > 0 and not f.frozen_at]
        field.initial = usable[0].fund.pk if usable else None
        most = usable[0].free if usable else Decimal(0)
        self.take_amounts_in(self.row.currency, min(self.row.missing, most))


class ReleaseForm(MoneyForm):
    fund = FundField(label=gettext_lazy("Back to the fund"))
    amount = AmountField()

    def prepare(self) -> None:
        giving = giving_funds(self.row)
        field = self.fields["fund"]
        assert isinstance(field, FundField)
        field.offer(
            {
                fund.pk: _("%(fund)s: %(amount)s set aside")
                % {"fund": fund.name, "amount": money(given, self.row.currency)}
                for fund, given in giving
            }
        )
        field.initial = giving[0][0].pk if giving else None
        most = giving[0][1] if giving else Decimal(0)
        free = ledger.free(AccountKey.cost(self.row)) - self.row.requested
        self.take_amounts_in(self.row.currency, min(most, free))


class AttachForm(VerbForm):
    kind = forms.TypedChoiceField(
        label=gettext_lazy("What it is"),
        choices=CostDocument.Kind,
        required=False,
        empty_value=CostDocument.Kind.BILL,
        help_text=gettext_lazy("The policy says which of them a cost needs before it is paid."),
    )
    file = forms.FileField(
        label=gettext_lazy("Document"),
        help_text=gettext_lazy("The bill, receipt or ruling as PDF, JPEG or PNG, up to 10 MB."),
        error_messages={
            "required": gettext_lazy("Choose the document."),
            "empty": gettext_lazy("This file is empty."),
        },
        widget=forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"}),
    )

    def prepare(self) -> None:
        """The first document that is still lacking."""
        lacking = documents_lacking(self.row)
        self.fields["kind"].initial = lacking[0] if lacking else CostDocument.Kind.BILL

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        # Before it is read into memory.
        if file.size > MAX_BYTES:
            raise ValidationError(_("This file is larger than 10 MB: scan it in fewer colours."))
        return file


class DocumentField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, document: CostDocument) -> str:
        return _("%(kind)s of %(day)s (%(hash)s)") % {
            "kind": document.get_kind_display(),
            "day": plain_day(document.uploaded_at.date()),
            "hash": document.sha256[:8],
        }


class ContentForm(MoneyForm):
    """What a payment consists of."""

    amount = AmountField()
    document = DocumentField(
        CostDocument.objects.none(),
        label=gettext_lazy("For this document"),
        error_messages={"required": gettext_lazy("Choose the bill to be paid.")},
    )
    bank_account = forms.ModelChoiceField(
        BankAccount.objects.none(),
        label=gettext_lazy("From the account"),
        error_messages={"required": gettext_lazy("Choose the account the money is paid from.")},
    )
    emergency_reason = forms.CharField(
        label=gettext_lazy("In an emergency: why it cannot wait"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "Then one approval is enough to pay it; a third person signs within the policy's hours. Shown to everyone as a "
            "count. No names."
        ),
    )

    def offer_for(self, cost: Any, *, also: BankAccount | None = None) -> None:
        documents = cost.documents.order_by("-pk")
        accounts = BankAccount.objects.filter(
            Q(currency=cost.currency, closed_on=None) | Q(pk=also.pk if also else None)
        ).usual_first()
        self.fields["document"].queryset = documents  # type: ignore[attr-defined]
        self.fields["bank_account"].queryset = accounts  # type: ignore[attr-defined]
        policy = Policy.objects.in_force(on=timezone.now().date())
        if policy is None or policy.emergency_limit(cost.currency) <= policy.third_person_above(
            cost.currency
        ):
            # Nothing that one approval is not enough for could be paid so.
            del self.fields["emergency_reason"]


class RequestForm(ContentForm):
    def prepare(self) -> None:
        self.offer_for(self.row)
        free = ledger.free(AccountKey.cost(self.row)) - self.row.requested
        cap = cap_standing(self.row)
        most = min(free, cap.left) if cap else free
        self.take_amounts_in(self.row.currency, min(most, self._falls_due() or most))
        for name in ("document", "bank_account"):
            choices = self.fields[name].queryset  # type: ignore[attr-defined]
            self.fields[name].initial = choices.first()

    def _falls_due(self) -> Decimal:
        """What to pay next of the agreed instalments, what is asked for counted as paid; nothing without a plan in money."""
        parts = self.row.instalments.values_list("due_on", "amount")
        if self.row.uma is not None:
            return Decimal(0)
        gone = self.row.paid_out + self.row.requested
        return cover(parts, gone, today=timezone.now().date()).to_pay


class AmendForm(ContentForm):
    def prepare(self) -> None:
        self.offer_for(self.row.cost, also=self.row.bank_account)
        self.take_amounts_in(self.row.currency, self.row.amount)
        self.fields["document"].initial = self.row.document_id
        self.fields["bank_account"].initial = self.row.bank_account_id
        if "emergency_reason" in self.fields:
            self.fields["emergency_reason"].initial = self.row.emergency_reason
        # Amending says what shall be, so doing it twice is doing it once.
        del self.fields["number"]


class ApproveForm(VerbForm):
    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def prepare(self) -> None:
        self.fields["content_hash"].initial = self.row.content_hash


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


class PayForm(VerbForm):
    paid_on = forms.DateField(
        label=gettext_lazy("Paid on"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("The day the bank was told to pay."),
        error_messages={
            "required": gettext_lazy("Write the day of the payment."),
            "invalid": gettext_lazy("Write the day like 2026-03-31."),
        },
    )

    bank_reference = forms.CharField(
        label=gettext_lazy("The bank's reference"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The number the bank gave the order, if it gave one."),
    )
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
        self.fields["paid_on"].initial = timezone.now().date()
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


def told(accounts: list[Any]) -> list[tuple[str, str]]:
    """Choices of a fund's accounts: the currency, with what is in it."""
    return [(account.currency, money(account.balance, account.currency)) for account in accounts]


class CoverForm(VerbForm):
    """Names the currency too: a fund may be frozen in several."""

    currency = forms.ChoiceField(label=gettext_lazy("What is to be covered"))
    source = FundField(label=gettext_lazy("By the fund"))
    amount = AmountField()
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy(
            "Why money given for one purpose may be used here. Kept with the decision; no names."
        ),
        error_messages={"required": gettext_lazy("Say why this fund covers the other.")},
    )

    def prepare(self) -> None:
        lacking = lacking_accounts(self.row)
        self.fields["currency"].choices = told(lacking)  # type: ignore[attr-defined]
        field = self.fields["source"]
        assert isinstance(field, FundField)
        field.offer(covering_funds(self.row, [account.currency for account in lacking]))
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        if lacking:
            self.fields["currency"].initial = lacking[0].currency
            amount.initial = typed(-lacking[0].balance, lacking[0].currency)
        # Cleaned before the amount, so that the amount is read in it.
        amount.currency = self.data.get("currency", "") if self.is_bound else ""


class LiftForm(VerbForm):
    """Names the currency too, as `CoverForm`."""

    currency = forms.ChoiceField(label=gettext_lazy("What gifts have refilled"))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=gettext_lazy(
            "What took it below zero, and what filled it again. Kept with the decision; no names."
        ),
        error_messages={"required": gettext_lazy("Say why the freeze may be lifted.")},
    )

    def prepare(self) -> None:
        refilled = refilled_accounts(self.row)
        self.fields["currency"].choices = told(refilled)  # type: ignore[attr-defined]
        if refilled:
            self.fields["currency"].initial = refilled[0].currency
