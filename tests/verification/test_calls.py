from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.stripe_api import StripeRefused
from donations.stripe_facts import facts_of, to_minor_units
from tests.sandbox.steps import open_session

D = Decimal


def key() -> str:
    return f"verification-{uuid4()}"


def test_payment_page_opens_once_for_one_key(payer):
    wanted = {"idempotency_key": key(), "pledge_uuid": uuid4(), "fee_cover": D("0.75")}
    wanted["expires_at"] = timezone.now().replace(microsecond=0) + timedelta(minutes=40)

    opened = open_session(**wanted)

    assert open_session(**wanted) == opened
    assert (opened.status, opened.payment_status) == ("open", "unpaid")
    assert (opened.amount, opened.currency) == (D("26.25"), "EUR")
    assert (opened.payment_intent_id, opened.expires_at) == ("", wanted["expires_at"])
    assert opened.url.startswith(("https://checkout.stripe.com/", "http://"))
    assert stripe_api.retrieve_session(opened.id) == opened


def test_payment_page_is_closed_once(payer):
    opened = open_session(idempotency_key=key())

    closed = stripe_api.expire_session(opened.id)

    assert (closed.id, closed.status, closed.url) == (opened.id, "expired", "")
    with pytest.raises(StripeRefused):
        stripe_api.expire_session(opened.id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "CLP", "amount": D("99999999999")}, "amount_too_large"),
        ({"expires_at": timezone.now() + timedelta(minutes=2)}, "InvalidRequestError"),
    ],
)
def test_payment_page_is_refused_with_a_code(payer, changes, code):
    with pytest.raises(StripeRefused, match=f"^{code}$"):
        open_session(idempotency_key=key(), **changes)


def test_key_used_for_other_facts_is_refused(payer):
    used = key()
    open_session(idempotency_key=used)

    with pytest.raises(StripeRefused):
        open_session(idempotency_key=used, amount=D(30))


@pytest.mark.parametrize("currency", ["EUR", "USD", "GBP", "ARS", "BRL", "CLP", "UYU"])
def test_payment_page_in_every_currency_on_offer(payer, currency):
    amount = D(50000) if currency in {"ARS", "CLP", "UYU"} else D(25)

    opened = open_session(idempotency_key=key(), amount=amount, currency=currency)

    assert (opened.amount, opened.currency) == (amount, currency)


def test_payment_leaves_its_fee_on_the_balance(payer, since):
    payment = payer.pay(D("25.50"))

    [movement] = [
        m for m in stripe_api.balance_transactions(since=since) if m.payment_intent_id == payment
    ]

    assert (movement.type, movement.amount, movement.currency) == ("charge", D("25.50"), "EUR")
    assert movement.fee > 0
    assert movement.net == movement.amount - movement.fee
    assert not movement.is_dispute


def test_refund_once_for_one_key_and_never_more_than_was_paid(payer):
    payment, one, number = payer.pay(D("25.50")), key(), uuid4()
    wanted = {"payment_intent_id": payment, "currency": "EUR"}
    first = {"idempotency_key": one, "number": number, "amount": D("5.50")} | wanted

    part = stripe_api.refund(**first)

    assert (part["amount"], part["currency"], part["payment_intent"]) == ("5.50", "EUR", payment)
    assert part["status"] in {"succeeded", "pending"}
    assert stripe_api.refund(**first) == part
    with pytest.raises(StripeRefused):
        stripe_api.refund(idempotency_key=key(), number=uuid4(), amount=D("20.01"), **wanted)
    rest = stripe_api.refund(idempotency_key=key(), number=uuid4(), amount=D(20), **wanted)
    with pytest.raises(StripeRefused, match=r"^charge_already_refunded$"):
        stripe_api.refund(idempotency_key=key(), number=uuid4(), amount=D(1), **wanted)
    assert [told["id"] for told in stripe_api.refunds_of(payment)] == [rest["id"], part["id"]]


def test_events_tell_of_what_happened(payer, since):
    opened = open_session(idempotency_key=key())
    stripe_api.expire_session(opened.id)

    found = [
        event
        for event in stripe_api.list_events(since=since, types=["checkout.session.expired"])
        if event.object_id == opened.id
    ]

    [event] = found
    assert (event.type, event.livemode, event.object_type) == (
        "checkout.session.expired",
        False,
        "checkout.session",
    )
    assert event.api_version.endswith(".endive")
    assert (event.facts["amount_total"], event.facts["currency"]) == ("25.50", "EUR")


