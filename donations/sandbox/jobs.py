"""The worker delivers the sandbox's webhooks; woken by the database (migrations/0002_wake.py), swept by the clock."""

from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from . import deliveries


@app.task(name="deliver_webhooks", queueing_lock="deliver_webhooks")
def deliver_webhooks() -> None:
    if settings.STRIPE_SANDBOX:
        deliveries.deliver_due(at=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="redeliver_webhooks", queueing_lock="redeliver_webhooks")
def redeliver_webhooks(timestamp: int) -> None:
    """Once a minute: what was not taken and is due again."""
    deliver_webhooks()
