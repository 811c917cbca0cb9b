"""One bill with two costs: it is said where it is attached, asked for and approved, and paid twice only with a reason."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction

from donations import allocation, disbursement, documents
from donations.demo.spending import sample_pdf
from donations.models import CostDocument, Disbursement
from donations.same_documents import Elsewhere, alike, elsewhere
from tests import factories
from tests.donations.admin.test_spending import (
    browser_of,
    errors,
    of_cost,
    of_payment,
    press,
    text_of,
)
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, TODAY
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db

WHY = "the bill is for both, half each"


def other_cost(r, content=factories.PDF, amount="400"):
    """Another cost with the same bill and money set aside."""
    bo = factories.make_defendant("Bo (sample)", [r.case])
    other = factories.make_cost(r.case, bo, by=r.treasurer)
    document = factories.make_document(other, content)
    allocation.allocate(fund=r.fund, cost=other, amount=Decimal(amount), by=r.treasurer, at=NOW)
    return other, document


@pytest.fixture
def two():
    """A cost with a bill of which 400 is asked for, and another with the same bill."""
    r = make_ready()
    allocate(r, "400")
    r.first = requested(r, "400")
    r.other, r.same = other_cost(r)
    return r


def ask(r, amount="300", **said):
    return disbursement.request(
        cost=r.other, document=r.same, bank_account=r.bank, amount=Decimal(amount),
        by=r.treasurer, at=NOW, **said,
    )  # fmt: skip


def test_second_payment_for_one_bill_needs_a_reason(two):
    with pytest.raises(disbursement.SameDocument) as refusal:
        ask(two)
    assert str(refusal.value) == (
        f"This document is with {two.cost} too ({two.first}): say why it is paid here too."
    )
    disbursement.pay(approve(two, two.first), paid_on=TODAY, by=two.treasurer, at=NOW)
    with pytest.raises(disbursement.SameDocument):
        ask(two, same_document_reason=" ")

    row = ask(two, same_document_reason=f" {WHY} ")

    assert row.same_document_reason == WHY
    disbursement.pay(approve(two, row), paid_on=TODAY, by=two.treasurer, at=NOW)


def test_bill_whose_other_payment_was_refused_or_came_back_is_free(two):
    disbursement.refuse(two.first, reason="the wrong cost", by=two.approver, at=NOW)

    assert ask(two).same_document_reason == ""


def test_document_that_nobody_asked_for_elsewhere_needs_none():
    r = make_ready()
    allocate(r, "400")
    other_cost(r)

    assert requested(r).same_document_reason == ""


def test_approval_is_of_the_reason_too(two):
    row = ask(two, same_document_reason=WHY)
    said = row.content_hash
    approve(two, row)

    disbursement.amend(
        row, amount=row.amount, document=two.same, bank_account=two.bank, by=two.treasurer, at=NOW,
        same_document_reason="another reason",
    )  # fmt: skip

    row.refresh_from_db()
    assert (row.approved_at, row.same_document_reason) == (None, "another reason")
    assert row.content_hash != said
    with pytest.raises(disbursement.SameDocument):
        disbursement.amend(
            row, amount=row.amount, document=two.same, bank_account=two.bank, by=two.treasurer, at=NOW
        )  # fmt: skip


def test_database_refuses_what_nobody_says_why(two):
    row = ask(two, same_document_reason=WHY)
    with pytest.raises(IntegrityError, match="a reason is given"), transaction.atomic():
        Disbursement.objects.filter(pk=row.pk).update(same_document_reason=" ")
    with pytest.raises(IntegrityError, match="a reason is given"), transaction.atomic():
        Disbursement.objects.create(
            cost=two.other, document=two.same, bank_account=two.bank, amount=1, currency="EUR",
            payee_account=row.payee_account, payment_reference="PAY-X", requested_by=two.treasurer, requested_at=NOW,
        )  # fmt: skip
    disbursement.pay(approve(two, row), paid_on=TODAY, by=two.treasurer, at=NOW)
    with pytest.raises(IntegrityError, match="a paid disbursement"), transaction.atomic():
        Disbursement.objects.filter(pk=row.pk).update(same_document_reason="x")
    # What it was before it was cleaned stays with the document: by that it is known again, too.
    with pytest.raises(IntegrityError, match="not exchanged"), transaction.atomic():
        CostDocument.objects.filter(pk=two.same.pk).update(original_sha256="0" * 64)


def test_hash_of_a_payment_without_a_reason_is_what_it_was_before(two):
    """So no approval given before becomes void."""
    row = two.first
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT encode(sha256(convert_to(concat_ws('|', d.cost_id, d.amount, d.currency,
                   p.number || '|' || a.payee_hash || '|' || a.account_hash, d.bank_account_id, c.sha256,
                   c.kind || ' ' || c.sha256), 'UTF8')), 'hex')
               FROM donations_disbursement d JOIN donations_payeeaccount a ON a.id = d.payee_account_id
               JOIN donations_payee p ON p.id = a.payee_id JOIN donations_costdocument c ON c.id = d.document_id
               WHERE d.id = %s""",
            [row.pk],
        )
        assert cursor.fetchone() == (row.content_hash,)


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_with_one_bill_at_once_see_each_other():
    r = make_ready()
    allocate(r, "400")
    r.other, r.same = other_cost(r)
    done = []

    def act(number):
        try:
            done.append(ask(r) if number else requested(r))
        except (disbursement.SameDocument, IntegrityError) as refusal:
            assert "too" in str(refusal) or "a reason is given" in str(refusal)

    in_parallel(2, act)

    assert len(done) == 1
    assert Disbursement.objects.count() == 1


