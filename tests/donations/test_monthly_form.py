"""Giving every month: the form, the way to Stripe's page, and coming back from it."""

from decimal import Decimal

import pytest
from django.utils import timezone

from donations import checkout, monthly
from donations.models import Pledge, Subscription
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults, SandboxObject
from donations.tokens import gift_path, gift_token
from tests import factories
from tests.donations.monthly_gifts import begin_monthly
from tests.donations.test_forms import form_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def appeal():
    appeal = factories.make_appeal()
    factories.make_fund("appeal", appeal=appeal)
    return appeal


def post_form(client, appeal, query="", **changes):
    form = form_with(appeal, language="en", **changes)
    return client.post(f"/en/{appeal.slug}/donate/{query}", form.data)


def test_monthly_gift_goes_on_to_stripes_page_as_a_subscription(client, appeal):
    response = post_form(client, appeal, frequency="monthly")

    assert "/sandbox/checkout/" in response["Location"]
    [session] = SandboxObject.objects.sessions()
    assert (session.data["mode"], Pledge.objects.get().frequency) == ("subscription", "monthly")


def test_monthly_by_transfer_says_what_works(client, appeal):
    factories.make_bank_account("EUR", takes_gifts=True)

    response = post_form(client, appeal, frequency="monthly", method="transfer")

    assert response.status_code == 422
    assert "Every month works by card." in response.content.decode()


def test_fee_is_shown_before_paying_exactly_as_it_is_asked_for(client, appeal):
    response = post_form(client, appeal, cover_fee="on")
    page = client.get(response["Location"]).content.decode()

    assert ("€25.00" in page, "€0.64" in page, "€25.64" in page) == (True, True, True)
    assert not SandboxObject.objects.sessions().exists()
    token = gift_token(Pledge.objects.get(), at=timezone.now())
    client.post(f"/en/gift/{token}/pay/")
    assert SandboxObject.objects.sessions().get().data["amount_total"] == 2564


def test_fee_that_takes_it_over_what_a_card_can_pay_says_so(client, appeal):
    response = client.post(
        f"/en/{appeal.slug}/donate/?currency=ARS",
        form_with(appeal, currency="ARS", amount="999000", cover_fee="on").data,
    )

    assert response.status_code == 422
    assert (
        "With the card fee this is more than a card can pay at once." in response.content.decode()
    )


def test_coming_back_the_form_is_filled_in_from_the_gift_without_its_address(client, appeal):
    post_form(client, appeal, amount="33", frequency="monthly", email="ana@example.org")
    pledge = Pledge.objects.get()
    token = gift_token(pledge, at=timezone.now())

    response = client.get(f"/en/{appeal.slug}/donate/?from={token}")

    form = response.context["form"]
    assert [form[name].value() for name in ("preset", "amount", "frequency", "method")] == [
        "other",
        "33.00",
        "monthly",
        "card",
    ]
    assert "ana@example.org" not in response.content.decode()
    assert "no-store" in response["Cache-Control"]


def test_chosen_anew_the_receipt_still_has_its_address_and_the_old_page_is_shut(client, appeal):
    post_form(client, appeal, email="ana@example.org")
    first = Pledge.objects.get()
    token = gift_token(first, at=timezone.now())

    post_form(client, appeal, f"?from={token}", amount="33")

    second = Pledge.objects.exclude(pk=first.pk).get()
    assert (second.amount, second.supporter) == (Decimal(33), first.supporter)
    states = SandboxObject.objects.sessions().order_by("created_at", "id")
    assert [row.data["status"] for row in states] == ["expired", "open"]


def test_ended_monthly_gift_is_given_again_as_one_of_its_own(client, appeal):
    first = begin_monthly(amount="25", appeal=appeal, fund=appeal.funds.get())
    monthly.change_amount(first, amount=Decimal("33.50"), covers_fee=False, at=timezone.now())
    monthly.stop(first, at=timezone.now())
    token = gift_token(first.pledge)

    form = client.get(f"/en/{appeal.slug}/donate/?from={token}").context["form"]
    assert [form[name].value() for name in ("preset", "amount", "frequency")] == [
        "other",
        "33.50",
        "monthly",
    ]
    response = post_form(client, appeal, f"?from={token}", amount="33.50", frequency="monthly")

    second = Pledge.objects.exclude(pk=first.pledge_id).get()
    assert (second.amount, second.supporter) == (Decimal("33.50"), first.pledge.supporter)
    assert "/sandbox/checkout/" in response["Location"]


def test_monthly_gift_that_goes_on_is_not_given_a_second_time(client, appeal):
    first = begin_monthly(amount="25", appeal=appeal, fund=appeal.funds.get())

    response = post_form(client, appeal, f"?from={gift_token(first.pledge)}", amount="33")

    assert Pledge.objects.get() == first.pledge
    assert response["Location"].startswith("/en/gift/")


def test_chosen_anew_after_paying_charges_nothing_more(client, appeal):
    post_form(client, appeal)
    first = Pledge.objects.get()
    acts.pay(first.checkouts.get().stripe_session_id, at=timezone.now())

    token = gift_token(first, at=timezone.now())
    response = post_form(client, appeal, f"?from={token}", amount="33")

    assert Pledge.objects.get() == first
    assert response["Location"].startswith("/en/gift/")


def test_blank_form_may_be_given_back_by_the_browser_and_a_sent_one_may_not(client, appeal):
    path = f"/en/{appeal.slug}/donate/"

    assert client.get(path)["Cache-Control"] == "private, no-cache"
    assert "no-store" in client.post(path, {"email": "ana@"})["Cache-Control"]


def test_provider_down_says_nothing_was_charged_and_keeps_the_form(client, appeal):
    SandboxFaults.objects.create(api_fault="times_out", api_requests=3)

    response = post_form(client, appeal, amount="33", email="ana@example.org")

    text = response.content.decode()
    assert response.status_code == 503
    assert "Nothing was charged." in text
    assert response.context["form"]["amount"].value() == "33"


def test_waiting_for_word_is_said_to_be_checked(client):
    pledge = factories.make_pledge(language="en")
    checkout.start(pledge, at=timezone.now())
    acts.pay(pledge.checkouts.get().stripe_session_id, at=timezone.now())

    page = client.post(f"{gift_path(pledge, at=timezone.now())}pay/", follow=True)

    assert "This is being checked" in page.content.decode()
    assert Subscription.objects.count() == 0
