from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from donations.statements import cells


@pytest.mark.parametrize(
    ("text", "marks", "expected"),
    [
        ("1.234,50", ",.", "1234.50"),
        ("-1.234,50", ",.", "-1234.50"),
        ("1234,5", ",.", "1234.5"),
        ("12,40-", ",.", "-12.40"),
        ("−12,40", ",.", "-12.40"),
        ("+12,40", ",.", "12.40"),
        ("1,058.09", ".,", "1058.09"),
        ("1'058.09", ".'", "1058.09"),
        ("1’058.09", ".'", "1058.09"),
        ("1\u202f058,09", ", ", "1058.09"),
        ("1 058,09", ", ", "1058.09"),
        ("¤ 1.337,42", ",.", "1337.42"),
        ("€ 0,01", ",.", "0.01"),
        ("100", ",.", "100"),
        ("0.001", ".", "0.001"),
        ("123456789012345.678", ".,", "123456789012345.678"),
    ],
)
def test_amount_as_the_mapping_says(text: str, marks: str, expected: str) -> None:
    decimal_mark, thousands_mark = marks[0], marks[1:]

    assert cells.amount(
        text, decimal_mark=decimal_mark, thousands_mark=thousands_mark, signs=("¤", "€")
    ) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    ["", "12.34", "1.23,45", "1,2,3", "1..2", "--5", "-5-", "5 EUR", "£5", "1e5", "NaN", "٣", "1.2345,0", ",5", "viel"],
)  # fmt: skip
def test_amount_otherwise_is_refused(text: str) -> None:
    with pytest.raises(cells.UnreadableCell):
        cells.amount(text, decimal_mark=",", thousands_mark=".", signs=("€",))


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=2), st.sampled_from([",.", ".,"]))
def test_amount_reads_back_what_was_written(amount: Decimal, marks: str) -> None:
    written = f"{amount:,.2f}".translate(str.maketrans(".,", marks))

    assert cells.amount(written, decimal_mark=marks[0], thousands_mark=marks[1]) == amount


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("30.11.2017", "dmy", date(2017, 11, 30)),
        ("28.03.18", "dmy", date(2018, 3, 28)),
        ("9/4/2018", "mdy", date(2018, 9, 4)),
        ("9/4/2018", "dmy", date(2018, 4, 9)),
        ("01 Sep 2026", "dmy", date(2026, 9, 1)),
        ("1 de octubre de 2026", "dmy", date(2026, 10, 1)),
        ("3. März 2026", "dmy", date(2026, 3, 3)),
        ("Sept. 3, 2026", "mdy", date(2026, 9, 3)),
        ("2026-03-10T09:00:00-0400", "ymd", date(2026, 3, 10)),
        ("2026-03-02 08:15:31", "ymd", date(2026, 3, 2)),
        ("20260301", "ymd", date(2026, 3, 1)),
        ("01032026", "dmy", date(2026, 3, 1)),
        ("22-09-2026 00:09:17.281", "dmy", date(2026, 9, 22)),
    ],
)
def test_day_in_the_order_said(text: str, order: str, expected: date) -> None:
    assert cells.day(text, order) == expected


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", "dmy"),
        ("30.02.2026", "dmy"),
        ("13/25/2026", "dmy"),
        ("28.03.18", "ymd"),
        ("01.02.20266", "dmy"),
        ("01.02.0018", "dmy"),
        ("01 Foo 2026", "dmy"),
        ("yesterday", "dmy"),
        ("²/3/2026", "dmy"),
    ],
)
def test_day_otherwise_is_refused(text: str, order: str) -> None:
    with pytest.raises(cells.UnreadableCell):
        cells.day(text, order)


def test_month_names_mean_one_month_in_all_languages() -> None:
    meanings: dict[str, set[int]] = defaultdict(set)
    for code in cells.MONTH_LANGUAGES:
        for form in ("format", "stand-alone"):
            for width in ("abbreviated", "wide"):
                for number, name in Locale.parse(code).months[form][width].items():
                    meanings[cells.bare(name)].add(number)

    assert {name: months for name, months in meanings.items() if len(months) > 1} == {}


@given(
    st.dates(date(1990, 1, 1), date(2100, 12, 31)),
    st.sampled_from(cells.ORDERS),
    st.sampled_from("./- "),
)
def test_day_reads_back_what_was_written(day: date, order: str, mark: str) -> None:
    parts = {"d": f"{day.day:02d}", "m": f"{day.month:02d}", "y": str(day.year)}

    assert cells.day(mark.join(parts[part] for part in order), order) == day
