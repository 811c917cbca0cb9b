"""The stand-in, asked through the real SDK."""

import threading
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import stripe
from django.db import connections
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject

pytestmark = pytest.mark.django_db


def open_session(key="key-1", amount="25.50", currency="EUR", **changes):
    expires_at = timezone.now().replace(microsecond=0) + timedelta(minutes=40)
    return stripe_api.create_session(
        **{
            "idempotency_key": key,
            "amount": Decimal(amount),
            "currency": currency,
            "description": "Sample fund",
            "pledge_uuid": uuid4(),
            "locale": "es",
            "success_url": "http://127.0.0.1:8000/ok",
            "cancel_url": "http://127.0.0.1:8000/back",
            "expires_at": expires_at,
        }
        | changes
    )


def create(**changes):
    """A session asked for with raw parameters, as the SDK sends them."""
    params = {
        "mode": "payment",
        "success_url": "http://127.0.0.1/ok",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 2500,
                    "product_data": {"name": "Gift"},
                },
            }
        ],
    }
    return stripe_api.client().v1.checkout.sessions.create(params | changes)


def paid(**changes):
    session = open_session(**changes)
    return acts.pay(session.id, at=timezone.now())


def test_session_is_opened_with_its_page_and_amount(settings):
    session = open_session()

    kept = SandboxObject.objects.get(id=session.id).data
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.url == f"{settings.SITE_URL}/sandbox/checkout/{session.id}/"
    assert (kept["amount_total"], kept["currency"], kept["submit_type"]) == (2550, "eur", "donate")
    assert stripe_api.retrieve_session(session.id) == session


@pytest.mark.parametrize(
    ("amount", "currency", "units"), [("1500", "CLP", 1500), ("1.250", "KWD", 1250)]
)
def test_amounts_keep_their_currency_s_decimals(amount, currency, units):
    session = open_session(amount=amount, currency=currency)

    assert SandboxObject.objects.get(id=session.id).data["amount_total"] == units
    assert stripe_api.from_minor_units(units, currency.lower()) == Decimal(amount)


def test_amount_with_too_many_decimals_is_not_sent():
    with pytest.raises(ValueError, match="too many decimals for CLP"):
        open_session(amount="1500.5", currency="CLP")


def test_repeated_key_gives_the_same_session():
    facts = {
        "pledge_uuid": uuid4(),
        "expires_at": timezone.now().replace(microsecond=0) + timedelta(minutes=40),
    }

    assert open_session(**facts) == open_session(**facts)
    assert SandboxObject.objects.count() == 1


def test_repeated_key_with_other_facts_is_refused():
    open_session()

    with pytest.raises(stripe_api.StripeRefused):
        open_session(amount="30")


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"metdata": {"a": "b"}}, "metdata", "parameter_unknown"),
        ({"mode": "donation"}, "mode", None),
        ({"submit_type": "donation"}, "submit_type", None),
        ({"ui_mode": "hosted"}, "ui_mode", None),
        ({"line_items": [{"price_data": {"unit_amount": 5}}]}, "line_items", None),
        (
            {"payment_method_types": ["card"]},
            "payment_method_types",
            "payment_method_types_no_longer_supported",
        ),
        ({"expires_at": 1}, "expires_at", None),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"payment_intent_data": {"metdata": {}, "x": "1"}}, "payment_intent_data[x]", None),
    ],
)
def test_request_the_sdks_types_do_not_allow_is_refused(changes, param, code):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(**changes)

    assert refusal.value.param.startswith(param)
    if code:
        assert refusal.value.code == code
    assert not SandboxObject.objects.exists()


