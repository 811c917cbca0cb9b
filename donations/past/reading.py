"""Understand a spreadsheet of the past against what is known here: each row becomes a fact, or a sentence how to mend it."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from appeals.models import Case, Defendant
from defensefund.templatetags.formats import plain_day

from .. import delimited
from ..currencies import UnreadableAmount, exponent, offered, parse_amount
from ..models import BankAccount, Fund, LegalCost, PastRow, Period
from ..month_days import first_day
from . import sums, tables
from .fact import ZERO, PastFact
from .tables import RawRow

CASH = "cash"
# What a row of each kind says besides kind, date, amount, currency, note and id.
NEEDS = {
    PastRow.Kind.GIFT: ("fund", "place"),
    PastRow.Kind.PAYMENT: ("fund", "place"),
    PastRow.Kind.OPENING: ("fund", "place"),
    PastRow.Kind.COST: ("case", "defendant", "cost_kind"),
}
MAY = {
    PastRow.Kind.GIFT: ("fee", "name", "email"),
    PastRow.Kind.PAYMENT: ("case", "defendant", "cost_kind"),
    PastRow.Kind.OPENING: (),
    PastRow.Kind.COST: ("due_on",),
}
ALWAYS = ("kind", "date", "amount", "currency", "note", "id")
# Two rows that are equal in these are told apart by their order alone. Names are none of them: a source names no person.
IDENTITY = (
    "kind", "date", "amount", "currency", "fund", "place", "fee", "case", "defendant", "cost_kind", "due_on",
)  # fmt: skip


@dataclass
class PastReading:
    """What a file holds: facts that are new, how many are known, and what keeps it from being booked, row by row."""

    new: list[PastFact] = field(default_factory=list)
    known: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def sums(self) -> list[tuple[str, int, Decimal, str]]:
        """Of the new facts, by kind and currency: kind in words, how many, sum, currency."""
        found: dict[tuple[PastRow.Kind, str], list[Decimal]] = defaultdict(list)
        for fact in self.new:
            found[fact.kind, fact.currency].append(fact.amount)
        return [
            (str(kind.label), len(amounts), sum(amounts, ZERO), currency)
            for (kind, currency), amounts in sorted(found.items())
        ]


class _Known:
    """What rows may name, read once for a whole file."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.funds = {fund.code: fund for fund in Fund.objects.open()}
        self.places = {account.code: account for account in BankAccount.objects.all()}
        self.currencies = {*offered(), *(account.currency for account in self.places.values())}
        self.cases: dict[str, list[Case]] = defaultdict(list)
        for case in Case.objects.select_related("appeal"):
            for name in (case.slug, f"{case.appeal.slug}/{case.slug}"):
                self.cases[name].append(case)
        self.people = {person.key: person for person in Defendant.objects.prefetch_related("cases")}
        self.closed = set(Period.objects.closed().values_list("month", flat=True))


def read(text: str, *, today: date) -> PastReading:
    """What booking the file would do; nothing is booked. Raises tables.UnreadableTable when it is no such table."""
    rows = tables.read(text)
    known = _Known(today)
    reading = PastReading()
    seen: Counter[str] = Counter()
    ids: dict[str, int] = {}
    facts = []
    for raw in rows:
        problems: list[str] = []
        fact = _fact(raw, _key(raw, seen), known, problems)
        own = raw.cells["id"]
        if own and own in ids:
            problems.append(_("the id is that of row %(row)d as well.") % {"row": ids[own]})
        ids.setdefault(own, raw.row)
        reading.problems += [
            _("Row %(row)d: %(problem)s") % {"row": raw.row, "problem": problem}
            for problem in problems
        ]
        if fact:
            facts.append(fact)
    booked = set(
        PastRow.objects.filter(key__in=[fact.key for fact in facts]).values_list("key", flat=True)
    )
    reading.new = [fact for fact in facts if fact.key not in booked]
    reading.known = len(facts) - len(reading.new)
    if not reading.problems:
        reading.problems += [*sums.shortfalls(reading.new), *sums.too_much_before(reading.new)]
    return reading


def _key(raw: RawRow, seen: "Counter[str]") -> str:
    """Of the row's own id, else of what it says and the how manieth of equal rows it is."""
    if own := raw.cells["id"]:
        said = f"id|{own}"
    else:
        said = "|".join(raw.cells[name].casefold() for name in IDENTITY)
        seen[said] += 1
        said = f"{said}|{seen[said]}"
    return sha256(said.encode()).hexdigest()[:32]


