"""The worker delivers the sandbox's webhooks; woken by the database (migrations/0002_deliveries.py), swept by the clock."""

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from . import acts, deliveries, transport
from .checks import is_wanted

SWEPT_EVERY = timedelta(minutes=1)


@app.task(name="deliver_webhooks", queueing_lock="deliver_webhooks")
def deliver_webhooks() -> None:
    if is_wanted():
        _deliver()


# Apart from the task above: one that waits for its time would keep new webhooks waiting with it.
@app.task(name="retry_webhooks")
def retry_webhooks() -> None:
    if is_wanted():
        _deliver()


@app.periodic(cron="* * * * *")
@app.task(name="sweep_sandbox", queueing_lock="sweep_sandbox")
def sweep_sandbox(timestamp: int) -> None:
    """Once a minute: what has fallen due at the stand-in, webhooks nobody was woken for, answers nobody asks for."""
    if is_wanted():
        acts.pass_time(at=timezone.now())
        _deliver()
        transport.forget_old_answers(at=timezone.now())


def _deliver() -> None:
    now = timezone.now()
    deliveries.deliver_due(at=now)
    due = deliveries.next_due(after=timezone.now())
    if due is None or due > now + SWEPT_EVERY:
        return  # the sweep comes by before
    # A lock for each second: one that waits for later must not keep an earlier one waiting.
    lock = f"retry_webhooks {due:%H:%M:%S}"
    try:
        retry_webhooks.configure(schedule_at=due, queueing_lock=lock).defer()
    except AlreadyEnqueued:
        return
