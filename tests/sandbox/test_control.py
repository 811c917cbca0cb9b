"""The pages where whoever tries the fund out plays bank and Stripe, and has things go wrong."""

from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from donations.sandbox import acts, deliveries
from donations.sandbox.models import SandboxDelivery, SandboxFaults, SandboxObject
from tests.factories import log_in, make_user
from tests.sandbox.steps import open_session, paid, subscribed

pytestmark = pytest.mark.django_db


@pytest.fixture
def here():
    """A browser on the very machine."""
    return Client(SERVER_NAME="127.0.0.1", headers={"Accept-Language": "en"})


def press(client, act, target, **more):
    return client.post("/sandbox/act/", {"act": act, "target": target} | more, follow=True)


def state_of(session):
    return SandboxObject.objects.get(id=session.id).data


PAGES = ["", "subscriptions/", "events/", "faults/"]


def test_stranger_is_sent_to_the_door_and_does_nothing(client):
    session = open_session()

    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}):
        for response in (
            *(client.get(f"/sandbox/{page}", headers=headers) for page in PAGES),
            client.post("/sandbox/act/", {"act": "expire", "target": session.id}, headers=headers),
            client.post("/sandbox/faults/", {"drop_percent": 100}, headers=headers),
        ):
            assert (response.status_code, response.url) == (302, "/admin/login/?next=/sandbox/")
    assert state_of(session)["status"] == "open"
    assert not SandboxFaults.objects.exists()


def test_browser_on_this_machine_behind_a_proxy_is_a_stranger(here):
    assert here.get("/sandbox/").status_code == 200
    assert here.get("/sandbox/", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 302


def test_staff_with_second_factor_may(client):
    user = make_user()
    client.force_login(user, backend="defensefund.rights.RightsBackend")
    assert client.get("/sandbox/").status_code == 302

    assert log_in(client, user).get("/sandbox/").status_code == 200


@pytest.mark.parametrize(
    ("page", "sentences"),
    [
        ("", ("nothing to pay out", "No payment page is open", "Nobody has paid yet")),
        ("subscriptions/", ("Nobody gives regularly yet",)),
        ("events/", ("Nothing has happened yet",)),
        ("faults/", ("Let things go wrong",)),
    ],
)
def test_empty_page_says_so(here, page, sentences):
    text = here.get(f"/sandbox/{page}").content.decode()

    assert "TEST" in text
    for sentence in sentences:
        assert sentence in text


def test_states_of_payments_and_what_can_be_done_to_each(here):
    now = timezone.now()
    for succeeded in (None, False):
        session = open_session()
        acts.debit(session.id, at=now)
        if succeeded is not None:
            acts.settle(session.id, succeeded=succeeded, at=now)
    acts.refund(paid("11")["payment_intent"], at=now)
    acts.refund(paid("12")["payment_intent"], at=now, amount=100)
    for end in (None, acts.lose, acts.win):
        dispute = acts.open_dispute(paid("13")["payment_intent"], at=now)
        if end:
            end(dispute["id"], at=now)
    acts.open_dispute(paid("14")["payment_intent"], is_inquiry=True, at=now)
    acts.warn(paid("15")["payment_intent"], at=now)
    open_session(amount=Decimal(16))

    page = here.get("/sandbox/")

    # The debits were agreed at the instant before all others.
    assert sorted(row.state for row in page.context["rows"]) == sorted(
        ["waiting", "refused", "refunded", "paid", "disputed", "lost", "paid", "asked", "paid"]
    )
    assert [row.amount for row in page.context["visit_rows"]] == [16]
    text = page.content.decode()
    for words in (
        "€1.00 sent back",
        "not settled yet",
        "dispute lost",
        "the bank asks about it",
        "warned of fraud",
        "We win, the fee stays",
        "Close the inquiry",
        "Amount; empty: all €11.00",
    ):
        assert words in text, words


@pytest.mark.parametrize(("act", "status"), [("settle", "paid"), ("fail", "unpaid")])
def test_debit_is_settled_or_refused_by_a_button(here, act, status):
    session = open_session()
    payment = acts.debit(session.id, at=timezone.now())["payment_intent"]

    assert "Done." in press(here, act, payment).content.decode()
    assert state_of(session)["payment_status"] == status
    assert "Nothing was done" in press(here, act, payment).content.decode()


def test_page_is_let_expire_by_a_button(here):
    session = open_session()

    press(here, "expire", session.id)

    assert state_of(session)["status"] == "expired"


def test_refund_and_payout_by_buttons(here):
    payment = paid()["payment_intent"]

    assert "Stripe tells of it by no webhook" in press(here, "charge", "EUR").content.decode()
    taken = SandboxObject.objects.order_by("-pk")[0].data
    assert (taken["type"], taken["net"], taken["source"]) == ("adjustment", -500, None)
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
    payout = SandboxObject.objects.get(kind="payout")
    assert "failed, the money came back" in press(here, "fail_payout", payout.id).content.decode()


@pytest.mark.parametrize(
    ("amount", "units"), [("", 2550), ("5", 500), ("5,25", 525), (" 5.5 ", 550)]
)
@pytest.mark.parametrize(
    ("act", "kind"), [("refund", "refund"), ("refund_slowly", "refund"), ("dispute", "dispute"), ("inquire", "dispute")]
)  # fmt: skip
def test_part_of_a_payment_is_sent_back_or_disputed(here, act, kind, amount, units):
    payment = paid()["payment_intent"]

    press(here, act, payment, amount=amount, currency="EUR")

    assert SandboxObject.objects.get(kind=kind).data["amount"] == units


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("much", "Write an amount"),
        ("NaN", "Write an amount"),
        ("1.005", "no such small part"),
        ("-3", "not within what is left"),
        ("99", "not within what is left"),
    ],
)
def test_amount_that_cannot_be_is_a_sentence(here, amount, sentence):
    payment = paid()["payment_intent"]

    page = press(here, "refund", payment, amount=amount, currency="EUR")

    assert sentence in page.content.decode()
    assert not SandboxObject.objects.filter(kind="refund").exists()


