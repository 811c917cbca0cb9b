"""CSV bank files by an explicit mapping: every row becomes a movement, is left out by a named rule, or stops the file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from donations.statements import (
    Balance,
    LeftOut,
    Statement,
    StatementRow,
    UnbalancedStatement,
    UnreadableStatement,
    at_row,
    cells,
    in_words,
    references_of,
)
from donations.statements.mapping import CsvMapping
from donations.statements.table import decode, find_header, labelled, table


@dataclass
class _Table:
    """One account and currency of the file while it is read, in the order of the file."""

    rows: list[StatementRow] = field(default_factory=list)
    balances: list[Decimal] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    """One row under the header, its cells by the mapping's columns, each with single spaces."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def read(content: bytes, mapping: CsvMapping) -> list[Statement]:
    """The statements in a CSV file, one per account and currency it names, rows oldest first.

    Raises UnreadableStatement naming the first row that is not as the mapping says, UnbalancedStatement where the
    running balance jumps, BadMapping when the mapping itself is incomplete.
    """
    mapping.check()
    lines = list(table(decode(content, mapping.encoding), mapping.delimiter))
    start, header = find_header(lines, mapping.columns())
    places = {column: header.index(column) for column in mapping.columns()}
    above = [row for _number, row in lines[:start]]
    tables: dict[tuple[str, str], _Table] = {}
    left_out: list[LeftOut] = []
    seen: dict[str, StatementRow] = {}
    account = labelled(above, mapping.account_label)
    for number, row in lines[start + 1 :]:
        line = _fitted(number, row, header, places, mapping)
        if isinstance(line, LeftOut):
            left_out.append(line)
            continue
        movement = _movement(line, mapping)
        if movement.amount == 0:
            raise at_row(
                number,
                _(
                    "it moves no money. If the bank uses such rows for remarks, say under the account's CSV columns which rows "
                    "to leave out."
                ),
            )
        if mapping.id_repeats and movement.bank_id:
            first = seen.setdefault(movement.bank_id, movement)
            if first is not movement:
                left_out.append(_repeated(first, movement))
                continue
        own = line[mapping.account] if mapping.account else account
        key = ("".join(own.split()), movement.currency)
        part = tables.setdefault(key, _Table())
        part.rows.append(movement)
        if mapping.balance:
            part.balances.append(_amount(line, mapping.balance, mapping))
    return [
        _statement(key, part, mapping, above, left_out if position == 0 else [], len(tables) == 1)
        for position, (key, part) in enumerate(
            (tables or {(account, mapping.currency): _Table()}).items()
        )
    ]


def _fitted(
    number: int, row: list[str], header: list[str], places: dict[str, int], mapping: CsvMapping
) -> _Line | LeftOut:
    """The row's cells by column, or which rule leaves it out."""
    for rule in mapping.leave_out:
        if not rule.column and row[0].strip() in rule.values:
            return LeftOut(number, "rule", row[0].strip())
    surplus = len(row) - len(header)
    if surplus > 0 and mapping.unquoted_column:
        at = header.index(mapping.unquoted_column)
        row = [
            *row[:at],
            mapping.delimiter.join(row[at : at + surplus + 1]),
            *row[at + surplus + 1 :],
        ]
    elif surplus > 0 and not any(cell.strip() for cell in row[len(header) :]):
        row = row[: len(header)]
    if len(row) != len(header):
        raise at_row(
            number,
            _(
                "it has %(found)d cells, the header has %(expected)d. If a text holds an unquoted “%(delimiter)s”, name its "
                "column under the account's CSV columns."
            )
            % {"found": len(row), "expected": len(header), "delimiter": mapping.delimiter},
        )
    line = _Line(number, {column: " ".join(row[at].split()) for column, at in places.items()})
    for rule in mapping.leave_out:
        if rule.column and line[rule.column] in rule.values:
            return LeftOut(number, "rule", line[rule.column])
    if mapping.pending_column:
        state = line[mapping.pending_column]
        if any(word.casefold() in state.casefold() for word in mapping.pending_words):
            return LeftOut(number, "pending", state)
    return line


def _movement(line: _Line, mapping: CsvMapping) -> StatementRow:
    signed = _signed_amount(line, mapping)
    booked_on = _day(line, mapping.date, mapping)
    parties, account = (
        (mapping.payer, mapping.payer_account)
        if signed > 0
        else (mapping.payee, mapping.payee_account)
    )
    currency = (
        line[mapping.currency_column] if mapping.currency_column else ""
    ) or mapping.currency
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise at_row(
            line.number, _("“%(currency)s” is no currency like EUR.") % {"currency": currency}
        )
    return StatementRow(
        line=line.number,
        booked_on=booked_on,
        value_on=_day(line, mapping.value_date, mapping)
        if mapping.value_date and line[mapping.value_date]
        else booked_on,
        amount=signed,
        currency=currency.upper(),
        counterparty=next((line[column] for column in parties if line[column]), ""),
        counterparty_account="".join(line[account].split()) if account else "",
        text=" ".join([cell for column in mapping.text if (cell := line[column])]),
        references=references_of(line[column] for column in mapping.references),
        bank_id=line[mapping.bank_id] if mapping.bank_id else "",
    )


