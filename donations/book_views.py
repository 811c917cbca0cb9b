"""The public books, as a page, as JSON and as CSV: the same figures, without a name in them."""

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from .models import Account, Fund
from .transparency import Books, Figures, FundFigures, books

FIGURES = {
    "received": gettext_lazy("Received"),
    "refunded": gettext_lazy("Refunded"),
    "fees": gettext_lazy("Fees"),
    "net": gettext_lazy("Net"),
    "paid": gettext_lazy("Paid"),
    "moved": gettext_lazy("Moved between funds"),
    "held": gettext_lazy("Held"),
    "allocated": gettext_lazy("of it set aside"),
    "promised": gettext_lazy("Promised"),
}


def _books() -> Books:
    return books(language=get_language() or "es", at=timezone.now())


@require_safe
@cache_control(public=True, max_age=60)
def page(request: HttpRequest) -> HttpResponse:
    shown = _books()
    has_moves = any(figures.moved for figures in shown.totals.values())
    names = {name: label for name, label in FIGURES.items() if name != "moved" or has_moves}
    context = {
        "books": shown,
        "labels": names.values(),
        "totals": [(currency, _cells(f, names)) for currency, f in shown.totals.items()],
        "funds": [(fund, title_of(fund), _cells(fund.figures, names)) for fund in shown.funds],
        "places": [
            (Account.Place(place).label, list(balances.items()))
            for place, balances in shown.places.items()
        ],
    }
    return render(request, "donations/books.html", context)


def _cells(figures: Figures, names: Mapping[str, object]) -> list[tuple[str, object, Decimal]]:
    return [(name, label, getattr(figures, name)) for name, label in names.items()]


def title_of(fund: FundFigures) -> str:
    """A fund as the public reads it: never a defendant's name, unless the appeal or case has it in its title."""
    match fund.kind:
        case Fund.Kind.GENERAL:
            return _("General fund")
        case Fund.Kind.DEFENDANT:
            return _("A defendant's fund")
        case _kind:
            return fund.title


@require_safe
@cache_control(public=True, max_age=60)
def as_json(request: HttpRequest) -> HttpResponse:
    """Amounts are decimal text, as JSON numbers would be read as floats."""
    shown = _books()
    data = {
        "as_of": _instant(shown.at),
        "totals": {currency: _amounts(figures) for currency, figures in shown.totals.items()},
        "funds": [
            {
                "fund": fund.code,
                "title": title_of(fund),
                "currency": fund.currency,
                "frozen": fund.is_frozen,
                **_amounts(fund.figures),
            }
            for fund in shown.funds
        ],
        "places": {
            place: {currency: str(balance) for currency, balance in balances.items()}
            for place, balances in shown.places.items()
        },
    }
    return HttpResponse(
        json.dumps(data, ensure_ascii=False, indent=1), content_type="application/json"
    )


@require_safe
@cache_control(public=True, max_age=60)
def as_csv(request: HttpRequest) -> HttpResponse:
    """One row per fund and currency; amounts with a point, whatever the language."""
    shown = _books()
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="books.csv"'
    table = csv.writer(response)
    table.writerow(["as_of", "fund", "title", "currency", *FIGURES])
    for fund in shown.funds:
        amounts = _amounts(fund.figures).values()
        table.writerow(
            [_instant(shown.at), fund.code, safe_cell(title_of(fund)), fund.currency, *amounts]
        )
    return response


def safe_cell(text: str) -> str:
    """Text that a spreadsheet takes for text and not for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _amounts(figures: Figures) -> dict[str, str]:
    return {name: str(getattr(figures, name)) for name in FIGURES}


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
