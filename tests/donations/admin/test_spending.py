"""A cost's way through the office, button by button: who may press what, what each page says, what is refused beside which field."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from appeals import consent
from defensefund.templatetags.formats import plain_moment
from donations import allocation, disbursement, ledger, payees, reconciliation
from donations.models import (
    AccountKey,
    Allocation,
    CostDocument,
    Disbursement,
    Fund,
    FundCover,
    LegalCost,
)
from tests import factories
from tests.donations.reconciliation.files import make_line
from tests.donations.spending import allocate, approve, balances, make_ready, refund, requested
from tests.factories import NOW, PDF, log_in, make_pdf, make_user

NOW_OR_SO = timedelta(days=1)


@pytest.fixture
def ready(treasurer):
    return make_ready()


def browser_of(*groups, **fields):
    client = Client(headers={"accept-language": "en"})
    user = make_user(None, *groups, **fields)
    log_in(client, user)
    return client, user


@pytest.fixture
def approver(ready):
    return browser_of("approver")[0]


def of_cost(r, verb="change"):
    return f"/admin/donations/legalcost/{r.cost.pk}/{verb}/"


def of_payment(row, verb="change"):
    return f"/admin/donations/disbursement/{row.pk}/{verb}/"


def text_of(response):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def first_values(response):
    """What the form holds before anybody types."""
    form = response.context["form"]
    return {field.html_name: field.value() or "" for field in form}


def press(client, path, **typed):
    """Opens the form, changes what is named, sends it; the page it ends on."""
    opened = client.get(path)
    assert opened.status_code == 200
    return client.post(path, first_values(opened) | typed, follow=True)


def errors(response):
    return {name: list(said) for name, said in response.context["form"].errors.items()}


def test_whole_way_by_two_people_from_bill_to_proof(ready, treasurer, approver):
    LegalCost.objects.filter(pk=ready.cost.pk).update(owed=600)
    page = press(treasurer, of_cost(ready, "allocate"), amount="600")
    assert "€600.00 of “" in text_of(page)

    page = press(treasurer, of_cost(ready, "request"), amount="450,50")
    row = Disbursement.objects.get()
    assert f"Payment {row.payment_reference} is asked for" in text_of(page)
    assert row.amount == Decimal("450.50")

    page = press(approver, of_payment(row, "approve"))
    assert "Approved: it may be paid exactly as it is." in text_of(page)
    page = press(treasurer, of_payment(row, "pay"))
    assert "Recorded as paid." in text_of(page)

    row.refresh_from_db()
    assert row.paid_on == timezone.now().date()
    assert balances(ready) == (Decimal("549.50"), 400, Decimal("149.50"))
    factories.prove(row, by=ready.other)
    page = text_of(treasurer.get(of_payment(row)))
    assert "Seen at the bank on" in page
    assert "done" in page


def test_cost_page_says_where_it_stands(ready, treasurer):
    allocate(ready, "600")
    approve(ready, requested(ready, "100"))
    row = approve(ready, requested(ready, "200"))
    disbursement.pay(row, paid_on=NOW.date(), by=ready.treasurer, at=NOW)
    factories.give(ready.general, "70")

    page = text_of(treasurer.get(of_cost(ready)))

    for sentence in (
        "Owed €1,000.00",
        "Set aside €400.00",
        "of it asked for €100.00",
        "of it free to ask for €300.00",
        "Paid €200.00",
        "Missing €400.00",
        f"{ready.fund.name} Set money aside a case €400.00 €600.00",
        f"{ready.general.name} Set money aside general €70.00 €0.00",
        f"{row.payment_reference} €200.00 paid, to be seen at the bank",
    ):
        assert sentence in page


def test_names_of_defendants_are_nowhere_in_the_moneys_pages(ready, treasurer):
    identity = "Rosa Secreta"
    defendant = factories.make_defendant("Alias Uno", cases=[ready.case])
    consent.identify(defendant=defendant, name=identity)
    LegalCost.objects.filter(pk=ready.cost.pk).update(defendant=defendant)
    ready.cost = LegalCost.objects.get(pk=ready.cost.pk)
    allocate(ready, "600")
    row = requested(ready, "100")

    for path in (
        "/admin/donations/legalcost/",
        of_cost(ready),
        of_cost(ready, "allocate"),
        of_cost(ready, "history"),
        "/admin/donations/legalcost/add/",
        "/admin/donations/disbursement/",
        of_payment(row),
        of_payment(row, "pay"),
    ):
        page = treasurer.get(path).content.decode()
        assert identity not in page
        assert "Alias Uno" in page or path.endswith(("history/", "disbursement/"))


def test_buttons_are_those_the_person_may_press_now(ready, treasurer, approver):
    def buttons(client, path):
        return [str(verb["label"]) for verb in client.get(path).context["verbs"]]

    assert buttons(treasurer, of_cost(ready)) == [
        "Set money aside", "Attach a document", "Agree instalments", "End this cost",
    ]  # fmt: skip
    allocate(ready, "600")
    assert buttons(treasurer, of_cost(ready)) == [
        "Set money aside", "Attach a document", "Ask for payment", "Release", "Agree instalments", "End this cost",
    ]  # fmt: skip
    assert buttons(approver, of_cost(ready)) == []
    # Who may not change a cost reads its amounts once, in words.
    read = approver.get(of_cost(ready)).content.decode()
    assert re.findall(r'class="form-row field-(\w+)', read) == ["case", "description", "due_on"]
    row = requested(ready, "600")
    assert "Release" not in buttons(treasurer, of_cost(ready))
    assert buttons(treasurer, of_payment(row)) == ["Change"]
    assert buttons(approver, of_payment(row)) == ["Approve", "Refuse"]
    approve(ready, row)
    assert buttons(treasurer, of_payment(row)) == ["Record as paid", "Change"]
    assert buttons(approver, of_payment(row)) == ["Refuse"]
    row = disbursement.pay(row, paid_on=NOW.date(), by=ready.treasurer, at=NOW)
    assert buttons(treasurer, of_payment(row)) == ["It never left the bank"]
    # Which is no next step, and does not look like one.
    assert "button default" not in treasurer.get(of_payment(row)).content.decode()
    factories.prove(row, by=ready.other)
    assert buttons(treasurer, of_payment(row)) == []
    # Nothing is left to be paid in instalments.
    LegalCost.objects.filter(pk=ready.cost.pk).update(owed=600)
    assert buttons(treasurer, of_cost(ready)) == ["Attach a document", "End this cost"]


@pytest.mark.parametrize(
    ("typed", "beside", "sentence"),
    [
        ({"amount": "abc"}, "amount", "Write the amount in figures, like 25,50"),
        ({"amount": "1,005"}, "amount", "Only €1,000.00 of this cost is not set aside yet."),
        ({"amount": "1.005,001"}, "amount", "EUR has no such small parts"),
        ({"amount": "0"}, "amount", "The amount must be above zero."),
        ({"amount": ""}, "amount", "Write the amount."),
        ({"fund": ""}, "fund", "Choose a fund."),
        ({"fund": "general", "amount": "1"}, "amount", "Only €0.00 is free there"),
    ],
)
def test_wrong_allocation_is_answered_beside_its_field(ready, treasurer, typed, beside, sentence):
    if typed.get("fund") == "general":
        typed = typed | {"fund": ready.general.pk}

    page = press(treasurer, of_cost(ready, "allocate"), **typed)

    assert list(errors(page)) == [beside]
    assert sentence in errors(page)[beside][0]
    assert not Allocation.objects.exists()


def test_allocation_of_a_frozen_fund_is_answered_beside_the_fund(ready, treasurer):
    allocate(ready, "900")
    refund(ready, "150")

    page = press(treasurer, of_cost(ready, "allocate"), fund=ready.fund.pk, amount="1")

    assert "frozen until two people free it" in errors(page)["fund"][0]


def test_form_shows_what_each_fund_has_and_proposes_the_narrowest(ready, treasurer):
    factories.give(ready.general, "70")

    form = treasurer.get(of_cost(ready, "allocate")).context["form"]

    assert [label for _pk, label in form.fields["fund"].choices] == [
        "Choose a fund",
        f"{ready.fund.name}: €1,000.00 free",
        f"{ready.general.name}: €70.00 free",
    ]
    assert (form["fund"].value(), form["amount"].value()) == (ready.fund.pk, "1000.00")


def test_reserve_of_a_general_fund_is_beside_what_is_free_and_never_proposed(ready, treasurer):
    factories.make_policy(reserve_percent=10, fund_order=["general"], limits=[("EUR", "1000", "0")])
    factories.give(ready.general, "70")

    form = treasurer.get(of_cost(ready, "allocate")).context["form"]
    label = f"{ready.general.name}: €70.00 free, of it €7.00 stays in reserve"
    assert [label for _pk, label in form.fields["fund"].choices] == ["Choose a fund", label]
    assert form["amount"].value() == "63.00"
    money = f"/admin/donations/legalcost/case/{ready.case.pk}/"
    for path in (of_cost(ready), money, f"/admin/donations/fund/{ready.general.pk}/change/"):
        assert "€70.00 of it €7.00 stays in reserve" in text_of(treasurer.get(path))

    allocate(ready, "63", ready.general)
    assert "€7.00 of it €7.00 stays in reserve" in text_of(page := treasurer.get(of_cost(ready)))
    # Nothing more of it can be set aside, so no button says so.
    assert f"fund={ready.general.pk}&" not in page.content.decode()
    form = treasurer.get(of_cost(ready, "allocate")).context["form"]
    assert (form["fund"].value(), form["amount"].value()) == (None, "0.00")


def test_emergency_says_until_when_a_third_person_signs_it(ready, treasurer, approver):
    factories.make_policy(
        limits=[("EUR", "500", "500")], approvers=2, emergency_hours=50, at=timezone.now() - timedelta(days=1)
    )  # fmt: skip
    allocate(ready, "500")
    soon = plain_moment(timezone.now() + timedelta(hours=50))[:-10]  # the day; minutes pass

    asking = of_cost(ready, "request")
    said = treasurer.get(asking).context["form"].fields["emergency_reason"].help_text
    assert said.startswith(
        "Then one approval is enough to pay it, and a third person signs within 50 hours"
    )
    assert f"if that is now, by {soon}" in said
    page = press(treasurer, asking, amount="100", emergency_reason="The lawyer leaves at once.")
    row = Disbursement.objects.get()
    within = (
        "An emergency: one approval is enough to pay it, and a third person signs within 50 hours"
    )
    assert within in text_of(treasurer.get(of_payment(row)))
    press(approver, of_payment(row, "approve"))
    paying = of_payment(row, "pay")
    assert f"it by {soon}" in treasurer.get(paying).context["form"].fields["paid_on"].help_text

    press(treasurer, paying)

    row.refresh_from_db()
    until = plain_moment(row.paid_at + timedelta(hours=50))
    third = browser_of("approver")[0]
    page = text_of(third.get(of_payment(row)))
    assert f"a third person has to sign by {until}" in page
    assert "late An emergency" not in page
    first_page = text_of(third.get("/admin/"))
    assert f"1 payment made in an emergency, to sign by {until}" in first_page
    assert "payment to approve" not in first_page
    assert "to sign" not in text_of(approver.get("/admin/"))
    listed = third.get("/admin/donations/disbursement/?state=unsigned")
    assert f"to be signed by {until}" in text_of(listed)

    press(third, of_payment(row, "approve"))

    assert "Approved by a third person" in text_of(third.get(of_payment(row)))
    assert "to be signed by" not in text_of(third.get("/admin/donations/disbursement/"))


def test_same_form_sent_twice_acts_once(ready, treasurer):
    path = of_cost(ready, "allocate")
    typed = first_values(treasurer.get(path)) | {"amount": "100"}
    treasurer.post(path, typed)

    again = treasurer.post(path, typed, follow=True)

    assert "This was sent twice: it was done once." in text_of(again)
    assert Allocation.objects.get().amount == 100


def test_same_request_sent_twice_asks_once(ready, treasurer):
    allocate(ready, "600")
    path = of_cost(ready, "request")
    typed = first_values(treasurer.get(path)) | {"amount": "100"}
    treasurer.post(path, typed)

    again = treasurer.post(path, typed, follow=True)

    assert "it was asked for once" in text_of(again)
    assert Disbursement.objects.get().amount == 100


def test_release_gives_back(ready, treasurer):
    allocate(ready, "600")
    page = press(treasurer, of_cost(ready, "release"), amount="600.01")
    assert "has €600.00 set aside here" in errors(page)["amount"][0]

    page = press(treasurer, of_cost(ready, "release"), amount="150")

    assert "€150.00 is back in" in text_of(page)
    assert balances(ready) == (1000, 550, 450)


def test_request_before_its_time_says_why(ready, treasurer):
    page = treasurer.get(of_cost(ready, "request"))
    assert "set more aside first" in page.context["closed"]
    CostDocument.objects.all().delete()
    page = treasurer.get(of_cost(ready, "request"))
    assert "Attach a bill or a ruling first" in page.context["closed"]


def test_request_beyond_what_is_set_aside_is_answered_beside_the_amount(ready, treasurer):
    allocate(ready, "600")
    # Beside each account, what lies there.
    assert f"{ready.bank}: €1,000.00 in the books" in text_of(
        treasurer.get(of_cost(ready, "request"))
    )

    page = press(treasurer, of_cost(ready, "request"), amount="600.01")

    assert "€600.00 is set aside for this cost" in errors(page)["amount"][0]
    assert not Disbursement.objects.exists()


# --- Documents --------------------------------------------------------------------------------------


def attach(client, r, content, name="bill.pdf"):
    return client.post(
        of_cost(r, "attach"), {"file": SimpleUploadedFile(name, content)}, follow=True
    )


def test_document_is_attached_and_comes_back_as_a_download_alone(
    ready, treasurer, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    assert "The document is attached." in text_of(attach(treasurer, ready, make_pdf("Second")))
    document = CostDocument.objects.latest("pk")

    response = treasurer.get(f"/admin/donations/legalcost/document/{document.pk}/")

    assert b"".join(response.streaming_content) == make_pdf("Second")
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == (
        f'attachment; filename="{ready.cost.number}-{document.sha256[:8]}.pdf"'
    )
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"MZ", "bill.pdf", "Only PDF, JPEG and PNG"),
        (b"", "bill.pdf", "This file is empty."),
        (PDF, "bill.pdf", "attached already"),
        (PDF + b" " * 10 * 1024 * 1024, "bill.pdf", "larger than 10 MB"),
    ],
)
def test_unfit_document_is_answered_beside_the_file(ready, treasurer, content, name, sentence):
    page = attach(treasurer, ready, content, name)

    assert sentence in errors(page)["file"][0]
    assert CostDocument.objects.count() == 1


def test_damaged_document_is_said_not_sent(ready, treasurer, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path

    page = treasurer.get(f"/admin/donations/legalcost/document/{ready.document.pk}/", follow=True)

    assert "The file of this document is missing" in text_of(page)


def test_document_is_for_who_may_see_it(ready):
    path = f"/admin/donations/legalcost/document/{ready.document.pk}/"

    assert browser_of("organizer")[0].get(path).status_code == 403
    response = browser_of("approver")[0].get(path)
    assert b"".join(response) == PDF


# --- Deciding ---------------------------------------------------------------------------------------


def test_superuser_who_asked_cannot_approve(ready):
    client, boss = browser_of(is_superuser=True)
    allocate(ready, "600")
    row = requested(ready)
    Disbursement.objects.filter(pk=row.pk).update(requested_by=boss)

    page = client.get(of_payment(row, "approve"))
    assert "another person must approve it" in page.context["closed"]
    page = client.post(of_payment(row, "approve"), {"content_hash": row.content_hash})

    assert "another person must approve it" in errors(page)["__all__"][0]
    row.refresh_from_db()
    assert row.approved_at is None


def test_change_between_looking_and_approving_is_shown_first(ready, approver):
    allocate(ready, "600")
    row = requested(ready, "100")
    seen = first_values(approver.get(of_payment(row, "approve")))
    disbursement.amend(
        row, amount=Decimal(500), document=ready.document, bank_account=ready.bank,
        by=ready.treasurer, at=NOW,
    )  # fmt: skip

    page = approver.post(of_payment(row, "approve"), seen, follow=True)

    assert page.redirect_chain == [(of_payment(row, "approve"), 302)]
    assert "changed after you opened it" in text_of(page)
    assert "€500.00" in text_of(page)
    row.refresh_from_db()
    assert row.approved_at is None
    assert "Approved" in text_of(press(approver, of_payment(row, "approve")))


def test_approving_and_paying_ask_for_a_fresh_proof(ready):
    client, _user = browser_of("approver")
    allocate(ready, "600")
    row = requested(ready)
    session = client.session
    session["proved_at"] = 0
    session.save()

    page = client.post(of_payment(row, "approve"), {"content_hash": row.content_hash})

    assert page.templates[0].name == "staff/prove.html"
    row.refresh_from_db()
    assert row.approved_at is None


def test_refusal_needs_a_reason_and_keeps_it(ready, approver, treasurer):
    allocate(ready, "600")
    row = requested(ready)
    page = press(approver, of_payment(row, "refuse"), reason="  ")
    assert "Say why" in errors(page)["reason"][0]

    press(approver, of_payment(row, "refuse"), reason="Wrong bill")

    page = text_of(treasurer.get(of_payment(row)))
    assert "Refused by" in page
    assert "Wrong bill" in page


def test_payment_on_a_future_day_is_answered_beside_the_day(ready, treasurer):
    allocate(ready, "600")
    row = approve(ready, requested(ready))
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()

    page = press(treasurer, of_payment(row, "pay"), paid_on=tomorrow)

    assert "lies in the future" in errors(page)["paid_on"][0]
    page = press(treasurer, of_payment(row, "pay"), paid_on="31st of March")
    assert "This is no day" in errors(page)["paid_on"][0]


def test_payment_is_changed_and_approved_anew(ready, treasurer):
    allocate(ready, "600")
    row = approve(ready, requested(ready, "100"))

    page = press(treasurer, of_payment(row, "amend"), amount="250")

    assert "another person approves it as it is now" in text_of(page)
    row.refresh_from_db()
    assert (row.amount, row.approved_at) == (250, None)
    page = press(treasurer, of_payment(row, "amend"), amount="601")
    assert "€600.00 is set aside" in errors(page)["amount"][0]


def test_payee_whose_account_changed_is_said_before_anybody_decides(ready, approver, treasurer):
    allocate(ready, "600")
    row = requested(ready)
    payees.change_account(
        ready.cost.payee, name="Sample law office", scheme="iban", account="ES9121000418450200051332",
        by=ready.treasurer, at=NOW,
    )  # fmt: skip

    assert "account was changed after" in text_of(approver.get(of_payment(row)))
    page = press(approver, of_payment(row, "approve"))
    assert "account was changed after" in errors(page)["__all__"][0]

    press(treasurer, of_payment(row, "amend"))
    page = press(approver, of_payment(row, "approve"))
    assert "Nobody has confirmed this payee's account yet" in errors(page)["__all__"][0]
    press(
        approver,
        f"/admin/donations/payee/{ready.cost.payee_id}/confirm/",
        account="ES91 2100 0418 4502 0005 1332",
    )
    assert "Approved" in text_of(press(approver, of_payment(row, "approve")))


@pytest.mark.parametrize("state", Disbursement.State)
def test_payments_are_listed_by_state(ready, treasurer, state):
    allocate(ready, "1000")
    State = Disbursement.State
    by_state = {each: requested(ready, str(10 + n)) for n, each in enumerate(State)}
    for each in (State.TO_PAY, State.TO_PROVE, State.DONE, State.CAME_BACK, State.NEVER_LEFT):
        approve(ready, by_state[each])
    for each in (State.TO_PROVE, State.DONE, State.CAME_BACK, State.NEVER_LEFT):
        by_state[each] = disbursement.pay(
            by_state[each], paid_on=NOW.date(), by=ready.treasurer, at=NOW
        )
    factories.prove(by_state[State.DONE], by=ready.other)
    sent_back = factories.prove(by_state[State.CAME_BACK], by=ready.other).line
    reconciliation.match(
        line=make_line(-sent_back.amount, sent_back.account),
        target=reconciliation.CameBack(by_state[State.CAME_BACK]),
        by=ready.other,
        at=NOW,
    )
    never_left = by_state[State.NEVER_LEFT]
    disbursement.doubt(never_left, reason="Not at the bank", by=ready.treasurer, at=NOW)
    disbursement.take_back(never_left, by=ready.approver, at=NOW)
    disbursement.refuse(by_state[State.REFUSED], reason="No", by=ready.approver, at=NOW)

    page = treasurer.get(f"/admin/donations/disbursement/?state={state}")

    assert [row.pk for row in page.context["cl"].result_list] == [by_state[state].pk]
    assert f">{state.label}</span>" in page.content.decode()


# --- Recording a cost -------------------------------------------------------------------------------


def cost_data(r, **typed):
    return {
        "case": r.case.pk,
        "defendant": r.cost.defendant_id,
        "kind": "fees",
        "description": "Hearing",
        "currency": "ARS",
        "owed": "1.234.567,89",
        "due_on": "",
        "payee": r.cost.payee_id,
    } | typed


def test_cost_is_recorded_with_the_amount_as_people_write_it(ready, treasurer):
    page = treasurer.post("/admin/donations/legalcost/add/", cost_data(ready), follow=True)

    assert page.status_code == 200
    cost = LegalCost.objects.latest("pk")
    assert (cost.owed, cost.currency) == (Decimal("1234567.89"), "ARS")
    assert cost.payee == ready.cost.payee
    assert cost.recorded_by.username == "tess"
    assert timezone.now() - cost.recorded_at < NOW_OR_SO


@pytest.mark.parametrize(
    ("typed", "beside", "sentence"),
    [
        ({"owed": "x"}, "owed", "Write the amount in figures"),
        ({"owed": "0"}, "owed", "above zero"),
        ({"owed": "1,234,56"}, "owed", "without grouping"),
        ({"currency": "ZZZ"}, "currency", "ZZZ is not one of the available choices"),
        ({"payee": ""}, "payee", "required"),
        ({"payee": "retired"}, "payee", "not one of the available choices"),
        ({"defendant": "another"}, "defendant", "no defendant in that case"),
    ],
)
def test_wrong_cost_is_answered_beside_its_field(ready, treasurer, typed, beside, sentence):
    if typed.get("defendant") == "another":
        typed = {"defendant": factories.make_defendant().pk}
    if typed.get("payee") == "retired":
        retired = factories.make_payee(retired_by=ready.other, retired_at=NOW)
        typed = {"payee": retired.pk}

    page = treasurer.post("/admin/donations/legalcost/add/", cost_data(ready, **typed))

    said = page.context["adminform"].form.errors
    assert sentence in str(said.get(beside) or said.get("__all__"))
    assert LegalCost.objects.count() == 1


def test_saving_a_cost_unchanged_changes_nothing(ready, treasurer):
    page = treasurer.get(of_cost(ready))
    form = page.context["adminform"].form
    before = LegalCost.objects.values().get()

    treasurer.post(of_cost(ready), {f.html_name: f.value() or "" for f in form})

    assert LegalCost.objects.values().get() == before
    assert form["owed"].value() == "1000.00"


def test_cost_in_the_ledger_keeps_what_it_is_and_what_is_set_aside(ready, treasurer):
    allocate(ready, "600")
    requested(ready, "100")
    before = ready.cost.payee_id
    form = treasurer.get(of_cost(ready)).context["adminform"].form
    assert list(form.fields) == ["description", "owed", "uma", "due_on"]

    page = treasurer.post(of_cost(ready), {"description": "x", "owed": "599.99", "due_on": ""})
    assert "€600.00 is set aside" in str(page.context["adminform"].form.errors["owed"])
    treasurer.post(
        of_cost(ready),
        {"description": "x", "owed": "600", "due_on": "", "payee": factories.make_payee().pk},
    )

    ready.cost.refresh_from_db()
    assert (ready.cost.owed, ready.cost.payee.account.name) == (600, "Sample law office")
    assert ready.cost.payee_id == before


@pytest.mark.parametrize(
    ("need", "found"), [("money", 1), ("request", 1), ("nothing", 0), ("", 1), ("nonsense", 1)]
)
def test_costs_are_listed_by_what_is_to_be_done(ready, treasurer, need, found):
    allocate(ready, "600")

    page = treasurer.get("/admin/donations/legalcost/", {"need": need} if need else {})

    assert len(page.context["cl"].result_list) == found


# --- Funds ------------------------------------------------------------------------------------------


def test_fund_below_zero_is_covered_by_two_people(ready, treasurer, approver):
    allocate(ready, "900")
    refund(ready, "150")
    factories.give(ready.general, "500")
    path = f"/admin/donations/fund/{ready.fund.pk}/cover/"
    assert "−€50.00 EUR" in text_of(treasurer.get("/admin/donations/fund/"))
    page = press(treasurer, path, reason="Refund", amount="x")
    assert set(errors(page)) == {"amount", "source"}

    page = press(treasurer, path, source=ready.general.pk, reason="Refund after the payment")
    assert "The cover is asked for" in text_of(page)
    cover = FundCover.objects.get()
    assert (cover.amount, cover.currency) == (50, "EUR")

    page = press(approver, f"/admin/donations/fundcover/{cover.pk}/approve/")
    assert "€50.00 moved from" in text_of(page)
    assert ledger.balance(AccountKey.fund(ready.fund, "EUR")) == 0
    page = treasurer.get(path)
    assert page.context["closed"] == "This fund is not frozen: there is nothing to cover."
    done, waiting = (
        approver.get("/admin/donations/fundcover/", {"state": state}).context["cl"].result_list
        for state in ("done", "approve")
    )
    assert (list(done), list(waiting)) == ([cover], [])


def test_fund_that_gifts_refilled_is_freed_by_two_people(ready, treasurer, approver):
    allocate(ready, "900")
    refund(ready, "150")
    fund = f"/admin/donations/fund/{ready.fund.pk}/"
    assert "still below zero" in treasurer.get(f"{fund}lift/").context["closed"]
    factories.give(ready.fund, "80")

    todo = text_of(treasurer.get("/admin/"))
    assert "1 fund still frozen though gifts have refilled it" in todo
    assert "below zero" not in todo
    assert listed(treasurer, "fund", "refilled") == [ready.fund]
    assert listed(treasurer, "fund", "below") == []
    shown = text_of(treasurer.get(f"{fund}change/"))
    assert "Lift the freeze" in shown
    assert "Ask for cover" not in shown
    assert "ask to lift its freeze" in treasurer.get(f"{fund}cover/").context["closed"]
    page = press(treasurer, f"{fund}lift/", reason="Refund after the payment; later gifts")
    assert "once another person approves" in text_of(page)

    row = FundCover.objects.get()
    assert (row.source, row.amount, row.currency) == (None, 0, "EUR")
    assert "1 decision over a frozen fund to approve" in text_of(approver.get("/admin/"))
    assert listed(approver, "fundcover", "approve") == [row]
    page = press(approver, f"/admin/donations/fundcover/{row.pk}/approve/")
    assert "may be decided over again in EUR" in text_of(page)
    assert "frozen" not in text_of(treasurer.get("/admin/"))
    assert "Lift the freeze (EUR)" in text_of(treasurer.get(f"{fund}change/"))


def listed(client, model, state):
    page = client.get(f"/admin/donations/{model}/", {"state": state})
    return list(page.context["cl"].result_list)


def test_cover_beyond_the_other_funds_money_is_refused_on_its_page(ready, approver):
    allocate(ready, "900")
    refund(ready, "150")
    factories.give(ready.general, "30")
    cover = allocation.request_cover(
        source=ready.general, target=ready.fund, amount=Decimal(50), currency="EUR",
        reason="Refund", by=ready.treasurer, at=NOW,
    )  # fmt: skip

    page = approver.post(f"/admin/donations/fundcover/{cover.pk}/approve/")

    assert "Only €30.00 is free" in errors(page)["__all__"][0]


def test_fund_with_money_is_not_closed_and_keeps_its_code(ready, treasurer):
    path = f"/admin/donations/fund/{ready.fund.pk}/change/"
    form = treasurer.get(path).context["adminform"].form
    assert list(form.fields) == ["name", "purpose", "fallback", "closed_on"]

    page = treasurer.post(
        path, {"name": "x", "purpose": "y", "fallback": "", "closed_on": "2026-03-01"}
    )

    assert "There is still €1,000.00 in this fund" in str(
        page.context["adminform"].form.errors["closed_on"]
    )
    assert Fund.objects.get(pk=ready.fund.pk).closed_on is None


def test_fund_neither_falls_back_to_itself_nor_opens_beside_its_successor(ready, treasurer):
    path = f"/admin/donations/fund/{ready.fund.pk}/change/"
    data = {"name": "x", "purpose": "y", "fallback": ready.fund.pk, "closed_on": ""}
    itself = treasurer.post(path, data)
    case = ready.fund.case
    Fund.objects.filter(pk=ready.fund.pk).update(closed_on=NOW.date())
    factories.make_fund("case", case=case)
    reopened = treasurer.post(path, data | {"fallback": ""})

    assert [page.context["adminform"].form.errors for page in (itself, reopened)] == [
        {"fallback": ["A fund cannot fall back to itself."]},
        {"closed_on": ["An open fund has the same purpose by now: close that first."]},
    ]


def test_fund_names_exactly_its_subject(ready, treasurer):
    page = treasurer.post(
        "/admin/donations/fund/add/",
        {"name": "x", "code": "x", "kind": "case", "purpose": "y", "appeal": "", "case": ""},
    )

    assert "Name exactly the appeal, case or defendant" in text_of(page)


# --- Cost of the pages ------------------------------------------------------------------------------


def make_rows(count):
    r = make_ready(owed="100000")
    for number in range(count):
        cost = factories.make_cost(r.case, by=r.treasurer)
        document = factories.make_document(cost, PDF + str(number).encode())
        allocation.allocate(fund=r.fund, cost=cost, amount=Decimal(100), by=r.treasurer, at=NOW)
        for n in range(number + 1):
            row = disbursement.request(
                cost=cost, document=document, bank_account=r.bank, amount=Decimal(10),
                by=make_user(), at=NOW,
            )  # fmt: skip
            if n % 2:
                approve(r, row, by=make_user())
        refund(r, str(1 + number))
        factories.give(factories.make_fund(), "5", currency="USD")
        FundCover.objects.create(
            source=r.general, target=r.fund, amount=Decimal(1), currency="EUR", reason="Sample",
            requested_by=make_user(), requested_at=NOW,
        )  # fmt: skip
    # One cost with all of it several times over.
    for number in range(count):
        allocate(r, str(10 + number))
        factories.make_document(r.cost, PDF + b"more" + str(number).encode())
        requested(r, str(1 + number))
    return r, row


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("legalcost/", 5),
        ("disbursement/", 5),
        ("fund/", 6),
        ("fundcover/", 5),
        ("legalcost/{cost}/change/", 32),
        ("legalcost/{cost}/allocate/", 24),
        ("disbursement/{payment}/change/", 14),
        ("fund/{fund}/change/", 17),
    ],
)
def test_pages_cost_the_same_however_much_they_show(
    treasurer, django_assert_num_queries, count, path, queries
):
    r, row = make_rows(count)
    treasurer.get("/admin/")
    path = path.format(cost=r.cost.pk, payment=row.pk, fund=r.fund.pk)

    with django_assert_num_queries(queries):
        assert treasurer.get(f"/admin/donations/{path}").status_code == 200


def test_no_page_of_money_deletes(ready):
    client, _user = browser_of(is_superuser=True)
    allocate(ready, "600")
    row = requested(ready)

    for path in (
        of_cost(ready, "delete"),
        of_payment(row, "delete"),
        f"/admin/donations/fund/{ready.fund.pk}/delete/",
    ):
        assert client.post(path, {"post": "yes"}).status_code == 403


def test_number_that_was_used_for_another_decision_is_not_taken_twice(ready):
    number = uuid4()
    Allocation.objects.create(
        number=number, fund=ready.fund, cost=ready.cost, amount=1, by=ready.other, at=NOW
    )
    with pytest.raises(IntegrityError):
        Allocation.objects.create(
            number=number, fund=ready.fund, cost=ready.cost, amount=1, by=ready.other, at=NOW
        )
