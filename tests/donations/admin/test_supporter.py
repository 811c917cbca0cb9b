"""Whoever writes to the treasurers is found by their address, which no page and no address of a page shows."""

import pytest

from donations.models import MonthlyCharge, SubscriptionChange, Supporter
from tests import factories
from tests.factories import NOW, log_in, make_user

pytestmark = pytest.mark.django_db

FIND = "/admin/donations/supporter/find/"


@pytest.fixture
def treasurer(client):
    return log_in(client, make_user(None, "treasurer"))


def make_gift(email, **fields):
    return factories.make_pledge(supporter=factories.make_supporter(email), **fields)


def test_supporter_is_found_by_the_whole_address_and_shown_without_it(treasurer):
    pledge = make_gift("rosa@example.org", method="transfer")
    other = make_gift("otto@example.org")

    answer = treasurer.post(FIND, {"email": " Rosa@Example.org "}, follow=True)

    page = answer.content.decode()
    assert answer.redirect_chain == [
        (f"/admin/donations/supporter/{pledge.supporter_id}/change/", 302)
    ]
    assert f"/admin/donations/pledge/{pledge.pk}/change/" in page
    assert f"/admin/donations/pledge/{other.pk}/change/" not in page
    assert "rosa@" not in page.casefold()
    assert "Español" in page


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({}, "running"),
        ({"status": "past_due"}, "a charge did not go through"),
        ({"paused_at": NOW}, "paused"),
        ({"status": "canceled", "ended_at": NOW}, "ended"),
    ],
)
def test_monthly_gift_says_how_it_stands_and_each_amount_with_its_currency(
    treasurer, fields, standing
):
    monthly = factories.make_subscription(make_gift("rosa@example.org", currency="EUR"), **fields)
    MonthlyCharge.objects.create(
        subscription=monthly,
        stripe_invoice_id="in_1",
        due_on=NOW.date(),
        amount=25,
        state="open",
        told_at=NOW,
    )
    SubscriptionChange.objects.create(
        subscription=monthly,
        kind="amount",
        amount=30,
        fee_cover=0,
        asked_at=NOW,
        idempotency_key="a",
    )

    rows = treasurer.get("/admin/donations/subscription/").content.decode()
    page = treasurer.get(f"/admin/donations/subscription/{monthly.pk}/change/").content.decode()

    assert f'<td class="field-standing">{standing}</td>' in rows
    assert "€25.00" in page
    assert "€30.00" in page
    assert ".000" not in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("rosa@example.net", "Nobody gave with this address, or they had themselves forgotten."),
        ("rosa", "Enter a valid email address."),
        ("", "This field is required."),
    ],
)
def test_unknown_address_is_a_sentence(treasurer, typed, sentence):
    make_gift("rosa@example.org")

    assert sentence in treasurer.post(FIND, {"email": typed}).content.decode()


def test_gift_leads_to_its_supporter(treasurer):
    pledge = make_gift("rosa@example.org")

    page = treasurer.get(f"/admin/donations/pledge/{pledge.pk}/change/").content.decode()

    assert f"/admin/donations/supporter/{pledge.supporter_id}/change/" in page
    assert "rosa@" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_pages_cost_the_same_with_one_row_and_three(treasurer, django_assert_num_queries, count):
    for number in range(count):
        make_gift(f"p{number}@example.org")
        pledge = factories.make_pledge(
            supporter=Supporter.objects.of_address("rosa@example.org", language="en", at=NOW)
        )
    treasurer.get("/admin/")

    with django_assert_num_queries(5):
        listed = treasurer.get("/admin/donations/supporter/").content.decode()
    with django_assert_num_queries(6):
        treasurer.get(f"/admin/donations/supporter/{pledge.supporter_id}/change/")

    assert listed.count('<td class="field-gifts">') == count + 1
