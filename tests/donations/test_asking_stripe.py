"""Asking Stripe again from the office: one at a time, since a day, and what came of it stands beside the button."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from defensefund.templatetags.formats import plain_day
from donations import asking_stripe, difference_kinds
from donations.difference_kinds import Kind
from donations.models import Entry, OpenDifference, StripeAsking
from donations.sandbox.models import SandboxFaults
from tests import factories
from tests.donations.card_gifts import give_by_card
from tests.factories import log_in, make_user

pytestmark = pytest.mark.django_db
DIFFERENCES = "/admin/donations/account/differences/"
ASK = "/admin/donations/account/ask-stripe/"
TODAY = timezone.now().date()


@pytest.fixture
def tess():
    return make_user("tess", "treasurer")


@pytest.fixture
def office(client, tess):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return log_in(client, tess)


def ask(by, *, days=40):
    now = timezone.now()
    return asking_stripe.ask(since=now.date() - timedelta(days=days), by=by, at=now)


def work():
    for job in ProcrastinateJob.objects.filter(task_name="answer_asking", status="todo"):
        asking_stripe.answer_asking(**job.args)


def words(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def shown(office, path=DIFFERENCES):
    return words(office.get(path))


def test_treasurer_asks_and_reads_what_was_new(office, fund):
    give_by_card(fund, "100")
    factories.make_balance_transaction(type="odd", amount=-5, fee=0)
    since = TODAY - timedelta(days=40)
    assert 'value="Ask Stripe again"' in office.get(DIFFERENCES).content.decode()

    answer = office.post(ASK, {"since": since.isoformat()}, follow=True)

    assert answer.redirect_chain == [(DIFFERENCES, 302)]
    assert f"Stripe is asked for all since {plain_day(since)}." in words(answer)
    assert f"running For all since {plain_day(since)} , asked by tess" in words(answer)
    assert 'value="Ask Stripe again"' not in answer.content.decode()

    work()

    asking = StripeAsking.objects.get()
    assert (asking.outcome, asking.told, asking.booked) == ("done", 2, 2)
    assert Entry.objects.count() == 2
    assert [row.kind for row in OpenDifference.objects.filter(kind="unknown")] == ["unknown"]
    page = shown(office)
    assert f"done For all since {plain_day(since)} , asked by tess, finished" in page
    assert "New: events 2, entries 2." in page
    assert "New: events 2, entries 2." in shown(office, ASK)

    ask(asking.asked_by)
    work()
    assert "Nothing was missing." in shown(office)


def test_second_one_is_refused_while_one_runs(office, tess):
    first = ask(tess, days=3)

    answer = office.post(ASK, {"since": TODAY.isoformat()}, follow=True)

    said = f"Stripe is being asked for all since {plain_day(first.since)} already."
    assert said in words(answer)
    with pytest.raises(asking_stripe.AlreadyAsking):
        ask(tess)
    assert StripeAsking.objects.count() == 1


def test_one_that_broke_off_stands_in_nobodys_way(office, tess):
    first = ask(tess)
    StripeAsking.objects.update(job_id=0)
    assert "cut off For all since" in shown(office)

    second = ask(tess)

    first.refresh_from_db()
    assert (first.outcome, bool(first.finished_at)) == ("cut_off", True)
    # The worker comes back to the first after all: it is over.
    asking_stripe.answer_asking(first.pk)
    second.refresh_from_db()
    assert second.outcome == ""


def test_says_when_stripe_did_not_answer(office, tess, fund):
    give_by_card(fund, "100")
    ask(tess)
    SandboxFaults.objects.create(api_fault="error", api_requests=50, fails_reads=True)

    work()

    asking = StripeAsking.objects.get()
    assert (asking.outcome, asking.told, asking.booked) == ("away", 0, 0)
    assert "Stripe did not answer For all since" in shown(office)
    assert "ask again" in shown(office)


@pytest.mark.parametrize(
    ("since", "why"),
    [
        ("", "Name a day."),
        ("2026-13-01", "This is no day. Write it like 2027-01-31."),
        ((TODAY + timedelta(days=2)).isoformat(), "That day is still to come."),
        ("1026-05-01", "Name a day of the last ten years."),
    ],
)
def test_bad_day_is_refused_beside_its_field(office, since, why):
    answer = office.post(ASK, {"since": since})

    assert (answer.status_code, StripeAsking.objects.count()) == (200, 0)
    assert why in words(answer)


def test_who_may_not_ask_sees_what_was_asked_and_no_button(client, tess):
    ask(tess)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    log_in(client, make_user(None, "auditor"))

    page = client.get(DIFFERENCES).content.decode()

    assert ("asked by tess" in page, 'value="Ask Stripe again"' in page) == (True, False)


def test_page_lists_what_was_asked_at_a_cost_that_stays(office, tess, django_assert_num_queries):
    costs = []
    for _number in range(2):
        for _asked in range(3):
            ask(tess)
            StripeAsking.objects.update(job_id=0)
        with django_assert_num_queries(6):
            costs.append(shown(office, ASK).count("asked by tess"))
    assert costs == [3, 6]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, "one_at_a_time"),
        ({"outcome": "done"}, "finished_with_outcome"),
        ({"outcome": "away", "finished_at": timezone.now(), "told": 1}, "found_when_done"),
        ({"since": TODAY + timedelta(days=2)}, "of_the_past"),
    ],
)
def test_database_refuses(tess, change, rule):
    row = {"since": TODAY, "asked_at": timezone.now(), "asked_by": tess}
    if not change:
        StripeAsking.objects.create(**row)

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        StripeAsking.objects.create(**row | change)


def test_no_next_step_sends_a_treasurer_to_the_command_line():
    said = [str(words) for pair in difference_kinds.ADVICE.values() for words in pair]

    assert [words for words in said if "sync_stripe" in words or "check_books" in words] == []
    for kind in (Kind.MISSING, Kind.BALANCE):
        assert "Press “Ask Stripe again” on Differences" in str(difference_kinds.ADVICE[kind][1])
