"""The worker's part: woken with the event, waiting for the next try, sweeping once a minute."""

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from donations.sandbox import jobs
from donations.sandbox.models import SandboxDelivery, SandboxObject, SandboxRequest
from tests.sandbox.steps import open_session, paid

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
    paid()
    jobs.deliver_webhooks()
    jobs.deliver_webhooks()

    retry = waiting("retry_webhooks").get()
    assert retry.scheduled_at == SandboxDelivery.objects.get().due_at
    assert retry.queueing_lock != "deliver_webhooks"


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
    paid()
    settings.STRIPE_SANDBOX = False

    jobs.deliver_webhooks()
    jobs.retry_webhooks()
    jobs.sweep_sandbox(timestamp=0)

    assert SandboxDelivery.objects.get().attempts == 0
