"""The page on which a treasurer says whose money lay on a bank account before its first statement."""

from html import unescape

from donations import differences, ledger
from donations.models import AccountKey, PastImport
from tests import factories
from tests.donations.reconciliation.files import make_account
from tests.donations.test_openings import MARCH
from tests.factories import NOW, log_in, make_user

from .test_statement import CONFIRM, upload


def test_treasurer_is_told_at_the_import_and_books_it_with_another(treasurer):
    client = treasurer
    account, fund = make_account(code="bank-eur"), factories.make_fund(code="general")
    page = f"/admin/donations/bankaccount/{account.pk}/opening/"
    assert "nobody says what was there" in client.get(page).content.decode()

    preview = upload(client, account, MARCH)
    said = unescape(preview.content.decode())
    assert "opens with €500.00, but the books have €0.00 there before it" in said

    done = client.post(CONFIRM, {"file": preview.context["file"]}, follow=True)
    assert f'<a href="{page}">Say which fund it is for</a>' in done.content.decode()
    assert page in client.get("/admin/donations/account/differences/").content.decode()

    form = client.get(page).context["form"]
    assert form["amount"].value() == "500.00"
    wrong = client.post(page, {"fund": fund.pk, "amount": "500.01"})
    assert "miss €500.00 on this account, not more" in unescape(wrong.content.decode())
    asked = client.post(page, {"fund": fund.pk, "amount": "500"})
    row = PastImport.objects.get()
    assert asked.headers["Location"] == f"/admin/donations/pastimport/{row.pk}/change/"

    client.logout()
    log_in(client, make_user("ada", "approver"))
    approve = f"/admin/donations/pastimport/{row.pk}/approve/"
    assert "€500.00" in client.get(f"/admin/donations/pastimport/{row.pk}/change/").content.decode()
    client.post(approve)

    assert ledger.balance(AccountKey.bank(account)) == 500
    assert [d.name for d in differences.listed(at=NOW) if d.is_wrong] == []