@pytest.mark.parametrize(
    ("act", "status"),
    [("win", "won"), ("win_without_fee", "won"), ("lose", "lost")],
)
def test_dispute_ends_by_a_button(here, act, status):
    dispute = acts.open_dispute(paid()["payment_intent"], at=timezone.now())
    page = here.get("/sandbox/").content.decode()
    assert "to be answered" in page
    assert ">needs_response<" not in page

    press(here, act, dispute["id"])

    assert SandboxObject.objects.get(kind="dispute").data["status"] == status


@pytest.mark.parametrize(
    ("act", "status"), [("close_inquiry", "warning_closed"), ("escalate", "needs_response")]
)
def test_inquiry_ends_by_a_button(here, act, status):
    asked = acts.open_dispute(paid()["payment_intent"], is_inquiry=True, at=timezone.now())

    press(here, act, asked["id"])

    assert SandboxObject.objects.get(kind="dispute").data["status"] == status


@pytest.mark.parametrize(("act", "status"), [("arrive", "succeeded"), ("fail_refund", "failed")])
def test_refund_on_its_way_ends_by_a_button(here, act, status):
    made = acts.refund(paid()["payment_intent"], is_pending=True, at=timezone.now())

    press(here, act, made["id"])

    assert SandboxObject.objects.get(kind="refund").data["status"] == status


def test_warning_of_fraud_by_a_button(here):
    press(here, "warn", paid()["payment_intent"])

    assert SandboxObject.objects.filter(kind="radar.early_fraud_warning").count() == 1


@pytest.mark.parametrize(
    ("act", "status", "invoice"),
    [
        ("renew", "active", "paid"),
        ("renew_declined", "past_due", "open"),
        ("renew_no_funds", "past_due", "open"),
        ("renew_asked", "past_due", "open"),
        ("announce", "active", "paid"),
        ("cancel", "canceled", "paid"),
    ],
)
def test_regular_gift_is_played_by_buttons(here, act, status, invoice):
    subscription = subscribed()

    page = press(here, act, subscription.id, back="subscriptions")

    [row] = page.context["rows"]
    assert (row.status, row.invoice_status) == (status, invoice)


def test_unpaid_invoice_is_tried_again_by_a_button(here):
    subscription = subscribed()
    acts.renew(subscription.id, outcome="generic_decline", at=timezone.now())
    [row] = here.get("/sandbox/subscriptions/").context["rows"]

    page = press(here, "retry", row.invoice, back="subscriptions")

    assert [row.invoice_status for row in page.context["rows"]] == ["paid"]


