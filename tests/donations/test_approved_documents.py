"""An approval is of every document of the cost; objections to emergencies stay in sight until somebody answers."""

from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction

from donations import disbursement, documents
from donations.models import CostDocument, Disbursement, Objection
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, TODAY, log_in, make_policy, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
PAYMENT = "/admin/donations/disbursement/"


def words(response):
    return " ".join(unescape(response.content.decode()).split())


@pytest.fixture
def approved():
    r = make_ready()
    allocate(r, "400")
    r.row = approve(r, requested(r, "400"))
    return r


def state(row):
    row = Disbursement.objects.get(pk=row.pk)
    return row.approved_by, row.approved_at, row.approved_hash, row.voided_by_document


def test_document_that_comes_after_the_approval_voids_it(approved):
    later = factories.make_document(approved.cost, b"%PDF-1.4 later", kind="receipt")

    assert state(approved.row) == (None, None, "", later)
    with pytest.raises(disbursement.WrongState, match="not approved"):
        disbursement.pay(approved.row, paid_on=TODAY, by=approved.treasurer, at=NOW)
    row = Disbursement.objects.get()
    assert row.content_hash != approved.row.content_hash

    again = approve(approved, row)

    assert (again.approved_by, state(again)[3]) == (approved.approver, None)
    disbursement.pay(again, paid_on=TODAY, by=approved.treasurer, at=NOW)


def test_document_that_becomes_of_another_kind_voids_it_too(approved):
    documents.attach(
        cost=approved.cost, name="a.pdf", content=factories.PDF, kind="ruling", by=approved.other, at=NOW
    )  # fmt: skip

    assert state(approved.row) == (None, None, "", approved.document)


def test_page_that_was_opened_before_the_document_came_does_not_approve(approved):
    r = approved
    disbursement.refuse(r.row, reason="x", by=r.approver, at=NOW)
    row = requested(r, "300")
    seen = row.content_hash
    factories.make_document(r.cost, b"%PDF-1.4 later")

    with pytest.raises(disbursement.ContentChanged, match="changed after you opened it"):
        disbursement.approve(row, content_hash=seen, by=r.approver, at=NOW)


def test_documents_of_other_costs_and_of_what_is_decided_change_nothing(approved):
    r = approved
    factories.make_document(factories.make_cost(r.case), b"%PDF-1.4 other cost")
    assert state(r.row)[0] == r.approver
    paid = disbursement.pay(r.row, paid_on=TODAY, by=r.treasurer, at=NOW)

    factories.make_document(r.cost, b"%PDF-1.4 receipt of it", kind="receipt")

    assert state(paid)[:3] == (r.approver, NOW, paid.content_hash)


def test_page_says_which_document_voided_it_and_lists_them_all(approved, client):
    factories.make_document(approved.cost, b"%PDF-1.4 later", kind="receipt")

    page = words(
        log_in(client, make_user("abe", "approver")).get(f"{PAYMENT}{approved.row.pk}/change/")
    )

    assert "that approval is void. Look at all documents, then approve it anew." in page
    assert "Bill or invoice <a href=" in page
    assert "Receipt or ticket <a href=" in page


@pytest.mark.django_db(transaction=True)
def test_approval_and_document_at_once_never_leave_an_approval_of_less():
    r = make_ready()
    allocate(r, "100")
    row = requested(r, "100")

    def act(number):
        if number:
            factories.make_document(r.cost, b"%PDF-1.4 later")
        else:
            disbursement.approve(row, content_hash=row.content_hash, by=r.approver, at=NOW)

    in_parallel(2, act)

    assert CostDocument.objects.count() == 2
    assert Disbursement.objects.get().approved_at is None


# --- Objections --------------------------------------------------------------------------------------------


@pytest.fixture
def emergency():
    r = make_ready()
    make_policy(limits=[("EUR", "100", "500")])
    allocate(r, "400")
    row = disbursement.request(
        cost=r.cost, document=r.document, bank_account=r.bank, amount=r.cost.owed * 0 + 400,
        by=r.treasurer, at=NOW, emergency_reason="the office closes at noon",
    )  # fmt: skip
    row.refresh_from_db()
    r.row = disbursement.pay(approve(r, row), paid_on=TODAY, by=r.treasurer, at=NOW)
    return r


def test_objection_stays_until_another_person_answers_it(emergency):
    r = emergency
    made = disbursement.object_to(r.row, reason="it could have waited", by=r.other, at=NOW)
    assert list(Disbursement.objects.objected()) == [r.row]

    with pytest.raises(disbursement.AlreadyDone):
        disbursement.object_to(r.row, reason="again", by=r.other, at=NOW)
    with pytest.raises(disbursement.SamePerson, match="is yours"):
        disbursement.answer(r.row, text="no", by=r.other, at=NOW)
    with pytest.raises(disbursement.NoReason):
        disbursement.answer(r.row, text=" ", by=r.approver, at=NOW)
    disbursement.answer(r.row, text="the court had set the day", by=r.approver, at=NOW)

    made.refresh_from_db()
    assert (made.answer, made.answered_by) == ("the court had set the day", r.approver)
    assert not Disbursement.objects.objected().exists()
    with pytest.raises(disbursement.WrongState, match="No objection waits"):
        disbursement.answer(r.row, text="more", by=r.approver, at=NOW)


def test_only_emergencies_that_were_paid_are_objected_to(approved):
    with pytest.raises(disbursement.WrongState, match="in an emergency"):
        disbursement.object_to(approved.row, reason="x", by=approved.other, at=NOW)
    with pytest.raises(IntegrityError, match="made in an emergency"), transaction.atomic():
        Objection.objects.create(disbursement=approved.row, reason="x", by=approved.other, at=NOW)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DELETE FROM donations_objection", "an objection stays"),
        ("UPDATE donations_objection SET reason = 'other'", "an objection stays"),
        (
            "UPDATE donations_objection SET answer = 'x', answered_by_id = by_id, answered_at = now()",
            "answered_by_another_person",
        ),
        ("UPDATE donations_objection SET answered_at = now()", "answer_complete"),
    ],
)
def test_database_keeps_objections(emergency, sql, rule):
    disbursement.object_to(emergency.row, reason="x", by=emergency.other, at=NOW)

    with (
        pytest.raises(IntegrityError, match=rule),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_objection_is_on_the_first_page_until_it_is_answered(emergency, client):
    path = f"{PAYMENT}{emergency.row.pk}/"
    tess = log_in(client, make_user("tess", "treasurer"))
    assert "objects to" not in words(tess.get("/admin/"))

    said = words(tess.post(f"{path}object/", {"reason": "why the hurry"}, follow=True))
    assert "Your objection is kept." in said
    assert "why the hurry" in said

    abe = log_in(client, make_user("abe", "approver"))
    assert "emergency payment somebody objects to" in words(abe.get("/admin/"))
    page = words(abe.get(f"{PAYMENT}?state=objected"))
    assert emergency.row.payment_reference in page
    said = words(abe.post(f"{path}answer/", {"answer": "noon deadline"}, follow=True))
    assert "Answer: noon deadline" in said
    assert "objects to" not in words(abe.get("/admin/"))
