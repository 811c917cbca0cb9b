"""Amounts and days as banks write them in tables, read by what the account's mapping says, by nothing else."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale

ORDERS = ("dmy", "mdy", "ymd")
# Month names are read in these languages; none of their names means two months (a test holds that).
MONTH_LANGUAGES = ("en", "es", "de", "fr", "pt", "it", "nl")
SPACES = re.compile(r"[\s\u00a0\u2007\u202f]+")


class UnreadableCell(ValueError):
    """The cell is no amount, or no day, in the form the mapping says."""


# A file says few different days and amounts, each many times.
@lru_cache(maxsize=5000)
def amount(
    text: str, *, decimal_mark: str, thousands_mark: str, signs: tuple[str, ...] = ()
) -> Decimal:
    """The exact signed amount in a cell: "-1.234,50", "£12.34", "1,234.50-", "¤ 42,00".

    `signs` are the currency signs or letters the mapping allows around the number ("£", "EUR"). A thousands mark must
    stand between groups of three. Raises UnreadableCell for anything else: "12.34" is none where the comma is decimal.
    """
    cleaned = text.strip()
    for sign in signs:
        cleaned = cleaned.replace(sign, "")
    cleaned = cleaned.strip().replace("−", "-")
    negative = cleaned.startswith("-") or cleaned.endswith("-")
    cleaned = cleaned.removeprefix("-") if cleaned.startswith("-") else cleaned.removesuffix("-")
    cleaned = cleaned.removeprefix("+").strip()
    if thousands_mark == " ":
        cleaned = SPACES.sub(" ", cleaned)
    elif thousands_mark == "'":
        cleaned = cleaned.replace("’", "'")
    mark = re.escape(thousands_mark)
    grouped = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|" if thousands_mark else ""
    found = re.fullmatch(
        rf"({grouped}[0-9]{{1,18}})(?:{re.escape(decimal_mark)}([0-9]{{0,12}}))?", cleaned
    )
    if not found or len(found[1]) > 26:
        raise UnreadableCell(text)
    whole = found[1].replace(thousands_mark, "") if thousands_mark else found[1]
    value = Decimal(f"{whole}.{found[2] or '0'}") if found[2] else Decimal(whole)
    return -value if negative else value


@lru_cache(maxsize=5000)
def day(text: str, order: str) -> date:
    """The day in a cell, with or without a time after it, its parts in `order` (one of ORDERS).

    "01.02.26", "1/2/2026", "20260201", "01 Feb 2026", "2026-02-01T10:00:00-0300". Raises UnreadableCell.
    """
    cleaned = text.strip()
    compact = re.fullmatch(r"([0-9]{8})(?:[T ].*)?", cleaned)
    if compact:
        digits = compact[1]
        cut = (4, 6) if order == "ymd" else (2, 4)
        parts = [digits[: cut[0]], digits[cut[0] : cut[1]], digits[cut[1] :]]
    else:
        found = re.match(
            r"([0-9]{1,4}|[^\W\d_]+\.?)[\s./-]+(?:de )?([0-9]{1,2}|[^\W\d_]+\.?),?[\s./-]+(?:de )?([0-9]{1,4})(?![0-9])",
            cleaned,
        )
        if not found:
            raise UnreadableCell(text)
        parts = list(found.groups())
    named = dict(zip(order, parts, strict=True))
    try:
        # A short year is never first: "28.03.18" is a day in March of 2018.
        if order == "ymd" and len(named["y"]) != 4:
            raise UnreadableCell(text)
        return date(_year(named["y"]), _month(named["m"]), int(named["d"]))
    except ValueError as error:
        raise UnreadableCell(text) from error


def _year(text: str) -> int:
    if len(text) == 2:
        return 2000 + int(text)
    if len(text) == 4 and 1990 <= int(text) <= 2100:
        return int(text)
    raise UnreadableCell(text)


def _month(text: str) -> int:
    if text.isdecimal():
        if len(text) > 2:
            raise UnreadableCell(text)
        return int(text)
    month = month_names().get(bare(text))
    if month is None:
        raise UnreadableCell(text)
    return month


@cache
def month_names() -> dict[str, int]:
    """Months by name and abbreviation in MONTH_LANGUAGES, without accents, points or capitals."""
    names: dict[str, int] = {"sept": 9}
    for code in MONTH_LANGUAGES:
        months = Locale.parse(code).months
        for form in ("format", "stand-alone"):
            for width in ("abbreviated", "wide"):
                for number, name in months[form][width].items():
                    names.setdefault(bare(name), number)
    return names


def bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.strip(" .").casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
