"""What is left is paid to the partner by the office's pages alone: asked for, approved, paid, and taken back."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from donations import ledger
from donations.models import AccountKey, PartnerPayment
from tests import factories
from tests.donations.partner import PARTNER, make_over
from tests.donations.test_tracing import proved
from tests.factories import PDF, log_in, make_user


def url(name, *args):
    return reverse(f"admin:donations_{name}", args=args)


@pytest.fixture
def office(client, django_user_model):
    class Office:
        treasurer = make_user("treasurer", "treasurer")
        approver = make_user("approver", "approver")
        third = make_user("third", "approver")

        def get(self, address, by=None):
            return log_in(client, by or self.treasurer).get(address).content.decode()

        def post(self, address, data=None, by=None):
            """The page after the redirect, or the form again."""
            page = log_in(client, by or self.treasurer).post(address, data or {}, follow=True)
            return page.content.decode()

    return Office()


def asked(r, **fields):
    return {
        "number": "2b1c1f7a-58a3-4d6e-9a52-0d9cd9a3c0aa",
        "currency": "EUR",
        "cause": "case",
        "payee": r.partner.pk,
        "bank_account": r.bank.pk,
        "file": SimpleUploadedFile("agreement.pdf", PDF),
        "note": "",
    } | fields


def test_rest_is_paid_to_the_partner_from_the_funds_page_by_three_people(office, db):
    r = make_over(third_person_above="999")
    assert url("fund_partner", r.fund.pk) in office.get(url("fund_change", r.fund.pk))
    form = office.get(url("fund_partner", r.fund.pk))
    assert ("casa  de Muestra" in form, "€1,000.00</option>" in form) == (True, True)
    page = office.post(url("fund_partner", r.fund.pk), asked(r, cause="dormant"))
    assert "By the policy a fund is dormant when" in page
    page = office.post(
        url("fund_partner", r.fund.pk), asked(r, file=SimpleUploadedFile("a.pdf", b"no"))
    )
    assert 'class="errorlist" id="id_file_error"' in page

    page = office.post(url("fund_partner", r.fund.pk), asked(r))
    assert f"Asked for: another person approves that €1,000.00 be paid to {PARTNER}." in page
    assert "What was left and paid to the partner" in page
    page = office.post(url("fund_partner", r.fund.pk), asked(r))
    assert "This was sent twice: it was asked for once." in page

    row = PartnerPayment.objects.get()
    approval = {"content_hash": row.content_hash}
    assert "payment to the partner to approve" in office.get("/admin/", by=office.approver)
    page = office.get(url("partnerpayment_approve", row.pk), by=office.approver)
    assert (PARTNER in page, "casa  de Muestra" in page) == (True, True)
    file = log_in(Client(), office.approver).get(url("partnerpayment_document", row.pk))
    assert (file["Content-Type"], b"".join(file.streaming_content)) == ("application/pdf", PDF)
    page = office.post(url("partnerpayment_approve", row.pk), {"content_hash": "0" * 64}, by=office.approver)  # fmt: skip
    assert "This is not what you looked at." in page
    page = office.post(url("partnerpayment_approve", row.pk), approval, by=office.approver)
    assert "a third person must approve it too" in page
    assert "By the policy a third person must approve" in office.get(url("partnerpayment_pay", row.pk))  # fmt: skip
    page = office.post(url("partnerpayment_approve", row.pk), approval, by=office.third)
    assert "Approved: it may be paid exactly as it is." in page
    assert "approved payment to the partner to make" in office.get("/admin/")
    paid = {"paid_on": timezone.now().date().isoformat(), "bank_reference": "77"}
    page = office.post(url("partnerpayment_pay", row.pk), paid)
    assert "Recorded as paid. The bank" in page
    assert ledger.balance(AccountKey.fund(r.fund, "EUR")) == 0
    assert row.payment_reference in office.get(url("partnerpayment_changelist") + "?state=prove")

    page = office.post(url("partnerpayment_doubt", row.pk), {"reason": "The bank refused it."})
    assert "treasurer says that it never left the bank" in page
    assert "said never to have left, to take back" in office.get("/admin/", by=office.approver)
    page = office.post(url("partnerpayment_take_back", row.pk), by=office.approver)
    assert "Taken back: €1,000.00 is in “" in page
    assert ledger.balance(AccountKey.fund(r.fund, "EUR")) == 1000
    assert proved("partner_payments") == {"partner_payments": ()}


def test_page_says_why_nothing_is_paid_to_a_partner(office, db):
    r = make_over(surplus_order=["appeal", "others"])
    assert url("fund_partner", r.fund.pk) not in office.get(url("fund_change", r.fund.pk))
    assert "nothing that is left over goes to a partner" in office.get(url("fund_partner", r.fund.pk))  # fmt: skip
    assert "Nothing is left in this fund." in office.get(url("fund_partner", r.general.pk))


def test_page_says_who_comes_first_and_that_the_partner_is_no_payee_yet(office, db):
    r = make_over(partner="Another house")
    assert url("fund_partner", r.fund.pk) in office.get(url("fund_change", r.fund.pk))
    page = office.get(url("fund_partner", r.fund.pk))
    assert "Nobody in the register of payees is called Another house" in page
    factories.make_payee("ANOTHER HOUSE", "FR1420041010050500013M02606")
    assert "Nobody in the register" not in office.get(url("fund_partner", r.fund.pk))
    factories.make_cost(factories.make_case(r.case.appeal), owed="50", by=r.treasurer)
    page = office.get(url("fund_partner", r.fund.pk))
    assert "By the policy it goes first to other defendants of the same appeal" in page


def test_request_is_withdrawn_or_refused_with_a_reason(office, db):
    r = make_over()
    for verb, by in (("withdraw", office.treasurer), ("refuse", office.approver)):
        office.post(url("fund_partner", r.fund.pk), asked(r, number=f"2b1c1f7a-58a3-4d6e-9a52-0d9cd9a3c0{verb[:1] == 'w':d}1"))  # fmt: skip
        row = PartnerPayment.objects.first()
        page = office.post(url(f"partnerpayment_{verb}", row.pk), {"reason": "Not yet."}, by=by)
        assert "Refused; no money moved." in page
        assert f"{'Withdrawn' if verb == 'withdraw' else 'Refused'} by {by.username}" in page
    assert PartnerPayment.objects.in_state(PartnerPayment.State.REFUSED).count() == 2
