"""The public books, as a page, as JSON and as CSV: the same figures, without a name in them."""

import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import http_date
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from .currencies import offered, quantize
from .emergencies import emergencies
from .estimates import Estimate, estimate
from .public_moves import Covered, Exchanged, MovedSurplus, PaidPartner, public_moves
from .spreadsheets import safe_cell
from .transparency import Books, Figures, books

# The names of the figures in files, in the order the page explains them.
FIGURES = (
    "received",
    "refunded",
    "processing_fees",
    "bank_fees",
    "dispute_fees",
    "fees",
    "net",
    "paid",
    "passed_on",
    "moved",
    "exchanged",
    "held",
    "allocated",
    "free",
    "promised",
    "conditional",
)


def of_this_minute(
    view: Callable[[HttpRequest, Books], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Gives a view the books as of the minute, and its answer to shared caches for as long.

    With the instant cut to the minute, everything asked for within it is the same to the byte and is answered with 304.
    """

    @require_safe
    @conditional_page
    @cache_control(public=True, max_age=60)
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        at = timezone.now().replace(second=0, microsecond=0)
        response = view(request, books(language=get_language() or "es", at=at))
        response["Last-Modified"] = http_date(at.timestamp())
        return response

    return wrapped


@of_this_minute
def page(request: HttpRequest, shown: Books) -> HttpResponse:
    context = {
        "books": shown,
        "has_passed_on": any(fund.figures.passed_on for fund in shown.funds),
        "has_moves": any(fund.figures.moved for fund in shown.funds),
        "has_exchanges": any(fund.figures.exchanged for fund in shown.funds),
        "moves": public_moves(language=get_language() or "es"),
        "has_frozen": any(fund.is_frozen for fund in shown.funds),
        "estimate": _estimate(shown),
        "emergencies": emergencies(at=shown.at),
    }
    return render(request, "donations/books.html", context)


@of_this_minute
def as_json(request: HttpRequest, shown: Books) -> HttpResponse:
    """Amounts are decimal text, as JSON numbers would be read as floats."""
    moves = public_moves(language=get_language() or "es")
    data = {
        "as_of": _instant(shown.at),
        "totals": {
            total.currency: _amounts(total.figures, total.currency)
            | {"places": {p.place: _exact(p.balance, p.currency) for p in total.places}}
            for total in shown.totals
        },
        "estimate": _as_data(_estimate(shown)),
        "emergencies": asdict(emergencies(at=shown.at)),
        "funds": [
            {
                "fund": fund.code,
                "title": fund.title,
                "currency": fund.currency,
                "frozen": fund.is_frozen,
                **_amounts(fund.figures, fund.currency),
            }
            for fund in shown.funds
        ],
        "surpluses": [
            _plain(move) | {"amount": _exact(move.amount, move.currency)}
            for move in moves.surpluses
        ],
        "partner_payments": [
            _plain(payment) | {"amount": _exact(payment.amount, payment.currency)}
            for payment in moves.partner_payments
        ],
        "covers": [
            _plain(cover) | {"amount": _exact(cover.amount, cover.currency)}
            for cover in moves.covers
        ],
        "exchanges": [
            _plain(row)
            | {
                "given": _exact(row.given, row.given_currency),
                "received": _exact(row.received, row.received_currency),
                "rate": f"{row.rate:.6f}",
            }
            for row in moves.exchanges
        ],
    }
    return HttpResponse(
        json.dumps(data, ensure_ascii=False, indent=1), content_type="application/json"
    )


@of_this_minute
def as_csv(request: HttpRequest, shown: Books) -> HttpResponse:
    """One row per fund and currency; amounts with a point, whatever the language."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="books.csv"'
    table = csv.writer(response)
    table.writerow(["as_of", "fund", "title", "currency", "frozen", *FIGURES])
    for fund in shown.funds:
        frozen = "yes" if fund.is_frozen else "no"
        cells = [_instant(shown.at), fund.code, safe_cell(fund.title), fund.currency, frozen]
        table.writerow([*cells, *_amounts(fund.figures, fund.currency).values()])
    return response


def _estimate(shown: Books) -> Estimate | None:
    """What arrived, and what is held, of all currencies in the fund's own."""
    sums = {t.currency: (t.figures.arrived, t.figures.held) for t in shown.totals}
    return estimate(sums, into=offered()[0], on=shown.at.date())


def _as_data(about: Estimate | None) -> dict[str, object] | None:
    """With each rate as what one unit of the currency is worth; without amounts where no rate is known."""
    if about is None:
        return None
    names = ("arrived", "held") if about.worths else ()
    amounts = zip(names, about.amounts, strict=False)
    return {
        "is_estimate": True,
        "currency": about.currency,
        **{name: _exact(amount, about.currency) for name, amount in amounts},
        "rates": [
            {
                "currency": worth.currency,
                "rate": f"{Decimal(f'{worth.rate:.12g}'):f}",
                "on": worth.rated_on.isoformat(),
                "sources": worth.sources,
            }
            for worth in about.worths
        ],
        "left_out": about.left_out,
    }


def _plain(row: MovedSurplus | PaidPartner | Covered | Exchanged) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in asdict(row).items()}


def _amounts(figures: Figures, currency: str) -> dict[str, str]:
    return {name: _exact(getattr(figures, name), currency) for name in FIGURES}


def _exact(amount: Decimal, currency: str) -> str:
    return f"{quantize(amount, currency):f}"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
