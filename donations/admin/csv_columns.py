"""The form that says how a bank's CSV files are read: what each column is, and how days and amounts are written."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..statements.mapping import DELIMITERS, ENCODINGS, BadMapping, CsvMapping, LeaveOut

# What a column can be. Several columns may be text, other side or reference; every other role has one.
ROLES: list[tuple[str, Any]] = [
    ("", "–"),
    ("date", _("booking day")),
    ("value_date", _("value date")),
    ("amount", _("amount, signed")),
    ("debit", _("money out")),
    ("credit", _("money in")),
    ("direction", _("in or out, in words")),
    ("currency_column", _("currency")),
    ("text", _("text")),
    ("party", _("other side")),
    ("payer", _("who paid us")),
    ("payee", _("whom we paid")),
    ("party_account", _("other side's account")),
    ("payer_account", _("payer's account")),
    ("payee_account", _("payee's account")),
    ("references", _("reference")),
    ("bank_id", _("the bank's own number of the movement")),
    ("balance", _("balance after the movement")),
    ("pending_column", _("booked or pending")),
    ("account", _("our account")),
]
SEVERAL = {"", "text", "party", "payer", "payee", "references"}
BOTH_SIDES = {"party": ("payer", "payee"), "party_account": ("payer_account", "payee_account")}
DELIMITER_NAMES = {"\t": _("tabulator"), ";": "; (semicolon)", ",": ", (comma)", "|": "|"}
ORDERS = [
    ("dmy", _("day, month, year")),
    ("mdy", _("month, day, year")),
    ("ymd", _("year, month, day")),
]
WRITING = (
    "encoding",
    "delimiter",
    "date_order",
    "decimal_mark",
    "thousands_mark",
    "currency_signs",
)
RULES = (
    "pending_words", "leave_out", "id_repeats", "unquoted_column", "debits_carry_minus", "debit_words", "credit_words",
    "account_label", "opening_label", "closing_label",
)  # fmt: skip


class WordsField(forms.CharField):
    """Words between commas, as a tuple."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return tuple(word.strip() for word in (text or "").split(",") if word.strip())