def _signed_amount(line: _Line, mapping: CsvMapping) -> Decimal:
    """Money in positive, money out negative, from one column, two, or one with a word beside it."""
    if not mapping.amount:
        out = _amount(line, mapping.debit, mapping)
        came = _amount(line, mapping.credit, mapping)
        if out and came:
            raise at_row(line.number, _("it has both money out and money in."))
        if came < 0 or (out > 0 if mapping.debits_carry_minus else out < 0):
            raise at_row(
                line.number,
                _(
                    "its amount has a sign where the account's CSV columns expect none, or none where they expect one."
                ),
            )
        return came - abs(out)
    value = _amount(line, mapping.amount, mapping)
    if not mapping.direction:
        if not line[mapping.amount]:
            raise at_row(line.number, _("it has no amount."))
        return value
    word = line[mapping.direction].casefold()
    if value < 0:
        raise at_row(
            line.number, _("its amount has a sign, though the direction stands in words beside it.")
        )
    if word in {known.casefold() for known in mapping.debit_words}:
        return -value
    if word in {known.casefold() for known in mapping.credit_words}:
        return value
    raise at_row(
        line.number,
        _("“%(word)s” is none of the words said for money out or money in.")
        % {"word": line[mapping.direction]},
    )


def _amount(line: _Line, column: str, mapping: CsvMapping) -> Decimal:
    """The amount in a cell; an empty cell is zero."""
    text = line[column]
    if not text:
        return Decimal(0)
    try:
        return _read_amount(text, mapping)
    except cells.UnreadableCell as error:
        raise at_row(
            line.number,
            _(
                "“%(text)s” in the column “%(column)s” is no amount as the account's CSV columns say (decimals after "
                "“%(mark)s”). Nothing was imported."
            )
            % {"text": text, "column": column, "mark": mapping.decimal_mark},
        ) from error


def _read_amount(text: str, mapping: CsvMapping) -> Decimal:
    return cells.amount(
        text,
        decimal_mark=mapping.decimal_mark,
        thousands_mark=mapping.thousands_mark,
        signs=mapping.currency_signs,
    )


def _day(line: _Line, column: str, mapping: CsvMapping) -> date:
    try:
        return cells.day(line[column], mapping.date_order)
    except cells.UnreadableCell as error:
        order = {
            "dmy": _("day, month, year"),
            "mdy": _("month, day, year"),
            "ymd": _("year, month, day"),
        }[mapping.date_order]
        raise at_row(
            line.number,
            _("“%(text)s” in the column “%(column)s” is no day in the order %(order)s.")
            % {"text": line[column], "column": column, "order": order},
        ) from error


def _repeated(first: StatementRow, again: StatementRow) -> LeftOut:
    if (again.amount, again.currency, again.booked_on) != (
        first.amount,
        first.currency,
        first.booked_on,
    ):
        raise at_row(
            again.line,
            _(
                "it has the id of row %(line)d, but not its day and amount. Ask the bank which of the two is right."
            )
            % {"line": first.line},
        )
    return LeftOut(again.line, "repeated", again.bank_id)


def _statement(
    key: tuple[str, str],
    part: _Table,
    mapping: CsvMapping,
    above: Sequence[Sequence[str]],
    left_out: Sequence[LeftOut],
    is_only: bool,
) -> Statement:
    rows, balances = part.rows, part.balances
    opening = closing = None
    if balances:
        rows, balances = _oldest_first(rows, balances)
        opening = Balance(balances[0] - rows[0].amount, rows[0].booked_on)
        closing = Balance(balances[-1], rows[-1].booked_on)
    elif rows and rows[0].booked_on > rows[-1].booked_on:
        rows = rows[::-1]
    if is_only and mapping.opening_label:
        opening = Balance(_labelled_amount(above, mapping.opening_label, mapping))
    if is_only and mapping.closing_label:
        closing = Balance(_labelled_amount(above, mapping.closing_label, mapping))
    return Statement(key[0], key[1], tuple(rows), opening, closing, tuple(left_out))


def _labelled_amount(above: Sequence[Sequence[str]], label: str, mapping: CsvMapping) -> Decimal:
    text = labelled(above, label)
    try:
        return _read_amount(text, mapping)
    except cells.UnreadableCell as error:
        raise UnreadableStatement(
            _("“%(text)s” beside “%(label)s” is no amount as the account's CSV columns say.")
            % {"text": text, "label": label}
        ) from error


def _oldest_first(
    rows: list[StatementRow], balances: list[Decimal]
) -> tuple[list[StatementRow], list[Decimal]]:
    """Rows and running balances in the order in which each balance follows from the one before.

    Raises UnbalancedStatement at the first row where it does not, in either order.
    """
    as_listed = _break(rows, balances)
    if as_listed is None:
        return rows, balances
    turned, turned_balances = rows[::-1], balances[::-1]
    if _break(turned, turned_balances) is None:
        return turned, turned_balances
    newest_first = rows[0].booked_on > rows[-1].booked_on
    listed, at = (
        ((turned, turned_balances), _break(turned, turned_balances))
        if newest_first
        else ((rows, balances), as_listed)
    )
    assert at is not None
    row, before, after = listed[0][at], listed[1][at - 1], listed[1][at]
    raise UnbalancedStatement(
        _(
            "Row %(line)d: the balance before it is %(before)s, it moves %(amount)s, but the balance after it is %(after)s. "
            "A row is missing, doubled or out of order; download the file again, whole."
        )
        % {
            "line": row.line,
            "before": in_words(before, row.currency),
            "amount": in_words(row.amount, row.currency),
            "after": in_words(after, row.currency),
        },
        row.line,
    )


def _break(rows: Sequence[StatementRow], balances: Sequence[Decimal]) -> int | None:
    """The first position whose balance is not the one before it plus the row's amount."""
    return next(
        (at for at in range(1, len(rows)) if balances[at - 1] + rows[at].amount != balances[at]),
        None,
    )
