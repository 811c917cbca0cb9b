import pytest

from donations.statements import UnreadableStatement
from donations.statements.guess import guess

from .mappings import MAPPINGS
from .samples import collected, own

ALIKE = (
    "date",
    "amount",
    "debit",
    "credit",
    "encoding",
    "delimiter",
    "decimal_mark",
    "currency_signs",
)


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_guess_collected_file(name: str) -> None:
    right = MAPPINGS[name]

    guessed = guess(collected(name))

    same_letters = {"windows-1252": "iso-8859-1"} if "nationwide" in name else {}
    expected = {field: getattr(right, field) for field in ALIKE}
    expected["encoding"] = same_letters.get(right.encoding, right.encoding)
    assert {field: getattr(guessed.mapping, field) for field in ALIKE} == expected
    assert guessed.mapping.date_order in {right.date_order, ""}
    assert (guessed.mapping.date_order == "") == bool(guessed.doubts)


def test_guess_own_file() -> None:
    guessed = guess(own("csv-own-gifts.csv"))

    assert guessed.mapping.as_json() == {
        "date": "Buchungstag",
        "value_date": "Wertstellung",
        "amount": "Betrag",
        "text": ("Verwendungszweck",),
        "payer": ("Auftraggeber",),
        "payee": ("Empfänger",),
        "balance": "Saldo",
    }
    assert guessed.doubts == (
        "“Summe” stands where the booking day should. If such rows are no movements, say so under rows to leave out.",
        "“03.03.2026” can be read day first or month first, and so can every other day in the file: say which it is.",
    )
    assert guessed.header[0] == "Buchungstag"
    assert guessed.sample[0][4] == "Solidaridad; gracias"


@pytest.mark.parametrize(("out", "into"), [("Soll", "Haben"), ("Debe", "Haber")])
def test_guess_columns_of_money_out_and_in(out: str, into: str) -> None:
    guessed = guess(
        f"Fecha;Detalle;{out};{into}\n13.02.2026;x;1,50;\n14.02.2026;y;;2,00\n".encode()
    )

    assert (guessed.mapping.debit, guessed.mapping.credit, guessed.doubts) == (out, into, ())


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        ("Date;Amount\n01/02/2026;5,00\n03/04/2026;6,00\n", "“01/02/2026” can be read day first or month first"),
        ("Date;Amount\n13/02/2026;1.234\n14/02/2026;5.678\n", "“1.234” can be thousands or three decimals"),
        ("Date;Amount\n13/02/2026;1,50\n14/02/2026;5.60\n", "Some amounts have a comma before the decimals and some"),
        ("Date;Amount\nsoon;1,50\n", "“soon” is no day that can be read"),
        ("Day;Sum\n13/02/2026;1,50\n", "No column looks like the booking day"),
        ("Date;Sum\n13/02/2026;1,50\n", "No column looks like the amount"),
    ],
)  # fmt: skip
def test_guess_says_what_is_ambiguous(content: str, doubt: str) -> None:
    assert any(doubt in said for said in guess(content.encode()).doubts)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"hello\nworld\n", b"1;2\n3;4\n", b"Date;Amount\n"]
)
def test_guess_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableStatement):
        guess(content)
