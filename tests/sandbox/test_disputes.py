"""A supporter's bank takes a payment back, asks about it, or warns of it."""

import pytest
import stripe
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.errors import SandboxError
from donations.sandbox.fees import dispute_fee
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import event_types, open_session, paid, told_since

pytestmark = pytest.mark.django_db


def api():
    return stripe_api.client().v1


def movements():
    """(amount, fee, net, reporting category) of what a dispute moved on the balance, in order."""
    rows = SandboxObject.objects.filter(kind="balance_transaction", data__type="adjustment")
    return [
        (row.data["amount"], row.data["fee"], row.data["net"], row.data["reporting_category"])
        for row in rows.newest_first().reverse()
    ]


@pytest.fixture
def payment():
    return paid("25.50")["payment_intent"]


def test_dispute_takes_the_money_and_a_fee(payment):
    before = event_types()

    made = acts.open_dispute(payment, at=timezone.now())

    [dispute] = api().disputes.list({"payment_intent": payment}).data
    assert (dispute.id, dispute.status, dispute.amount, dispute.reason) == (
        made["id"],
        "needs_response",
        2550,
        "fraudulent",
    )
    assert (dispute.is_charge_refundable, len(dispute.balance_transactions)) == (False, 1)
    assert movements() == [(-2550, 2000, -4550, "dispute")]
    assert told_since(before) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert api().charges.retrieve(dispute.charge).disputed is True
    [row, _taken] = stripe_api.balance_transactions(since=timezone.now().replace(hour=0))
    assert (row.is_dispute, row.payment_intent_id) == (True, payment)


@pytest.mark.parametrize(
    ("gives_fee_back", "back"), [(True, (2550, -2000, 4550)), (False, (2550, 0, 2550))]
)
def test_dispute_won_brings_the_money_back_and_the_fee_perhaps(payment, gives_fee_back, back):
    dispute = acts.open_dispute(payment, at=timezone.now())
    before = event_types()

    acts.win(dispute["id"], gives_fee_back=gives_fee_back, at=timezone.now())

    assert movements()[1:] == [(*back, "dispute_reversal")]
    assert told_since(before) == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    won = api().disputes.retrieve(dispute["id"])
    assert (won.status, len(won.balance_transactions)) == ("won", 2)


def test_dispute_lost_or_accepted_is_closed_and_moves_nothing_more(payment):
    accepted = acts.open_dispute(paid()["payment_intent"], at=timezone.now())
    lost = acts.open_dispute(payment, at=timezone.now())
    moved, before = movements(), event_types()

    acts.lose(lost["id"], at=timezone.now())
    assert api().disputes.close(accepted["id"]).status == "lost"

    assert movements() == moved
    assert told_since(before) == ["charge.dispute.closed"] * 2
    for act in (acts.win, acts.lose, acts.escalate, acts.close_inquiry):
        with pytest.raises(SandboxError, match="is lost"):
            act(lost["id"], at=timezone.now())


def test_inquiry_moves_no_money_and_can_be_refunded(payment):
    before = event_types()
    dispute = acts.open_dispute(payment, is_inquiry=True, at=timezone.now())
    assert (dispute["status"], dispute["is_charge_refundable"]) == ("warning_needs_response", True)
    assert told_since(before) == ["charge.dispute.created"]

    api().refunds.create({"payment_intent": payment})
    closed = api().disputes.close(dispute["id"])

    assert closed.status == "warning_closed"
    assert movements() == []
    assert api().charges.retrieve(dispute["charge"]).disputed is False


def test_inquiry_may_become_a_dispute(payment):
    dispute = acts.open_dispute(payment, is_inquiry=True, at=timezone.now())

    acts.escalate(dispute["id"], at=timezone.now())

    assert api().disputes.retrieve(dispute["id"]).status == "needs_response"
    assert movements() == [(-2550, 2000, -4550, "dispute")]


def test_evidence_is_kept_as_a_draft_or_sent(payment):
    dispute = acts.open_dispute(payment, at=timezone.now())
    told = {"uncategorized_text": "Our side."}

    draft = api().disputes.update(dispute["id"], {"evidence": told, "submit": False})
    sent = api().disputes.update(dispute["id"], {"evidence": told, "metadata": {"a": "b"}})

    assert [
        (d.status, d.evidence_details.has_evidence, d.evidence_details.submission_count)
        for d in (draft, sent)
    ] == [("needs_response", True, 0), ("under_review", True, 1)]
    assert (sent.evidence.uncategorized_text, sent.metadata.a) == ("Our side.", "b")
    acts.win(dispute["id"], at=timezone.now())


def test_disputed_payment_is_neither_refunded_nor_disputed_again(payment):
    acts.open_dispute(payment, at=timezone.now())

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api().refunds.create({"payment_intent": payment})
    with pytest.raises(SandboxError, match="already"):
        acts.open_dispute(payment, at=timezone.now())
    assert refusal.value.code == "charge_disputed"


def test_only_what_is_left_is_disputed(payment):
    acts.refund(payment, amount=550, at=timezone.now())

    with pytest.raises(SandboxError, match="no more than 2000"):
        acts.open_dispute(payment, amount=2001, at=timezone.now())
    assert acts.open_dispute(payment, at=timezone.now())["amount"] == 2000
    waiting = acts.debit(open_session().id, at=timezone.now())["payment_intent"]
    with pytest.raises(SandboxError, match="no successful charge"):
        acts.open_dispute(waiting, at=timezone.now())


@pytest.mark.parametrize("end", ["refund", "open_dispute"])
def test_warning_of_fraud_asks_for_something_until_the_money_is_back(payment, end):
    warning = acts.warn(payment, fraud_type="made_with_stolen_card", at=timezone.now())
    [listed] = api().radar.early_fraud_warnings.list({"payment_intent": payment}).data
    assert (listed.id, listed.actionable, listed.fraud_type) == (
        warning["id"],
        True,
        "made_with_stolen_card",
    )
    assert event_types()[-1] == "radar.early_fraud_warning.created"

    getattr(acts, end)(payment, at=timezone.now())

    assert api().radar.early_fraud_warnings.retrieve(warning["id"]).actionable is False
    assert event_types()[-1] == "radar.early_fraud_warning.updated"
    assert acts.warn(payment, at=timezone.now())["actionable"] is False


@pytest.mark.parametrize(("currency", "fee"), [("eur", 2000), ("clp", 15000), ("jpy", 15)])
def test_fee_of_a_dispute_is_in_the_currencys_smallest_unit(currency, fee):
    assert dispute_fee(currency) == fee
