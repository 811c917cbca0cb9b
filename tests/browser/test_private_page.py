"""The supporter's private page in a browser: receipt, what others see, address and forgetting, each readable and usable."""

import pytest
from django.utils import timezone

from donations.models import Pledge, Receipt
from donations.tokens import gift_path
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def link(transactional_db, live_server, settings):
    settings.SITE_URL = live_server.url
    appeal = factories.make_appeal("sample")
    pledge = factories.make_pledge(
        appeal,
        factories.make_fund("appeal", appeal=appeal),
        supporter=factories.make_supporter("ana@example.org"),
        language="en",
        created_at=timezone.now(),
    )
    gift = factories.make_donation(pledge, received_at=timezone.now())
    factories.make_receipt(gift, bounced_at=timezone.now())
    return gift_path(pledge)


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_supporter_decides_on_the_private_page(link, new_page, accessibility_faults, has_scripts):
    page = new_page(width=390, has_scripts=has_scripts)
    check = accessibility_faults

    page.goto(link)
    assert check(page) == []
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the receipt (PDF)").click()
    assert waiting.value.suggested_filename == "R-0000001.pdf"
    assert Receipt.objects.get().downloaded_at

    page.get_by_role("link", name="Choose what stands on it").click()
    assert check(page) == []
    page.get_by_label("Sample appeal (en)").check()
    page.get_by_label("Name on the receipt").fill("Ana Núñez")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved. Receipts you download from now on say so.").wait_for()

    page.get_by_role("link", name="Change what others see").click()
    page.get_by_label("The amount, the day and a name").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Write the name to show").wait_for()
    assert check(page) == []
    page.get_by_label("The name to show").fill("Ana")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("and the name “Ana”").wait_for()
    page.goto("/en/sample/")
    assert check(page) == []
    page.get_by_text("Ana", exact=True).wait_for()

    page.goto(link)
    page.get_by_role("link", name="Correct the address").click()
    assert check(page) == []
    page.get_by_label("New e-mail address").fill("ana@example.net")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Letters go to the new address from now on").wait_for()
    new_link = page.url

    page.goto(link)
    page.get_by_role("link", name="Have a new one sent").click()
    assert check(page) == []
    page.get_by_label("The e-mail address you gave with").fill("ana@example.net")
    page.get_by_role("button", name="Send me the link").click()
    page.get_by_text("If a gift was made with this address").wait_for()

    page.goto(new_link)
    page.get_by_role("link", name="Have us forget who gave this").click()
    assert check(page) == []
    page.get_by_label("Yes, forget me.").check()
    page.get_by_role("button", name="Forget me").click()
    page.get_by_text("We do not know any more who gave this").wait_for()
    assert check(page) == []
    assert Pledge.objects.get().erased_at


def test_private_page_is_readable(link, page, faults_in_each_window):
    for step in ("", "data/", "visibility/", "receipt/wording/", "address/", "forget/"):
        page.goto(f"{link}{step}")
        assert faults_in_each_window(page) == [], step
