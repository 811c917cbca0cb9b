import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from donations.models import Condition
from tests import factories
from tests.threads import wait_until

ADD = "/admin/donations/condition/add/"


@pytest.fixture
def appeal(db):
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", appeal=appeal)
    return appeal


def filled(appeal, **changes):
    ends_on = timezone.now().date() + timedelta(days=9)
    return {"appeal": appeal.pk, "currency": "EUR", "target": "100", "ends_on": ends_on} | changes


def said(response):
    """The sentences on the form."""
    form = response.context["adminform"].form
    return [str(error) for errors in form.errors.values() for error in errors]


def test_condition_is_set(treasurer, appeal):
    treasurer.post(ADD, filled(appeal))

    condition = Condition.objects.get()
    assert (condition.appeal, condition.target, condition.currency) == (appeal, 100, "EUR")
    page = treasurer.get(f"/admin/donations/condition/{condition.pk}/change/").content.decode()
    assert "€100.00" in page
    assert "100.000" not in page
    # What the supporters' page says is known here, too.
    assert "Together until now" in page
    assert "€0.00" in page
    # Few may open accounts: who set it is a name, no link.
    assert "/admin/auth/user/" not in page


def test_second_one_in_the_same_currency_has_to_wait(treasurer, appeal):
    treasurer.post(ADD, filled(appeal))

    response = treasurer.post(ADD, filled(appeal, target="200"))

    assert said(response) == [
        "This appeal has an open condition in this currency: it has to be decided or called off first."
    ]
    treasurer.post(ADD, filled(appeal, currency="USD"))
    assert Condition.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_second_one_at_the_same_moment_has_to_wait(treasurer, appeal):
    """Its form is looked through while the first is not yet there, and saved when it is."""
    answers = []
    with transaction.atomic():
        factories.make_condition(appeal)
        second = threading.Thread(target=lambda: answers.append(post_alone(treasurer, appeal)))
        second.start()
        # One that has ended without waiting says below what it was told.
        wait_until(lambda: somebody_waits_for_us() or not second.is_alive(), 60)
    second.join()

    [response] = answers
    assert (response.status_code, said(response)) == (
        200,
        [
            "This appeal has an open condition in this currency: it has to be decided or called off first."
        ],
    )
    assert Condition.objects.count() == 1


def post_alone(treasurer, appeal):
    try:
        return treasurer.post(ADD, filled(appeal, target="200"))
    finally:
        connections.close_all()


def somebody_waits_for_us():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return cursor.fetchone()[0]


def test_target_that_is_met_already_is_refused(treasurer, appeal):
    factories.give(appeal.funds.get(), "100")

    response = treasurer.post(ADD, filled(appeal))

    assert said(response) == ["€100.00 have arrived already: write a target above that."]
    assert not Condition.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"currency": "ZZZ"}, "Select a valid choice. ZZZ is not one of the available choices."),
        ({"ends_on": "2026-01-01"}, "This day is behind. Choose today or a later one."),
        ({"target": "10.005"}, "The amount has more decimals than its currency."),
    ],
)
def test_what_cannot_be_says_why(treasurer, appeal, changes, sentence):
    assert said(treasurer.post(ADD, filled(appeal, **changes))) == [sentence]
