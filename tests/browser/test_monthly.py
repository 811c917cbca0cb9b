"""A monthly gift in a browser, by clicking: given with its fee, renewed, changed, paused, stopped; and from a mail."""

import re
from email import message_from_string
from email.policy import default
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from donations.models import Donation, Pledge, Subscription
from donations.sandbox import acts, deliveries

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def give_monthly(page, look, amount="25"):
    page.goto("/en/protesta-argentina/donate/")
    page.get_by_role("radio", name="Another amount", exact=True).check()
    page.get_by_label("Another amount", exact=True).last.fill(amount)
    page.get_by_role("radio", name="Every month", exact=True).check()
    page.get_by_role("checkbox", name="Add the card fee, so that my gift arrives whole").check()
    page.get_by_label(re.compile("E-mail for the receipt")).fill("ana@example.org")
    look(page)
    page.get_by_role("button", name="Continue").click()


def pay(page):
    page.get_by_role("button", name="Go to the payment").click()
    page.get_by_role("button", name=re.compile("Pay|Subscribe|month")).first.click()
    page.wait_for_url("**/gift/**")


@pytest.mark.parametrize("has_scripts", [True, False])
def test_monthly_gift_from_beginning_to_end(
    house, new_page, inbox, accessibility_faults, has_scripts
):
    page = new_page(width=390, locale="en", java_script_enabled=has_scripts)

    def look(page):
        # axe is a script itself
        assert not has_scripts or accessibility_faults(page) == [], page.url

    give_monthly(page, look)
    for part in ("€25.00", "€0.64", "€25.64"):
        expect(page.get_by_text(part).first).to_be_visible()
    look(page)
    pay(page)
    house.work()
    page.reload()
    expect(page.get_by_text("running", exact=True)).to_be_visible()
    look(page)

    # The next month.
    subscription = Subscription.objects.get()
    at = subscription.next_charge_at
    acts.renew(subscription.stripe_subscription_id, at=at)
    deliveries.deliver_due(at=at, url=house.webhook)
    house.work()
    page.reload()
    expect(page.get_by_text("Received and booked")).to_have_count(2)
    assert Donation.objects.count() == 2

    # Another amount, looked over first.
    page.get_by_role("link", name="Change the amount").click()
    look(page)
    page.get_by_label("New monthly amount").fill("40")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("€40.87")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("From the next charge on it is the new amount.")).to_be_visible()

    # Another day.
    page.get_by_role("link", name="Change the day").click()
    look(page)
    page.get_by_label("Day of the month").select_option("1" if at.day != 1 else "2")
    page.get_by_role("button", name="Continue").click()
    look(page)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("The day is changed.")).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused", exact=True)).to_be_visible()
    look(page)
    page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_text("running", exact=True)).to_be_visible()

    page.get_by_role("link", name="Stop", exact=True).click()
    look(page)
    page.get_by_role("button", name="Stop it for good").click()
    expect(page.get_by_text("ended", exact=True)).to_be_visible()
    look(page)
    house.work()
    assert not Subscription.objects.get().is_live
    assert Donation.objects.count() == 2
    subjects = [
        message_from_string(text, policy=default)["Subject"] for _to, text in inbox.messages
    ]
    assert subjects[-1] == "Your monthly payment has ended"


def test_stop_by_one_press_from_a_mail(house, new_page, inbox, accessibility_faults):
    page = new_page(locale="en", dark=True)
    give_monthly(page, lambda page: None)
    pay(page)
    house.work()
    body = message_from_string(inbox.messages[-1][1], policy=default).get_content()
    [link] = re.findall(r"http\S+/stop/monthly/\S+", body)

    page.goto(urlsplit(link).path)
    assert accessibility_faults(page) == []
    assert Subscription.objects.get().is_live
    page.get_by_role("button").click()

    expect(page.get_by_text("Nothing will be charged any more.")).to_be_visible()
    assert accessibility_faults(page) == []
    assert not Subscription.objects.get().is_live


def test_back_button_gives_back_what_was_filled_in(house, new_page):
    page = new_page(locale="en")
    give_monthly(page, lambda page: None, amount="33")
    page.wait_for_url("**/gift/**")

    page.go_back()

    assert page.get_by_label("Another amount", exact=True).last.input_value() == "33"
    expect(page.get_by_role("radio", name="Every month", exact=True)).to_be_checked()
    page.get_by_label("Another amount", exact=True).last.fill("34")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/gift/**")
    # What was chosen anew is another gift; the first was never paid.
    assert sorted(Pledge.objects.values_list("amount", flat=True)) == [33, 34]
    assert Pledge.objects.latest("pk").created_at <= timezone.now()
