"""What the worker does for the money: act on Stripe's events, send letters; woken by the database, swept by the clock."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.utils import timezone, translation
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from defensefund.roles import reachable

from . import asking_stripe as asking_stripe  # its task is the worker's too
from . import (
    catching_up,
    checkout,
    conditional,
    correspondence,
    difference_letter,
    disputes,
    emails,
    monthly,
    open_differences,
    pausing,
    payouts,
    periods,
    pledges,
    proofs,
    refunds,
    stripe_api,
    tracing,
)
from .models import Subscription

logger = logging.getLogger(__name__)
# Entries whose money is followed in one transaction.
FOLLOWED_AT_ONCE = 1000


# The names are those the database queues (donations_wake, in the migrations of rules).
@app.task(name="process_events", queueing_lock="process_events")
def process_events() -> None:
    now = timezone.now()
    if not catching_up.act(at=now):
        return
    with _stripe_may_be_away():
        # Who says that they never gave would dispute the next charge, too.
        for subscription in Subscription.objects.live().doubted():
            _stop_doubted(subscription)
        # So that the fee stands beside the gift within seconds, and what went back or out as soon as it is told of.
        if since := payouts.awaited_since(told_since=now, at=timezone.now()):
            payouts.sync(since=since)
        pausing.close_tried_pages(at=timezone.now())


def _stop_doubted(subscription: Subscription) -> None:
    try:
        monthly.stop(subscription, at=timezone.now())
    except (monthly.NotPossible, stripe_api.StripeRefused) as error:
        # It stays among the doubted ones, so the next turn asks again; the gifts of others go on meanwhile.
        logger.warning("%s is not stopped: %s", subscription, error)


@app.task(name="ask_stripe", queueing_lock="ask_stripe")
def ask_stripe() -> None:
    """What people decided and Stripe is to carry out: refunds, and disputes accepted as lost."""
    now = timezone.now()
    refunds.send_due(at=now)
    disputes.send_due(at=now)


@app.task(name="send_letters", queueing_lock="send_letters")
def send_letters() -> None:
    emails.send_due(at=timezone.now())


@app.task(name="write_new_link")
def write_new_link(email_hash: str) -> None:
    """Apart from the page that asks for it, so that a known address costs that page no more time than an unknown one."""
    correspondence.write_new_link(email_hash=email_hash, at=timezone.now())


@app.periodic(cron="47 5 2-31 1 *")
@app.task(name="write_statements", queueing_lock="write_statements")
def write_statements(timestamp: int) -> None:
    """In January, from the second on, last year's statements; each day again for what was booked late."""
    now = timezone.now()
    correspondence.write_statements(year=now.year - 1, at=now)


@app.periodic(cron="* * * * *")
@app.task(name="sweep", queueing_lock="sweep")
def sweep(timestamp: int) -> None:
    """Once a minute: what failed and is due again, what no wake-up reached, and what Stripe has left unanswered."""
    _ask_again()
    process_events()
    ask_stripe()
    send_letters()


def _ask_again() -> None:
    now = timezone.now()
    with _stripe_may_be_away():
        monthly.settle(at=now)
        if since := checkout.look_up(at=now):
            catching_up.fetch(since=since, at=now)


@app.periodic(cron="* * * * *")
@app.task(name="follow_gifts", queueing_lock="follow_gifts")
def follow_gifts(timestamp: int) -> None:
    """In short turns: who looks at a gift meanwhile follows what is new themselves."""
    while tracing.follow(FOLLOWED_AT_ONCE) == FOLLOWED_AT_ONCE:
        pass


@app.periodic(cron="11 * * * *")
@app.task(name="remind_of_charges", queueing_lock="remind_of_charges")
def remind_of_charges(timestamp: int) -> None:
    """Once an hour: who wants to be told before a monthly charge is."""
    monthly.remind_due(at=timezone.now())


@app.periodic(cron="*/10 * * * *")
@app.task(name="sync_stripe", queueing_lock="sync_stripe")
def sync_stripe(timestamp: int) -> None:
    """Every ten minutes the last two hours: events that never arrived, fees, payouts."""
    now = timezone.now()
    with _stripe_may_be_away():
        catching_up.sync(since=now - timedelta(hours=2), at=now)


@app.periodic(cron="23 3 * * *")
@app.task(name="sync_stripe_nightly", queueing_lock="sync_stripe_nightly")
def sync_stripe_nightly(timestamp: int) -> None:
    """At night as far back as Stripe keeps its events, and further for what waits for longer."""
    with _stripe_may_be_away():
        catching_up.sync_far(at=timezone.now())


@app.periodic(cron="7 * * * *")
@app.task(name="begin_months", queueing_lock="begin_months")
def begin_months(timestamp: int) -> None:
    """Once an hour: the months that have begun stand in the office, to be closed when they are over."""
    periods.begin_due(at=timezone.now())


@app.periodic(cron="53 3 * * *")
@app.task(name="check_books", queueing_lock="check_books")
def check_books(timestamp: int) -> None:
    """Every night, after the day's last facts were fetched: what does not hold is an error in the log, and treasurers get
    a letter while the list of differences is not empty."""
    for proof in proofs.prove():
        if not proof.holds:
            logger.error(
                "The books do not hold: %s, %s of %s, the first %s",
                proof.name,
                proof.contradictions,
                proof.cases,
                proof.examples,
            )
    now = timezone.now()
    if found := open_differences.look(at=now):
        _tell_treasurers(difference_letter.summary(found, at=now))


@app.periodic(cron="37 * * * *")
@app.task(name="count_differences", queueing_lock="count_differences")
def count_differences(timestamp: int) -> None:
    """Once an hour: how many differences are open, for the office's first page."""
    open_differences.look(at=timezone.now())


def _tell_treasurers(kinds: list[difference_letter.Told]) -> None:
    people = reachable("treasurer")
    if not people:
        logger.warning("No treasurer has an address to be told of differences: %s", len(kinds))
    for person in people:
        tell_of_differences.defer(kinds=kinds, user_id=person.pk)


# A mail server that is away for an afternoon is waited for.
@app.task(name="tell_of_differences", retry=RetryStrategy(max_attempts=10, exponential_wait=4))
def tell_of_differences(kinds: list[difference_letter.Told], user_id: int) -> None:
    """Writes to a treasurer what waits on the list of differences. The letter names no donor, no fund and no cost."""
    person = User.objects.get(pk=user_id)
    with translation.override(settings.LANGUAGE_CODE):
        words = difference_letter.letter(kinds)
    EmailMessage(words.subject, words.body, to=[person.email]).send()


@app.periodic(cron="*/15 * * * *")
@app.task(name="decide_conditions", queueing_lock="decide_conditions")
def decide_conditions(timestamp: int) -> None:
    """Four times an hour: whether a target is met; kept cards are charged, or forgotten."""
    with _stripe_may_be_away():
        conditional.run(at=timezone.now())


@app.periodic(cron="41 * * * *")
@app.task(name="keep_promises", queueing_lock="keep_promises")
def keep_promises(timestamp: int) -> None:
    """Once an hour: promises without end go on, and who wants to be reminded of a part is."""
    now = timezone.now()
    pledges.extend(at=now)
    pledges.remind_due(at=now)


@contextmanager
def _stripe_may_be_away() -> Iterator[None]:
    """Then the next turn does it all."""
    try:
        yield
    except stripe_api.StripeUnavailable:
        logger.warning("Stripe does not answer; trying again at the next turn")