def test_unknown_object_and_unknown_address_are_404():
    client = stripe_api.client()
    for call in (
        lambda: client.v1.charges.retrieve("ch_none"),
        lambda: client.v1.customers.retrieve("cus_none"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call()
        assert refusal.value.http_status == 404


def test_payment_leaves_charge_fee_and_net():
    session = paid(amount="25.00")

    retrieved = stripe_api.client().v1.checkout.sessions.retrieve(
        session["id"], {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )
    movement = retrieved.payment_intent.latest_charge.balance_transaction
    assert (movement.amount, movement.fee, movement.net) == (2500, 63, 2437)
    assert retrieved.payment_intent.metadata.pledge == session["metadata"]["pledge"]


def test_balance_transactions_name_their_payment():
    session = paid()

    [movement] = stripe_api.balance_transactions(since=timezone.now() - timedelta(days=1))

    assert (movement.type, movement.amount, movement.fee) == (
        "charge",
        Decimal("25.50"),
        Decimal("0.63"),
    )
    assert movement.net == movement.amount - movement.fee
    assert movement.payment_intent_id == session["payment_intent"]


def test_refund_is_bounded_by_what_is_left():
    session = paid(amount="25.00")
    refunds = stripe_api.client().v1.refunds

    first = refunds.create({"payment_intent": session["payment_intent"], "amount": 1000})
    with pytest.raises(stripe.InvalidRequestError):
        refunds.create({"payment_intent": session["payment_intent"], "amount": 1501})
    second = refunds.create({"payment_intent": session["payment_intent"]})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refunds.create({"payment_intent": session["payment_intent"]})

    assert (first.amount, second.amount) == (1000, 1500)
    assert refusal.value.code == "charge_already_refunded"


def test_payout_is_the_sum_of_its_movements_and_empties_the_balance():
    for number in range(3):
        paid(key=f"key-{number}", amount="10.00")
    refunded = paid(key="key-9", amount="50.00")
    acts.refund(refunded["payment_intent"], at=timezone.now(), amount=2000)

    payout = acts.pay_out("eur", at=timezone.now())

    rows = list(stripe_api.balance_transactions(payout=payout["id"]))
    others = [row for row in rows if row.type != "payout"]
    assert len(others) == 5
    assert sum(row.net for row in others) == stripe_api.from_minor_units(payout["amount"], "eur")
    assert sum(row.net for row in rows) == 0
    balance = stripe_api.client().v1.balance.retrieve()
    assert [(b.currency, b.amount) for b in balance.available] == [("eur", 0)]
    [listed] = stripe_api.payouts(since=timezone.now() - timedelta(days=1))
    assert (listed.id, listed.is_automatic, listed.is_reconciled) == (payout["id"], True, True)


def test_lists_come_in_pages_the_newest_first():
    for number in range(7):
        paid(key=f"key-{number}", amount=str(10 + number))

    rows = stripe_api.client().v1.balance_transactions.list({"limit": 3}).auto_paging_iter()

    amounts = [row.amount for row in rows]
    assert sorted(amounts, reverse=True) == [1600, 1500, 1400, 1300, 1200, 1100, 1000]
    assert len(amounts) == 7


def test_events_are_listed_by_type():
    session = paid()
    since = timezone.now() - timedelta(hours=1)

    events = list(stripe_api.list_events(since=since, types=["checkout.session.completed"]))

    assert [event.object_id for event in events] == [session["id"]]
    assert events[0].facts["amount_total"] == "25.50"
    assert events[0].facts["metadata"] == session["metadata"]


def required_fields(cls):
    return {
        name
        for name, hint in cls.__annotations__.items()
        if not str(hint).startswith(("typing.Optional", "typing.ClassVar"))
    }


def test_objects_have_every_field_the_sdk_promises():
    session = paid()
    acts.refund(session["payment_intent"], at=timezone.now(), amount=100)
    acts.pay_out("eur", at=timezone.now())
    classes = {
        "checkout.session": stripe.checkout.Session,
        "payment_intent": stripe.PaymentIntent,
        "charge": stripe.Charge,
        "balance_transaction": stripe.BalanceTransaction,
        "refund": stripe.Refund,
        "payout": stripe.Payout,
        "event": stripe.Event,
    }

    kept = list(SandboxObject.objects.all())

    assert {row.kind for row in kept} == set(classes)
    for row in kept:
        assert required_fields(classes[row.kind]) - set(row.data) == set(), row.kind


@pytest.mark.django_db(transaction=True)
def test_same_key_at_once_opens_one_session():
    facts = {
        "pledge_uuid": uuid4(),
        "expires_at": timezone.now().replace(microsecond=0) + timedelta(minutes=40),
    }
    sessions, barrier = [], threading.Barrier(6)

    def ask():
        barrier.wait()
        sessions.append(open_session(**facts).id)
        connections.close_all()

    threads = [threading.Thread(target=ask) for _i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sessions) == 6
    assert len(set(sessions)) == 1
    assert SandboxObject.objects.filter(kind="checkout.session").count() == 1