def _fact(raw: RawRow, key: str, known: _Known, problems: list[str]) -> PastFact | None:
    """The row as a fact; None when something in it is wrong, which is then in `problems`."""
    cells = raw.cells
    if cells["kind"].lower() not in PastRow.Kind.values:
        problems.append(
            _("“%(text)s” is no kind of row. Write gift, payment, opening or cost.")
            % {"text": cells["kind"]}
        )
        return None
    kind = PastRow.Kind(cells["kind"].lower())
    for name in NEEDS[kind]:
        if not cells[name]:
            problems.append(
                _("a %(kind)s needs the column %(name)s.") % {"kind": kind, "name": name}
            )
    for name, text in cells.items():
        if text and name not in (*ALWAYS, *NEEDS[kind], *MAY[kind]):
            problems.append(
                _("a %(kind)s has no %(name)s: leave that cell empty.") % {"kind": kind, "name": name}
            )  # fmt: skip
    happened_on = _day(cells["date"], known, problems, is_past=True)
    currency = cells["currency"].upper()
    if currency not in known.currencies:
        problems.append(
            _("“%(text)s” is none of this fund's currencies: %(codes)s.")
            % {"text": cells["currency"], "codes": ", ".join(sorted(known.currencies))}
        )
        return None
    amount = _amount(cells["amount"], currency, problems)
    fee = _amount(cells["fee"], currency, problems) if cells["fee"] else ZERO
    if fee and amount and fee >= amount:
        problems.append(_("the fee is not less than the gift."))
    case, defendant = _people(cells, known, problems)
    fact = PastFact(
        row=raw.row,
        key=key,
        kind=kind,
        happened_on=happened_on or known.today,
        amount=amount or ZERO,
        currency=currency,
        fee=fee or ZERO,
        fund=_fund(cells["fund"], known, problems),
        bank_account=_bank_account(cells["place"], currency, known, problems),
        case=case,
        defendant=defendant,
        cost_kind=_cost_kind(cells["cost_kind"], problems),
        due_on=_day(cells["due_on"], known, problems) if cells["due_on"] else None,
        name=cells["name"],
        email=_email(cells["email"], problems),
        note=cells["note"],
    )
    return None if problems else fact


def _day(text: str, known: _Known, problems: list[str], *, is_past: bool = False) -> date | None:
    try:
        day = delimited.day(text)
    except ValueError:
        problems.append(_("“%(text)s” is no day. Write it like 2026-03-10.") % {"text": text})
        return None
    if is_past and day > known.today:
        problems.append(_("%(day)s is still to come.") % {"day": plain_day(day)})
    if is_past and first_day(day) in known.closed:
        problems.append(
            _("the month of %(day)s is closed: nothing is booked in it any more.")
            % {"day": plain_day(day)}
        )
    return day


def _amount(text: str, currency: str, problems: list[str]) -> Decimal | None:
    if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", text) and exponent(currency) not in {0, 3}:
        # By hand it is a thousand; a program may have meant a decimal.
        problems.append(
            _("“%(text)s” can be read in two ways. Write all decimals: 1234.00, or 1.23.")
            % {"text": text}
        )
        return None
    try:
        amount = parse_amount(text, currency)
    except UnreadableAmount:
        problems.append(
            _("“%(text)s” is no amount in %(currency)s. Write it like 1250.00, above zero.")
            % {"text": text, "currency": currency}
        )
        return None
    if not amount:
        problems.append(_("an amount is above zero; leave out rows that moved nothing."))
    return amount


def _fund(code: str, known: _Known, problems: list[str]) -> Fund | None:
    if code and code not in known.funds:
        problems.append(
            _("there is no open fund with the code “%(code)s”. There are: %(codes)s.")
            % {"code": code, "codes": ", ".join(sorted(known.funds)) or "–"}
        )
    return known.funds.get(code)


def _bank_account(
    place: str, currency: str, known: _Known, problems: list[str]
) -> BankAccount | None:
    if not place or place.lower() == CASH:
        return None
    account = known.places.get(place)
    if account is None:
        problems.append(
            _("“%(place)s” is no place. Write cash, or the code of a bank account: %(codes)s.")
            % {"place": place, "codes": ", ".join(sorted(known.places)) or "–"}
        )
    elif account.currency != currency:
        problems.append(
            _("the bank account %(place)s is in %(currency)s.")
            % {"place": place, "currency": account.currency}
        )
    return account


def _people(
    cells: dict[str, str], known: _Known, problems: list[str]
) -> tuple[Case | None, Defendant | None]:
    cases = known.cases.get(cells["case"], [])
    if cells["case"] and len(cases) != 1:
        problems.append(
            _("“%(text)s” names no single case. Write its address, or appeal/case.")
            % {"text": cells["case"]}
        )
    person = known.people.get(cells["defendant"])
    if cells["defendant"] and person is None:
        problems.append(
            _("there is no defendant with the key “%(text)s”. Never write a name there.")
            % {"text": cells["defendant"]}
        )
    case = cases[0] if len(cases) == 1 else None
    if case and person and case not in person.cases.all():
        problems.append(_("this person is no defendant in that case."))
    return case, person


def _cost_kind(text: str, problems: list[str]) -> str:
    if text and text.lower() not in LegalCost.Kind.values:
        problems.append(
            _("“%(text)s” is no kind of cost. There are: %(kinds)s.")
            % {"text": text, "kinds": ", ".join(LegalCost.Kind.values)}
        )
    return text.lower()


def _email(text: str, problems: list[str]) -> str:
    if text:
        try:
            validate_email(text)
        except ValidationError:
            problems.append(_("“%(text)s” is no e-mail address.") % {"text": text})
    return text
