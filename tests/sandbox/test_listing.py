"""Lists page by page, narrowed as Stripe narrows them; objects in the place of their identifiers."""

from datetime import timedelta

import pytest
import stripe
from django.db import connection
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts, deliveries
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import line, open_session, paid, subscribed

pytestmark = pytest.mark.django_db


def v1():
    return stripe_api.client().v1


def test_lists_come_in_pages_the_newest_first():
    for number in range(7):
        paid(str(10 + number))

    first = v1().balance_transactions.list({"limit": 3})

    assert first.has_more
    assert [row.amount for row in first.auto_paging_iter()] == [
        1600,
        1500,
        1400,
        1300,
        1200,
        1100,
        1000,
    ]
    last = v1().balance_transactions.list({"limit": 3, "starting_after": first.data[-1].id})
    back = v1().balance_transactions.list({"limit": 2, "ending_before": last.data[0].id})
    assert [row.amount for row in last.data] == [1300, 1200, 1100]
    assert ([row.amount for row in back.data], back.has_more) == ([1500, 1400], True)


@pytest.mark.parametrize(
    ("params", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"starting_after": "po_none"}, "starting_after"), ({"destination": "ba_1"}, "destination")],
)  # fmt: skip
def test_list_refuses_what_it_cannot_do(params, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        v1().payouts.list(params)

    assert refusal.value.param == param


def test_times_are_compared_in_whole_seconds():
    row = SandboxObject.objects.get(id=open_session().id)
    second = row.data["created"]
    row.created_at = row.created_at.replace(microsecond=999_999)
    row.save()

    def found(**bounds):
        return len(v1().checkout.sessions.list({"created": bounds}).data)

    assert [found(gte=second), found(lte=second), found(gt=second), found(lt=second)] == [
        1,
        1,
        0,
        0,
    ]
    assert [found(gte=second + 1), found(lt=second + 1), found(gt=second - 1)] == [0, 1, 1]
    assert len(v1().checkout.sessions.list({"created": second}).data) == 1


def test_lists_are_narrowed_by_what_objects_say():
    session, other = paid(), open_session()
    acts.refund(session["payment_intent"], at=timezone.now())
    paid("5000", currency="CLP")
    payout = acts.pay_out("clp", at=timezone.now())

    assert [s.id for s in v1().checkout.sessions.list({"status": "open"}).data] == [other.id]
    assert [
        s.id
        for s in v1().checkout.sessions.list({"payment_intent": session["payment_intent"]}).data
    ] == [session["id"]]
    assert [t.type for t in v1().balance_transactions.list({"currency": "eur"}).data] == [
        "refund",
        "charge",
    ]
    assert len(v1().balance_transactions.list({"type": "refund"}).data) == 1
    assert [
        p.id for p in v1().payouts.list({"status": "paid", "arrival_date": {"gt": 0}}).data
    ] == [payout["id"]]
    assert v1().payouts.list({"status": "failed"}).data == []
    assert [e.type for e in v1().events.list({"type": "checkout.*"}).data] == [
        "checkout.session.completed"
    ] * 2


def test_events_nobody_took_can_be_listed_alone():
    paid()
    [taken] = v1().events.list({"type": "checkout.session.completed"}).data
    deliveries.deliver_due(at=timezone.now(), post=lambda *_sent: 200)
    paid()

    undelivered = v1().events.list({"delivery_success": False}).data
    assert [e.type for e in undelivered] == [
        "checkout.session.completed",
        "payment_intent.succeeded",
    ]
    assert taken.id not in {e.id for e in undelivered}
    assert taken.id in {e.id for e in v1().events.list({"delivery_success": True}).data}


def test_events_are_listed_by_type():
    session = paid()
    since = timezone.now() - timedelta(hours=1)

    events = list(stripe_api.list_events(since=since, types=["checkout.session.completed"]))

    assert [event.object_id for event in events] == [session["id"]]
    assert events[0].facts["amount_total"] == "25.50"
    assert events[0].facts["metadata"] == session["metadata"]


def test_line_items_stand_in_the_session_or_alone():
    session = v1().checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "http://127.0.0.1/ok",
            "line_items": [line(2500), line(35, quantity=2)],
            "expand": ["line_items"],
        }
    )

    items = v1().checkout.sessions.line_items.list(session.id).data
    assert [(i.amount_total, i.quantity, i.description) for i in items] == [
        (2500, 1, "Gift"),
        (70, 2, "Gift"),
    ]
    assert [i.id for i in session.line_items.data] == [i.id for i in items]
    assert session.amount_total == 2570
    assert "line_items" not in v1().checkout.sessions.retrieve(session.id).to_dict()


