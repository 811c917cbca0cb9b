"""The page where whoever tries the fund out plays bank and Stripe."""

import pytest
from django.test import Client
from django.utils import timezone

from donations.sandbox import acts, deliveries
from donations.sandbox.models import SandboxDelivery, SandboxObject
from tests.factories import log_in, make_user
from tests.sandbox.steps import open_session, paid

pytestmark = pytest.mark.django_db


@pytest.fixture
def here():
    """A browser on the very machine."""
    return Client(SERVER_NAME="127.0.0.1", headers={"Accept-Language": "en"})


def press(client, act, target):
    return client.post("/sandbox/act/", {"act": act, "target": target}, follow=True)


def state_of(session):
    return SandboxObject.objects.get(id=session.id).data


def test_stranger_is_sent_to_the_door_and_does_nothing(client):
    session = open_session()

    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}):
        for response in (
            client.get("/sandbox/", headers=headers),
            client.post("/sandbox/act/", {"act": "expire", "target": session.id}, headers=headers),
        ):
            assert (response.status_code, response.url) == (302, "/admin/login/?next=/sandbox/")
    assert state_of(session)["status"] == "open"


def test_browser_on_this_machine_behind_a_proxy_is_a_stranger(here):
    assert here.get("/sandbox/").status_code == 200
    assert here.get("/sandbox/", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 302


def test_staff_with_second_factor_may(client):
    user = make_user()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/sandbox/").status_code == 302

    assert log_in(client, user).get("/sandbox/").status_code == 200


def test_empty_page_says_so(here):
    text = here.get("/sandbox/").content.decode()

    for sentence in ("nothing to pay out", "Nobody has opened", "Nothing has happened"):
        assert sentence in text


def test_states_and_what_can_be_done_to_each(here):
    now = timezone.now()
    acts.expire(open_session().id, at=now)
    for succeeded in (None, False):
        session = open_session()
        acts.debit(session.id, at=now)
        if succeeded is not None:
            acts.settle(session.id, succeeded=succeeded, at=now)
    acts.refund(paid("11")["payment_intent"], at=now)
    acts.refund(paid("12")["payment_intent"], at=now, amount=100)
    paid("13")
    open_session()

    page = here.get("/sandbox/")

    assert [row.state for row in page.context["rows"]] == [
        "open",
        "paid",
        "paid",
        "refunded",
        "refused",
        "waiting",
        "expired",
    ]
    text = page.content.decode()
    for words in (
        "paid, €1.00 refunded",
        "bank debit refused",
        "not settled yet",
        "on its way",
        "not asked for",
    ):
        assert words in text, words


@pytest.mark.parametrize(("act", "status"), [("settle", "paid"), ("fail", "unpaid")])
def test_debit_is_settled_or_refused_by_a_button(here, act, status):
    session = open_session()
    acts.debit(session.id, at=timezone.now())

    assert "Done." in press(here, act, session.id).content.decode()
    assert state_of(session)["payment_status"] == status
    assert "Nothing was done" in press(here, act, session.id).content.decode()


def test_page_is_let_expire_by_a_button(here):
    session = open_session()

    press(here, "expire", session.id)

    assert state_of(session)["status"] == "expired"


def test_refund_and_payout_by_buttons(here):
    payment = paid()["payment_intent"]

    assert "Done." in press(here, "pay_out", "EUR").content.decode()
    assert "Done." in press(here, "refund", payment).content.decode()
    assert (
        "Nothing was done: The charge has been refunded."
        in press(here, "refund", payment).content.decode()
    )
    # The balance is below zero now: shown, and nothing to pay out.
    assert "no balance" in press(here, "pay_out", "EUR").content.decode()
    text = here.get("/sandbox/").content.decode()
    assert "-€25.50" in text.replace("−", "-")
    assert "Pay out now" not in text


def test_webhook_is_delivered_again_by_a_button(here):
    paid()
    deliveries.deliver_due(at=timezone.now(), post=lambda *_sent: 500)
    event = SandboxObject.objects.events().get(data__type="checkout.session.completed")
    assert "not taken (500), 1 try" in here.get("/sandbox/").content.decode()

    press(here, "deliver", event.id)
    press(here, "deliver", event.id)

    assert SandboxDelivery.objects.filter(event=event).count() == 3
    assert here.post("/sandbox/act/", {"act": "deliver", "target": "evt_none"}).status_code == 404


def test_unknown_button_is_not_there(here):
    assert here.post("/sandbox/act/", {"act": "steal", "target": "x"}).status_code == 404
    assert here.post("/sandbox/act/", {}).status_code == 404
    assert here.get("/sandbox/act/").status_code == 405


@pytest.mark.parametrize("number", [1, 3])
def test_rows_cost_no_further_queries(here, django_assert_num_queries, number):
    for _i in range(number):
        paid()

    # Two counts, two pages, payments, charges, deliveries, balances.
    with django_assert_num_queries(8):
        page = here.get("/sandbox/")

    assert len(page.context["rows"]) == number


def test_long_lists_come_in_pages(here):
    sessions = [open_session() for _i in range(21)]
    for session in sessions:
        acts.expire(session.id, at=timezone.now())

    first, second = here.get("/sandbox/"), here.get("/sandbox/?sessions=2&events=2")

    assert [len(page.context["rows"]) for page in (first, second)] == [20, 1]
    assert second.context["rows"][0].id == sessions[0].id
    assert 'href="?sessions=2#visits"' in first.content.decode()
    assert 'href="?sessions=1&amp;events=2#visits"' in second.content.decode()
    assert len(here.get("/sandbox/?sessions=x&events=99").context["rows"]) == 20
