"""The statements: of all books over a span of days, of one fund, one case and one defendant.

Rows come from entries, by the day they were booked on, from facts that are only ever added, and from what was kept when a
month was closed (donations/models/kept.py). So one that ends in a closed month is the same for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _

from appeals.models import Case, Defendant
from defensefund.templatetags.formats import plain_day

from ..models import Account, Entry, Fund, PastRow, shares_known
from ..spreadsheets import Cell
from .costs import cost_tables, past_tables
from .gains import gain_tables
from .movements import (
    AccountSums,
    DaySums,
    balances,
    by_day,
    by_kind,
    funds_of,
    moved_within,
    named,
)
from .subjects import case_code, defendant_code, fund_code
from .tables import Column, Report, Span, Table, sums

# To which account money moved, from which, and how much.
type Moves = Sequence[tuple[str, str, Decimal]]


def of_books(span: Span) -> Report:
    """All funds, costs and places."""
    accounts = [account for account in balances(span) if not account.is_empty]
    kinds = by_kind(span)
    moves = moved_within(span)
    tables: list[Table] = []
    for currency in sorted({account.currency for account in accounts}):
        mine = [account for account in accounts if account.currency == currency]
        purposes = [account for account in mine if account.kind != Account.Kind.ASSET]
        places = [account for account in mine if account.kind == Account.Kind.ASSET]
        tables += [
            _account_table("purposes", _("What it is for"), purposes, currency, moves),
            _account_table("places", _("Where it is"), places, currency, moves),
            Table(
                "kinds",
                _("What happened"),
                currency,
                (
                    Column("kind", _("What")),
                    Column("entries", _("Entries"), is_number=True),
                    Column("came_in", _("Came in"), is_number=True),
                    Column("went_out", _("Went out"), is_number=True),
                    Column("within", _("Moved within"), is_number=True),
                ),
                rows := tuple(
                    (kind_label(each.kind), each.entries, each.came_in, each.went_out, each.within)
                    for each in kinds
                    if each.currency == currency
                ),
                sums(rows),
            ),
        ]
    tables += gain_tables(span)
    return Report(
        slug="books",
        title=_("The books"),
        span=span,
        facts=_facts(span),
        tables=tuple(tables),
        note=_(
            "In each currency, what is there equals what it is for. Amounts set aside for costs and not yet paid count "
            "as there. What moved between the accounts of a table neither came in nor went out. What was booked and taken "
            "back came in and went out, each on its day."
        ),
    )


def of_fund(fund: Fund, span: Span) -> Report:
    codes = _codes(Q(fund=fund))
    return Report(
        slug=fund_code(fund),
        title=_("Fund: %(code)s") % {"code": fund.code},
        span=span,
        facts=_facts(span),
        tables=_account_tables(codes, span),
        note=_("What the fund set aside for a cost went out of it; the statement of the case or the defendant has it."),
    )  # fmt: skip


def of_case(case: Case, span: Span) -> Report:
    """Of a cost that several share, each defendant's share stands in a row of its own."""
    parts = shares_known(span.last_on).filter(case=case)
    codes = _codes(Q(fund__case=case) | Q(legal_cost__in=parts.values("cost")))
    return Report(
        slug=(code := case_code(case.pk)),
        title=_("Case: %(case)s") % {"case": code},
        span=span,
        facts=_facts(span),
        tables=(
            *cost_tables(parts, span),
            *past_tables(PastRow.objects.filter(case=case), span),
            *_account_tables(codes, span),
        ),
        note=_owed_note(),
    )


def of_defendant(defendant: Defendant, span: Span) -> Report:
    """Of shared costs it has their share alone."""
    known = shares_known(span.last_on)
    parts = known.filter(cost__in=known.filter(defendant=defendant).values("cost"))
    codes = _codes(Q(fund__defendant=defendant) | Q(legal_cost__in=parts.values("cost")))
    return Report(
        slug=(code := defendant_code(defendant.pk)),
        title=_("Defendant: %(alias)s") % {"alias": code},
        span=span,
        facts=_facts(span),
        tables=(
            *cost_tables(parts, span, of=defendant),
            *past_tables(PastRow.objects.filter(defendant=defendant), span),
            *_account_tables(codes, span),
        ),
        note=_owed_note(),
    )


