import pytest
from django.urls import reverse
from django.utils import timezone

from donations.gift_story import story_of
from donations.models import (
    BalanceTransaction,
    Checkout,
    Donation,
    Pledge,
    StatementMatch,
    StripeEvent,
)
from donations.sandbox import acts
from tests import factories
from tests.donations.card_gifts import catch_up, give_by_card
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fund():
    return factories.make_fund(code="case-sample")


def followed(fund, amount="100"):
    """A gift by card that went all the way to a bank line, and partly back to its giver; its pledge."""
    session = give_by_card(fund, amount)
    catch_up()
    payout = acts.pay_out("eur", at=timezone.now())
    acts.refund(session["payment_intent"], amount=1000, at=timezone.now())
    catch_up()
    pledge = Pledge.objects.order_by("-pk")[0]
    line = make_line("98.25", key=payout["id"])
    donation = pledge.donations.get()
    StatementMatch.objects.create(
        line=line,
        amount=line.amount,
        payout_id=donation_payout(donation),
        confirmed_by=factories.make_user(),
        confirmed_at=timezone.now(),
    )
    return pledge


def donation_payout(donation):
    return BalanceTransaction.objects.get(
        stripe_payment_intent_id=donation.stripe_payment_intent_id, type="charge"
    ).payout_id


def test_story_follows_a_gift_from_the_form_to_the_bank_line(fund):
    pledge = followed(fund)

    told = [(moment.what, moment.state) for moment in story_of(pledge)]

    assert {what for what, _state in told} >= {
        "Form sent",
        "Payment page asked for",
        "checkout.session.completed",
        "Money received",
        "Donation",
        "Processing fee",
        "Paid out with",
        "Bank line",
        "refund.created",
        "Refund",
    }
    assert {state for _what, state in told} == {"done"}
    # Stripe knows the second alone: nothing it says of the same one comes before what led to it. (The bank's line is of
    # its day alone.)
    order = [what for what, _state in told if what != "Bank line"]
    assert order[:2] == ["Form sent", "Payment page asked for"]
    assert order.index("checkout.session.completed") < order.index("Money received")
    assert order.index("Money received") < order.index("Donation")


def test_what_a_bank_tells_by_the_day_stands_after_its_announcement():
    pledge = factories.make_pledge(method="transfer", created_at=factories.NOW.replace(hour=15))
    line = make_line("25", booked_on=factories.TODAY)
    gift = pledge.donations.create(
        fund=pledge.fund, amount=25, currency="EUR", method="transfer", source="x",
        received_at=factories.NOW.replace(hour=0),
    )  # fmt: skip
    StatementMatch.objects.create(
        line=line, amount=25, donation=gift, confirmed_by=factories.make_user(), confirmed_at=NOW
    )

    told = [(moment.what, moment.is_day) for moment in story_of(pledge)]

    assert told == [("Form sent", False), ("Money received", True), ("Bank line", True)]


def test_story_shows_what_waits_and_what_failed(fund):
    pledge = factories.make_pledge(factories.make_appeal(), fund)
    factories.make_checkout(pledge)
    session = Checkout.objects.get().stripe_session_id
    factories.make_event("checkout.session.expired", object_id=session, error="No such thing.")

    story = story_of(pledge)

    page, event = (
        next(m for m in story if m.what == what)
        for what in ("Payment page asked for", "checkout.session.expired")
    )
    assert page.state == "waiting"
    assert (event.state, event.note, event.row) == (
        "failed",
        "No such thing.",
        StripeEvent.objects.get(),
    )


def test_story_stands_on_the_gifts_page_with_links_for_who_may_follow_them(fund, client):
    pledge = followed(fund)
    factories.log_in(client, factories.make_user(None, "treasurer"))

    page = client.get(reverse("admin:donations_pledge_change", args=[pledge.pk])).content.decode()

    assert "The way of this gift" in page
    donation = Donation.objects.get()
    assert reverse("admin:donations_donation_change", args=[donation.pk]) in page


def test_story_costs_the_same_with_one_gift_and_three(fund, django_assert_num_queries):
    pledge = followed(fund)
    with django_assert_num_queries(14):
        story_of(Pledge.objects.get(pk=pledge.pk))
    for _i in range(2):
        factories.make_donation(pledge)
    with django_assert_num_queries(14):
        story_of(Pledge.objects.get(pk=pledge.pk))
