"""The register of payees and of conflicts in the office: each button's way, its refusals beside their fields, its downloads."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from defensefund.sealing import unseal
from donations.models import Conflict, Payee, SealingKey, StaffAccount
from donations.sealed_accounts import read_account
from tests.donations.admin.test_spending import browser_of, errors, press, text_of
from tests.factories import KEY_FILE, PUBLIC_KEY, make_payee, make_sealing_key

PAYEES = "/admin/donations/payee/"
IBAN = "DE02 1203 0000 0000 2020 51"


@pytest.fixture
def approver(treasurer):
    return browser_of("approver")[0]


def given(**typed):
    return {"kind": "lawyer", "name": "Sample office", "scheme": "iban", "account": IBAN} | typed


def test_payee_is_recorded_by_one_and_confirmed_by_another(treasurer, approver):
    page = press(treasurer, f"{PAYEES}record/", **given())
    assert "There is no key to seal the account to" in errors(page)["__all__"][0]

    page = press(treasurer, "/admin/donations/sealingkey/record/", public_key=PUBLIC_KEY)
    assert "another person confirms it" in text_of(page)
    key = SealingKey.objects.get()
    page = press(approver, f"/admin/donations/sealingkey/{key.pk}/confirm/")
    assert "From now on accounts are sealed to this key" in text_of(page)
    page = press(treasurer, f"{PAYEES}record/", **given(account=IBAN[:-1] + "2"))
    assert "check digits" in errors(page)["account"][0]
    page = press(treasurer, f"{PAYEES}record/", **given())
    assert "Recorded and sealed" in text_of(page)
    payee = Payee.objects.get()
    assert IBAN.replace(" ", "") not in page.content.decode()
    page = press(approver, f"{PAYEES}{payee.pk}/confirm/", account="ES91 2100 0418 4502 0005 1332")
    assert "not the account that was recorded" in errors(page)["account"][0]
    page = press(approver, f"{PAYEES}{payee.pk}/confirm/", account=IBAN)

    assert "this payee may be paid" in text_of(page)
    listed = treasurer.get(f"{PAYEES}?state=payable").context["cl"].result_list
    assert list(listed) == [payee]
    assert "The same account" not in text_of(treasurer.get(f"{PAYEES}{payee.pk}/change/"))

    press(treasurer, f"{PAYEES}record/", **given(name="Another office", account=f" {IBAN.lower()}"))
    twin = Payee.objects.exclude(pk=payee.pk).get()

    for row, other in ((payee, twin), (twin, payee)):
        page = approver.get(f"{PAYEES}{row.pk}/change/")
        assert "The same account is recorded for another payee too" in text_of(page)
        assert f'<a href="{PAYEES}{other.pk}/change/">{other}</a>' in page.content.decode()
    assert "for another payee too" in text_of(approver.get(f"{PAYEES}{twin.pk}/confirm/"))


def test_same_form_sent_twice_records_one_payee(treasurer):
    make_sealing_key()
    form = treasurer.get(f"{PAYEES}record/").context["form"]
    typed = given(number=form["number"].value())
    treasurer.post(f"{PAYEES}record/", typed)

    again = treasurer.post(f"{PAYEES}record/", typed)

    assert "recorded once" in errors(again)["__all__"][0]
    assert Payee.objects.count() == 1


def test_sealed_account_leaves_as_a_file_for_who_may_and_after_a_fresh_proof(treasurer, approver):
    payee = make_payee()
    path = f"{PAYEES}account/{payee.account_id}/"

    response = treasurer.get(path)

    assert read_account(unseal(response.content, KEY_FILE)).account == IBAN.replace(" ", "")
    assert response["Content-Disposition"] == f'attachment; filename="{payee.number}.age"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    assert approver.get(path).status_code == 403
    assert treasurer.get(f"{PAYEES}account/0/").status_code == 404
    session = treasurer.session
    session["proved_at"] = 0
    session.save()
    assert treasurer.get(path).templates[0].name == "staff/prove.html"
    # Whoever gives the proof there is led to the file, by a page that stays when the browser has saved it.
    assert "proof" in treasurer.post(path, {"proof": "not the password"}).context["form"].errors
    ready = treasurer.post(path, {"proof": "a long test password"}, follow=True)
    assert ready.redirect_chain == [(f"{path}?ready=1", 302)]
    assert f'<a class="button default" href="{path}">Save the file</a>' in ready.content.decode()
    assert f'content="0; url={path}"' in ready.content.decode()
    assert "attachment" not in ready.headers.get("Content-Disposition", "")
    assert treasurer.get(path).content == response.content
    session = treasurer.session
    session["proved_at"] = 0
    session.save()
    assert treasurer.get(f"{path}?ready=1").templates[0].name == "staff/prove.html"
    treasurer.post(f"{path}?ready=1", {"proof": "a long test password"})
    assert treasurer.post(path).status_code == 405


def test_accounts_are_sealed_anew_through_the_office(treasurer):
    payee = make_payee()
    page = treasurer.get(f"{PAYEES}reseal/")
    assert "there is nothing to do" in text_of(page)
    make_sealing_key()
    assert "not sealed to exactly the present treasurers" in text_of(treasurer.get(PAYEES))

    response = treasurer.get(f"{PAYEES}reseal/bundle/")

    assert list(json.loads(response.content)["accounts"]) == [str(payee.account_id)]
    assert treasurer.post(f"{PAYEES}reseal/bundle/").status_code == 405
    file = SimpleUploadedFile("b.json", b"{}")
    page = treasurer.post(f"{PAYEES}reseal/", {"file": file})
    assert "not what ./run reseal wrote" in errors(page)["file"][0]


def test_conflicts_and_own_accounts_are_recorded_and_ended_by_others(treasurer, approver):
    payee = make_payee()
    page = treasurer.get("/admin/donations/conflict/record/")
    me = page.wsgi_request.user
    typed = {"user": me.pk, "relation": "relative"}
    page = press(treasurer, "/admin/donations/conflict/record/", **typed)
    assert "Choose a payee or a defendant" in errors(page)["payee"][0]
    page = press(treasurer, "/admin/donations/conflict/record/", **typed, payee=payee.pk)
    assert "keeps out of these payments" in text_of(page)
    page = press(approver, f"/admin/donations/conflict/{Conflict.objects.get().pk}/end/")
    assert "Ended." in text_of(page)

    declare = "/admin/donations/staffaccount/record/"
    for typed in ({}, {"account": "ES91 2100 0418 4502 0005 1332", "has_none": "on"}):
        page = press(approver, declare, **typed)
        assert "or say that you have none: one of the two" in errors(page)["account"][0]
    page = press(approver, declare, has_none="on")
    assert "another person ends that first" in text_of(page)
    page = press(approver, declare, account="DE02")
    assert "has 22 characters; this one has 4" in errors(page)["account"][0]
    press(approver, declare, account="ES91 2100 0418 4502 0005 1332")
    record = f"{PAYEES}record/"
    page = press(treasurer, record, **given(account="ES91 2100 0418 4502 0005 1332"))
    assert "the account of a member of staff" in errors(page)["account"][0]
    mine = StaffAccount.objects.exclude(account_hash="").get()
    page = approver.get(f"/admin/donations/staffaccount/{mine.pk}/end/")
    assert page.context["closed"] == "This is about yourself: another person ends it."
