"""What happens to a session's money, and which events tell of it."""

from datetime import timedelta

import pytest
import stripe
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.errors import SandboxError
from donations.sandbox.models import SandboxDelivery, SandboxObject
from donations.stripe_facts import from_minor_units
from tests.sandbox.steps import event_types, in_minutes, open_session, paid

pytestmark = pytest.mark.django_db


def retrieve(session_id, *expand):
    return stripe_api.client().v1.checkout.sessions.retrieve(session_id, {"expand": [*expand]})


def test_payment_leaves_charge_fee_and_net():
    session = paid("25.00")

    intent = retrieve(
        session["id"], "payment_intent.latest_charge.balance_transaction"
    ).payment_intent
    charge = intent.latest_charge
    movement = charge.balance_transaction
    assert (movement.amount, movement.fee, movement.net) == (2500, 63, 2437)
    assert (charge.paid, charge.status, charge.payment_method_details.card.last4) == (
        True,
        "succeeded",
        "4242",
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 2500)
    assert intent.metadata.pledge == charge.metadata.pledge == session["metadata"]["pledge"]
    assert intent.description == "Sample fund"


def test_payment_is_told_in_the_order_it_happened():
    paid()

    assert event_types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_only_events_we_asked_for_are_sent():
    paid()

    sent = SandboxDelivery.objects.order_by("pk").values_list("event__data__type", flat=True)
    assert list(sent) == ["payment_intent.succeeded", "checkout.session.completed"]
    assert [e.data["pending_webhooks"] for e in SandboxObject.objects.events().newest_first()] == [
        1,
        1,
        0,
        0,
    ]


def test_declined_card_leaves_the_page_open_and_the_next_one_pays_the_same_payment():
    session = open_session()
    acts.decline(session.id, code="insufficient_funds", card="9995", at=timezone.now())
    acts.pay(session.id, at=timezone.now())

    [intent] = stripe_api.client().v1.payment_intents.list().data
    charges = stripe_api.client().v1.charges.list({"payment_intent": intent.id}).data
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert [(c.status, c.paid, c.failure_code) for c in charges] == [
        ("succeeded", True, None),
        ("failed", False, "card_declined"),
    ]
    failed = SandboxObject.objects.events().get(data__type="payment_intent.payment_failed")
    assert (
        failed.data["data"]["object"]["last_payment_error"]["decline_code"] == "insufficient_funds"
    )


def test_session_is_paid_once():
    session = paid()

    for act in (
        lambda: acts.pay(session["id"], at=timezone.now()),
        lambda: acts.debit(session["id"], at=timezone.now()),
        lambda: acts.decline(session["id"], code="x", at=timezone.now()),
        lambda: acts.expire(session["id"], at=timezone.now()),
    ):
        with pytest.raises(SandboxError):
            act()
    assert SandboxObject.objects.filter(kind="charge").count() == 1


@pytest.mark.parametrize(
    ("succeeded", "payment_status", "told"),
    [
        (True, "paid", ["charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded"]),
        (False, "unpaid", ["charge.failed", "payment_intent.payment_failed", "checkout.session.async_payment_failed"]),
    ],
)  # fmt: skip
def test_debit_is_settled_or_refused_once(succeeded, payment_status, told):
    session = open_session()
    assert acts.debit(session.id, at=timezone.now())["payment_status"] == "unpaid"
    assert retrieve(session.id, "payment_intent").payment_intent.status == "processing"
    before = event_types()
    assert before[-2:] == ["charge.pending", "checkout.session.completed"]

    acts.settle(session.id, succeeded=succeeded, at=timezone.now())

    assert event_types() == before + told
    assert retrieve(session.id).payment_status == payment_status
    assert SandboxObject.objects.filter(kind="balance_transaction").count() == succeeded
    with pytest.raises(SandboxError, match=r"waiting|answered"):
        acts.settle(session.id, succeeded=True, at=timezone.now())


