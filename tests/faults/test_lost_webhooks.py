"""Webhooks are hints: whatever is lost, repeated or overtaken, and however many workers act on them, the books end the same."""

import itertools
from datetime import timedelta

import pytest
import stripe
from django.utils import timezone

from donations import catching_up, payouts, stripe_api
from donations.models import StripeEvent
from donations.sandbox.models import SandboxObject
from donations.sandbox.transport import SandboxHTTPClient
from tests.donations.lying import lying
from tests.faults.shuffles import night, outcome, play, sync

LOST = (0.0, 0.5, 1.0)
# Some 300 events, each told up to five times; the other world has a thousand.
SMALL, LARGE = 1, 5


@pytest.fixture(scope="session")
def ends():
    """How the books of a world end, by its size, as its first telling has it: all others must end so too."""
    return {}


def check(world, ends, size, *, seed, lost):
    outcome = play(world(size), seed=seed, lost=lost)

    assert outcome.broken == ()
    # Each unit of money at Stripe, and on its way from there, is on the list of differences once.
    lying(timezone.now())
    assert outcome.rows["events left"] == []
    expected = ends.setdefault(size, outcome)
    for name, rows in outcome.rows.items():
        assert rows == expected.rows[name], name
    assert outcome == expected
    # The books are about something.
    assert {name for name, rows in outcome.rows.items() if not rows} == {"events left"}


@pytest.mark.parametrize(("seed", "lost"), [*enumerate(LOST)])
def test_shuffled_repeated_and_lost_events_make_the_same_books(world, ends, seed, lost):
    check(world, ends, SMALL, seed=seed, lost=lost)


@pytest.mark.shuffles
@pytest.mark.parametrize("seed", range(200))
def test_two_hundred_shuffles_of_a_thousand_events_make_the_same_books(world, ends, seed):
    check(world, ends, LARGE, seed=seed, lost=LOST[seed % 3])


def test_what_stripe_has_forgotten_is_found_in_its_objects(world, ends):
    """Nothing was told for ten weeks, and of the first six Stripe has no events any more."""
    expected = ends.setdefault(SMALL, play(world(SMALL), seed=0, lost=1.0))
    events = world(SMALL)
    now, began_at = timezone.now(), events[0].created_at
    remembered = now - catching_up.STRIPE_REMEMBERS
    SandboxObject.objects.events().filter(created_at__lt=remembered).delete()

    found = catching_up.sync(since=began_at, at=now)
    catching_up.act(at=now + timedelta(days=1))
    payouts.sync(since=began_at)

    assert found.read["checkout.session.completed"] > 20
    end = outcome()
    assert (end.broken, end.rows["events left"]) == ((), [])
    assert end.ledger_hash == expected.ledger_hash
    # Objects do not say when a dispute or a debit ended, or how often a card was declined or tried for a month in vain;
    # and a warning is told as it stands by now.
    for name in ("donations", "refunds", "payouts", "monthly gifts", "movements"):
        assert end.rows[name] == expected.rows[name], name
    paid = [row for row in expected.rows["months"] if "paid" in row]
    assert [row for row in end.rows["months"] if "paid" in row] == paid


def test_stripe_away_while_a_sync_runs_loses_nothing(world, ends, monkeypatch):
    """It breaks off at one request or another; what was booked until then stands, and the next run brings the rest."""
    expected = ends.setdefault(SMALL, play(world(SMALL), seed=0, lost=1.0))
    now = night(world(SMALL))
    broken_off = []
    for answered in (0, 2, 4, 5, 12, 30, 60, 61):
        with monkeypatch.context() as patched:
            patched.setattr(SandboxHTTPClient, "request", away_after(answered))
            try:
                catching_up.sync(since=now - catching_up.STRIPE_REMEMBERS, at=now)
            except stripe_api.StripeUnavailable:
                broken_off.append(StripeEvent.objects.filter(processed_at=None).count())
    sync(now)

    # At first nothing had come; then all had, and some could not be acted on for want of an answer.
    assert broken_off[0] == 0
    assert (len(broken_off) > 4, max(broken_off) > 10) == (True, True)
    assert outcome() == expected


def away_after(answered):
    """Stripe answers so many requests and then none."""
    count, request = itertools.count(), SandboxHTTPClient.request

    def answer(self, *args, **options):
        if next(count) < answered:
            return request(self, *args, **options)
        raise stripe.APIConnectionError("away", should_retry=False)

    return answer
