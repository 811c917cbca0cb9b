"""On a fund's page: that what is left be paid to the partner, and what is filled in for it."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import money
from defensefund.verbs import Verb

from .. import allocation
from ..cleaning import UnfitDocument, clean
from ..models import BankAccount, Fund, Payee, SurplusMove
from ..reserves import Reserves
from .document_field import DocumentField
from .payment_forms import PayingAccountField
from .standing import policy_today
from .surplus import SurplusForm, rests


def partners() -> list[Payee]:
    """The payees whose name is the partner's. Names are encrypted, so all are read."""
    policy = policy_today()
    if policy is None or not policy.partner:
        return []
    known = Payee.objects.active().with_account().order_by("-pk")
    return [payee for payee in known if payee.account and policy.is_partner(payee.account.name)]


class PartnerForm(SurplusForm):
    # Makes the same form sent twice one request.
    number = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    payee = forms.ModelChoiceField(
        Payee.objects.none(),
        label=gettext_lazy("Partner, as registered"),
        error_messages={"required": gettext_lazy("Choose the payee.")},
    )
    bank_account = PayingAccountField(
        BankAccount.objects.none(),
        label=gettext_lazy("From the account"),
        error_messages={"required": gettext_lazy("Choose the account the money is paid from.")},
    )
    file = DocumentField(
        help_text=gettext_lazy(
            "The agreement with the partner, or its receipt, as PDF, JPEG or PNG, up to 10 MB."
        )
    )
    field_order = ("currency", "cause", "payee", "bank_account", "file", "note")

    def prepare(self) -> None:
        accounts, policy = rests(self.row), policy_today()
        reserves = Reserves([self.row], policy)
        self.fields["currency"].choices = [  # type: ignore[attr-defined]
            (
                account.currency,
                money(
                    reserves.usable(self.row, account.balance, account.currency), account.currency
                ),
            )
            for account in accounts
        ]
        known = partners()
        if policy and not known:
            self.warning = _(
                "Nobody in the register of payees is called %(partner)s: record the partner there first, as another provider."
            ) % {"partner": policy.partner}
        self._offer(
            "payee", Payee.objects.with_account().filter(pk__in=[each.pk for each in known])
        )
        banks = BankAccount.objects.filter(
            currency__in=[account.currency for account in accounts], closed_on=None
        ).usual_first()
        self._offer("bank_account", banks)
        # Not all that is left lies at a bank.
        if first := banks.first():
            self.fields["currency"].initial = first.currency

    def _offer(self, name: str, rows: Any) -> None:
        self.fields[name].queryset = rows  # type: ignore[attr-defined]
        self.fields[name].initial = rows.first()


def ask_partner(fund: Fund, data: dict[str, Any], by: User, at: datetime) -> str:
    file = data.pop("file")
    payment = allocation.request_partner_payment(
        fund=fund,
        document=clean(file.name, file.read()),
        by=by,
        at=at,
        **data | {"cause": SurplusMove.Cause(data["cause"])},
    )
    return _("Asked for: another person approves that %(amount)s be paid to %(partner)s.") % {
        "amount": money(payment.amount, payment.currency),
        "partner": payment.partner,
    }


def why_no_partner_payment(fund: Fund, _by: User) -> str:
    if not rests(fund):
        return _("Nothing is left in this fund.")
    return allocation.why_no_partner(fund, on=timezone.now().date())


# On a fund's page.
PARTNER = Verb(
    "partner",
    gettext_lazy("Pay what is left to the partner"),
    gettext_lazy(
        "When a fund's purpose is over, and nobody whom the rules name before the partner needs the money, all that is left "
        "goes to the partner whom they name. Another person decides it with you, above the rules' limit a third; everybody can "
        "see it in the books, and who gave for this purpose is told. What is paid does not come back."
    ),
    "request_partnerpayment",
    ask_partner,
    PartnerForm,
    {
        UnfitDocument: "file",
        allocation.CostsOpen: "cause",
        allocation.NotDormant: "cause",
        allocation.WrongPayee: "payee",
        allocation.WrongAccount: "bank_account",
        allocation.AllocationError: "",
    },
    is_done=(allocation.AlreadyDone,),
    closed=why_no_partner_payment,
    is_exception=True,
)
