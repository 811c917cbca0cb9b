"""The details of a transfer, in a real browser: read, copied, printed; with scripts and without."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from donations.references import format_reference
from donations.tokens import gift_path
from tests.factories import make_bank_account, make_pledge, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
IBAN = "DE02120300000000202051"


@pytest.fixture
def pledge(db):
    make_bank_account(
        takes_gifts=True, scheme="iban", number=IBAN, bic="BYLADEM1001", bank="Sample"
    )
    return make_pledge(method="transfer", amount="25.50", language="en", created_at=timezone.now())


@pytest.fixture
def path(pledge):
    return gift_path(pledge, at=timezone.now())


def test_details_are_readable(page, faults_in_each_window, path):
    for address in (path, f"{path}transfer/"):
        page.goto(address)
        assert faults_in_each_window(page) == []
        expect(page.get_by_role("img", name="QR code for a bank app")).to_be_visible()


def test_every_item_is_copied_bare(new_page, pledge, path):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(path)

    copied = []
    for button in page.locator("button[data-copy]").all():
        button.click()
        expect(button.locator("xpath=following-sibling::*[1]")).to_have_text("Copied")
        copied.append(page.evaluate("navigator.clipboard.readText()"))

    assert copied == ["Sample holder", IBAN, "BYLADEM1001", "Sample", "25.50", pledge.reference]


def test_without_scripts_there_is_everything_but_buttons(new_page, pledge, path):
    page = new_page(has_scripts=False)

    for address in (path, f"{path}transfer/"):
        page.goto(address)
        expect(page.get_by_text(format_reference(pledge.reference))).to_be_visible()
        expect(page.locator("button[data-copy]:visible, button[data-print]:visible")).to_have_count(
            0
        )


def test_printed_on_one_sheet_without_cause_or_address(page, path):
    page.goto(f"{path}transfer/")
    expect(page.get_by_role("button", name="Print")).to_be_visible()

    paper = page.pdf(format="A4", prefer_css_page_size=True, display_header_footer=True)

    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    page.emulate_media(media="print")
    text = page.locator("body").inner_text()
    assert IBAN in text.replace(" ", "").replace("\xa0", "")
    assert "Fondo" not in text
    assert "Print" not in text


def test_office_pages_are_readable(new_page, enter_office, accessibility_faults, pledge):
    page = new_page()
    enter_office(page, make_user(None, "treasurer"))
    page.goto("/admin/donations/bankaccount/add/")
    assert accessibility_faults(page) == []

    page.goto("/admin/donations/rate/import/")
    assert accessibility_faults(page) == []
    page.get_by_label("Or paste the lines").fill(
        "date,base,quote,rate\n2026-03-09,EUR,USD,1.0873\n"
    )
    page.get_by_label("Who publishes the rates").fill("Invented")
    page.get_by_role("button", name="Show what it holds").click()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Enter 1 rate").click()
    assert "1 rate entered." in page.locator(".messagelist").inner_text()
