"""A crowd tries cards: what a supporter's browser does then, with scripts and without."""

from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from donations import attempts, pausing
from donations.attempts import BUDGETS, Attempt
from donations.models import Checkout, PaymentPause, Pledge
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

GIVE = "/en/sample/donate/?currency=EUR"


@pytest.fixture
def appeal():
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", appeal=appeal)
    factories.make_bank_account("EUR", takes_gifts=True, holder="Sample fund")
    return appeal


@pytest.fixture
def crowd(appeal, settings, live_server):
    settings.SITE_URL = live_server.url
    for at in (timezone.now(), timezone.now() + timedelta(minutes=1)):
        for number in range(BUDGETS[Pledge.Method.CARD].free_everywhere):
            with suppress(attempts.Refusal):
                attempt = Attempt(uuid4(), Pledge.Method.CARD, "EUR", f"45.0.{number}.0")
                attempts.admit(attempt, paused=frozenset(), at=at)


def test_browser_proves_itself_while_its_owner_waits(crowd, new_page, accessibility_faults):
    page = new_page(width=390)
    page.goto(GIVE)
    page.get_by_label("E-mail").fill("ana@example.org")
    page.get_by_role("button", name="Continue").click()

    assert "One more step" in page.get_by_role("alert").inner_text()
    assert "Wait 60 seconds" not in page.get_by_role("alert").inner_text()
    assert page.get_by_label("E-mail").input_value() == "ana@example.org"
    assert accessibility_faults(page) == []
    # The notice has a button of its own, so that nobody has to look for the form's.
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    # Pressed before the work is done: it goes on by itself.
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/sandbox/checkout/**", timeout=60_000)
    assert Checkout.objects.count() == 1


def test_without_scripts_a_minute_is_enough(crowd, new_page, accessibility_faults):
    page = new_page(has_scripts=False)
    page.goto(GIVE)
    page.get_by_role("button", name="Continue").click()

    told = page.get_by_role("alert").inner_text()
    assert "press the button again. That is all." in told
    assert "Your browser does it for you" not in told
    page.get_by_role("button", name="Continue").click()
    assert "a little too early" in page.get_by_role("alert").inner_text()
    assert Checkout.objects.count() == 0


def test_paused_cards_leave_the_transfer(appeal, new_page, accessibility_faults):
    pausing.pause(
        method=PaymentPause.Method.CARD,
        currency="EUR",
        reason="Sample.",
        by=None,
        at=timezone.now(),
    )
    page = new_page(width=320)
    page.goto(GIVE)

    assert "Card payments in EUR are paused." in page.get_by_role("status").inner_text()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Continue").click()
    assert Pledge.objects.get().method == "transfer"


def test_honeypot_is_met_by_nobody(appeal, page):
    page.goto(GIVE)
    reached = set()
    for _i in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || ''"))

    assert "email" in reached
    assert "website" not in reached


def test_office_shows_how_each_way_is_doing(new_page, enter_office, accessibility_faults):
    factories.make_pause(method="card", paused_by=None)
    page = new_page()
    enter_office(page, factories.make_user("tess", "treasurer"))
    page.goto("/admin/donations/paymentpause/")
    assert accessibility_faults(page) == []

    page.get_by_role("link", name="Open again: card, EUR").click()
    assert accessibility_faults(page) == []
    page.get_by_label("Reason").fill("It is calm.")
    page.get_by_role("button", name="Open again").click()
    assert "open again" in page.locator(".messagelist").inner_text()
    page.goto("/admin/donations/paymentpause/")
    page.get_by_role("link", name="Pause: card, USD").click()
    assert accessibility_faults(page) == []
    page.get_by_label("Reason").fill("Stolen cards.")
    page.get_by_role("button", name="Pause").click()
    assert PaymentPause.objects.in_force().get().currency == "USD"
