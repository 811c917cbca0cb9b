"""Sample bank files, as a bank would offer them for download."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# How the sample bank writes its files (donations/statements/mapping.py).
MAPPING = {
    "date": "Fecha",
    "date_order": "dmy",
    "amount": "Importe",
    "text": ["Concepto"],
    "payer": ["Contraparte"],
    "payee": ["Contraparte"],
    "currency": "EUR",
}


@dataclass(frozen=True)
class Line:
    on: date
    text: str
    who: str
    amount: Decimal


def bank_file(lines: Iterable[Line]) -> bytes:
    """A CSV with semicolons and decimal commas, oldest line first."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=";")
    table.writerow(["Fecha", "Concepto", "Contraparte", "Importe"])
    for line in sorted(lines, key=lambda line: line.on):
        amount = f"{line.amount:.2f}".replace(".", ",")
        table.writerow([line.on.strftime("%d.%m.%Y"), line.text, line.who, amount])
    return text.getvalue().encode()
