"""How a legal cost ends, on its page: bail given back or kept by the court; withdrawn, covered, or needed after all."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.days import DayField
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbForm

from .. import allocation, ledger
from ..models import AccountKey, BankAccount, CostDocument, LegalCost
from .payment_forms import DocumentField
from .spending_forms import AmountField, MoneyForm

REFUSALS: dict[type[Exception], str] = {
    allocation.WrongDay: "happened_on",
    allocation.WrongAccount: "into",
    allocation.WrongState: "",
    allocation.AllocationError: "amount",
}


class OutcomeForm(MoneyForm):
    amount = AmountField()
    happened_on = DayField(label=gettext_lazy("On"))

    def prepare(self) -> None:
        self.take_amounts_in(self.row.currency, ledger.balance(AccountKey.bail(self.row)))
        self.fields["happened_on"].initial = timezone.now().date()


class ReturnedForm(OutcomeForm):
    into = forms.ModelChoiceField(
        BankAccount.objects.none(),
        label=gettext_lazy("Into account"),
        error_messages={"required": gettext_lazy("Choose the account it came into.")},
    )
    field_order = ("amount", "into", "happened_on")

    def prepare(self) -> None:
        super().prepare()
        accounts = BankAccount.objects.filter(currency=self.row.currency, closed_on=None)
        self.fields["into"].queryset = accounts.usual_first()  # type: ignore[attr-defined]
        self.fields["into"].initial = accounts.usual_first().first()


class ForfeitedForm(OutcomeForm):
    document = DocumentField(
        CostDocument.objects.none(),
        label=gettext_lazy("By this ruling"),
        help_text=gettext_lazy("Attach the court's ruling to the cost first."),
        error_messages={"required": gettext_lazy("Choose the ruling.")},
    )
    field_order = ("amount", "document", "happened_on")

    def prepare(self) -> None:
        super().prepare()
        self.fields["document"].queryset = self.row.documents.order_by("-pk")  # type: ignore[attr-defined]


class EndForm(VerbForm):
    ending = forms.ChoiceField(label=gettext_lazy("Why it ends"), choices=LegalCost.Ending.choices)


def bail_returned(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    row = allocation.bail_returned(cost=cost, by=by, at=at, **data)
    return _("%(amount)s is back, and free in the funds it came from.") % {
        "amount": money(row.amount, row.currency)
    }


def bail_forfeited(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    row = allocation.bail_forfeited(cost=cost, by=by, at=at, **data)
    return _("%(amount)s is lost to the court, and counts as paid.") % {
        "amount": money(row.amount, row.currency)
    }


def end_cost(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.end_cost(cost, ending=LegalCost.Ending(data["ending"]), by=by, at=at)
    return _("This cost has ended. What was set aside and not paid is back in its funds.")


def reopen_cost(cost: LegalCost, _data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.reopen_cost(cost, by=by, at=at)
    return _("This cost is open again: set money aside for it anew.")


def why_no_outcome(cost: LegalCost, _by: User) -> str:
    if cost.kind != LegalCost.Kind.BAIL:
        return _("This cost is no bail.")
    return "" if ledger.balance(AccountKey.bail(cost)) > 0 else _("No court holds bail for it.")


def why_not_end(cost: LegalCost, _by: User) -> str:
    return _("This cost has ended already.") if cost.ended_on else ""


def why_not_reopen(cost: LegalCost, _by: User) -> str:
    return "" if cost.ended_on else _("This cost has not ended.")


VERBS = (
    Verb(
        "bail-returned",
        gettext_lazy("Bail came back"),
        gettext_lazy(
            "The court gave the deposit back, or a part of it. It goes to the funds it came from: to the one that "
            "gave last first, as the one that gave first pays first."
        ),
        "record_bailoutcome",
        bail_returned,
        ReturnedForm,
        REFUSALS,
        is_done=(allocation.AlreadyDone,),
        closed=why_no_outcome,
    ),
    Verb(
        "bail-forfeited",
        gettext_lazy("Bail is lost"),
        gettext_lazy("The court keeps the deposit, or a part of it, for good: it counts as paid."),
        "record_bailoutcome",
        bail_forfeited,
        ForfeitedForm,
        REFUSALS,
        is_done=(allocation.AlreadyDone,),
        closed=why_no_outcome,
        is_grave=True,
        is_exception=True,
    ),
    Verb(
        "end",
        gettext_lazy("End this cost"),
        gettext_lazy(
            "It was withdrawn, or somebody else covers it, or it is settled: all that is set aside and not paid "
            "goes back to the funds it came from, and no more money is set aside for it."
        ),
        "allocate_fund",
        end_cost,
        EndForm,
        {allocation.AllocationError: ""},
        closed=why_not_end,
        is_exception=True,
    ),
    Verb(
        "reopen",
        gettext_lazy("Open again"),
        gettext_lazy("It needs money after all."),
        "allocate_fund",
        reopen_cost,
        refusals={allocation.AllocationError: ""},
        closed=why_not_reopen,
    ),
)
