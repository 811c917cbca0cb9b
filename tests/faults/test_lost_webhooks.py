"""Webhooks are hints: whatever is lost, repeated or overtaken, and however many workers act on them, the books end the same."""

import pytest

from tests.faults.shuffles import play

LOST = (0.0, 0.5, 1.0)
# Some 300 events, each told up to five times; the other world has a thousand.
SMALL, LARGE = 1, 4


@pytest.fixture(scope="session")
def ends():
    """How the books of a world end, by its size, as its first telling has it: all others must end so too."""
    return {}


def check(world, ends, size, *, seed, lost):
    outcome = play(world(size), seed=seed, lost=lost)

    assert outcome.broken == ()
    assert outcome.rows["events left"] == []
    expected = ends.setdefault(size, outcome)
    for name, rows in outcome.rows.items():
        assert rows == expected.rows[name], name
    assert outcome == expected
    # The books are about something.
    assert {name for name, rows in outcome.rows.items() if not rows} == {"events left"}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("seed", range(2))
def test_shuffled_repeated_and_lost_events_make_the_same_books(world, ends, seed, lost):
    check(world, ends, SMALL, seed=seed, lost=lost)


@pytest.mark.shuffles
@pytest.mark.parametrize("seed", range(200))
def test_two_hundred_shuffles_of_a_thousand_events_make_the_same_books(world, ends, seed):
    check(world, ends, LARGE, seed=seed, lost=LOST[seed % 3])