class RulesField(forms.CharField):
    """One rule a line: "Type: total, balance" leaves out rows whose column Type says so; ": Sum" looks at the first cell."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return "\n".join(f"{rule.column}: {', '.join(rule.values)}" for rule in value)
        return value

    def to_python(self, value: Any) -> Any:
        rules = []
        for line in (super().to_python(value) or "").splitlines():
            column, colon, words = line.rpartition(":")
            values = tuple(word.strip() for word in words.split(",") if word.strip())
            if not line.strip():
                continue
            if not colon or not values:
                raise ValidationError(
                    _(
                        "“%(line)s” is no rule. Write the column, a colon, and what stands in the rows to leave out."
                    ),
                    params={"line": line},
                )
            rules.append(LeaveOut(column.strip(), values))
        return tuple(rules)


class ColumnsForm(forms.Form):
    """Bound or filled from a mapping; when valid, `cleaned_data["mapping"]` is the one it says."""

    encoding = forms.ChoiceField(label=_("Character set"), choices=[(e, e) for e in ENCODINGS])
    delimiter = forms.ChoiceField(
        label=_("Columns are cut by"), choices=[(d, DELIMITER_NAMES[d]) for d in DELIMITERS]
    )
    date_order = forms.ChoiceField(
        label=_("Days are written"),
        choices=ORDERS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say in which order days are written.")},
    )
    decimal_mark = forms.ChoiceField(
        label=_("Before the decimals stands"), choices=[(",", _("a comma")), (".", _("a point"))]
    )
    thousands_mark = forms.ChoiceField(
        label=_("Thousands are grouped by"),
        required=False,
        choices=[
            ("", _("nothing")),
            (".", _("a point")),
            (",", _("a comma")),
            ("'", "'"),
            (" ", _("a space")),
        ],
    )
    currency_signs = WordsField(
        label=_("Signs in amounts"), help_text=_("Such as £ or EUR, with commas between them.")
    )
    debits_carry_minus = forms.BooleanField(
        label=_("Amounts under “money out” carry a minus"), required=False
    )
    debit_words = WordsField(
        label=_("Words for money out"),
        help_text=_("Where a column says the direction, such as Debit."),
    )
    credit_words = WordsField(label=_("Words for money in"))
    pending_words = WordsField(
        label=_("Words for pending rows"),
        help_text=_(
            "Rows whose column “booked or pending” has one of them are left out until they are booked."
        ),
    )
    leave_out = RulesField(
        label=_("Rows to leave out"),
        required=False,
        help_text=_(
            "One rule a line: a column, a colon, and what stands in rows that are no movements, like “Type: total, balance”. "
            "Without a column the first cell is looked at: “: Sum”."
        ),
    )
    id_repeats = forms.BooleanField(
        label=_("The bank lists a movement more than once"),
        required=False,
        help_text=_("Rows with the bank's number of an earlier row are the same movement."),
    )
    unquoted_column = forms.ChoiceField(
        label=_("Column with unquoted text"),
        required=False,
        help_text=_("If the bank puts the delimiter into a text without quotation marks."),
    )
    account_label = forms.CharField(
        label=_("Label of our account number"),
        required=False,
        strip=True,
        help_text=_(
            "A word above the table with the number beside or under it. Files of other accounts are then refused."
        ),
    )
    opening_label = forms.CharField(label=_("Label of the opening balance"), required=False)
    closing_label = forms.CharField(label=_("Label of the closing balance"), required=False)

    def __init__(self, data: Any = None, *, header: Sequence[str], mapping: CsvMapping) -> None:
        initial = {name: getattr(mapping, name) for name in (*WRITING, *RULES)}
        super().__init__(data, initial=initial)
        self.header = list(header)
        unquoted = self.fields["unquoted_column"]
        assert isinstance(unquoted, forms.ChoiceField)
        unquoted.choices = [("", "–"), *((name, name) for name in header if name)]
        for number, name in enumerate(header):
            self.fields[f"role_{number}"] = forms.ChoiceField(
                label=name, choices=ROLES, required=False, initial=_role(name, mapping)
            )

    def roles(self) -> list[forms.BoundField]:
        return [self[f"role_{number}"] for number in range(len(self.header))]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        by_role: dict[str, list[str]] = {}
        for number, name in enumerate(self.header):
            by_role.setdefault(cleaned.get(f"role_{number}", ""), []).append(name)
        for role, names in by_role.items():
            if len(names) > 1 and role not in SEVERAL:
                raise ValidationError(
                    _("Two columns are “%(role)s”: %(columns)s. Choose one."),
                    params={"role": dict(ROLES)[role], "columns": ", ".join(names)},
                )
        if self.errors:
            return cleaned
        mapping = CsvMapping(
            **{name: cleaned[name] for name in (*WRITING, *RULES)}, **_columns(by_role)
        )
        try:
            mapping.check()
        except BadMapping as error:
            raise ValidationError(str(error)) from error
        return cleaned | {"mapping": mapping}


def _columns(by_role: dict[str, list[str]]) -> dict[str, Any]:
    """The mapping's column fields from the roles given to columns."""
    kinds = {item.name: type(getattr(CsvMapping(), item.name)) for item in fields(CsvMapping)}
    said: dict[str, list[str]] = {}
    for role, names in by_role.items():
        for name in BOTH_SIDES.get(role, (role,)):
            said.setdefault(name, []).extend(names)
    return {
        name: tuple(columns) if kinds[name] is tuple else columns[0]
        for name, columns in said.items()
        if name
    }


def _role(column: str, mapping: CsvMapping) -> str:
    """What the mapping takes the column for."""
    for both, sides in BOTH_SIDES.items():
        if all(_has(getattr(mapping, side), column) for side in sides):
            return both
    return next(
        (role for role, _label in ROLES if role and _has(getattr(mapping, role, ""), column)), ""
    )


def _has(said: str | tuple[str, ...], column: str) -> bool:
    return bool(column) and (column in said if isinstance(said, tuple) else column == said)