def test_monthly_gift_changes_pauses_and_stops(payer):
    made = payer.subscribe(2500)
    wanted = {"currency": "EUR", "fee_cover": D(0)}

    changed = stripe_api.change_monthly_amount(
        made.id, amount=D(40), idempotency_key=key(), **wanted
    )
    assert changed["status"] == "active"
    item = stripe_api.client().v1.subscriptions.retrieve(made.id)["items"].data[0]
    assert item.price.unit_amount == to_minor_units(D(40), "EUR")

    next_charge = timezone.now().replace(microsecond=0) + timedelta(days=12)
    moved = stripe_api.change_charge_day(made.id, next_charge_at=next_charge, idempotency_key=key())
    assert moved["status"] == "trialing"

    stripe_api.pause_subscription(made.id, idempotency_key=key())
    paused = stripe_api.client().v1.subscriptions.retrieve(made.id)
    assert paused.pause_collection.behavior == "void"
    stripe_api.resume_subscription(made.id, idempotency_key=key())
    assert stripe_api.client().v1.subscriptions.retrieve(made.id).pause_collection is None

    assert stripe_api.stop_subscription(made.id, idempotency_key=key())["status"] == "canceled"
    # Stopped twice it stays stopped.
    assert stripe_api.stop_subscription(made.id, idempotency_key=key())["status"] == "canceled"


def test_first_month_of_a_monthly_gift_names_its_payment(payer):
    made = payer.subscribe(2500)
    invoice = stripe_api.client().v1.subscriptions.retrieve(made.id).latest_invoice

    assert stripe_api.payment_of_invoice(str(invoice))["payment_intent"].startswith("pi_")
    assert stripe_api.invoice_page(str(invoice)) == ""


def test_card_page_opens_for_a_monthly_gift(payer):
    made = payer.subscribe(2500)

    url = stripe_api.open_card_page(
        customer_id=str(made.customer),
        return_url="https://fund.example/gift/",
        locale="es",
        idempotency_key=key(),
    )

    assert url.startswith(("https://billing.stripe.com/", "http://"))


def test_payouts_can_be_listed(payer, since):
    assert all(payout.created_at >= since for payout in stripe_api.payouts(since=since))


def test_page_that_keeps_a_card_opens_once_for_one_key_and_nothing_lies_there_yet(payer):
    wanted = {
        "idempotency_key": key(),
        "currency": "EUR",
        "pledge_uuid": uuid4(),
        "locale": "es",
        "back": "https://fund.example/gift/",
        "email": "ana@example.org",
        "expires_at": timezone.now().replace(microsecond=0) + timedelta(minutes=40),
    }

    opened = stripe_api.open_keep_page(**wanted)

    assert stripe_api.open_keep_page(**wanted) == opened
    assert opened.url.startswith(("https://checkout.stripe.com/", "http://"))
    assert stripe_api.kept_card(opened.id) is None


def charge_of(customer, card):
    return {
        "idempotency_key": key(),
        "customer_id": customer,
        "payment_method_id": card,
        "amount": D("25.50"),
        "currency": "EUR",
        "description": "Sample fund",
        "pledge_uuid": uuid4(),
    }


def test_kept_card_is_charged_once_for_one_key_and_forgotten(payer):
    customer, card = payer.keep_card()
    wanted = charge_of(customer, card)

    paid = stripe_api.charge_kept_card(**wanted)

    assert stripe_api.charge_kept_card(**wanted) == paid
    assert paid.status == "succeeded"
    assert stripe_api.payments_of(customer) == [paid]
    for _twice in range(2):
        stripe_api.forget_card(customer_id=customer, payment_method_id=card)
    with pytest.raises(StripeRefused):
        stripe_api.charge_kept_card(**charge_of(customer, card))


def test_kept_card_that_the_bank_declines_says_so(payer):
    customer, card = payer.keep_card(declines=True)

    with pytest.raises(stripe_api.CardDeclined):
        stripe_api.charge_kept_card(**charge_of(customer, card))

    assert [payment.status for payment in stripe_api.payments_of(customer)] == [
        "requires_payment_method"
    ]


def test_dispute_is_read_and_given_up(payer):
    name = payer.dispute(D("25.50"))

    told = facts_of(stripe_api.client().v1.disputes.retrieve(name).to_dict())

    assert (told["id"], told["status"], told["amount"]) == (name, "needs_response", "25.50")
    used = key()
    closed = stripe_api.close_dispute(name, idempotency_key=used)
    assert (closed["id"], closed["status"]) == (name, "lost")
    assert stripe_api.close_dispute(name, idempotency_key=used)["status"] == "lost"


def test_objects_tell_what_their_events_told(payer, since):
    payment = payer.pay(D("25.50"))

    told = stripe_api.list_objects(since=since, until=timezone.now() + timedelta(minutes=2))

    [event] = [event for event in told if event.object_id == payment]
    assert (event.type, event.facts["currency"]) == ("payment_intent.succeeded", "EUR")


def test_balance_is_told_by_currency(payer):
    before = stripe_api.balances().get("EUR", D(0))

    payer.pay(D("25.50"))

    assert before < stripe_api.balances()["EUR"] < before + D("25.50")


def test_monthly_gift_is_read_as_it_stands(payer):
    made = payer.subscribe(2500)

    told = stripe_api.retrieve_subscription(made.id)

    assert (told["id"], told["status"], told["amount"]) == (made.id, "active", "25.00")
    assert (told["currency"], told["paused"]) == ("EUR", False)
