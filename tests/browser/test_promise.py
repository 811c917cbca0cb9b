"""A promise in a browser, in Spanish, with scripts and without: seen before it counts, changed, called off, taken up again."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from donations import pledges
from donations.models import Letter, Pledge
from donations.tokens import gift_path, stop_path
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("has_scripts", "dark"), [(False, False), (True, True)])
def test_supporter_promises_changes_and_calls_off(
    house, new_page, accessibility_faults, has_scripts, dark
):
    page = new_page(width=390, locale="es", dark=dark, java_script_enabled=has_scripts)

    def look():
        # axe is a script itself
        if has_scripts:
            assert accessibility_faults(page) == [], page.url

    def press(name):
        page.locator(f"main form button[name={name}]").click()

    page.goto("/es/protesta-argentina/promise/?currency=EUR")
    look()
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator(".error-summary")).to_be_visible()
    look()
    page.locator("[name=amount]").fill("25,00")
    page.locator("[name=rhythm][value=monthly]").check()
    page.locator("[name=times]").fill("3")
    page.locator("[name=email]").fill("ana@example.org")
    page.locator("main form button[type=submit]").last.click()
    assert not Pledge.objects.exists()
    assert re.search(r"75,00\s€", page.locator("tfoot").inner_text())
    look()
    press("edit")
    assert page.locator("[name=amount]").input_value() == "25,00"
    page.locator("[name=times]").fill("2")
    page.locator("main form button[type=submit]").last.click()
    press("confirmed")

    pledge = Pledge.objects.get()
    assert (pledge.amount, pledge.instalments.count(), pledge.language) == (50, 2, "es")
    expect(page.locator("section[aria-labelledby=promise] tbody tr")).to_have_count(2)
    look()
    page.locator("a[href$='/promise/change/']").click()
    look()
    page.locator("[name=amount]").fill("30")
    page.locator("main form button[type=submit]").last.click()
    press("confirmed")
    pledge.refresh_from_db()
    assert pledge.amount == 60
    page.locator("form[action$='/promise/pause/'] button").click()
    look()
    page.locator("form[action$='/promise/resume/'] button").click()
    page.locator("a[href$='/promise/cancel/']").click()
    look()
    page.locator("main form button[type=submit]").last.click()
    pledge.refresh_from_db()
    assert pledge.cancelled_at
    page.locator("form[action$='/promise/resume/'] button").click()
    pledge.refresh_from_db()
    assert pledge.cancelled_at is None


def test_reminder_is_stopped_by_its_button(house, new_page, accessibility_faults, inbox):
    pledge = factories.make_promise(
        [(timezone.now().date() + timedelta(days=1), "10")],
        appeal=house.appeal,
        fund=house.needed_most,
        supporter=factories.make_supporter(),
        at=timezone.now() - timedelta(days=9),
    )
    pledges.remind_due(at=timezone.now())
    house.work()
    assert Letter.objects.get().sent_at
    page = new_page(width=390, locale="es", java_script_enabled=True)

    page.goto(stop_path(pledge))
    assert accessibility_faults(page) == []
    page.locator("main form button").click()
    assert accessibility_faults(page) == []
    page.goto(gift_path(pledge))

    expect(page.locator("form[action$='/promise/remind/']")).to_be_visible()
    pledge.refresh_from_db()
    assert pledge.reminders_stopped_at


def test_card_is_left_on_condition(house, new_page, accessibility_faults):
    factories.make_condition(
        house.appeal,
        target="5000",
        ends_on=timezone.now().date() + timedelta(days=9),
        created_at=timezone.now(),
    )
    page = new_page(width=390, locale="en")
    page.goto("/en/protesta-argentina/promise/?currency=EUR")
    page.get_by_role("link", name="Give only if the target is met").click()
    assert accessibility_faults(page) == []
    page.locator("[name=amount]").fill("40")
    page.locator("[name=email]").fill("ana@example.org")
    page.locator("main form button[type=submit]").last.click()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Leave my card with Stripe").click()
    page.locator("main form button[type=submit]").first.click()
    house.work()
    page.goto(gift_path(Pledge.objects.get()))

    assert "nothing is charged" in page.locator("main").inner_text()
    assert accessibility_faults(page) == []