def test_expanding_what_is_null_or_further_down():
    session = open_session()
    refund = acts.refund(paid()["payment_intent"], at=timezone.now())

    assert (
        v1()
        .checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
        .payment_intent
        is None
    )
    [row] = (
        v1().balance_transactions.list({"type": "refund", "expand": ["data.source.charge"]}).data
    )
    assert (row.source.id, row.source.charge.object) == (refund["id"], "charge")
    for wish in ("data.soruce", "data.source.id.x", "data.currency"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            v1().balance_transactions.list({"expand": [wish]})


def test_customers_are_kept():
    made = v1().customers.create({"email": "ana@example.org", "metadata": {"pledge": "1"}})

    assert v1().customers.retrieve(made.id).email == "ana@example.org"
    assert [c.id for c in v1().customers.list({"email": "ana@example.org"}).data] == [made.id]


def plan_of(rows):
    """How the database finds `rows` when there are many, although there are few."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        # With no rows to tell them apart, the planner may as well take this one; undone with the test.
        cursor.execute("DROP INDEX IF EXISTS sandbox_newest_of_kind")
    return rows.explain()


@pytest.mark.parametrize(
    ("index", "kind", "lookup"),
    [
        ("charge", "refund", "data__charge"),
        ("customer", "subscription", "data__customer"),
        ("customer", "payment_method", "data__customer"),
        ("invoice", "invoice_payment", "data__invoice"),
        ("paid_by", "invoice_payment", "data__payment__payment_intent"),
        ("payment_intent", "dispute", "data__payment_intent"),
        ("payout", "balance_transaction", "notes__payout"),
        ("source", "balance_transaction", "data__source"),
        ("subscription", "invoice", "data__parent__subscription_details__subscription"),
    ],
)
def test_what_belongs_to_something_is_found_by_an_index(index, kind, lookup):
    # Enough for the planner to tell this index from another of the same kind.
    column, *path = lookup.split("__")
    objects = []
    for n in range(300):
        value = f"some_{n}"
        for name in reversed(path):
            value = {name: value}
        objects.append(
            SandboxObject(
                id=f"x_{n}", kind=kind, created_at=timezone.now(), **{"data": {}} | {column: value}
            )
        )
    SandboxObject.objects.bulk_create(objects)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sandbox_sandboxobject")
    rows = SandboxObject.objects.of_kind(kind).filter(**{lookup: "some_1"})

    assert f"sandbox_by_{index}" in plan_of(rows)


def test_what_is_due_and_what_waits_for_a_payout_is_found_by_an_index():
    # Nearly all have left with a payout long ago, and the database knows it.
    SandboxObject.objects.bulk_create(
        SandboxObject(
            id=f"txn_{n}",
            kind="balance_transaction",
            data={},
            notes={"payout": "po_1"},
            created_at=timezone.now(),
        )
        for n in range(500)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sandbox_sandboxobject")

    assert "sandbox_object_due" in plan_of(SandboxObject.objects.due(timezone.now()))
    assert "sandbox_not_paid_out" in plan_of(SandboxObject.objects.not_paid_out())


@pytest.mark.parametrize("number", [1, 3])
def test_expanding_costs_one_query_for_each_depth(django_assert_num_queries, number):
    for _i in range(number):
        paid()
    client = stripe_api.client()

    # Faults, the page, the charges, their payments.
    with django_assert_num_queries(4):
        rows = client.v1.balance_transactions.list({"expand": ["data.source.payment_intent"]}).data

    assert [row.source.payment_intent.status for row in rows] == ["succeeded"] * number


def test_lists_within_an_object_are_shown_when_asked_for():
    subscription = subscribed()
    client = stripe_api.client().v1
    payment = paid()["payment_intent"]
    client.refunds.create({"payment_intent": payment, "amount": 100})

    customer = client.customers.retrieve(subscription.customer, {"expand": ["subscriptions"]})
    invoice = client.invoices.retrieve(
        subscription.latest_invoice, {"expand": ["payments.data.payment.payment_intent"]}
    )
    charge = client.payment_intents.retrieve(
        payment, {"expand": ["latest_charge.refunds"]}
    ).latest_charge

    assert [row.id for row in customer.subscriptions.data] == [subscription.id]
    assert [row.payment.payment_intent.amount for row in invoice.payments.data] == [2500]
    assert [row.amount for row in charge.refunds.data] == [100]
