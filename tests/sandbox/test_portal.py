"""The stand-in's page for regular gifts, and its page of an invoice that could not be charged."""

from datetime import timedelta

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import create_monthly, subscribed

pytestmark = pytest.mark.django_db


def api():
    return stripe_api.client().v1


def open_portal(subscription, **params):
    made = api().billing_portal.sessions.create(
        {"customer": subscription.customer, "return_url": "http://127.0.0.1:8000/back"} | params
    )
    return f"/sandbox/portal/{made.id}/"


def now(subscription):
    return api().subscriptions.retrieve(subscription.id)


def test_portal_shows_the_gift_and_leads_back(client, settings):
    subscription = subscribed()
    made = api().billing_portal.sessions.create(
        {
            "customer": subscription.customer,
            "return_url": "http://127.0.0.1:8000/back",
            "flow_data": {"type": "payment_method_update"},
        }
    )
    assert made.url == f"{settings.SITE_URL}/sandbox/portal/{made.id}/"

    page = client.get(f"/sandbox/portal/{made.id}/")

    text = page.content.decode()
    for part in (
        "TEST",
        "€25.00 every month",
        "running",
        "… 4242",
        'href="http://127.0.0.1:8000/back"',
    ):
        assert part in text, part
    assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize(
    ("card", "status"),
    [("4242", "paid"), ("0341", "open"), ("3184", "open")],
)
def test_card_is_replaced_and_the_next_month_is_charged_to_it(client, card, status):
    subscription = subscribed()
    path = open_portal(subscription)

    assert client.post(path, {"act": "card", "card": card}).status_code == 302
    acts.renew(subscription.id, at=timezone.now())

    assert f"… {card}" in client.get(path).content.decode()
    assert api().invoices.retrieve(now(subscription).latest_invoice).status == status


def test_card_the_bank_declines_changes_nothing(client):
    subscription = subscribed()

    page = client.post(open_portal(subscription), {"act": "card", "card": "0002"})

    assert "The card was not changed" in page.content.decode()
    assert now(subscription).default_payment_method == subscription.default_payment_method
    assert (
        "Choose a test card"
        in client.post(open_portal(subscription), {"act": "card", "card": ""}).content.decode()
    )


def test_gift_is_stopped_paused_and_taken_up_again(client):
    subscription = subscribed()
    path, told = open_portal(subscription), []

    for act in ("stop_later", "go_on", "pause", "resume", "stop_now"):
        client.post(path, {"act": act, "subscription": subscription.id})
        present = now(subscription)
        told.append(
            (present.status, present.cancel_at_period_end, present.pause_collection is not None)
        )

    assert told == [
        ("active", True, False),
        ("active", False, False),
        ("active", False, True),
        ("active", False, False),
        ("canceled", False, False),
    ]
    page = client.post(path, {"act": "stop_now", "subscription": subscription.id}, follow=True)
    assert "Nothing was changed" in page.content.decode()


def test_address_is_changed_and_a_bad_one_is_a_sentence(client):
    subscription = subscribed()
    path = open_portal(subscription)

    client.post(path, {"act": "email", "email": "eva@example.org"})

    assert api().customers.retrieve(subscription.customer).email == "eva@example.org"
    for bad, sentence in (("", "Write an e-mail address"), ("eva", "valid email address")):
        page = client.post(path, {"act": "email", "email": bad})
        assert (page.status_code, sentence in page.content.decode()) == (200, True)


def test_gift_of_somebody_else_is_not_there(client):
    mine, theirs = subscribed(), subscribed()

    response = client.post(open_portal(mine), {"act": "stop_now", "subscription": theirs.id})

    assert (response.status_code, now(theirs).status) == (404, "active")
    assert client.post(open_portal(mine), {"act": "steal"}).status_code == 200


def test_portal_is_over_after_an_hour(client):
    subscription = subscribed()
    path = open_portal(subscription)
    SandboxObject.objects.filter(kind="billing_portal.session").update(
        created_at=timezone.now() - timedelta(hours=1)
    )

    page = client.post(path, {"act": "stop_now", "subscription": subscription.id})

    assert "time is over" in page.content.decode()
    assert now(subscription).status == "active"


# --- Invoice ------------------------------------------------------------------------------------


@pytest.fixture
def failed():
    """The address of an invoice that could not be charged."""
    subscription = subscribed()
    acts.renew(subscription.id, outcome="generic_decline", at=timezone.now())
    return f"/sandbox/invoice/{now(subscription).latest_invoice}/"


def test_failed_renewal_is_paid_by_another_card(client, failed):
    assert "€25.00" in client.get(failed).content.decode()
    assert "declined this card" in client.post(failed, {"card": "0002"}).content.decode()

    assert client.post(failed, {"card": "4242"}).status_code == 302

    assert "is paid" in client.get(failed).content.decode()
    assert client.post(failed, {"card": "4242"}).status_code == 302
    charges = SandboxObject.objects.filter(kind="charge")
    assert charges.filter(data__status="succeeded").count() == 2


def test_confirmation_is_asked_on_the_invoice(client, failed):
    assert "The bank asks" in client.post(failed, {"card": "3184"}).content.decode()
    refused = client.post(failed, {"card": "3184", "answer": "no"})
    assert "was not confirmed" in refused.content.decode()

    client.post(failed, {"card": "3184", "answer": "yes"})

    assert "is paid" in client.get(failed).content.decode()


def test_invoice_by_bank_debit_waits_for_the_bank(client, failed):
    client.post(failed, {"card": "debit"})

    assert "bank's answer follows" in client.get(failed).content.decode()
    client.post(failed, {"card": "4242"})
    assert "bank's answer follows" in client.get(failed).content.decode()


def test_invoice_of_a_gift_that_ended_asks_for_nothing(client):
    subscription = subscribed()
    pause = {"pause_collection": {"behavior": "void"}}
    api().subscriptions.update(subscription.id, pause)
    acts.renew(subscription.id, at=timezone.now())

    page = client.get(f"/sandbox/invoice/{now(subscription).latest_invoice}/")

    assert "asks for nothing more" in page.content.decode()


def test_page_of_a_monthly_gift_says_what_it_begins(client):
    path = f"/sandbox/checkout/{create_monthly().id}/"

    text = client.get(path).content.decode()
    assert "and then €25.00 every month" in text
    assert "Pay €25.00 now and begin" in text

    assert client.post(path, {"card": "3184", "answer": "yes"}).status_code == 302
    assert SandboxObject.objects.get(kind="subscription").data["status"] == "active"


def test_page_that_keeps_a_card_takes_nothing(client):
    session = api().checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "eur",
            "customer_creation": "always",
            "success_url": "http://127.0.0.1:8000/ok",
            "cancel_url": "http://127.0.0.1:8000/back",
        }
    )
    path = f"/sandbox/checkout/{session.id}/"
    assert "Nothing is taken now" in client.get(path).content.decode()
    assert "declined" in client.post(path, {"card": "0002"}).content.decode()

    assert client.post(path, {"card": "4242"}).status_code == 302

    assert "The card is kept" in client.get(path).content.decode()
    assert not SandboxObject.objects.filter(kind="charge").exists()
