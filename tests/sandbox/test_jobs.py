"""The worker's part: woken with the event, waiting for the next try, sweeping once a minute."""

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from donations.sandbox import jobs
from donations.sandbox.models import (
    SandboxDelivery,
    SandboxFaults,
    SandboxObject,
    SandboxRequest,
)
from tests.sandbox.steps import left, open_session, paid, subscribed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed_door(settings):
    settings.PORT = 9


def waiting(task):
    return ProcrastinateJob.objects.filter(task_name=task, status="todo")


def test_payment_wakes_the_worker_at_once():
    assert waiting("deliver_webhooks").count() == 0

    paid()
    paid()

    # One job delivers all there is.
    assert waiting("deliver_webhooks").count() == 1
    assert waiting("deliver_webhooks").get().scheduled_at is None


@pytest.mark.django_db(transaction=True)
def test_webhook_not_taken_is_tried_when_it_is_due_without_keeping_new_ones_waiting():
    left()
    jobs.deliver_webhooks()
    jobs.deliver_webhooks()

    retry = waiting("retry_webhooks").get()
    assert retry.scheduled_at == SandboxDelivery.objects.get().due_at
    assert retry.queueing_lock != "deliver_webhooks"


@pytest.mark.django_db(transaction=True)
def test_webhook_that_waits_for_later_keeps_no_earlier_one_waiting():
    for seconds in (40, 5, 3600):
        SandboxFaults.objects.update_or_create(pk=1, defaults={"late_seconds": seconds})
        left()
        jobs.deliver_webhooks()

    dues = SandboxDelivery.objects.order_by("due_at").values_list("due_at", flat=True)
    # The last one is left to the sweep, which comes by every minute.
    scheduled = waiting("retry_webhooks").order_by("scheduled_at")
    assert list(scheduled.values_list("scheduled_at", flat=True)) == list(dues)[:2]


@pytest.mark.django_db(transaction=True)
def test_sweep_bills_what_is_due_and_tries_failed_cards_again():
    subscription = subscribed("0341")
    SandboxObject.objects.filter(id=subscription.id).update(due_at=timezone.now())
    jobs.sweep_sandbox(timestamp=0)
    assert SandboxObject.objects.get(id=subscription.id).data["status"] == "past_due"
    invoices = SandboxObject.objects.filter(kind="invoice", data__status="open")
    invoices.update(due_at=timezone.now())

    jobs.sweep_sandbox(timestamp=0)

    assert invoices.get().data["attempt_count"] == 2


@pytest.mark.django_db(transaction=True)
def test_sweep_closes_pages_and_forgets_answers():
    session = open_session()
    row = SandboxObject.objects.get(id=session.id)
    row.data["expires_at"] -= 3600
    row.due_at -= timedelta(hours=1)
    row.save()
    SandboxRequest.objects.update(created_at=timezone.now() - timedelta(days=2))

    jobs.sweep_sandbox(timestamp=0)

    row.refresh_from_db()
    assert row.data["status"] == "expired"
    assert SandboxDelivery.objects.get().attempts == 1
    assert not SandboxRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_where_stripe_itself_is(settings):
    left()
    settings.STRIPE_SANDBOX = False

    jobs.deliver_webhooks()
    jobs.retry_webhooks()
    jobs.sweep_sandbox(timestamp=0)

    assert SandboxDelivery.objects.get().attempts == 0
