"""Payments are asked for under the policy in force: of a kind it pays, with the documents it wants."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from donations import disbursement, documents
from donations.models import CostDocument, Disbursement
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, request
from tests.donations.test_tracing import World
from tests.factories import NOW, TODAY, log_in, make_policy, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
Kind = CostDocument.Kind
LIMITS = [("EUR", "5000", "0")]


@pytest.fixture
def ready(db):
    r = make_ready()
    allocate(r, "600")
    return r


def test_payment_waits_for_all_documents_the_policy_wants(ready):
    make_policy(kinds=[("fees", ["bill", "agreement", "ruling"])], limits=LIMITS)

    with pytest.raises(
        disbursement.NotByPolicy,
        match=r"before this payment is asked for: agreement on fees, court.s ruling or notice",
    ):
        request(ready, "100")
    for kind in (Kind.AGREEMENT, Kind.RULING):
        factories.make_document(ready.cost, b"%PDF-1.4 " + kind.encode(), kind=kind)

    assert request(ready, "100").pk


def test_kind_the_policy_does_not_pay_is_not_asked_for(ready):
    make_policy(kinds=["bail"], limits=LIMITS)

    with pytest.raises(disbursement.NotByPolicy, match="does not pay “lawyers' fees”"):
        request(ready, "100")


def test_request_is_changed_under_the_policy_of_that_day(ready):
    row = request(ready, "100")
    make_policy(kinds=[("fees", ["ruling"])], limits=LIMITS)
    change = {"amount": row.amount, "document": ready.document, "bank_account": ready.bank}

    with pytest.raises(disbursement.NotByPolicy, match="court"):
        disbursement.amend(row, **change, by=ready.treasurer, at=NOW + timedelta(days=1))
    assert Disbursement.objects.get().amount == 100


def test_rows_past_the_verb_are_refused(ready):
    row = request(ready, "100")
    make_policy(kinds=[("fees", ["ruling"])], limits=LIMITS)
    make_policy(kinds=["bail"], limits=LIMITS, at=NOW + timedelta(days=1))
    mine = Disbursement.objects.filter(pk=row.pk)

    for at, match in ((NOW, "wants more documents"), (NOW + timedelta(days=1), "does not pay")):
        with pytest.raises(IntegrityError, match=match), transaction.atomic():
            mine.update(requested_at=at + timedelta(hours=1))


# --- Caps --------------------------------------------------------------------------------------------------


def test_lower_cap_holds_from_its_day_for_what_was_agreed_before_too(ready):
    """Of two versions the request's counts, not the one the cost was recorded or an earlier payment made under."""
    make_policy(caps=[("fees", "EUR", "2000")], limits=LIMITS)
    paid = request(ready, "250")
    approve(ready, paid)
    disbursement.pay(paid, paid_on=TODAY, by=ready.treasurer, at=NOW)
    make_policy(caps=[("fees", "EUR", "300")], limits=LIMITS)

    with pytest.raises(
        disbursement.NotByPolicy,
        match=r"Version 2\) pays at most €300\.00 for one cost .*: €50\.00 of it is left for this one\. More can",
    ):
        request(ready, "50.01")
    row = request(ready, "30")
    change = {"document": ready.document, "bank_account": ready.bank, "by": ready.treasurer}
    with pytest.raises(disbursement.NotByPolicy, match=r"€50\.00 of it is left"):
        disbursement.amend(row, amount=Decimal("50.01"), **change, at=NOW)
    disbursement.amend(row, amount=Decimal(50), **change, at=NOW)
    for amount in ("0.01", "300"):
        with pytest.raises(disbursement.NotByPolicy, match=r"€0\.00 of it is left"):
            request(ready, amount)
    # Asked for before the cap was lowered, and approved as it was asked for.
    assert [(p.amount, p.policy.version) for p in Disbursement.objects.order_by("pk")] == [
        (250, 1),
        (50, 2),
    ]
    # What is refused, or came back, counts no more; and a version with a higher cap lets more be paid.
    disbursement.refuse(row, reason="x", by=ready.approver, at=NOW)
    assert request(ready, "20").pk
    make_policy(caps=[("fees", "EUR", "400")], limits=LIMITS)
    assert request(ready, "130").policy.version == 3


def test_other_kinds_currencies_and_costs_have_caps_of_their_own(ready):
    make_policy(
        kinds=["fees", "bail"],
        caps=[("fees", "USD", "1"), ("bail", "EUR", "1"), ("fees", "EUR", "500")],
        limits=LIMITS,
    )
    factories.make_cost(ready.case, owed="500", by=ready.treasurer)

    assert request(ready, "500").pk


def test_rows_past_the_cap_are_refused(ready):
    make_policy(caps=[("fees", "EUR", "300")], limits=LIMITS)
    row, second = request(ready, "200"), request(ready, "100")

    for change in ({"amount": "200.01"}, {"amount": 400}, {"requested_at": NOW, "amount": 201}):
        with (
            pytest.raises(IntegrityError, match="above the cap of its kind"),
            transaction.atomic(),
        ):
            Disbursement.objects.filter(pk=row.pk).update(**change)
    copy = Disbursement.objects.get(pk=second.pk)
    copy.pk, copy.number, copy.payment_reference = None, uuid4(), "PAY-COPY"
    with pytest.raises(IntegrityError, match="above the cap of its kind"), transaction.atomic():
        copy.save(force_insert=True)
    assert sorted(Disbursement.objects.values_list("amount", flat=True)) == [100, 200]


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_share_one_cap():
    r = make_ready()
    allocate(r, "600")
    make_policy(caps=[("fees", "EUR", "300")], limits=LIMITS)

    done = in_parallel(2, lambda _n: request(r, "200").amount)

    assert sorted(map(str, done)) == ["200", "NotByPolicy"]


