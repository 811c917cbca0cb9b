"""A first mapping for an unknown CSV file, for a person to correct in the preview. What two readings fit is said, not chosen."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from donations.statements import UnreadableStatement, cells
from donations.statements.mapping import DELIMITERS, CsvMapping
from donations.statements.table import decode, table

# Words of header rows in English, German, Spanish, Portuguese, French and Italian; the first that fits a column wins.
WORDS: dict[str, tuple[str, ...]] = {
    "date": (
        "booking date", "buchungstag", "buchungsdatum", "fecha", "release date", "data lancamento", "date", "datum",
        "data", "created utc",
    ),
    "value_date": ("value date", "wertstellung", "valutadatum", "valuta", "fecha valor", "date de valeur"),
    "amount": (
        "net", "amount", "betrag", "importe", "monto", "valor", "montant", "importo", "transaction net amount", "umsatz",
    ),
    "debit": ("debit", "paid out", "debito", "debitos", "debe", "cargo", "net debit amount", "belastung", "soll", "egreso", "money out"),
    "credit": ("credit", "paid in", "credito", "creditos", "haber", "abono", "net credit amount", "gutschrift", "haben", "ingreso", "money in"),
    "currency_column": ("currency", "wahrung", "waehrung", "moneda", "moeda", "devise", "curr", "divisa"),
    "payer": ("payer name", "auftraggeber", "ordenante", "from name"),
    "payee": ("payee name", "empfanger", "beneficiario", "beguenstigter zahlungspflichtiger", "auftraggeber empfanger", "name"),
    "bank_id": ("transaction id", "transferwise id", "balance transaction id", "id", "zkb reference", "source id", "reference id", "referencia"),
    "balance": ("balance", "running balance", "saldo", "kontostand", "partial balance", "balance amount"),
    "account": ("kontonummer", "auftragskonto", "account number", "cuenta"),
}  # fmt: skip
TEXT = ("description", "booking text", "buchungstext", "verwendungszweck", "buchungsdetails", "descripcion", "concepto",
        "transaction type", "payment reference", "payment purpose", "details", "detalle", "descricao", "libelle")  # fmt: skip
SAMPLE = 200


@dataclass(frozen=True)
class Guess:
    """What fits the file, the sentences a person must answer, and the first rows to look at while doing so."""

    mapping: CsvMapping
    doubts: tuple[str, ...]
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]


def guess(content: bytes, *, encoding: str = "", delimiter: str = "") -> Guess:
    """A mapping for the file as far as its own cells decide it; a person may have decided `encoding` and `delimiter`.

    Raises UnreadableStatement when it is no table of at least two columns and one row.
    """
    encoding = encoding or _encoding(content)
    text = decode(content, encoding)
    delimiter = delimiter or _delimiter(text)
    rows = [row for _number, row in table(text, delimiter)][:SAMPLE]
    width = _width(rows)
    start = next(index for index, row in enumerate(rows) if len(row) == width and _is_header(row))
    header = [" ".join(cell.split()) for cell in rows[start]]
    body = [row for row in rows[start + 1 :] if len(row) == width]
    columns = _columns(header)
    doubts: list[str] = []
    order = _order(_cells(body, header, columns.get("date", "")), doubts)
    moneyed = [
        columns[name] for name in ("amount", "debit", "credit", "balance") if name in columns
    ]
    amounts = [cell for column in moneyed for cell in _cells(body, header, column)]
    decimal_mark, thousands_mark = _marks(amounts, doubts)
    mapping = CsvMapping(
        date=columns.get("date", ""),
        value_date=columns.get("value_date", ""),
        amount=columns.get("amount", ""),
        debit=columns.get("debit", ""),
        credit=columns.get("credit", ""),
        currency_column=columns.get("currency_column", ""),
        payer=_named(columns, "payer", "payee"),
        payee=_named(columns, "payee", "payer"),
        bank_id=columns.get("bank_id", ""),
        balance=_running(body, header, columns.get("balance", "")),
        account=columns.get("account", ""),
        text=tuple(
            name for name in header if _bare(name) in TEXT or re.fullmatch(r"vwz ?\d*", _bare(name))
        ),
        encoding=encoding,
        delimiter=delimiter,
        decimal_mark=decimal_mark,
        thousands_mark=thousands_mark,
        currency_signs=_signs(amounts),
        date_order=order,
    )
    wide = [row for row in rows[start + 1 :] if len(row) > width and any(row[width:])]
    if wide:
        doubts.append(
            _(
                "A row has more cells than the header (“%(cell)s” …): the bank does not quote a text. Say which column it is."
            )
            % {"cell": wide[0][0]}
        )
    for name, label in (("date", _("the booking day")), ("amount", _("the amount"))):
        if name not in columns and not (name == "amount" and "debit" in columns):
            doubts.append(_("No column looks like %(what)s: choose it.") % {"what": label})
    return Guess(mapping, tuple(doubts), tuple(header), tuple(tuple(row) for row in body[:8]))


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        # Bytes 80-9F are letters and signs in Windows' set, and nothing anybody writes in ISO-8859-1.
        return "windows-1252" if re.search(rb"[\x80-\x9f]", content) else "iso-8859-1"
    return "utf-8"


def _delimiter(text: str) -> str:
    """The sign that cuts most lines into the same number of cells, more than one."""
    scores = {}
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for _number, row in table(text, delimiter))
        except UnreadableStatement:
            continue
        wide = {width: count for width, count in widths.items() if width > 1}
        if wide:
            width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
            scores[delimiter] = (count, width)
    if not scores:
        raise UnreadableStatement(
            _(
                "This file is no table: no sign cuts its lines into columns. Export the statement as CSV and upload that."
            )
        )
    return max(scores, key=lambda delimiter: scores[delimiter])


def _width(rows: Sequence[Sequence[str]]) -> int:
    """The width of the table: that of the widest row of names with a row of the same width somewhere below it."""
    for index, row in sorted(enumerate(rows), key=lambda item: -len(item[1])):
        if _is_header(row) and any(len(below) == len(row) for below in rows[index + 1 :]):
            return len(row)
    raise UnreadableStatement(
        _(
            "No row of the file looks like a header with a row of values under it. Export the statement with column names."
        )
    )


def _is_header(row: Sequence[str]) -> bool:
    """Names, and few gaps: some banks leave the name of a column empty."""
    named = [cell for cell in row if cell.strip()]
    return len(named) > 1 and 3 * len(named) >= 2 * len(row) and all(_is_name(c) for c in named)


def _is_name(cell: str) -> bool:
    return bool(cell.strip()) and not re.fullmatch(r"[\W\d]*", cell)


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Which column is what, by the words in the header; a column serves once."""
    bare = {_bare(name): name for name in reversed(header)}
    found: dict[str, str] = {}
    for field, words in WORDS.items():
        fits = [word for word in words if word in bare and bare[word] not in found.values()]
        # "Debit CHF", "Betrag (€)": the word, and the currency or sign behind it.
        fits += [
            name
            for word in words
            for name in bare
            if re.fullmatch(rf"{word} ?[a-z]{{0,3}}", name) and bare[name] not in found.values()
        ]
        if fits:
            found[field] = bare[fits[0]]
    if "debit" in found and "credit" in found:
        found.pop("amount", None)
    else:
        found.pop("debit", None)
        found.pop("credit", None)
    return found


