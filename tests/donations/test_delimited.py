from datetime import date

import pytest

from donations import delimited


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        (" \n\t\n", []),
        ("a,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])]),
        ("\ufeff\n\na;b\r\n 1 ; 2,5 \r\n\r\n;\r\n3;4\r\n", [
            (3, ["a", "b"]), (4, ["1", "2,5"]), (7, ["3", "4"]),
        ]),
        ("a\tb\n1\t", [(1, ["a", "b"]), (2, ["1", ""])]),
        (',\n"x",1', [(1, ["", ""]), (2, ["x", "1"])]),
    ],
    ids=["nothing", "blank", "comma", "semicolon", "tab", "header of nothing"],
)  # fmt: skip
def test_rows_are_numbered_as_in_the_file(text, rows):
    assert [*delimited.rows(text)] == rows


def test_strict_reading_names_the_row_where_a_quotation_mark_was_left_open():
    rows = delimited.rows('a,b\n1,2\n"3,4\n5,6', strict=True)

    assert [next(rows), next(rows)] == [(1, ["a", "b"]), (2, ["1", "2"])]
    with pytest.raises(delimited.UnclosedQuote) as error:
        next(rows)
    assert error.value.row == 4


def test_day_is_written_in_one_way():
    assert delimited.day("2024-02-29") == date(2024, 2, 29)
    for text in ("2023-02-29", "20240229", "2024-W09-4", "29.2.2024", "2024-02-29 ", ""):
        with pytest.raises(ValueError):
            delimited.day(text)
