from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from donations import checkout, stripe_api
from donations.checkout import Gift
from donations.gift_state import state_of
from donations.models import Donation, Pledge, Supporter
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults, SandboxObject
from tests import factories
from tests.donations.monthly_gifts import catch_up

pytestmark = pytest.mark.django_db


def gift(**changes):
    fund = changes.pop("fund", None) or factories.make_fund()
    return Gift(
        **{
            "appeal": factories.make_appeal(),
            "fund": fund,
            "method": Pledge.Method.CARD,
            "amount": Decimal(25),
            "currency": "EUR",
            "email": "",
            "language": "en",
        }
        | changes
    )


def make_pledge(**changes):
    return checkout.promise(gift(**changes), uuid=uuid4(), at=timezone.now())


def session_of(pledge):
    return SandboxObject.objects.get(id=pledge.checkouts.latest("pk").stripe_session_id)


def break_api(fault, requests=3):
    """So many requests fail; the SDK tries each twice more."""
    SandboxFaults.objects.create(api_fault=fault, api_requests=requests)


def stage(pledge, at=None):
    return state_of(Pledge.objects.get(pk=pledge.pk), at=at or timezone.now()).stage


def test_fee_is_computed_here_asked_as_a_line_of_its_own_and_booked_with_the_gift():
    pledge = make_pledge(covers_fee=True)
    assert (pledge.amount, pledge.fee_cover, pledge.total) == (
        Decimal(25),
        Decimal("0.64"),
        Decimal("25.64"),
    )
    assert stage(pledge) == "ready"

    checkout.start(pledge, at=timezone.now())
    session = session_of(pledge)
    assert [line["amount_total"] for line in session.notes["lines"]] == [2500, 64]
    acts.pay(session.id, at=timezone.now())
    catch_up()

    donation = Donation.objects.get()
    assert (donation.amount, donation.fund) == (Decimal("25.64"), pledge.fund)
    assert stage(pledge) == "arrived"


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"fee_cover": -1}, "pledge_fee_cover_not_negative"),
        ({"fee_cover": 1, "method": "transfer"}, "pledge_fee_cover_by_card_only"),
        ({"fee_cover": Decimal("0.005")}, "pledge_fee_cover_exact"),
    ],
)
def test_database_refuses_a_fee_cover_that_is_none(fields, rule):
    with pytest.raises(IntegrityError, match=rule):
        factories.make_pledge(**fields)


def test_transfer_adds_no_fee():
    assert make_pledge(method=Pledge.Method.TRANSFER, covers_fee=True).fee_cover == 0


def test_double_click_and_second_tab_are_one_page():
    pledge = make_pledge()

    first = checkout.start(pledge, at=timezone.now())
    second = checkout.start(pledge, at=timezone.now())

    assert first == second
    assert SandboxObject.objects.sessions().count() == pledge.checkouts.count() == 1


@pytest.mark.parametrize("fault", ["error", "times_out", "done_then_error"])
def test_page_without_an_answer_is_asked_for_again_under_the_same_key(fault):
    pledge, now = make_pledge(), timezone.now()
    break_api(fault)

    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.start(pledge, at=now)
    assert stage(pledge) == "checking"
    checkout.start(pledge, at=now + timedelta(seconds=30))

    assert SandboxObject.objects.sessions().count() == pledge.checkouts.count() == 1


def test_answer_that_never_came_does_not_bar_the_way():
    pledge, now = make_pledge(), timezone.now()
    break_api("times_out")
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.start(pledge, at=now - timedelta(minutes=10))

    checkout.start(pledge, at=now)

    lost, open_ = pledge.checkouts.order_by("pk")
    assert (lost.expired_at, open_.expired_at) == (now, None)


def test_paid_and_not_told_of_is_being_checked_and_never_charged_twice():
    pledge, now = make_pledge(), timezone.now()
    checkout.start(pledge, at=now)
    acts.pay(session_of(pledge).id, at=now)

    # The webhook was lost. The supporter comes back, at once and when the page's time is over.
    for later in (timedelta(0), timedelta(hours=1)):
        assert stage(pledge, at=now + later) == "checking"
        with pytest.raises(checkout.AlreadyPaid):
            checkout.start(pledge, at=now + later)
    assert SandboxObject.objects.sessions().count() == 1

    since = checkout.look_up(at=now + timedelta(hours=1))
    assert since == pledge.checkouts.get().created_at
    catch_up()
    assert stage(pledge) == "arrived"
    assert checkout.look_up(at=now + timedelta(hours=1)) is None
    assert Donation.objects.count() == 1


