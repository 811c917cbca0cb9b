"""Payments are asked for under the policy in force: of a kind it pays, with the documents it wants."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from donations import disbursement, documents
from donations.models import CostDocument, Disbursement
from tests import factories
from tests.donations.spending import allocate, make_ready, request
from tests.factories import NOW, log_in, make_policy, make_user

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
