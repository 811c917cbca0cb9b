"""The page of differences: what Stripe, the banks and the books say otherwise, and what is on its way, with its next step."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.addresses import office_url
from defensefund.office import page, require

from .. import differences, open_differences
from ..clearing import clearing
from ..difference_kinds import Kind
from ..differences import Difference
from ..models import Account, LegalCost
from .asking import asked

# Of each kind so many are named; the count of all is said.
NAMED = 50
# Who may know whose a cost is.
SEES_PEOPLE = "donations.view_legalcost"
# Subjects that people know by another name than the facts have, with what these names are made of.
CALLED: dict[str, tuple[str, ...]] = {
    "account": (*Account.SUBJECTS, "legal_cost__defendant"),
    "bankaccount": (),
    "cashdeposit": (),
    "disbursement": (),
    "exchange": (),
    "legalcost": ("defendant",),
    "partnerpayment": (),
    "movementexplanation": ("movement",),
    "refundrequest": ("donation__receipt",),
    "statementline": ("account",),
}


def differences_page(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest) -> HttpResponse:
    """By kind, what is to be looked at first; then what is merely on its way."""
    require(request, "donations.view_account")
    at = timezone.now()
    listed = differences.listed(at=at)
    work = [item for item in listed if item.is_work(at)]
    waiting = [item for item in listed if not item.is_work(at)]
    open_differences.note(work, at=at)
    return page(
        model_admin,
        request,
        "admin/donations/account/differences.html",
        title=_("Differences"),
        at=at,
        **asked(request),
        parts=[
            ("work", _("To look at"), _by_kind(request, work, at)),
            ("waiting", _("On its way"), _by_kind(request, waiting, at)),
        ],
        clearing=[
            (each, _called(each.account, sees_people=request.user.has_perm(SEES_PEOPLE)))
            for each in clearing(listed)
        ],
    )


def _by_kind(request: HttpRequest, items: list[Difference], at: datetime) -> list[dict[str, Any]]:
    groups: dict[Kind, list[Difference]] = {}
    for item in items:
        groups.setdefault(item.kind, []).append(item)
    sees_people = request.user.has_perm(SEES_PEOPLE)
    named = (item for found in groups.values() for item in found[:NAMED])
    names = _names(named, sees_people=sees_people)
    return [
        {
            "kind": kind,
            "first": found[0],
            "count": len(found),
            "more": max(len(found) - NAMED, 0),
            "rows": [
                (
                    item,
                    names.get((item.subject, item.subject_id), item.name),
                    item.age(at),
                    _address(request, item),
                )
                for item in found[:NAMED]
            ],
        }
        for kind, found in groups.items()
    ]


def _names(items: Iterable[Difference], *, sees_people: bool) -> dict[tuple[str, int], str]:
    """What the rows to look at are called in the office, by subject and key; each model is read once."""
    keys: dict[str, set[int]] = {}
    for item in items:
        keys.setdefault(item.subject, set()).add(item.subject_id)
    names = {}
    for subject, joined in CALLED.items():
        # None: nothing is joined.
        rows = apps.get_model("donations", subject)._default_manager.select_related(
            *joined or [None]
        )
        for pk, row in rows.in_bulk(keys.get(subject, ())).items():
            names[subject, pk] = _called(row, sees_people=sees_people)
    return names


def _called(row: Any, *, sees_people: bool) -> str:
    match row:
        case Account(place=Account.Place.BAIL, legal_cost=LegalCost() as cost):
            return row.title + (f", {cost.defendant}" if sees_people else "")
        case Account():
            return f"{row.title} ({row.currency})"
        case LegalCost():
            # The one way in which a cost itself is on the list.
            person = f", {row.defendant}" if sees_people else ""
            return _("Bail of %(cost)s that came back") % {"cost": f"{row.number}{person}"}
    return str(row)


def _address(request: HttpRequest, item: Difference) -> str:
    """Where the row of a difference is looked at, for whoever may; else empty."""
    if item.kind == Kind.BANK_LINES:
        may = request.user.has_perm("donations.match_statementline")
        return reverse("admin:donations_statementline_open") if may else ""
    if item.kind == Kind.OPENING and request.user.has_perm("donations.request_pastimport"):
        return reverse("admin:donations_bankaccount_opening", args=[item.subject_id])
    if item.kind == Kind.NOTIFIED and request.user.has_perm("donations.match_statementline"):
        return reverse("admin:donations_statementline_match", args=[item.subject_id])
    row = apps.get_model("donations", item.subject)(pk=item.subject_id)
    return office_url(row, request.user)