def test_same_is_what_was_given_or_what_it_became(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    r = make_ready()
    given = sample_pdf("one bill")
    first = documents.attach(cost=r.cost, name="a.pdf", content=given, by=r.other, at=NOW)
    with documents.open_checked(first) as file:
        cleaned = file.read()
    CostDocument.objects.filter(pk=r.document.pk).delete()
    costs = [factories.make_cost(r.case, by=r.treasurer) for _i in range(3)]
    for cost, content in zip(costs, (given, cleaned, sample_pdf("another")), strict=True):
        documents.attach(cost=cost, name="b.pdf", content=content, by=r.other, at=NOW)

    assert elsewhere(r.cost.documents.all()) == [
        Elsewhere(first, costs[0], ()),
        Elsewhere(first, costs[1], ()),
    ]
    assert elsewhere(costs[2].documents.all()) == elsewhere([]) == []
    with pytest.raises(documents.SameDocument):
        documents.attach(cost=r.cost, name="c.pdf", content=given, by=r.other, at=NOW)


def test_alike_is_the_same_amount_to_the_same_payee_within_two_weeks(two):
    two.other.payee = two.cost.payee
    two.other.save()
    half = ask(two, "100", same_document_reason=WHY)
    allocation.allocate(
        fund=two.fund, cost=two.other, amount=Decimal(200), by=two.treasurer, at=NOW
    )
    same = ask(two, "400", same_document_reason=WHY)
    assert (alike(half), alike(same), alike(two.first)) == ([], [two.first], [same])

    Disbursement.objects.filter(pk=same.pk).update(requested_at=NOW + timedelta(days=15))
    assert alike(two.first) == []


def test_office_says_it_where_it_is_attached_asked_for_and_approved(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    treasurer, abe = browser_of("treasurer")[0], browser_of("approver")[0]
    r = make_ready()
    allocate(r, "400")
    first = requested(r, "400")
    other, own = other_cost(r, b"%PDF-1.4 its own")
    r.cost, beside = other, r.cost
    both = f"A document here is with another cost too. See that it is not paid twice: Bill or invoice {r.document.sha256[:8]}: {beside} , {first} (€400.00, "

    page = treasurer.post(
        of_cost(r, "attach"), {"file": SimpleUploadedFile("b.pdf", factories.PDF)}, follow=True
    )
    assert f"The document is attached. It is with {beside} too: see below." in text_of(page)
    assert f"{both}asked for on " in text_of(page)
    assert f'<a href="/admin/donations/legalcost/{beside.pk}/change/">' in page.content.decode()

    page = press(treasurer, of_cost(r, "request"), amount="300")
    assert both in text_of(page)
    assert errors(page) == {
        "same_document_reason": [
            f"This document is with {beside} too ({first}): say why it is paid here too."
        ]
    }
    page = press(treasurer, of_cost(r, "request"), amount="300", same_document_reason=WHY)
    row = Disbursement.objects.latest("pk")
    assert f"Payment {row} is asked for" in text_of(page)

    page = text_of(abe.get(of_payment(row, "approve")))
    assert both in page
    assert f"Why this document is paid here too {WHY}" in page
    # A document that is with no other cost is asked with as ever.
    page = press(treasurer, of_payment(row, "amend"), same_document_reason="", document=own.pk)
    assert "Changed: another person approves it" in text_of(page)


def test_office_names_a_payment_like_it(two):
    two.other.payee = two.cost.payee
    two.other.save()
    row = ask(two, "400", same_document_reason=WHY)

    page = text_of(browser_of("approver")[0].get(of_payment(row)))

    assert (
        "The same payee, and the same amount, within two weeks. Compare the bills: "
        f"{two.first} (€400.00, asked for on " in page
    )
