"""On the page of a moved surplus: that it was wrong is said by one, and taken back by another."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import money
from defensefund.verbs import Verb

from .. import allocation
from ..models import SurplusMove
from .doubts import DoubtForm, why_not_another, why_nothing_doubted


def doubt(move: SurplusMove, data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.request_surplus_undo(move, reason=data["reason"], by=by, at=at)
    return _("Asked for: another person takes it back, or keeps it.")


def take_back(move: SurplusMove, _data: dict[str, Any], by: User, at: datetime) -> str:
    row = allocation.undo_surplus(move, by=by, at=at)
    return _("Taken back: %(amount)s is in “%(fund)s” again.") % {
        "amount": money(row.amount, row.currency),
        "fund": row.source,
    }


def keep(move: SurplusMove, _data: dict[str, Any], by: User, at: datetime) -> str:
    allocation.keep_surplus(move, by=by, at=at)
    return _("It stays moved.")


def why_no_doubt(move: SurplusMove, _by: User) -> str:
    if not move.approved_at:
        return _("No money was moved: there is nothing to take back.")
    return move.why_not_asked


VERBS = (
    Verb(
        "take-back",
        gettext_lazy("Take the move back"),
        gettext_lazy(
            "Its entry is reversed: the money is for its first purpose again, each gift's where it was. Everybody can see "
            "both in the books."
        ),
        "undo_surplusmove",
        take_back,
        refusals={allocation.AllocationError: ""},
        closed=why_not_another,
        is_grave=True,
    ),
    Verb(
        "keep",
        gettext_lazy("Keep it moved"),
        gettext_lazy("Ends the request: the move was right."),
        "undo_surplusmove",
        keep,
        refusals={allocation.AllocationError: ""},
        closed=why_nothing_doubted,
    ),
    Verb(
        "doubt",
        gettext_lazy("It was moved wrongly"),
        gettext_lazy(
            "For a purpose that was not over. When another person has taken the move back, the money is for its first "
            "purpose again, as long as the other fund has not spent it."
        ),
        "request_surplusmove",
        doubt,
        DoubtForm,
        {allocation.NoReason: "reason", allocation.AllocationError: ""},
        closed=why_no_doubt,
        is_exception=True,
    ),
)
