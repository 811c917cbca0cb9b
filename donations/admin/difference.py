"""The page of differences: what Stripe, the banks and the books say otherwise, and what is on its way, with its next step."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund.office import page, require

from .. import differences, open_differences
from ..differences import Difference

# Of each kind so many are named; the count of all is said.
NAMED = 50


def differences_page(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest) -> HttpResponse:
    """By kind, what is to be looked at first; then what is merely on its way."""
    require(request, "donations.view_account")
    at = timezone.now()
    passing = list(differences.on_the_way())
    late = [item for item in passing if item.is_work(at)]
    waiting = [item for item in passing if not item.is_work(at)]
    work = [*differences.wrong(at=at), *late]
    open_differences.note(work, at=at)
    return page(
        model_admin,
        request,
        "admin/donations/account/differences.html",
        title=_("Differences"),
        at=at,
        parts=[
            ("work", _("To look at"), _by_kind(request, work, at)),
            ("waiting", _("On its way"), _by_kind(request, waiting, at)),
        ],
        clearing=differences.clearing(passing),
    )


def _by_kind(request: HttpRequest, items: list[Difference], at: datetime) -> list[dict[str, Any]]:
    groups: dict[differences.Kind, list[Difference]] = {}
    for item in items:
        groups.setdefault(item.kind, []).append(item)
    return [
        {
            "kind": kind,
            "first": found[0],
            "count": len(found),
            "more": max(len(found) - NAMED, 0),
            "rows": [(item, item.age(at), _address(request, item)) for item in found[:NAMED]],
        }
        for kind, found in groups.items()
    ]


def _address(request: HttpRequest, item: Difference) -> str:
    """Where the row of a difference is looked at, for whoever may; else empty."""
    if item.kind == differences.Kind.BANK_LINES:
        may = request.user.has_perm("donations.match_statementline")
        return reverse("admin:donations_statementline_open") if may else ""
    if item.kind == differences.Kind.OPENING and request.user.has_perm(
        "donations.request_pastimport"
    ):
        return reverse("admin:donations_bankaccount_opening", args=[item.subject_id])
    may = request.user.has_perm(f"donations.view_{item.subject}")
    if item.subject == "stripebalance" or not may:
        return ""
    return reverse(f"admin:donations_{item.subject}_change", args=[item.subject_id])
