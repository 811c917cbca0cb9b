"""What is typed to find bank lines: a reference of ours in them, or their amount."""

import re
from decimal import Decimal
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Abs
from django.db.models.lookups import In

from defensefund.lists import among
from defensefund.templatetags.formats import MINUS, SIGNS

from .. import reconciliation
from ..currencies import UnreadableAmount, parse_amount
from ..models import StatementLine

CODES = {sign: code for code, sign in SIGNS.items()}
CURRENCY = "|".join(["[A-Z]{3}", *map(re.escape, CODES), r"\$"])
AMOUNT = re.compile(
    rf"(?P<sign>[-+{MINUS}])?(?P<before>{CURRENCY})?(?P<after_it>[-+{MINUS}])?"
    rf"(?P<figures>[0-9][0-9.,'’]*)(?P<behind>{CURRENCY})?"
)
# One currency each of two, three and no decimals: where none is typed, the amount is read as in any of them.
OF_ANY = ("EUR", "KWD", "CLP")


def lines_found(queryset: Any, typed: str) -> Any:
    """Those of `queryset` in which one of the references typed was found, however the bank or who types wrote it; else of the
    amount typed, with a sign only money in or out. Both are looked up in an index."""
    codes = reconciliation.find_codes([typed])
    if not codes and (amount := AMOUNT.fullmatch("".join(typed.upper().split()))):
        return queryset.filter(*_of_amount(amount))
    found = StatementLine.objects.order_by().filter(references__overlap=codes).values("pk")
    return among(queryset, found)


def _of_amount(typed: re.Match[str]) -> list[Any]:
    name = typed["before"] or typed["behind"] or ""
    currency = CODES.get(name, name if len(name) == 3 else "")
    figures = {
        figure
        for each in ([currency] if currency else OF_ANY)
        if (figure := _figure(typed["figures"], each)) is not None
    }
    wanted: list[Any] = [In(Abs(F("amount")), sorted(figures))] if figures else [Q(pk__in=[])]
    if currency:
        wanted.append(Q(currency=currency))
    sign = typed["sign"] or typed["after_it"]
    if sign:
        # The amount itself, not whether it is below zero: so few rows are expected, and the index is read.
        wanted.append(Q(amount__in=[each if sign == "+" else -each for each in figures]))
    return wanted


def _figure(text: str, currency: str) -> Decimal | None:
    try:
        return parse_amount(text, currency)
    except UnreadableAmount:
        return None
