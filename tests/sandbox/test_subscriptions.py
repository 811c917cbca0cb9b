"""A monthly gift: begun, renewed, failing, changed, ended; and what Stripe shows and tells of it."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.errors import SandboxError
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import create_monthly, event_types, line, subscribed, told_since

pytestmark = pytest.mark.django_db


def api():
    return stripe_api.client().v1


def latest_invoice(subscription):
    return api().invoices.list({"subscription": subscription.id, "limit": 1}).data[0]


def period(subscription):
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def test_paying_makes_all_that_belongs_to_a_monthly_gift():
    session = acts.pay(create_monthly(customer_email="ana@example.org").id, at=timezone.now())

    subscription = api().subscriptions.retrieve(session["subscription"])
    invoice = api().invoices.retrieve(session["invoice"])
    [tied] = api().invoice_payments.list({"invoice": invoice.id}).data
    intent = api().payment_intents.retrieve(
        tied.payment.payment_intent, {"expand": ["latest_charge.balance_transaction"]}
    )
    assert (session["mode"], session["payment_status"], session["payment_intent"]) == (
        "subscription",
        "paid",
        None,
    )
    assert (subscription.status, subscription.latest_invoice, subscription.customer) == (
        "active",
        invoice.id,
        session["customer"],
    )
    assert (subscription.description, subscription.metadata.pledge) == ("Sample fund", "p-1")
    details = invoice.parent.subscription_details
    assert (details.subscription, details.metadata.pledge) == (subscription.id, "p-1")
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == (
        "paid",
        "subscription_create",
        2500,
    )
    assert (intent.status, intent.customer, intent.metadata.to_dict()) == (
        "succeeded",
        session["customer"],
        {},
    )
    assert intent.latest_charge.balance_transaction.net == 2437
    assert api().customers.retrieve(session["customer"]).email == "ana@example.org"
    start, end = (datetime.fromtimestamp(s, UTC) for s in period(subscription))
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == 1


def test_beginning_is_told_in_order():
    subscribed()

    assert event_types() == [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]


def test_declined_card_begins_nothing_and_the_next_one_does():
    session = create_monthly()
    acts.decline(session.id, code="insufficient_funds", at=timezone.now())
    assert not SandboxObject.objects.filter(kind__in=["subscription", "invoice"]).exists()

    acts.pay(session.id, at=timezone.now())

    [intent] = api().payment_intents.list().data
    assert intent.status == "succeeded"


def test_renewal_charges_the_kept_card_for_the_next_month():
    subscription, before = subscribed(), event_types()

    acts.renew(subscription.id, at=timezone.now())

    renewed = api().subscriptions.retrieve(subscription.id)
    invoice = latest_invoice(subscription)
    assert period(renewed)[0] == period(subscription)[1]
    assert (invoice.billing_reason, invoice.status, invoice.attempt_count) == (
        "subscription_cycle",
        "paid",
        1,
    )
    assert (invoice.lines.data[0].period.start, invoice.lines.data[0].period.end) == period(renewed)
    assert SandboxObject.objects.filter(kind="balance_transaction").count() == 2
    assert told_since(before) == [
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_card_that_fails_later_is_tried_again_and_the_gift_ends_at_last():
    subscription = subscribed("0341")
    at = datetime.fromtimestamp(period(subscription)[1], UTC)
    states = []

    for _day in range(20):
        acts.pass_time(at=at)
        invoice = latest_invoice(subscription)
        states.append((api().subscriptions.retrieve(subscription.id).status, invoice.attempt_count))
        at += timedelta(days=1)

    assert states == (
        [("past_due", 1)] * 3
        + [("past_due", 2)] * 5
        + [("past_due", 3)] * 7
        + [("canceled", 4)] * 5
    )
    ended = api().subscriptions.retrieve(subscription.id)
    assert ended.cancellation_details.reason == "payment_failed"
    assert event_types().count("invoice.payment_failed") == 4
    assert event_types().count("customer.subscription.deleted") == 1
    assert not SandboxObject.objects.exclude(due_at=None).exists()


def test_failed_renewal_is_paid_on_its_own_page_by_another_card():
    subscription = subscribed()
    acts.renew(subscription.id, outcome="generic_decline", at=timezone.now())
    invoice = latest_invoice(subscription)
    assert (invoice.status, invoice.next_payment_attempt is not None) == ("open", True)
    assert invoice.hosted_invoice_url.endswith(f"/sandbox/invoice/{invoice.id}/")
    before = event_types()

    acts.pay_invoice(invoice.id, card="4242", at=timezone.now())

    assert latest_invoice(subscription).status == "paid"
    assert api().subscriptions.retrieve(subscription.id).status == "active"
    assert told_since(before)[-4:] == [
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]
    with pytest.raises(SandboxError, match="only an open one"):
        acts.pay_invoice(invoice.id, card="4242", at=timezone.now())


def test_renewal_that_asks_for_confirmation_waits_for_the_supporter():
    subscription = subscribed("3184")
    before = event_types()

    acts.renew(subscription.id, at=timezone.now())

    invoice = latest_invoice(subscription)
    [tied] = api().invoice_payments.list({"invoice": invoice.id}).data
    assert api().payment_intents.retrieve(tied.payment.payment_intent).status == "requires_action"
    assert (invoice.status, invoice.next_payment_attempt) == ("open", None)
    assert told_since(before)[-4:] == [
        "payment_intent.requires_action",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    acts.pay_invoice(invoice.id, card="4242", at=timezone.now())
    assert latest_invoice(subscription).status == "paid"


def test_invoice_paid_through_the_api_answers_what_the_bank_said():
    subscription = subscribed("0341")
    acts.renew(subscription.id, at=timezone.now())
    invoice = latest_invoice(subscription)

    with pytest.raises(stripe.CardError) as refusal:
        api().invoices.pay(invoice.id)

    assert (refusal.value.code, refusal.value.http_status) == ("card_declined", 402)
    assert latest_invoice(subscription).attempt_count == 2
    good = acts.keep_method(
        last4="4242",
        customer=SandboxObject.objects.get(id=subscription.customer).data,
        at=timezone.now(),
    )
    assert api().invoices.pay(invoice.id, {"payment_method": good["id"]}).status == "paid"


@pytest.mark.parametrize(("succeeded", "status"), [(True, "active"), (False, "past_due")])
def test_monthly_bank_debit_is_settled_days_later(succeeded, status):
    session = acts.debit(create_monthly().id, at=timezone.now())
    assert session["payment_status"] == "unpaid"
    assert api().subscriptions.retrieve(session["subscription"]).status == "active"

    acts.settle(session["id"], succeeded=succeeded, at=timezone.now())

    assert api().subscriptions.retrieve(session["subscription"]).status == status
    assert api().invoices.retrieve(session["invoice"]).status == ("paid" if succeeded else "open")


def test_amount_is_changed_by_a_new_price_from_the_next_month_on():
    subscription = subscribed()
    item = subscription["items"].data[0]
    price = {
        "currency": "eur",
        "product": item.price.product,
        "recurring": {"interval": "month"},
        "unit_amount": 4000,
    }

    changed = api().subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price_data": price}], "proration_behavior": "none"},
    )

    assert (changed["items"].data[0].price.unit_amount, period(changed)) == (
        4000,
        period(subscription),
    )
    acts.renew(subscription.id, at=timezone.now())
    assert latest_invoice(subscription).amount_paid == 4000
    with pytest.raises(stripe.InvalidRequestError, match="subscription's currency"):
        api().subscriptions.update(
            subscription.id, {"items": [{"id": item.id, "price_data": price | {"currency": "usd"}}]}
        )


def test_amount_changed_without_saying_how_is_prorated_on_the_next_invoice():
    subscription = subscribed()
    item = subscription["items"].data[0]
    price = {
        "currency": "eur",
        "product": item.price.product,
        "recurring": {"interval": "month"},
        "unit_amount": 4000,
    }

    api().subscriptions.update(subscription.id, {"items": [{"id": item.id, "price_data": price}]})
    acts.renew(subscription.id, at=timezone.now())

    assert [row.amount for row in latest_invoice(subscription).lines.data] == [4000, 1500]


def test_day_is_moved_by_a_time_without_bills():
    subscription = subscribed()
    until = int((timezone.now() + timedelta(days=10)).timestamp())

    moved = api().subscriptions.update(
        subscription.id, {"trial_end": until, "proration_behavior": "none"}
    )

    assert (moved.status, moved.billing_cycle_anchor, period(moved)[1]) == (
        "trialing",
        until,
        until,
    )
    acts.pass_time(at=datetime.fromtimestamp(until, UTC))
    renewed = api().subscriptions.retrieve(subscription.id)
    assert (renewed.status, period(renewed)[0]) == ("active", until)
    assert latest_invoice(subscription).amount_paid == 2500


def test_day_is_moved_to_now_with_a_bill_at_once():
    subscription = subscribed()

    api().subscriptions.update(subscription.id, {"billing_cycle_anchor": {"type": "now"}})

    assert latest_invoice(subscription).billing_reason == "subscription_update"
    assert latest_invoice(subscription).status == "paid"


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
)
def test_paused_collection_takes_no_money_until_it_resumes(behavior, status):
    subscription = subscribed()
    resumes_at = period(subscription)[1] + 20 * 86400
    api().subscriptions.update(
        subscription.id, {"pause_collection": {"behavior": behavior, "resumes_at": resumes_at}}
    )

    acts.renew(subscription.id, at=timezone.now())
    assert latest_invoice(subscription).status == status
    acts.renew(subscription.id, at=timezone.now())

    assert latest_invoice(subscription).status == "paid"
    assert api().subscriptions.retrieve(subscription.id).pause_collection is None
    assert SandboxObject.objects.filter(kind="charge").count() == 2


def test_paused_subscription_stands_still():
    subscription, before = subscribed(), event_types()

    assert api().subscriptions.pause(subscription.id).status == "paused"
    with pytest.raises(SandboxError, match="bills no more"):
        acts.renew(subscription.id, at=timezone.now())
    assert api().subscriptions.resume(subscription.id).status == "active"

    assert told_since(before) == ["customer.subscription.paused", "customer.subscription.resumed"]
    with pytest.raises(stripe.InvalidRequestError):
        api().subscriptions.resume(subscription.id)


def test_end_with_the_period_can_be_taken_back():
    subscription = subscribed()
    ending = api().subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at) == ("active", period(subscription)[1])
    staying = api().subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (staying.cancel_at, staying.canceled_at) == (None, None)
    api().subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    acts.renew(subscription.id, at=timezone.now())

    assert api().subscriptions.retrieve(subscription.id).status == "canceled"
    assert SandboxObject.objects.filter(kind="invoice").count() == 1


def test_ended_subscription_bills_no_more_and_is_listed_only_when_asked_for():
    subscription = subscribed()

    ended = api().subscriptions.cancel(
        subscription.id, {"cancellation_details": {"comment": "enough"}}
    )

    assert (ended.status, ended.cancellation_details.comment) == ("canceled", "enough")
    assert event_types()[-1] == "customer.subscription.deleted"
    for act in (
        lambda: acts.renew(subscription.id, at=timezone.now()),
        lambda: acts.announce(subscription.id, at=timezone.now()),
    ):
        with pytest.raises(SandboxError, match="bills no more"):
            act()
    with pytest.raises(stripe.InvalidRequestError):
        api().subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError):
        api().subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    theirs = {"customer": subscription.customer}
    assert [
        len(api().subscriptions.list(theirs | more).data)
        for more in ({}, {"status": "canceled"}, {"status": "all"}, {"status": "ended"})
    ] == [0, 1, 1, 1]


def test_first_month_up_to_a_chosen_day_costs_its_part():
    now = datetime.now(UTC).replace(microsecond=0)
    anchor = int((now + timedelta(days=10)).timestamp())
    data = {"billing_cycle_anchor": anchor}

    session = create_monthly(3100, subscription_data=data)
    paid = acts.pay(session.id, at=timezone.now())
    free = create_monthly(3100, subscription_data=data | {"proration_behavior": "none"})
    taken = acts.pay(free.id, at=timezone.now())

    assert 900 < session.amount_total < 1100
    assert (paid["payment_status"], taken["payment_status"]) == ("paid", "no_payment_required")
    assert api().invoices.retrieve(paid["invoice"]).amount_paid == session.amount_total
    assert api().invoices.retrieve(taken["invoice"]).amount_paid == free.amount_total == 0
    for done in (paid, taken):
        subscription = api().subscriptions.retrieve(done["subscription"])
        assert (subscription.status, period(subscription)[1]) == ("active", anchor)
        acts.renew(subscription.id, at=timezone.now())
        assert latest_invoice(subscription).amount_paid == 3100
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create_monthly(subscription_data={"billing_cycle_anchor": anchor + 40 * 86400})
    assert refusal.value.param == "subscription_data[billing_cycle_anchor]"


def test_chosen_day_of_the_month_is_the_day_it_is_billed():
    session = create_monthly(
        subscription_data={"billing_cycle_anchor_config": {"day_of_month": 31}}
    )
    done = acts.pay(session.id, at=timezone.now())

    ends = [period(api().subscriptions.retrieve(done["subscription"]))[1]]
    for _month in range(3):
        acts.renew(done["subscription"], at=timezone.now())
        ends.append(period(api().subscriptions.retrieve(done["subscription"]))[1])

    days = [datetime.fromtimestamp(end, UTC) for end in ends]
    assert all((day + timedelta(days=1)).day == 1 for day in days), days
    assert len({day.month for day in days}) == 4


def test_upcoming_invoice_is_announced_and_not_kept():
    subscription = subscribed()

    acts.announce(subscription.id, at=timezone.now())

    event = SandboxObject.objects.events().newest_first().first().data
    preview = event["data"]["object"]
    assert (event["type"], preview["amount_due"], preview["billing_reason"]) == (
        "invoice.upcoming",
        2500,
        "upcoming",
    )
    assert not SandboxObject.objects.filter(id=preview["id"]).exists()


def test_supporter_who_is_deleted_gives_no_more():
    subscription = subscribed()

    gone = api().customers.delete(subscription.customer)

    assert gone.deleted is True
    assert api().customers.retrieve(subscription.customer).deleted is True
    assert api().subscriptions.retrieve(subscription.id).status == "canceled"
    assert api().payment_methods.list({"customer": subscription.customer}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        api().billing_portal.sessions.create({"customer": subscription.customer})


def test_subscription_whose_card_was_detached_fails_to_renew():
    subscription = subscribed()
    api().payment_methods.detach(subscription.default_payment_method)

    acts.renew(subscription.id, at=timezone.now())

    assert api().subscriptions.retrieve(subscription.id).status == "past_due"


def test_two_lines_are_two_items_of_one_invoice():
    items = [line(2500), line(70)]
    for item in items:
        item["price_data"]["recurring"] = {"interval": "month"}
    session = create_monthly(line_items=items)
    done = acts.pay(session.id, at=timezone.now())

    invoice = api().invoices.retrieve(done["invoice"])

    assert [row.amount for row in invoice.lines.data] == [2500, 70]
    assert (session.amount_total, invoice.amount_paid) == (2570, 2570)


@pytest.mark.parametrize(
    "change", [{"cancel_at": 1}, {"add_invoice_items": [{"price": "p"}]}, {"days_until_due": 3}]
)
def test_change_that_is_not_played_is_refused_rather_than_passed_over(change):
    subscription = subscribed()

    with pytest.raises(stripe.InvalidRequestError, match="does not play"):
        api().subscriptions.update(subscription.id, change)
