import hmac
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from donations.statements import StatementRow, camt053, identity

from .samples import collected, own

ROW = StatementRow(
    line=1,
    booked_on=date(2026, 3, 3),
    value_on=date(2026, 3, 3),
    amount=Decimal("25.00"),
    currency="EUR",
    counterparty="Ana Ejemplo",
    text="gift",
)


SECRET = "5a" * 32


def keys(rows, secret=SECRET):  # type: ignore[no-untyped-def]
    return identity.keys(rows, secret=secret)


def test_keys_let_equal_lines_live() -> None:
    [statement] = camt053.read(collected("camt053-de-identical-entries.xml"))

    first, second = keys(statement.rows)

    assert first != second
    assert (first[:-2], first[-2:], second[-2:]) == (second[:-2], "-1", "-2")


def test_keys_are_the_same_when_the_file_comes_again() -> None:
    [once] = camt053.read(own("camt053-own-gifts.xml"))
    [again] = camt053.read(own("camt053-own-gifts.xml"))

    assert keys(once.rows) == keys(again.rows)
    assert len(set(keys(once.rows))) == 6


def test_keys_do_not_depend_on_where_a_row_stands_or_how_its_amount_is_written() -> None:
    moved = ROW._replace(line=7, amount=Decimal("25.000"), text="gift ")

    assert keys([ROW]) == keys([moved])


def test_keys_tell_apart_what_shares_a_bank_id() -> None:
    transfer = ROW._replace(bank_id="134500000004")
    tax = transfer._replace(amount=Decimal("-0.60"))
    next_year = transfer._replace(booked_on=date(2027, 3, 3))

    assert len(set(keys([transfer, tax, next_year]))) == 3


def test_keys_with_a_bank_id_do_not_depend_on_words() -> None:
    one = ROW._replace(bank_id="x", text="Transfer")

    assert keys([one]) == keys([one._replace(text="TRANSFER FROM ANA", counterparty="")])


rows = st.lists(
    st.builds(
        StatementRow,
        line=st.just(1),
        booked_on=st.dates(date(2026, 1, 1), date(2026, 1, 4)),
        value_on=st.just(date(2026, 1, 1)),
        amount=st.sampled_from([Decimal(5), Decimal("5.00"), Decimal(-5)]),
        currency=st.just("EUR"),
        text=st.sampled_from(["", "gift"]),
        bank_id=st.sampled_from(["", "1"]),
    ),
    max_size=12,
)


@given(rows, rows)
def test_keys_of_overlapping_files_agree(
    first: list[StatementRow], second: list[StatementRow]
) -> None:
    """A later file that repeats whole days of an earlier one adds nothing for them, whatever else is in it."""
    days = {row.booked_on for row in first}
    later = [*first, *(row for row in second if row.booked_on not in days)]

    assert len(set(keys(later))) == len(later)
    assert set(keys(first)) <= set(keys(later))


@given(rows)
def test_keys_do_not_depend_on_the_order(listed: list[StatementRow]) -> None:
    assert set(keys(listed)) == set(keys(listed[::-1]))


def test_keys_say_nothing_without_their_secret() -> None:
    """Who guesses a payer's words cannot try them, and two accounts' keys have nothing in common."""
    [key] = keys([ROW])

    assert not key.startswith(identity.plain_digest(ROW))
    keyed = hmac.digest(bytes.fromhex(SECRET), identity.plain_digest(ROW).encode(), "sha256")
    assert key == f"{keyed.hex()[:40]}-1"
    assert keys([ROW], "5b" * 32) != [key]
