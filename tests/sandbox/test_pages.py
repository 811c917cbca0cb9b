"""The whole way of a card gift: form, payment page, signed webhook over HTTP, books."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from donations import ledger, webhooks
from donations.models import AccountKey, Checkout, Donation, Pledge
from donations.sandbox import acts, deliveries, objects
from donations.sandbox.models import SandboxDelivery, SandboxObject
from donations.tokens import gift_path, gift_token
from tests import factories
from tests.donations.test_forms import form_with


@pytest.fixture
def fund(db):
    return factories.make_fund("appeal", appeal=factories.make_appeal("sample"))


def give(client, fund, **changes):
    """Sends the donate form; returns the response."""
    data = form_with(fund.appeal, **changes).data
    return client.post("/en/sample/donate/?currency=EUR", data)


def pay(client, url, card="4242", **more):
    return client.post(url, {"card": card} | more)


def process():
    while webhooks.process_pending(at=timezone.now() + timedelta(days=1)):
        pass


def test_form_leads_to_the_payment_page_with_our_rows_committed(client, fund):
    response = give(client, fund, amount="12,50", email="ana@example.org")

    pledge, checkout = Pledge.objects.get(), Checkout.objects.get()
    assert (response.status_code, response.url) == (
        302,
        SandboxObject.objects.get().data["url"],
    )
    assert (pledge.amount, pledge.currency, pledge.supporter.email) == (
        Decimal("12.50"),
        "EUR",
        "ana@example.org",
    )
    assert checkout.stripe_session_id == SandboxObject.objects.get().id
    page = client.get(response.url).content.decode()
    assert "€12.50" in page
    assert "ana@example.org" not in page


def test_same_form_sent_twice_is_one_pledge_and_one_session(client, fund):
    data = form_with(fund.appeal).data

    urls = {client.post("/en/sample/donate/?currency=EUR", data).url for _i in range(3)}

    assert len(urls) == 1
    assert (Pledge.objects.count(), Checkout.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_paid_gift_reaches_the_books_over_http(client, live_server):
    fund = factories.make_fund("appeal", appeal=factories.make_appeal("sample"))
    response = pay(client, give(client, fund, amount="25", email="ana@example.org").url)
    status_page = response.url

    taken = deliveries.deliver_due(at=timezone.now(), url=f"{live_server.url}/stripe/webhook/")
    process()

    assert taken == 2
    assert Donation.objects.get().amount == Decimal(25)
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal(25)
    page = client.get(status_page).content.decode()
    assert "Your gift has arrived" in page
    assert Donation.objects.get().receipt_number in page


def test_declined_card_says_so_and_leaves_the_page_open(client, fund):
    url = give(client, fund).url

    for card, sentence in [("0002", "declined this card"), ("9995", "not enough money")]:
        page = pay(client, url, card).content.decode()
        assert sentence in page

    assert SandboxObject.objects.get(kind="checkout.session").data["status"] == "open"
    assert pay(client, url).status_code == 302


def test_secure_card_asks_before_it_pays(client, fund):
    url = give(client, fund).url

    asked = pay(client, url, "3155")
    assert (asked.status_code, "The bank asks" in asked.content.decode()) == (200, True)
    assert pay(client, url, "3155", confirmed="true").status_code == 302
    assert SandboxObject.objects.get(kind="checkout.session").data["payment_status"] == "paid"


def test_page_of_a_paid_or_expired_session_takes_no_payment(client, fund):
    url = give(client, fund).url
    pay(client, url)
    assert "This payment is done" in client.get(url).content.decode()
    assert url.endswith(pay(client, url).url)
    assert SandboxObject.objects.filter(kind="charge").count() == 1

    other = give(client, fund).url
    acts.expire(other.split("/")[-2], at=timezone.now())
    assert "time is over" in client.get(other).content.decode()


def test_debit_settles_or_fails_later(client, fund):
    url = give(client, fund).url
    pay(client, url, "debit")
    session = SandboxObject.objects.get(kind="checkout.session")
    assert (session.data["status"], session.data["payment_status"]) == ("complete", "unpaid")

    client.post(reverse("sandbox:act"), {"act": "settle", "target": session.id})

    session.refresh_from_db()
    assert session.data["payment_status"] == "paid"
    types = SandboxObject.objects.filter(kind="event").values_list("data__type", flat=True)
    assert sorted(types) == [
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
    ]


def test_unpaid_gift_can_be_paid_from_its_private_page(client, fund):
    give(client, fund)
    pledge = Pledge.objects.get()
    assert "waiting for word" in client.get(gift_path(pledge)).content.decode()
    again = client.post(reverse("donations:pay", kwargs={"token": gift_token(pledge)}))

    assert again.url == SandboxObject.objects.get().data["url"]


def test_paid_gift_is_never_charged_again(client, fund):
    pay(client, give(client, fund).url)
    pledge, checkout = Pledge.objects.get(), Checkout.objects.get()
    checkout.completed_at = timezone.now()
    checkout.save()
    again = client.post(reverse("donations:pay", kwargs={"token": gift_token(pledge)}))

    assert again.url == gift_path(pledge)
    assert SandboxObject.objects.filter(kind="checkout.session").count() == 1


@pytest.mark.django_db(transaction=True)
def test_webhook_not_taken_is_tried_again_later():
    factories.make_user()
    session = {"id": "cs_1", "object": "checkout.session"}
    now = timezone.now()
    objects.emit("sunrise.observed", session, at=now)

    assert deliveries.deliver_due(at=now, url="http://127.0.0.1:9/") == 0
    delivery = SandboxDelivery.objects.get()
    assert (delivery.attempts, delivery.delivered_at) == (1, None)
    assert delivery.last_answer == "URLError"
    assert delivery.due_at == now + timedelta(seconds=2)
    assert deliveries.deliver_due(at=now, url="http://127.0.0.1:9/") == 0
    assert SandboxDelivery.objects.get().attempts == 1


def test_control_page_lists_and_acts(client, fund):
    pay(client, give(client, fund).url)
    session = SandboxObject.objects.get(kind="checkout.session")

    page = client.get(reverse("sandbox:control")).content.decode()
    assert "checkout.session.completed" in page

    for act, target in [
        ("refund", session.data["payment_intent"]),
        ("refund", session.data["payment_intent"]),  # nothing left: a sentence, no crash
        ("pay_out", "eur"),
        ("deliver", SandboxObject.objects.filter(kind="event").first().id),
    ]:
        response = client.post(reverse("sandbox:act"), {"act": act, "target": target}, follow=True)
        assert response.status_code == 200
    assert client.post(reverse("sandbox:act"), {"act": "steal", "target": "x"}).status_code == 404
