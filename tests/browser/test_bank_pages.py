"""The pages on which bank lines are explained, with every way a line can be something: readable by everyone, on anything."""

from datetime import timedelta
from decimal import Decimal

import pytest

from donations import reconciliation
from donations.models import LineExplanation
from tests import factories
from tests.donations.reconciliation.files import make_account, make_line
from tests.donations.reconciliation.test_notifications import (
    IBAN,
    detail,
    entry,
    notification,
    statement,
)
from tests.donations.test_bail import deposited
from tests.factories import NOW, TODAY, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def worked():
    """An account with an opening and a batch told of, a savings account, bail at a court, a transfer on its way."""
    user = make_user(is_superuser=True)
    r = deposited()
    account = make_account(code="current", number=IBAN, name="Current account at the cooperative")
    savings = factories.make_bank_account(
        code="savings", name="Savings", number="ES9121000418450200051332"
    )
    gift = factories.make_pledge(fund=r.fund, method="transfer", amount="25")
    details = detail("25.00", f"gift {gift.reference}") + detail("35.00", "raffle", "Bo Ejemplo")
    files = {
        "statement.xml": statement(entry("60.00"), closing="560").replace(
            b'<Amt Ccy="EUR">0<', b'<Amt Ccy="EUR">500<', 1
        ),
        "told.xml": notification(entry("60.00", details=details)),
    }
    reconciliation.import_statement(
        account=account, name="s.xml", content=files["statement.xml"], by=user, at=NOW
    )
    sent = make_line("-40", account, booked_on=TODAY - timedelta(days=9))
    reconciliation.match(
        line=sent, target=reconciliation.Between(savings), by=user, at=NOW, amount=Decimal(-40)
    )
    make_line("40", savings, text="from our current account")
    left = make_line("-75.50", account, counterparty="Sample Ltd", text="Direct debit 7")
    reconciliation.request_explanation(
        line=left, explanation="a debit by mistake", by=make_user(), at=NOW
    )
    factories.make_cost(r.case, owed="12345678.90", currency="ARS", by=user, due_on=TODAY)
    return user, account, files


def test_pages_of_bank_lines_are_readable(
    page, faults_in_each_window, enter_office, tmp_path, worked
):
    user, account, files = worked
    path = tmp_path / "told.xml"
    path.write_bytes(files["told.xml"])
    enter_office(page, user)

    page.goto("/admin/donations/statementimport/upload/")
    page.get_by_label("Bank account", exact=False).first.select_option(str(account.pk))
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Show what it holds").click()
    page.get_by_role("button", name="Keep these details").wait_for()
    found = {"notification": faults_in_each_window(page)}
    page.get_by_role("button", name="Keep these details").click()
    page.get_by_text("Kept: 2 payments within lines.").wait_for()
    line, asked = account.lines.get(amount=60), LineExplanation.objects.get()
    for address in (
        "/admin/donations/statementline/open/",
        f"/admin/donations/statementline/{line.pk}/match/",
        f"/admin/donations/bankaccount/{account.pk}/opening/",
        f"/admin/donations/lineexplanation/{asked.pk}/change/",
        "/admin/donations/account/differences/",
        "/admin/donations/legalcost/",
        "/admin/donations/exchange/record/",
    ):
        page.goto(address)
        found[address] = faults_in_each_window(page)

    assert found == {address: [] for address in found}