def _named(columns: dict[str, str], *names: str) -> tuple[str, ...]:
    """The column of the first of `names` the file has: many banks have one column for the other side, whichever it is."""
    return tuple(columns[name] for name in names if name in columns)[:1]


def _running(body: Sequence[Sequence[str]], header: Sequence[str], column: str) -> str:
    """The balance column, if it is filled in every row and moves: some banks leave it empty or repeat today's balance."""
    balances = _cells(body, header, column)
    is_running = len(balances) == len(body) and (len(balances) < 2 or len(set(balances)) > 1)
    return column if is_running else ""


def _cells(body: Sequence[Sequence[str]], header: Sequence[str], column: str) -> list[str]:
    if column not in header:
        return []
    index = list(header).index(column)
    return [cell for row in body if (cell := row[index].strip())]


def _order(days: Sequence[str], doubts: list[str]) -> str:
    """The one order in which the days of the file are days, and what leaves two open."""
    readable = [text for text in days if any(_is_day(text, order) for order in cells.ORDERS)]
    others = [text for text in days if text not in readable]
    if others and len(readable) > len(others):
        doubts.append(
            _(
                "“%(text)s” stands where the booking day should. If such rows are no movements, say so under rows to "
                "leave out."
            )
            % {"text": others[0]}
        )
    elif others:
        doubts.append(
            _("“%(day)s” is no day that can be read: choose another column.") % {"day": others[0]}
        )
        return ""
    fits = [
        order for order in cells.ORDERS if readable and all(_is_day(d, order) for d in readable)
    ]
    if len(fits) == 1:
        return fits[0]
    if len(fits) > 1:
        doubts.append(
            _(
                "“%(day)s” can be read day first or month first, and so can every other day in the file: say which it is."
            )
            % {"day": readable[0]}
        )
    elif readable:
        doubts.append(_("The days of the file are written in different orders: say which it is."))
    return ""


def _is_day(text: str, order: str) -> bool:
    try:
        cells.day(text, order)
    except cells.UnreadableCell:
        return False
    return True


def _marks(amounts: Sequence[str], doubts: list[str]) -> tuple[str, str]:
    """Decimal and thousands mark, from the amounts in which only one reading is possible."""
    votes: Counter[str] = Counter()
    grouping: Counter[str] = Counter()
    for text in amounts:
        marks = re.findall(r"(?<=\d)[.,'’\u00a0\u202f ](?=\d)", text)
        tail = re.search(r"[.,](\d+)\D*$", text)
        if len(set(marks)) == 2:
            votes[marks[-1]] += 1
            grouping[marks[0]] += 1
        elif len(marks) > 1:
            grouping[marks[0]] += 1
            votes.update({",": 1} if marks[0] == "." else {".": 1} if marks[0] == "," else {})
        elif tail and len(tail[1]) != 3:
            votes[marks[0]] += 1
    if len(votes) > 1:
        doubts.append(
            _("Some amounts have a comma before the decimals and some a point: say which it is.")
        )
    if not votes:
        unclear = next((text for text in amounts if re.search(r"\d[.,]\d{3}\D*$", text)), "")
        if unclear:
            doubts.append(
                _(
                    "“%(amount)s” can be thousands or three decimals: say which sign stands before the decimals."
                )
                % {"amount": unclear}
            )
        return ".", ","
    decimal = votes.most_common(1)[0][0]
    group = next((mark for mark, _count in grouping.most_common() if mark != decimal), "")
    group = {"’": "'", "\u00a0": " ", "\u202f": " "}.get(group, group)
    return decimal, group or ("." if decimal == "," else ",")


def _signs(amounts: Sequence[str]) -> tuple[str, ...]:
    found = {c for text in amounts for c in text if unicodedata.category(c) == "Sc"}
    found |= {word for text in amounts for word in re.findall(r"\b[A-Z]{3}\b", text)}
    return tuple(sorted(found))


def _bare(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters).split())
