"""How payments cover the parts of a promise, and how its days follow each other."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.month_days import months_later
from donations.schedule import cover, monthly, moved, weekly

TODAY = date(2026, 3, 10)
PARTS = [(date(2026, m, 15), Decimal(10)) for m in (1, 2, 3, 4)]


def states(received, parts=PARTS):
    return [(p.paid, p.state.value) for p in cover(parts, Decimal(received), today=TODAY).parts]


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (0, [(0, "late"), (0, "late"), (0, "coming"), (0, "coming")]),
        (4, [(4, "late"), (0, "late"), (0, "coming"), (0, "coming")]),
        (10, [(10, "paid"), (0, "late"), (0, "coming"), (0, "coming")]),
        (25, [(10, "paid"), (10, "paid"), (5, "coming"), (0, "coming")]),
        (40, [(10, "paid"), (10, "paid"), (10, "paid"), (10, "paid")]),
        (99, [(10, "paid"), (10, "paid"), (10, "paid"), (10, "paid")]),
    ],
)
def test_payments_cover_the_oldest_part_first_and_carry_forward(received, expected):
    assert states(received) == expected


def test_schedule_tells_due_ahead_beyond_and_what_to_pay_next():
    def told(received):
        s = cover(PARTS, Decimal(received), today=TODAY)
        return (s.due, s.ahead, s.beyond, s.to_pay, s.open, s.is_kept)

    assert told(0) == (20, 0, 0, 20, 40, False)
    assert told(4) == (16, 0, 0, 16, 36, False)
    assert told(20) == (0, 0, 0, 10, 20, False)
    assert told(25) == (0, 5, 0, 5, 15, False)
    assert told(40) == (0, 20, 0, 0, 0, True)
    assert told(47) == (0, 20, 7, 0, 0, True)


def test_part_of_today_is_due_and_not_late():
    assert states(0, [(TODAY, Decimal(10))]) == [(0, "due")]


@given(
    amounts=st.lists(st.decimals("0.01", "500", places=2), min_size=1, max_size=12),
    received=st.decimals("0", "3000", places=2),
)
def test_nothing_is_lost_between_parts_and_what_is_beyond(amounts, received):
    schedule = cover(
        monthly(TODAY, Decimal(1), 1)[:0]
        + [(months_later(TODAY, n), amount) for n, amount in enumerate(amounts)],
        received,
        today=TODAY,
    )

    assert sum(p.paid for p in schedule.parts) + schedule.beyond == received
    assert schedule.open == schedule.promised - received + schedule.beyond
    seen_open = False
    for part in schedule.parts:
        assert not (seen_open and part.paid)
        seen_open |= bool(part.open)


def test_months_keep_their_day_through_short_months():
    days = [day for day, _amount in monthly(date(2027, 12, 31), Decimal(1), 5)]

    assert days == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]


def test_weeks_are_seven_days():
    assert [d for d, _amount in weekly(TODAY, Decimal(1), 3)] == [
        date(2026, 3, 10),
        date(2026, 3, 17),
        date(2026, 3, 24),
    ]


@pytest.mark.parametrize(
    ("frequency", "first", "expected"),
    [
        ("monthly", "2026-01-15", "2026-03-15"),
        ("monthly", "2026-01-10", "2026-03-10"),
        ("monthly", "2026-01-09", "2026-04-09"),
        ("monthly", "2026-04-01", "2026-04-01"),
        ("weekly", "2026-03-09", "2026-03-16"),
        ("weekly", "2026-03-03", "2026-03-10"),
        ("dates", "2026-02-20", "2026-03-10"),
        ("once", "2026-03-09", "2026-03-10"),
    ],
)
def test_broken_off_rhythm_goes_on_in_its_steps(frequency, first, expected):
    first, expected = date.fromisoformat(first), date.fromisoformat(expected)

    days = moved([first, months_later(first, 1)], frequency, to=TODAY)

    assert days[0] == expected
    assert days[1] - days[0] >= (
        months_later(first, 1) - first if frequency == "dates" else days[1] - days[0]
    )
    assert moved([], frequency, to=TODAY) == []
