"""The whole way of a card gift: form, payment page, signed webhook over HTTP, books."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from donations import ledger, webhooks
from donations.models import AccountKey, Checkout, Donation, Pledge
from donations.sandbox import deliveries
from donations.sandbox.models import SandboxObject
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


def pay(client, url, card="4242"):
    return client.post(url, {"card": card})


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
    assert SandboxObject.objects.sessions().count() == 1