def kind_label(kind: str) -> str:
    label = str(Entry.Kind(kind).label)
    return label[:1].upper() + label[1:]


def _facts(span: Span) -> tuple[tuple[str, str], ...]:
    return (
        (_("From"), plain_day(span.first_on)),
        (_("To, inclusive"), plain_day(span.last_on)),
    )


def _owed_note() -> str:
    return _(
        "Owed is all that stands beside it together. Bail is paid only as far as a court keeps it for good; what came back "
        "is free in its funds and not owed again; not needed is what was missing when a cost ended. All amounts are as of "
        "the last day of the statement, and what was owed as it was known then; who shares a cost, and how, is as it was when "
        "that day's month was closed, and as long as that is open as it is today. Cases and defendants stand by codes, which "
        "stay when a name is changed. Below the costs, the account of a shared cost is shown whole. What moved "
        "between the accounts of a table neither came in nor went out."
    )


def _codes(wanted: Q) -> list[str]:
    return list(Account.objects.filter(wanted).values_list("code", flat=True))


def _account_table(
    key: str, title: str, accounts: Sequence[AccountSums], currency: str, moves: Moves
) -> Table:
    """What moved between two of `accounts` is apart, so that the sums tell what came in and went out of all of them."""
    codes = {each.code for each in accounts}
    to, away = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
    for raised, lowered, amount in moves:
        if {raised, lowered} <= codes:
            to[raised] += amount
            away[lowered] += amount
    rows = tuple(
        (
            named(each.code),
            each.opening,
            each.raised - to[each.code],
            each.lowered - away[each.code],
            to[each.code] - away[each.code],
            each.closing,
        )
        for each in accounts
    )
    columns = (
        Column("account", _("Account")),
        Column("opening", _("At first"), is_number=True),
        Column("in", _("Came in"), is_number=True),
        Column("out", _("Went out"), is_number=True),
        Column("within", _("Moved within"), is_number=True),
        Column("closing", _("At last"), is_number=True),
    )
    return Table(key, title, currency, columns, rows, sums(rows), funds_of(codes))


def _account_tables(codes: Sequence[str], span: Span) -> tuple[Table, ...]:
    """Balances of the accounts, bail apart since its money is still the cost's; and below them what moved on each, with
    what it then had."""
    accounts = [account for account in balances(span, codes) if not account.is_empty]
    days = by_day(span, [account.code for account in accounts])
    moves = [(each.code, each.other, each.raised) for each in days if each.raised]
    tables: list[Table] = []
    for currency in sorted({account.currency for account in accounts}):
        mine = [account for account in accounts if account.currency == currency]
        for key, title, is_bail in (
            ("accounts", _("What is there"), False),
            ("bail", _("With a court"), True),
        ):
            listed = [each for each in mine if (each.kind == Account.Kind.ASSET) == is_bail]
            if listed:
                tables.append(_account_table(key, title, listed, currency, moves))
        if rows := tuple(_day_rows(mine, days)):
            others = funds_of(each.other for each in days)
            tables.append(
                Table("days", _("What moved"), currency, _day_columns(), rows, funds=others)
            )
    return tuple(tables)


def _day_columns() -> tuple[Column, ...]:
    return (
        Column("account", _("Account")),
        Column("day", _("Day")),
        Column("kind", _("What")),
        Column("other", _("From or to")),
        Column("entries", _("Entries"), is_number=True),
        Column("in", _("In"), is_number=True),
        Column("out", _("Out"), is_number=True),
        Column("balance", _("Balance"), is_number=True),
    )


def _day_rows(accounts: Iterable[AccountSums], days: Sequence[DaySums]) -> Iterable[tuple[Cell, ...]]:  # fmt: skip
    for account in accounts:
        balance = account.opening
        for each in days:
            if each.code == account.code:
                balance += each.raised - each.lowered
                yield (
                    named(account.code), each.booked_on, kind_label(each.kind), named(each.other),
                    each.entries, each.raised, each.lowered, balance,
                )  # fmt: skip
