"""The stand-in's pages can be read and used by everyone, at any width, with no script."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from donations import stripe_api
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults, SandboxObject
from tests.sandbox.steps import create_monthly, open_session, paid, subscribed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def everything():
    """Something of each kind to look at."""
    now = timezone.now()
    acts.debit(open_session().id, at=now)
    acts.open_dispute(paid()["payment_intent"], at=now)
    acts.open_dispute(paid()["payment_intent"], is_inquiry=True, at=now)
    acts.refund(paid()["payment_intent"], amount=100, is_pending=True, at=now)
    acts.fail_payout(acts.pay_out("eur", at=now)["id"], at=now)
    subscription = subscribed()
    acts.renew(subscription.id, outcome="authentication_required", at=now)
    SandboxFaults.objects.create(
        is_twice=True, late_seconds=5, drop_percent=10, api_fault="error", api_requests=3
    )
    SandboxFaults.objects.update(api_fault="", api_requests=0)
    made = stripe_api.client().v1.billing_portal.sessions.create(
        {"customer": subscription.customer, "return_url": "http://127.0.0.1/"}
    )
    [invoice] = SandboxObject.objects.filter(kind="invoice", data__status="open")
    return [
        "/sandbox/",
        "/sandbox/subscriptions/",
        "/sandbox/events/",
        "/sandbox/faults/",
        f"/sandbox/checkout/{create_monthly().id}/",
        f"/sandbox/portal/{made.id}/",
        f"/sandbox/invoice/{invoice.id}/",
    ]


def test_sandbox_is_readable(page, faults_in_each_window, everything):
    found = {}
    for path in everything:
        page.goto(path)
        for closed in page.locator("summary").all():
            closed.click()
        found[path] = faults_in_each_window(page)

    assert found == {path: [] for path in everything}


def test_part_of_a_payment_is_sent_back_without_a_script(new_page):
    paid("25.50")
    page = new_page(has_scripts=False)

    page.goto("/sandbox/")
    page.get_by_text("Refund, dispute, warning").click()
    page.get_by_label("Amount").fill("5,25")
    page.get_by_role("button", name="Refund", exact=True).click()

    expect(page.get_by_text("€5.25 sent back")).to_be_visible()


def test_faults_are_set_and_reset(new_page):
    page = new_page()

    page.goto("/sandbox/faults/")
    page.get_by_label("Send every webhook twice").check()
    page.get_by_label("answers 500, with nothing done", exact=True).check()
    page.get_by_label("for so many requests").fill("3")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_text("for 3 more requests Stripe answers 500")).to_be_visible()
    page.get_by_role("button", name="Let all go right again").click()

    expect(page.get_by_text("Things go wrong on purpose")).to_be_hidden()
    assert not SandboxFaults.objects.exists()