def test_webhook_is_delivered_again_by_a_button(here):
    paid()
    deliveries.deliver_due(at=timezone.now(), post=lambda *_sent: 500)
    event = SandboxObject.objects.events().get(data__type="checkout.session.completed")
    assert "not taken (500), 1 try" in here.get("/sandbox/events/").content.decode()

    press(here, "deliver", event.id)
    press(here, "deliver", event.id)

    assert SandboxDelivery.objects.filter(event=event).count() == 3
    assert here.post("/sandbox/act/", {"act": "deliver", "target": "evt_none"}).status_code == 404


def test_what_waits_is_delivered_at_once_by_a_button(here):
    SandboxFaults.objects.create(late_seconds=3600)
    paid()
    assert SandboxDelivery.objects.due(timezone.now()).count() == 0

    press(here, "deliver_due", "all", back="events")

    assert SandboxDelivery.objects.due(timezone.now()).count() == 2


def test_faults_are_set_shown_everywhere_and_reset_by_one_click(here):
    response = here.post(
        "/sandbox/faults/",
        {
            "is_twice": "on",
            "is_out_of_order": "on",
            "late_seconds": 5,
            "drop_percent": 50,
            "api_fault": "done_then_error",
            "api_requests": 3,
        },
    )
    assert response.status_code == 302
    for page in PAGES:
        text = here.get(f"/sandbox/{page}").content.decode()
        for words in (
            "sent twice",
            "5 seconds late",
            "newest webhook goes first",
            "50 of a hundred",
            "for 3 more requests Stripe does what was asked, then answers 500",
        ):
            assert words in text, words

    press(here, "reset", "faults", back="faults")

    assert "go wrong on purpose" not in here.get("/sandbox/").content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"drop_percent": 101}, "less than or equal to 100"),
        ({"late_seconds": 90_000}, "less than or equal to 86400"),
        ({"late_seconds": -1}, "greater than or equal to 0"),
        ({"api_fault": "error", "api_requests": 0}, "for how many requests"),
        ({"api_fault": "explodes"}, "Select a valid choice"),
    ],
)
def test_fault_that_cannot_be_is_a_sentence(here, changes, sentence):
    data = {"late_seconds": 0, "drop_percent": 0, "api_fault": "", "api_requests": 0} | changes

    page = here.post("/sandbox/faults/", data)

    assert (page.status_code, sentence in page.content.decode()) == (200, True)
    assert not SandboxFaults.objects.exists()


def test_money_is_paid_out_by_hand_at_a_click(here):
    paid()
    shown = here.get("/sandbox/").content.decode()

    press(here, "pay_out_by_hand", "EUR")

    assert 'value="pay_out_by_hand"' in shown
    payout = SandboxObject.objects.get(kind="payout").data
    assert (payout["automatic"], payout["reconciliation_status"]) == (False, "not_applicable")


def test_unknown_button_is_not_there(here):
    assert here.post("/sandbox/act/", {"act": "steal", "target": "x"}).status_code == 404
    assert here.post("/sandbox/act/", {}).status_code == 404
    assert here.get("/sandbox/act/").status_code == 405


@pytest.mark.parametrize("number", [1, 3])
def test_rows_cost_no_further_queries(here, django_assert_num_queries, number):
    for _i in range(number):
        paid()
        subscribed()
    acts.pay_out("eur", at=timezone.now())

    # Faults, three counts and pages; charges, what hangs on them, balances.
    with django_assert_num_queries(9):
        page = here.get("/sandbox/")
    # Faults, count, page, invoices and cards.
    with django_assert_num_queries(4):
        gifts = here.get("/sandbox/subscriptions/")
    # Faults, count, page, deliveries.
    with django_assert_num_queries(4):
        here.get("/sandbox/events/")

    assert (len(page.context["rows"]), len(gifts.context["rows"])) == (2 * number, number)


def test_long_lists_come_in_pages(here):
    sessions = [open_session() for _i in range(21)]

    first, second = here.get("/sandbox/"), here.get("/sandbox/?visits=2")

    assert [len(page.context["visit_rows"]) for page in (first, second)] == [20, 1]
    assert second.context["visit_rows"][0].id == sessions[0].id
    assert 'href="?visits=2#visits"' in first.content.decode()
    assert 'href="?visits=1#visits"' in second.content.decode()
    assert len(here.get("/sandbox/?visits=x&payments=99").context["visit_rows"]) == 20
