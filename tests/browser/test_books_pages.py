"""The books in the office with money in them: readable by everyone, on anything."""

import pytest

from donations.models import AccountKey
from tests import factories
from tests.donations.past.test_past import row, table
from tests.factories import give, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UPLOAD = "/admin/donations/pastimport/upload/"


def test_balances_charts_statements_and_the_past_are_readable(
    page, faults_in_each_window, enter_office, tmp_path
):
    user = make_user(is_superuser=True)
    fund = factories.make_fund(code="general")
    bank = factories.make_bank_account()
    give(fund, "1234567.89", into=AccountKey.bank(bank))
    give(fund, "9000", currency="CLP")
    path = tmp_path / "past.csv"
    path.write_text(table(row(), row(date="x"), row("payment", "5")))
    enter_office(page, user)

    found = {}
    for address in (
        "/admin/",
        f"/admin/donations/account/reports/?subject=fund-{fund.pk}&first_on=2026-01-01&last_on=2026-12-31",
        "/admin/donations/entry/take-away/",
        UPLOAD,
    ):
        page.goto(address)
        for closed in page.locator("#content details:not([open]) > summary").all():
            closed.click()
        found[address] = faults_in_each_window(page)
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Show what it holds").click()
    page.get_by_text("“x” is no day").wait_for()
    found["preview"] = faults_in_each_window(page)

    assert found == {address: [] for address in found}