def test_what_the_value_lifts_above_the_cap_is_paid_by_three_people():
    """Up to the cap two are enough; above it, all payments of the cost together, a third approves."""
    make_policy(
        caps=[("fees", "ARS", "1000")],
        limits=[("ARS", "100000000", "100000000")],
        at=NOW - timedelta(days=3),
    )
    factories.make_uma("100", "2026-01-01", "2026-01-01")
    w = World()
    w.give("1000000", currency="ARS")
    cost = factories.make_cost(w.case, owed="1", uma=Decimal(10), by=w.by, currency="ARS")
    factories.make_uma("500", "2026-02-01", "2026-03-01")
    cost.refresh_from_db()
    w.set_aside(cost, cost.owed)
    document = factories.make_document(cost)

    def ask(amount, **fields):
        return disbursement.request(cost=cost, document=document, bank_account=w.pesos, amount=Decimal(amount), by=w.by, at=NOW, **fields)  # fmt: skip

    with pytest.raises(disbursement.NoEmergency, match="One approval is enough"):
        ask("1000", emergency_reason="x")
    first, second = ask("1000"), ask("4000")
    assert (first.approvals_needed, second.approvals_needed) == (1, 2)
    second = disbursement.approve(second, content_hash=second.content_hash, by=w.other, at=NOW)
    mine = Disbursement.objects.filter(pk=second.pk)
    paid = {"paid_at": NOW, "paid_by": w.by, "paid_on": TODAY}
    for change in (paid, paid | {"approvals_needed": 1}):
        with pytest.raises(IntegrityError, match="a third person has not"), transaction.atomic():
            mine.update(**change)
    assert second in Disbursement.objects.in_state(Disbursement.State.TO_APPROVE)
    second = disbursement.approve(second, content_hash=second.content_hash, by=make_user(), at=NOW)
    disbursement.pay(second, paid_on=TODAY, by=w.by, at=NOW)
    assert Disbursement.objects.paid().get().amount == 4000


def test_page_of_the_cost_proposes_what_the_cap_leaves_and_says_when_nothing_is_left(ready, client):
    treasurer = log_in(client, make_user(None, "treasurer"))
    path = f"/admin/donations/legalcost/{ready.cost.pk}/request/"
    make_policy(caps=[("fees", "EUR", "300")], limits=LIMITS)

    assert treasurer.get(path).context["form"]["amount"].value() == "300.00"
    request(ready, "300")
    assert (
        "for one such cost, €300.00, is asked for or paid" in treasurer.get(path).content.decode()
    )


def test_same_file_attached_as_another_kind_is_kept_as_that(ready):
    content = factories.PDF
    first = documents.attach(
        cost=factories.make_cost(), name="a.pdf", content=content, by=ready.treasurer, at=NOW
    )
    again = documents.attach(
        cost=first.cost, name="a.pdf", content=content, kind=Kind.RULING, by=ready.treasurer, at=NOW
    )

    assert (again.pk, CostDocument.objects.get(pk=first.pk).kind) == (first.pk, Kind.RULING)
    with pytest.raises(documents.SameDocument):
        documents.attach(
            cost=first.cost,
            name="a.pdf",
            content=content,
            kind=Kind.RULING,
            by=ready.treasurer,
            at=NOW,
        )


def test_page_of_the_cost_names_what_is_lacking_and_the_form_proposes_it(ready, client):
    treasurer = log_in(client, make_user(None, "treasurer"))
    path = f"/admin/donations/legalcost/{ready.cost.pk}/"
    make_policy(kinds=[("fees", ["bill", "ruling"])], limits=LIMITS)

    page = treasurer.get(f"{path}change/").content.decode()
    assert (
        "The policy wants this before a payment is asked for: court&#x27;s ruling or notice."
        in page
    )
    assert treasurer.get(f"{path}attach/").context["form"]["kind"].value() == "ruling"
    refused = treasurer.get(f"{path}request/").content.decode()
    assert "Attach what the policy wants first: court&#x27;s ruling or notice." in refused


def test_bail_without_a_document_is_told_of_the_ruling_alone(client):
    treasurer = log_in(client, make_user(None, "treasurer"))
    bail = factories.make_cost(kind="bail")
    path = f"/admin/donations/legalcost/{bail.pk}/"
    assert (
        "None yet. A payment needs a document" in treasurer.get(f"{path}change/").content.decode()
    )
    make_policy(kinds=[("bail", ["ruling"])], limits=LIMITS)

    page = treasurer.get(f"{path}change/").content.decode()
    refused = treasurer.get(f"{path}request/").content.decode()

    wanted = "None yet. The policy wants this before a payment is asked for: court&#x27;s ruling or notice."
    assert wanted in page
    assert "Attach what the policy wants first: court&#x27;s ruling or notice." in refused
    assert "bill" not in page.partition('id="documents"')[2].partition("</section>")[0] + refused