def test_page_nobody_paid_on_is_looked_up_and_a_new_one_opened():
    pledge, now = make_pledge(), timezone.now()
    checkout.start(pledge, at=now)
    first = session_of(pledge).id
    acts.expire(first, at=now)
    assert stage(pledge) == "checking"

    assert checkout.look_up(at=now + timedelta(hours=1)) is None

    assert stage(pledge) == "unpaid"
    checkout.start(pledge, at=now)
    assert session_of(pledge).id != first


def test_expired_page_is_noticed_on_the_way_back_to_it():
    pledge, now = make_pledge(), timezone.now()
    checkout.start(pledge, at=now)
    acts.expire(session_of(pledge).id, at=now)

    checkout.start(pledge, at=now)

    assert session_of(pledge).data["status"] == "open"
    assert pledge.checkouts.count() == 2


def test_chosen_anew_the_old_page_is_shut():
    pledge, now = make_pledge(), timezone.now()
    checkout.start(pledge, at=now)

    checkout.abandon(pledge, at=now)

    assert session_of(pledge).data["status"] == "expired"
    assert stage(pledge) == "unpaid"


def test_chosen_anew_after_paying_says_so():
    pledge, now = make_pledge(), timezone.now()
    checkout.start(pledge, at=now)
    acts.pay(session_of(pledge).id, at=now)

    with pytest.raises(checkout.AlreadyPaid):
        checkout.abandon(pledge, at=now)
    catch_up()
    with pytest.raises(checkout.AlreadyPaid):
        checkout.abandon(pledge, at=now)


def test_bank_debit_waits_and_its_refusal_is_told_once():
    pledge = make_pledge(email="ana@example.org")
    now = timezone.now()
    checkout.start(pledge, at=now)
    acts.debit(session_of(pledge).id, at=now)
    catch_up()
    assert stage(pledge) == "settling"
    with pytest.raises(checkout.AlreadyPaid):
        checkout.start(pledge, at=now)

    acts.settle(session_of(pledge).id, succeeded=False, at=now)
    catch_up()

    assert stage(pledge) == "failed"
    assert list(pledge.letters.values_list("kind", flat=True)) == ["payment_failed"]
    checkout.start(pledge, at=now)
    assert pledge.checkouts.count() == 2


def test_bank_debit_that_comes_through_days_later_is_booked():
    pledge, now = make_pledge(), timezone.now()
    checkout.start(pledge, at=now)
    acts.debit(session_of(pledge).id, at=now)
    acts.settle(session_of(pledge).id, succeeded=True, at=now)

    catch_up()

    assert stage(pledge) == "arrived"


def test_address_and_country_corrected_on_the_form_sent_again_are_the_gifts():
    uuid, fund = uuid4(), factories.make_fund()
    sent = gift(fund=fund, email="anna@example.org")
    checkout.promise(sent, uuid=uuid, at=timezone.now())

    corrected = replace(sent, email="ana@example.org", country="ES")
    pledge = checkout.promise(corrected, uuid=uuid, at=timezone.now())

    pledge.refresh_from_db()
    assert (pledge.supporter.email, pledge.country) == ("ana@example.org", "ES")
    assert [supporter.email for supporter in Supporter.objects.all()] == ["ana@example.org"]
    checkout.promise(replace(corrected, email=""), uuid=uuid, at=timezone.now())
    assert (Pledge.objects.get().supporter, Supporter.objects.count()) == (None, 0)


@pytest.mark.parametrize("is_paid", [True, False], ids=["paid", "written to"])
def test_gift_that_somebody_was_told_of_keeps_its_address(is_paid):
    uuid, fund, now = uuid4(), factories.make_fund(), timezone.now()
    sent = gift(fund=fund, email="ana@example.org", method=Pledge.Method.TRANSFER)
    pledge = checkout.promise(sent, uuid=uuid, at=now)
    if is_paid:
        factories.make_arrival(pledge, "25")
    else:
        pledge.letters.update(sent_at=now)

    checkout.promise(replace(sent, email="eve@example.org"), uuid=uuid, at=now)

    pledge.refresh_from_db()
    assert pledge.supporter.email == "ana@example.org"
