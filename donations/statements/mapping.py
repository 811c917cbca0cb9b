"""How one bank's CSV files are read: said by a person per account, kept as JSON, never guessed at import."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.utils.translation import gettext as _

ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1", "iso-8859-15", "cp850", "utf-16")
DELIMITERS = (";", ",", "\t", "|")


class BadMapping(ValueError):
    """The mapping cannot be used; the message names the field."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class LeaveOut:
    """Rows whose `column` (the first one if "") holds one of `values` are no movements of this account."""

    column: str
    values: Sequence[str]


def _rule(column: str, values: Sequence[str]) -> LeaveOut:
    return LeaveOut(column, tuple(values))


@dataclass(frozen=True)
class CsvMapping:
    """Which column is what. Columns are named as the header row names them; "" means the file has none."""

    date: str = ""
    value_date: str = ""
    # Either one signed column, or one of each, or one column with the direction in words beside it.
    amount: str = ""
    debit: str = ""
    credit: str = ""
    debits_carry_minus: bool = False
    direction: str = ""
    debit_words: tuple[str, ...] = ()
    credit_words: tuple[str, ...] = ()
    currency_column: str = ""
    # The currency where no column, or an empty cell, says it.
    currency: str = ""
    text: tuple[str, ...] = ()
    # First filled column wins; payer for money that came, payee for money that went.
    payer: tuple[str, ...] = ()
    payee: tuple[str, ...] = ()
    payer_account: str = ""
    payee_account: str = ""
    references: tuple[str, ...] = ()
    bank_id: str = ""
    # The bank lists a movement more than once, and its id tells: later rows with a known id are the same movement.
    id_repeats: bool = False
    account: str = ""
    # A label above the table with our account's number beside or below it.
    account_label: str = ""
    opening_label: str = ""
    closing_label: str = ""
    # A running balance: each row's must be the one before plus the row's amount.
    balance: str = ""
    encoding: str = "utf-8"
    delimiter: str = ";"
    decimal_mark: str = ","
    thousands_mark: str = "."
    currency_signs: tuple[str, ...] = ()
    date_order: str = ""
    pending_column: str = ""
    pending_words: tuple[str, ...] = ()
    leave_out: tuple[LeaveOut, ...] = ()
    # A text column the bank does not quote: delimiters inside it are put back.
    unquoted_column: str = ""

    def check(self) -> None:
        """Raises BadMapping when what every file needs is not said, or said twice."""
        if not self.date:
            raise BadMapping("date", _("Say which column holds the booking day."))
        if self.date_order not in {"dmy", "mdy", "ymd"}:
            raise BadMapping(
                "date_order",
                _("Say in which order days are written: day first, month first or year first."),
            )
        if bool(self.amount) == bool(self.debit or self.credit):
            raise BadMapping(
                "amount",
                _(
                    "Say either one column for the amount, or one for money out and one for money in."
                ),
            )
        if bool(self.debit) != bool(self.credit):
            raise BadMapping("credit", _("Say both columns: money out and money in."))
        if self.direction and not (self.amount and self.debit_words and self.credit_words):
            raise BadMapping(
                "direction",
                _("Say the words for money out and for money in, and one amount column."),
            )
        if self.decimal_mark not in {",", "."} or self.decimal_mark == self.thousands_mark:
            raise BadMapping(
                "decimal_mark", _("Decimal and thousands mark must be two different signs.")
            )

    def columns(self) -> set[str]:
        """Every column the file must have."""
        single = (
            self.date,
            self.value_date,
            self.amount,
            self.debit,
            self.credit,
            self.direction,
            self.currency_column,
            self.payer_account,
            self.payee_account,
            self.bank_id,
            self.account,
            self.balance,
            self.pending_column,
            self.unquoted_column,
            *(rule.column for rule in self.leave_out),
        )
        return {*filter(None, single), *self.text, *self.payer, *self.payee, *self.references}

    def as_json(self) -> dict[str, Any]:
        """Only what differs from the defaults, so that a stored mapping reads as what was said."""
        plain, defaults = asdict(self), asdict(CsvMapping())
        return {name: value for name, value in plain.items() if value != defaults[name]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "CsvMapping":
        """Raises BadMapping for a name that is no field or a value of the wrong kind."""
        kinds = {item.name: type(getattr(cls(), item.name)) for item in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in data.items():
            kind = kinds.get(name)
            if kind is None:
                raise BadMapping(name, _("“%(name)s” is no field of a mapping.") % {"name": name})
            wrong = BadMapping(
                name, _("“%(name)s” has a value of the wrong kind.") % {"name": name}
            )
            if kind is tuple and isinstance(value, list | tuple):
                try:
                    value = tuple(
                        _rule(**rule) if name == "leave_out" else str(rule) for rule in value
                    )
                except TypeError as error:
                    raise wrong from error
            if not isinstance(value, kind):
                raise wrong
            values[name] = value
        return cls(**values)
