from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from defensefund import limits
from defensefund.limits import Limit
from defensefund.models import Tally
from tests.factories import NOW
from tests.threads import in_parallel

HOUR = timedelta(hours=1)
ONCE = Limit("once", HOUR, 1)
HERE, EVERYWHERE = Limit("here 198.51.100.0", HOUR, 3), Limit("everywhere", HOUR / 6, 500)


def counted(*asked):
    found = dict(limits.tallies(*asked, at=NOW).values_list("key", "count"))
    return [found.get(limit.hashed(NOW), 0) for limit in asked]


@pytest.fixture
def no_makeshift():
    limits.makeshift.clear()
    yield
    limits.makeshift.clear()


@pytest.mark.django_db
def test_each_limit_is_counted_by_itself_in_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        first = limits.count(HERE, EVERYWHERE, at=NOW)

    assert (first.times, first.exceeded) == ({HERE: 1, EVERYWHERE: 1}, None)
    assert limits.count(EVERYWHERE, at=NOW).times == {EVERYWHERE: 2}
    assert limits.count(HERE, EVERYWHERE, at=NOW).times == {HERE: 2, EVERYWHERE: 3}
    assert counted(HERE, EVERYWHERE, ONCE) == [2, 3, 0]


@pytest.mark.django_db
def test_what_exceeds_one_limit_is_not_counted_for_the_next():
    for _i in range(3):
        limits.count(HERE, EVERYWHERE, at=NOW)

    fourth = limits.count(HERE, EVERYWHERE, at=NOW)

    assert (fourth.times, fourth.exceeded) == ({HERE: 4}, HERE)
    assert counted(EVERYWHERE) == [3]


@pytest.mark.django_db
def test_a_new_span_starts_at_nought():
    at = datetime(2026, 3, 10, 12, 59, 59, tzinfo=UTC)
    limits.count(HERE, at=at)

    assert limits.count(HERE, at=at).times == {HERE: 2}
    assert limits.count(HERE, at=at + timedelta(seconds=1)).times == {HERE: 1}


@pytest.mark.django_db
def test_a_span_may_begin_at_an_instant():
    at = datetime(2026, 3, 10, 12, 59, 59, tzinfo=UTC)
    own = Limit("once", HOUR, 1, since=at)

    assert own.ends_at(at) == at + HOUR
    assert limits.count(own, at=at).exceeded is None
    assert limits.count(own, at=at + HOUR / 2).exceeded == own


@pytest.mark.django_db
def test_table_names_nobody():
    limits.count(HERE, at=NOW)
    limits.count(HERE, at=NOW + HOUR)

    keys = [tally.key for tally in Tally.objects.all()]
    # Nor does it tell that both were the same network.
    assert len(set(keys)) == 2
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)


@pytest.mark.django_db
def test_what_is_over_is_forgotten():
    limits.count(HERE, at=NOW - HOUR)
    limits.count(EVERYWHERE, at=datetime.now(UTC))

    limits.forget(timestamp=0)

    assert [tally.count for tally in Tally.objects.all()] == [1]


@pytest.mark.django_db(transaction=True)
def test_counts_that_come_at_once_are_all_counted():
    def some(number):
        for _i in range(25):
            limits.count(Limit(f"network {number % 2}", HOUR, 100), EVERYWHERE, at=NOW)

    assert in_parallel(4, some) == [None] * 4
    assert counted(EVERYWHERE) == [100]


@pytest.mark.django_db(transaction=True)
def test_process_counts_for_itself_while_the_table_is_gone(no_makeshift):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE defensefund_tally RENAME TO tally_away")
    try:
        found = [limits.count(ONCE, HERE, EVERYWHERE, at=NOW) for _i in range(2)]
        other = limits.count(HERE, at=NOW)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tally_away RENAME TO defensefund_tally")

    assert [(c.is_makeshift, c.exceeded, c.times) for c in found] == [
        (True, None, {ONCE: 1, HERE: 1, EVERYWHERE: 1}),
        (True, ONCE, {ONCE: 2}),
    ]
    assert other.times == {HERE: 2}
    assert not limits.count(HERE, at=NOW).is_makeshift


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_long_for_a_locked_table(no_makeshift):
    parameters = connection.get_connection_params()
    address = {
        name: parameters[name]
        for name in ("dbname", "user", "host", "port", "password")
        if parameters.get(name)
    }
    with psycopg.connect(**address) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE defensefund_tally IN ACCESS EXCLUSIVE MODE")
        before = datetime.now(UTC)
        counts = limits.count(HERE, at=NOW)
        seconds = (datetime.now(UTC) - before).total_seconds()
        other.rollback()

    assert counts.is_makeshift
    assert seconds < 2


def test_makeshift_counts_hold_a_bounded_number():
    small = limits._Makeshift(room=3)

    assert small.count([ONCE, HERE], at=NOW) == [1, 1]
    # Full: it has happened too often.
    assert small.count([EVERYWHERE, Limit("other", HOUR, 7)], at=NOW) == [501]
    # An hour on, what is over has made room.
    assert small.count([EVERYWHERE, ONCE], at=NOW + HOUR) == [1, 1]