def test_session_expires_by_the_clock_and_only_then():
    paid_one, left = paid(), open_session(expires_at=in_minutes(31))

    assert acts.expire_due(at=in_minutes(30)) == 0
    with pytest.raises(SandboxError, match="not open"):
        acts.pay(left.id, at=in_minutes(32))
    assert acts.expire_due(at=in_minutes(32)) == 1
    assert acts.expire_due(at=in_minutes(33)) == 0

    assert stripe_api.retrieve_session(left.id).status == "expired"
    assert stripe_api.retrieve_session(left.id).url == ""
    assert stripe_api.retrieve_session(paid_one["id"]).status == "complete"
    event = SandboxObject.objects.events().get(data__type="checkout.session.expired")
    assert event.created_at == left.expires_at


def test_refund_is_bounded_by_what_is_left():
    payment = paid("25.00")["payment_intent"]
    refunds = stripe_api.client().v1.refunds

    first = refunds.create({"payment_intent": payment, "amount": 1000})
    for bad in (0, -5, 1501):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            refunds.create({"payment_intent": payment, "amount": bad})
        assert refusal.value.param == "amount"
    second = refunds.create({"charge": first.charge})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refunds.create({"payment_intent": payment})
    with pytest.raises(stripe.InvalidRequestError, match="One of the following"):
        refunds.create({"reason": "duplicate"})

    assert (first.amount, second.amount) == (1000, 1500)
    assert refusal.value.code == "charge_already_refunded"
    assert [r.id for r in refunds.list({"payment_intent": payment}).data] == [second.id, first.id]
    assert refunds.retrieve(first.id).status == "succeeded"


def test_payment_not_arrived_cannot_be_refunded():
    session = open_session()
    payment = acts.debit(session.id, at=timezone.now())["payment_intent"]

    with pytest.raises(SandboxError, match="successful charge"):
        acts.refund(payment, at=timezone.now())


def test_payout_is_the_sum_of_its_movements_and_empties_the_balance():
    for _i in range(3):
        paid("10.00")
    refunded = paid("50.00")
    acts.refund(refunded["payment_intent"], at=timezone.now(), amount=2000)
    paid("5000", currency="CLP")

    payout = acts.pay_out("eur", at=timezone.now())

    rows = list(stripe_api.balance_transactions(payout=payout["id"]))
    others = [row for row in rows if row.type != "payout"]
    assert len(others) == 5
    assert {row.payout_id for row in rows} == {payout["id"]}
    assert sum(row.net for row in others) == from_minor_units(payout["amount"], "eur")
    assert sum(row.net for row in rows) == 0
    balance = stripe_api.client().v1.balance.retrieve()
    assert [(b.currency, b.amount) for b in balance.available] == [("eur", 0)]
    assert [(b.currency, b.amount) for b in balance.pending] == [("clp", 4675)]
    [listed] = stripe_api.payouts(since=timezone.now() - timedelta(days=1))
    assert (listed.id, listed.is_automatic, listed.is_reconciled) == (payout["id"], True, True)
    with pytest.raises(SandboxError, match="no balance"):
        acts.pay_out("eur", at=timezone.now())


def test_payout_by_hand_is_never_itemised():
    paid("10.00")

    payout = acts.pay_out("eur", at=timezone.now(), is_automatic=False)

    [listed] = stripe_api.payouts(since=timezone.now() - timedelta(days=1))
    assert (listed.id, listed.is_automatic, listed.is_reconciled) == (payout["id"], False, False)
    told = [name for name in event_types() if name.startswith("payout.")]
    assert told == ["payout.created", "payout.paid"]


def test_balance_transactions_name_what_is_behind_them():
    session = paid()
    refund = acts.refund(session["payment_intent"], at=timezone.now())
    intent = retrieve(session["id"], "payment_intent").payment_intent

    back, taken = stripe_api.balance_transactions(since=timezone.now() - timedelta(days=1))

    assert (taken.type, taken.source_id, taken.charge_id) == (
        "charge",
        intent.latest_charge,
        intent.latest_charge,
    )
    assert (back.type, back.source_id, back.charge_id) == (
        "refund",
        refund["id"],
        intent.latest_charge,
    )
    assert taken.payment_intent_id == back.payment_intent_id == intent.id
    assert (taken.net, back.net) == (taken.amount - taken.fee, back.amount)
    assert {taken.payout_id, back.payout_id, taken.is_dispute, back.is_dispute} == {"", False}
