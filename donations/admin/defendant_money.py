"""All defendants with money on one page: what is owed, paid, set aside and missing of each, and when the next is due."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from appeals.models import Defendant
from defensefund.office import page, require
from defensefund.work import Block, offer_block

from ..cost_shares import shares_of
from ..models import LegalCost
from .cost_money import Standing, columns_of

SHOWN = 50


def defendants_page(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest) -> HttpResponse:
    """Those who have a cost or a share of one, by alias; with `?need=money` those of whose costs money is missing."""
    require(request, "donations.view_legalcost")
    needs_money = request.GET.get("need") == "money"
    costs = LegalCost.objects.without_their_money() if needs_money else LegalCost.objects.all()
    of_costs = costs.values("pk")
    people = Defendant.objects.filter(
        Q(legal_costs__in=of_costs) | Q(cost_shares__cost__in=of_costs)
    ).distinct()
    shown = Paginator(people.order_by("alias", "pk"), SHOWN).get_page(request.GET.get("p"))
    listed = list(shown.object_list)
    standings = _standings(listed)
    return page(
        model_admin,
        request,
        "admin/donations/legalcost/defendants.html",
        title=_("Money of the defendants"),
        people=[(person, standings.get(person.pk, [])) for person in listed],
        shown=shown,
        needs_money=needs_money,
        **columns_of(each.figures for of_one in standings.values() for each in of_one),
        today=timezone.now().date(),
    )


def _standings(people: list[Defendant]) -> dict[int, list[Standing]]:
    """By defendant, a standing in each currency; three queries."""
    mine = {person.pk for person in people}
    wanted = LegalCost.objects.filter(Q(defendant__in=mine) | Q(shares__defendant__in=mine)).values(
        "pk"
    )
    figures: Any = LegalCost.objects.filter(pk__in=wanted).with_figures()
    costs = figures.select_related("defendant")
    found: dict[int, dict[str, Standing]] = {}
    for shares in shares_of(costs.prefetch_related("shares__defendant")).values():
        for share in shares:
            if share.defendant.pk in mine:
                currency = share.cost.currency
                of_one = found.setdefault(share.defendant.pk, {})
                of_one.setdefault(currency, Standing(currency)).add(share)
    return {pk: [of_one[code] for code in sorted(of_one)] for pk, of_one in found.items()}


offer_block(
    Block("donations.view_legalcost", "admin/donations/_defendants_link.html", lambda _user: {})
)
