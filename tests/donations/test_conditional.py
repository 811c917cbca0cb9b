"""Gifts on condition: charged once when the target is met, never before, never twice; else the card is forgotten."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from donations import checkout, conditional, erasure, stripe_api, webhooks
from donations.models import (
    CardCharge,
    Checkout,
    Condition,
    Donation,
    KeptCard,
    Letter,
    Pledge,
)
from donations.promise_forms import ConditionForm
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject, SandboxRequest
from donations.tokens import gift_path, gift_token
from donations.transparency import came_in_for_appeal
from tests import factories
from tests.donations.card_gifts import catch_up
from tests.factories import give
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db


def now():
    return timezone.now()


def later(days):
    return now() + timedelta(days=days)


@pytest.fixture
def appeal():
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", "sample", appeal=appeal)
    return appeal


@pytest.fixture
def condition(appeal):
    return make_condition(appeal)


def make_condition(appeal, **fields):
    return factories.make_condition(
        appeal, **{"ends_on": now().date() + timedelta(days=5), "created_at": now()} | fields
    )


def promise_if(condition, amount="60", email="ana@example.org"):
    fund = condition.appeal.funds.get()
    gift = checkout.Gift(
        appeal=condition.appeal,
        fund=fund,
        method=Pledge.Method.KEPT_CARD,
        amount=Decimal(amount),
        currency=condition.currency,
        email=email,
        language="en",
        condition=condition,
    )
    return checkout.promise(gift, uuid=uuid4(), at=now())


def leave_card(pledge, card="4242"):
    """The supporter leaves a card on Stripe's page, and Stripe's word of it arrives."""
    checkout.start(pledge, at=now())
    session = pledge.checkouts.latest("pk").stripe_session_id
    acts.pay(session, card=card, at=now())
    catch_up()
    conditional.keep_cards(at=now())
    return pledge


def kept(condition, amount="60", card="4242", **fields):
    return leave_card(promise_if(condition, amount, **fields), card)


def run(days=0):
    conditional.run(at=later(days))
    catch_up()
    # What the payment just booked makes due: the card is not needed any more.
    conditional.run(at=later(days))


def payments(status="succeeded"):
    rows = SandboxObject.objects.filter(kind="payment_intent")
    return [row for row in rows if row.data["status"] == status]


def letters():
    return sorted(Letter.objects.values_list("kind", flat=True))


def test_card_is_kept_and_nothing_is_charged_before_the_target_is_met(condition):
    pledge = kept(condition)

    run()

    assert KeptCard.objects.get().pledge == pledge
    assert not payments()
    assert not CardCharge.objects.exists()
    assert not Donation.objects.exists()
    assert letters() == []
    [shown] = came_in_for_appeal(condition.appeal)
    assert (shown.arrived, shown.promised, shown.conditional) == (0, 0, 60)


def test_target_met_by_gifts_and_promises_together_charges_each_card_once(condition):
    first, second = kept(condition, "60"), kept(condition, "30", email="b@example.org")
    give(condition.appeal.funds.get(), "10")

    run()
    run()
    run(days=9)

    condition.refresh_from_db()
    assert condition.met_at
    assert {d.pledge: d.amount for d in Donation.objects.all()} == {first: 60, second: 30}
    assert len(payments()) == 2
    assert letters() == ["condition_met"] * 2 + ["receipt"] * 2
    [shown] = came_in_for_appeal(condition.appeal)
    assert (shown.arrived, shown.conditional) == (100, 0)
    # Charged, and so not needed any more.
    assert not KeptCard.objects.filter(released_at=None).exists()


def test_target_not_met_in_time_forgets_the_cards_and_says_so(condition):
    kept(condition)

    run(days=6)

    condition.refresh_from_db()
    assert (condition.met_at, bool(condition.failed_at)) == (None, True)
    assert not payments()
    assert KeptCard.objects.get().released_at
    assert letters() == ["condition_failed"]
    method = SandboxObject.objects.get(kind="payment_method").data
    customer = SandboxObject.objects.get(kind="customer").data
    assert method["customer"] is None
    assert customer.get("deleted")


def test_last_day_counts_and_the_next_does_not(appeal):
    in_time = make_condition(appeal, ends_on=now().date())
    kept(in_time, "100")
    conditional.decide(at=now())
    late = make_condition(appeal, target="500", ends_on=now().date())
    kept(late, "500", email="b@example.org")
    conditional.decide(at=later(1))

    in_time.refresh_from_db()
    late.refresh_from_db()
    assert (bool(in_time.met_at), bool(late.failed_at)) == (True, True)


def test_gift_taken_back_before_the_decision_is_not_charged_and_does_not_count(condition):
    pledge = kept(condition, "100")
    conditional.withdraw(pledge, at=now())

    run()

    condition.refresh_from_db()
    assert not condition.is_decided
    assert KeptCard.objects.get().released_at
    assert not payments()


def test_gift_cannot_be_taken_back_once_the_target_is_met(condition):
    pledge = kept(condition, "100")
    conditional.decide(at=now())

    with pytest.raises(conditional.Decided):
        conditional.withdraw(pledge, at=now())


def test_called_off_condition_charges_nobody(condition):
    kept(condition, "100")
    conditional.call_off(condition, by=factories.make_user(), at=now())

    run()

    assert not payments()
    assert letters() == ["condition_failed"]
    with pytest.raises(conditional.Decided):
        conditional.call_off(condition, by=factories.make_user(), at=now())


def test_declined_card_is_told_tried_three_times_and_then_forgotten(condition):
    kept(condition, "100", card="0341")

    for day in range(12):
        conditional.run(at=later(day))

    assert [charge.code for charge in CardCharge.objects.all()] == ["card_declined"] * 3
    assert letters() == ["condition_met"] + ["kept_card_failed"] * 3
    assert not payments()
    assert KeptCard.objects.get().released_at


def test_bank_that_wants_the_supporter_is_asked_once_and_the_link_pays(client, condition):
    pledge = kept(condition, "100", card="3184")
    conditional.run(at=now())
    conditional.run(at=later(8))

    assert [charge.code for charge in CardCharge.objects.all()] == ["authentication_required"]
    assert letters() == ["condition_met", "kept_card_failed"]
    page = client.get(gift_path(pledge)).content.decode()
    assert "your bank did not let your card be charged" in page
    assert client.post(f"/en/gift/{gift_token(pledge)}/pay/").status_code == 302
    visit = Checkout.objects.latest("pk")
    assert (visit.keeps_card, visit.amount) == (False, 100)
    acts.pay(visit.stripe_session_id, at=now())
    catch_up()

    assert Donation.objects.get().amount == 100
    run(days=20)
    assert len(payments()) == 1


def charge_with_a_lost_answer(condition, monkeypatch):
    with monkeypatch.context() as broken:
        real = stripe_api.charge_kept_card

        def lost(**facts):
            real(**facts)
            raise stripe_api.StripeUnavailable("lost")

        broken.setattr(stripe_api, "charge_kept_card", lost)
        with pytest.raises(stripe_api.StripeUnavailable):
            conditional.run(at=now())
    assert CardCharge.objects.get().succeeded_at is None


@pytest.mark.parametrize("days", [0, 3])
def test_lost_answer_is_looked_up_and_never_charged_again(condition, monkeypatch, days):
    kept(condition, "100")
    charge_with_a_lost_answer(condition, monkeypatch)
    # Stripe forgets keys after a day: what then protects is what it has of the customer.
    SandboxRequest.objects.all().delete()

    conditional.run(at=later(days))
    run(days=days)

    assert len(payments()) == 1
    assert CardCharge.objects.get().succeeded_at
    assert Donation.objects.count() == 1


def test_lost_answer_stops_neither_page_nor_job_from_waiting(client, condition, monkeypatch):
    pledge = kept(condition, "100")
    charge_with_a_lost_answer(condition, monkeypatch)

    assert client.post(f"/en/gift/{gift_token(pledge)}/pay/").url == gift_path(pledge)
    assert not Checkout.objects.filter(keeps_card=False).exists()


@pytest.mark.django_db(transaction=True)
def test_four_runs_at_once_charge_each_card_once():
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", "sample", appeal=appeal)
    condition = make_condition(appeal)
    kept(condition, "60")
    kept(condition, "60", email="b@example.org")

    assert in_parallel(4, lambda _number: conditional.run(at=now())) == [None] * 4
    catch_up()

    assert len(payments()) == 2
    assert CardCharge.objects.count() == 2
    assert sorted(Donation.objects.values_list("amount", flat=True)) == [60, 60]
    assert letters() == ["condition_met"] * 2 + ["receipt"] * 2


@pytest.mark.django_db(transaction=True)
def test_taking_back_and_deciding_at_once_end_one_way():
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", "sample", appeal=appeal)
    condition = make_condition(appeal)
    pledge = kept(condition, "100")

    in_parallel(
        2,
        lambda number: (
            conditional.withdraw(pledge, at=now()) if number else conditional.decide(at=now())
        ),
    )
    conditional.run(at=now())

    pledge.refresh_from_db()
    condition.refresh_from_db()
    assert bool(pledge.cancelled_at) != bool(condition.met_at)
    assert len(payments()) == bool(condition.met_at)


def fails(constraint, change):
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        change()
    assert refused.value.__cause__.diag.constraint_name == constraint


def test_database_keeps_terms_and_decision(condition):
    row = Condition.objects.filter(pk=condition.pk)

    fails("condition_terms_stand", lambda: row.update(target=1))
    fails("condition_terms_stand", lambda: row.update(ends_on=now().date()))
    fails("condition_decided_once", lambda: row.update(met_at=now(), failed_at=now()))
    fails("condition_one_at_a_time", lambda: make_condition(condition.appeal))
    row.update(failed_at=now())
    fails("condition_decision_stands", lambda: row.update(failed_at=None, met_at=now()))


def test_database_refuses_a_charge_before_the_target_is_met_and_a_second_one(condition):
    pledge = kept(condition, "100")

    def charge(key):
        return CardCharge.objects.create(pledge=pledge, idempotency_key=key, asked_at=now())

    fails("card_charge_only_when_met", lambda: charge("a"))
    conditional.decide(at=now())
    charge("a")
    fails("card_charge_once", lambda: charge("b"))
    CardCharge.objects.update(declined_at=now())
    factories.make_donation(pledge)
    fails("card_charge_only_when_met", lambda: charge("b"))


def test_database_refuses_a_kept_card_without_condition_or_address(condition):
    fails(
        "pledge_kept_card_has_its_condition",
        lambda: factories.make_pledge(method="kept_card", supporter=factories.make_supporter()),
    )
    fails(
        "pledge_kept_card_has_its_condition",
        lambda: factories.make_pledge(method="kept_card", condition=condition),
    )


def test_supporter_promises_on_condition_by_the_pages(client, condition):
    with translation.override("en"):
        blank = ConditionForm(condition=condition)
    url = "/en/sample/promise/if/?currency=EUR"
    data = {
        "amount": "60",
        "fund": condition.appeal.funds.get().pk,
        "email": "",
        "started": blank.fields["started"].initial,
    }
    assert (
        "Give only if the target is met"
        in client.get("/en/sample/promise/?currency=EUR").content.decode()
    )
    refused = client.post(url, data)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["email"])
    done = client.post(url, data | {"email": "ana@example.org"})

    pledge = Pledge.objects.get()
    assert done.url == gift_path(pledge)
    assert "Leave my card with Stripe" in client.get(done.url).content.decode()
    leave_card(pledge)
    page = client.get(done.url).content.decode()
    assert "nothing is charged" in page
    client.post(f"/en/gift/{gift_token(pledge)}/withdraw/")
    pledge.refresh_from_db()
    assert pledge.cancelled_at


def test_page_for_a_condition_that_is_over_leads_to_promises(client, condition):
    Condition.objects.update(failed_at=now())

    assert client.get("/en/sample/promise/if/?currency=EUR").url == "/en/sample/promise/"


def test_webhook_books_a_kept_cards_payment_once(condition, deliver):
    pledge = kept(condition, "100")
    conditional.run(at=now())
    [intent] = payments()
    catch_up()
    for event in SandboxObject.objects.filter(kind="event"):
        deliver(event.data)
    while webhooks.process_pending(at=later(1)):
        pass

    assert Donation.objects.get().source == f"stripe:{intent.id}"
    assert Donation.objects.get().pledge == pledge


def test_who_is_forgotten_takes_the_card_back_first(condition):
    pledge = kept(condition, "60")
    with pytest.raises(erasure.StillGiving):
        erasure.forget(pledge, at=now())
    conditional.withdraw(pledge, at=now())
    run()

    erasure.forget(pledge, at=now())

    pledge.refresh_from_db()
    assert pledge.supporter is None
