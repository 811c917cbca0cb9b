"""On the page of a cost of the kind bail: what was wrongly recorded of it is doubted by one, taken back by another."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import money, plain_day
from defensefund.verbs import Verb, VerbForm

from .. import allocation
from ..models import BailOutcome, LegalCost
from .doubts import DoubtForm

REFUSALS: dict[type[Exception], str] = {
    allocation.NoReason: "reason",
    allocation.AllocationError: "",
}


class OutcomeChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: BailOutcome) -> str:
        what = f"{obj.get_kind_display()}, {money(obj.amount, obj.currency)}"
        text = f"{plain_day(obj.happened_on)}: {what}"
        return f"{text} ({obj.undo_reason})" if obj.undo_reason else text


class OutcomeDoubtForm(DoubtForm):
    field_order = ("outcome", "reason")
    outcome = OutcomeChoice(
        BailOutcome.objects.none(), label=gettext_lazy("What was recorded"), empty_label=None
    )

    def prepare(self) -> None:
        rows = self.row.bail_outcomes.standing().filter(undo_requested_at=None)
        self.fields["outcome"].queryset = rows  # type: ignore[attr-defined]


class DoubtedForm(VerbForm):
    outcome = OutcomeChoice(
        BailOutcome.objects.none(), label=gettext_lazy("What was recorded"), empty_label=None
    )

    def prepare(self) -> None:
        self.fields["outcome"].queryset = self.row.bail_outcomes.doubted()  # type: ignore[attr-defined]


def doubt(_cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.request_bail_undo(data["outcome"], reason=data["reason"], by=by, at=at)
    return _("Asked for: another person takes it back, or keeps it.")


def take_back(_cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    row = allocation.undo_bail_outcome(data["outcome"], by=by, at=at)
    return _("Taken back: the court holds %(amount)s again.") % {
        "amount": money(row.amount, row.currency)
    }


def keep(_cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.keep_bail_outcome(data["outcome"], by=by, at=at)
    return _("It stays as it was recorded.")


def why_no_doubt(cost: LegalCost, _by: User) -> str:
    if cost.bail_outcomes.standing().filter(undo_requested_at=None).exists():
        return ""
    return _("Nothing is recorded of a court that could be taken back.")


def why_nothing_doubted(cost: LegalCost, _by: User) -> str:
    if cost.bail_outcomes.doubted().exists():
        return ""
    return _("Nobody asked to take anything back.")


def why_not_take_back(cost: LegalCost, by: User) -> str:
    if why := why_nothing_doubted(cost, by):
        return why
    if not cost.bail_outcomes.doubted().exclude(undo_requested_by=by).exists():
        return _("You asked for this yourself: another person must approve it.")
    return ""


VERBS = (
    Verb(
        "bail-doubt",
        gettext_lazy("Bail was recorded wrongly"),
        gettext_lazy(
            "The court did not do what was recorded, or another amount came. When another person has taken it back, the "
            "books say that the court holds it again; then record what really happened."
        ),
        "record_bailoutcome",
        doubt,
        OutcomeDoubtForm,
        REFUSALS,
        closed=why_no_doubt,
        is_exception=True,
    ),
    Verb(
        "bail-take-back",
        gettext_lazy("Take back what was recorded of bail"),
        gettext_lazy(
            "Its entry is reversed. What had gone back to funds is set aside again from them, as long as they have it."
        ),
        "undo_bailoutcome",
        take_back,
        DoubtedForm,
        {allocation.AllocationError: ""},
        closed=why_not_take_back,
        is_grave=True,
    ),
    Verb(
        "bail-keep",
        gettext_lazy("Keep what was recorded of bail"),
        gettext_lazy("Ends the request: it happened as it was recorded."),
        "undo_bailoutcome",
        keep,
        DoubtedForm,
        {allocation.AllocationError: ""},
        closed=why_nothing_doubted,
    ),
)
