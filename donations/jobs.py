"""What the worker does for the money: act on Stripe's events, send letters; woken by the database, swept by the clock."""

from django.utils import timezone
from procrastinate.contrib.django import app

from . import emails, webhooks


# The names are those the database queues (migrations/0002_ledger_rules.py, donations_wake).
@app.task(name="process_events", queueing_lock="process_events")
def process_events() -> None:
    while webhooks.process_pending(at=timezone.now()):
        pass


@app.task(name="send_letters", queueing_lock="send_letters")
def send_letters() -> None:
    emails.send_due(at=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="sweep", queueing_lock="sweep")
def sweep(timestamp: int) -> None:
    """Once a minute: what failed and is due again, and what no wake-up reached."""
    process_events()
    send_letters()
