"""The statements: of all books over a span of days, of one fund, one case and one defendant; rows from the ledger alone."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from appeals.models import Case, Defendant
from defensefund.templatetags.formats import plain_day

from ..models import Account, AccountKey, Entry, Fund, LegalCost
from ..spreadsheets import Cell
from .movements import AccountSums, DaySums, balances, by_day, by_kind, named
from .tables import Column, Report, Span, Table

ZERO = Decimal(0)
# What of a cost's account is money set aside, not spent: all else that moved on it was paid for the cost.
SETTING_ASIDE = (Entry.Kind.ALLOCATION, Entry.Kind.RELEASE)


def of_books(span: Span) -> Report:
    """All funds, costs and places; for a month the same as long as no entry is booked in it, or before it."""
    accounts = [account for account in balances(span) if not account.is_empty]
    kinds = by_kind(span)
    tables: list[Table] = []
    for currency in sorted({account.currency for account in accounts}):
        mine = [account for account in accounts if account.currency == currency]
        purposes = [account for account in mine if account.kind != Account.Kind.ASSET]
        places = [account for account in mine if account.kind == Account.Kind.ASSET]
        tables += [
            _account_table("purposes", _("What it is for"), purposes, currency),
            _account_table("places", _("Where it is"), places, currency),
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
                _sums(rows),
            ),
        ]
    return Report(
        slug="books",
        title=_("The books"),
        span=span,
        facts=_facts(span),
        tables=tuple(tables),
        note=_(
            "In each currency, what is there equals what it is for. Amounts set aside for costs and not yet paid count "
            "as there."
        ),
    )


def of_fund(fund: Fund, span: Span) -> Report:
    codes = _codes(Q(fund=fund))
    return Report(
        slug=f"fund-{fund.code}",
        title=_("Fund: %(code)s") % {"code": fund.name},
        span=span,
        facts=(*_facts(span), (_("Purpose"), fund.purpose)),
        tables=_account_tables(codes, span),
        note=_("What the fund set aside for a cost has left it; the statement of the case or the defendant has it."),
    )  # fmt: skip


def of_case(case: Case, span: Span) -> Report:
    costs = LegalCost.objects.filter(case=case)
    codes = _codes(Q(fund__case=case) | Q(legal_cost__case=case))
    return Report(
        slug=f"case-{case.pk}",
        title=_("Case: %(case)s") % {"case": case.slug},
        span=span,
        facts=_facts(span),
        tables=(*_cost_tables(costs, span), *_account_tables(codes, span)),
        note=_owed_note(),
    )


def of_defendant(defendant: Defendant, span: Span) -> Report:
    """By the alias; the file's name has neither that nor a name."""
    costs = LegalCost.objects.filter(defendant=defendant)
    codes = _codes(Q(fund__defendant=defendant) | Q(legal_cost__defendant=defendant))
    return Report(
        slug=f"defendant-{defendant.pk}",
        title=_("Defendant: %(alias)s") % {"alias": defendant.alias},
        span=span,
        facts=_facts(span),
        tables=(*_cost_tables(costs, span), *_account_tables(codes, span)),
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
    return _("What is owed is as recorded today; all other amounts are as of the last day of the statement.")  # fmt: skip


def _codes(wanted: Q) -> list[str]:
    return list(Account.objects.filter(wanted).values_list("code", flat=True))


def _sums(rows: Sequence[Sequence[Cell]]) -> tuple[Cell, ...]:
    """Under rows of amounts and counts; nothing under none."""
    if not rows:
        return ()
    columns = list(zip(*rows, strict=True))[1:]
    total: list[Cell] = [_("Together")]
    for column in columns:
        if any(isinstance(cell, Decimal) for cell in column):
            total.append(sum((cell for cell in column if isinstance(cell, Decimal)), ZERO))
        elif all(isinstance(cell, int) for cell in column):
            total.append(sum(cell for cell in column if isinstance(cell, int)))
        else:
            total.append("")
    return tuple(total)


def _account_table(
    key: str, title: str, accounts: Iterable[AccountSums], currency: str
) -> Table:  # fmt: skip
    rows = tuple(
        (named(each.code), each.opening, each.raised, each.lowered, each.closing)
        for each in accounts
    )
    columns = (
        Column("account", _("Account")),
        Column("opening", _("At first"), is_number=True),
        Column("in", _("In"), is_number=True),
        Column("out", _("Out"), is_number=True),
        Column("closing", _("At last"), is_number=True),
    )
    return Table(key, title, currency, columns, rows, _sums(rows))


def _account_tables(codes: Sequence[str], span: Span) -> tuple[Table, ...]:
    """Balances of the accounts, and below them what moved on each, with what it then had."""
    accounts = [account for account in balances(span, codes) if not account.is_empty]
    days = by_day(span, [account.code for account in accounts])
    tables: list[Table] = []
    for currency in sorted({account.currency for account in accounts}):
        mine = [account for account in accounts if account.currency == currency]
        tables.append(_account_table("accounts", _("What is there"), mine, currency))
        if rows := tuple(_day_rows(mine, days)):
            tables.append(Table("days", _("What moved"), currency, _day_columns(), rows))
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


def _cost_tables(costs: QuerySet[LegalCost], span: Span) -> Iterable[Table]:
    """What is owed, set aside, paid and missing of each cost at the end of the span, by currency."""
    known = list(costs.select_related("case", "defendant").order_by("currency", "number"))
    own = {cost.pk: AccountKey.cost(cost).code for cost in known}
    bail = {cost.pk: AccountKey.bail(cost).code for cost in known}
    since_ever = Span(span.first_on.min, span.last_on)
    closing = {each.code: each.closing for each in balances(span, [*own.values(), *bail.values()])}
    set_aside: dict[str, Decimal] = {}
    for each in by_day(since_ever, own.values()):
        if each.kind in SETTING_ASIDE:
            set_aside[each.code] = set_aside.get(each.code, ZERO) + each.raised - each.lowered
    columns = (
        Column("cost", _("Cost")),
        Column("case", _("Case")),
        Column("defendant", _("Defendant")),
        Column("kind", _("Kind")),
        Column("owed", _("Owed"), is_number=True),
        Column("set_aside", _("Set aside"), is_number=True),
        Column("paid", _("Paid"), is_number=True),
        Column("bail", _("With a court"), is_number=True),
        Column("left", _("Still there"), is_number=True),
        Column("missing", _("Missing"), is_number=True),
    )
    for currency in dict.fromkeys(cost.currency for cost in known):
        rows = []
        for cost in known:
            if cost.currency == currency:
                given = set_aside.get(own[cost.pk], ZERO)
                balance = closing.get(own[cost.pk], ZERO)
                lies = closing.get(bail[cost.pk], ZERO)
                rows.append(
                    (
                        cost.number, cost.case.slug, cost.defendant.alias, str(cost.get_kind_display()),
                        cost.owed, given, given - balance, lies, balance - lies, cost.owed - given,
                    )
                )  # fmt: skip
        yield Table("costs", _("Costs"), currency, columns, tuple(rows), _sums(rows))
