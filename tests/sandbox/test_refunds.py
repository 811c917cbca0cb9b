"""Money on its way back: at once, after some days, or not at all; and payouts the bank does not take."""

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.errors import SandboxError
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import event_types, open_session, paid, told_since

pytestmark = pytest.mark.django_db


def api():
    return stripe_api.client().v1


def net():
    """What all movements on the balance come to."""
    return sum(net for _currency, _status, net in SandboxObject.objects.balances())


def test_refund_that_fails_days_later_is_back_on_the_balance_and_with_the_charge():
    payment = paid("25.00")["payment_intent"]
    acts.refund(payment, amount=500, at=timezone.now())
    second = acts.refund(payment, amount=1000, at=timezone.now())
    balance, before = net(), event_types()

    acts.fail_refund(second["id"], at=timezone.now())

    failed = api().refunds.retrieve(second["id"], {"expand": ["failure_balance_transaction"]})
    back = failed.failure_balance_transaction
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (back.type, back.reporting_category, back.net) == (
        "refund_failure",
        "refund_failure",
        1000,
    )
    assert net() == balance + 1000
    assert api().charges.retrieve(failed.charge).amount_refunded == 500
    assert told_since(before) == ["refund.failed", "refund.updated", "charge.refund.updated"]
    with pytest.raises(SandboxError, match="failed already"):
        acts.fail_refund(second["id"], at=timezone.now())
    assert acts.refund(payment, at=timezone.now())["amount"] == 2000


@pytest.mark.parametrize("is_by_card", [True, False])
def test_pending_refund_arrives_later(is_by_card):
    session = open_session()
    if is_by_card:
        payment = acts.pay(session.id, card="7726", at=timezone.now())["payment_intent"]
        made = acts.refund(payment, at=timezone.now())
    else:
        payment = acts.pay(session.id, at=timezone.now())["payment_intent"]
        made = acts.refund(payment, is_pending=True, at=timezone.now())
    assert (made["status"], made["pending_reason"]) == ("pending", "processing")
    before = event_types()

    acts.arrive(made["id"], at=timezone.now())

    assert api().refunds.retrieve(made["id"]).status == "succeeded"
    assert told_since(before) == ["refund.updated", "charge.refund.updated"]
    with pytest.raises(SandboxError, match="not on its way"):
        acts.arrive(made["id"], at=timezone.now())


def test_change_is_told_with_what_was_before():
    made = acts.refund(paid()["payment_intent"], at=timezone.now(), is_pending=True)
    acts.arrive(made["id"], at=timezone.now())

    event = SandboxObject.objects.events().get(data__type="refund.updated")
    assert event.data["data"]["previous_attributes"] == {
        "pending_reason": "processing",
        "status": "pending",
    }


def test_bank_debit_and_its_refund_have_their_own_kinds_of_movement():
    session = open_session()
    payment = acts.debit(session.id, at=timezone.now())["payment_intent"]
    acts.settle(session.id, succeeded=True, at=timezone.now())
    acts.refund(payment, at=timezone.now())

    rows = SandboxObject.objects.filter(kind="balance_transaction").newest_first().reverse()
    assert [(row.data["type"], row.data["reporting_category"]) for row in rows] == [
        ("payment", "charge"),
        ("payment_refund", "refund"),
    ]


def test_payout_that_failed_leaves_again_with_the_next():
    paid("100")
    first = acts.pay_out("eur", at=timezone.now())
    before = event_types()

    acts.fail_payout(first["id"], at=timezone.now())

    [failed] = stripe_api.payouts(since=timezone.now().replace(hour=0))
    assert failed.status == "failed"
    assert told_since(before) == ["payout.failed", "payout.updated"]
    assert net() == first["amount"]
    assert acts.pay_out("eur", at=timezone.now())["amount"] == first["amount"]
    assert net() == 0
    with pytest.raises(SandboxError, match="failed already"):
        acts.fail_payout(first["id"], at=timezone.now())
