"""Sample gifts as supporters give them: by card on the sandbox's page, by a transfer they announce."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

from appeals.models import Appeal
from donations import checkout, payouts, webhooks
from donations.models import Fund, Pledge
from donations.sandbox import acts
from donations.sandbox.models import SandboxDelivery

# Amounts in euros, announced and arrived on these days of the month that is over.
EARLIER_GIFTS = [("150", 2, 4), ("40", 8, 11), ("85", 15, 17)]


def give_by_card(
    appeal: Appeal, fund: Fund, amount: str, currency: str, *, at: datetime, email: str = ""
) -> None:
    """One gift by card, paid on the sandbox's page at the instant `at`; with an address a receipt is written."""
    gift = checkout.Gift(
        appeal=appeal,
        fund=fund,
        method=Pledge.Method.CARD,
        amount=Decimal(amount),
        currency=currency,
        email=email,
        language="es",
    )
    pledge = checkout.promise(gift, uuid=uuid4(), at=at)
    # Sessions live half an hour from now, whenever the sample was given.
    checkout.start(pledge, at=at + (datetime.now(at.tzinfo) - at))
    session_id = pledge.checkouts.get().stripe_session_id
    acts.pay(str(session_id), at=at)
    # Else all of them were tried within the last hour.
    pledge.checkouts.update(created_at=at)


def promise_transfer(
    appeal: Appeal, fund: Fund, amount: str, *, at: datetime, email: str = ""
) -> Pledge:
    gift = checkout.Gift(
        appeal=appeal,
        fund=fund,
        method=Pledge.Method.TRANSFER,
        amount=Decimal(amount),
        currency="EUR",
        email=email,
        language="es",
    )
    return checkout.promise(gift, uuid=uuid4(), at=at)


def fetch(*, now: datetime) -> None:
    """Books what the sandbox has; its webhooks would reach a site that is not up yet, so they are let go."""
    SandboxDelivery.objects.all().delete()
    since = now - timedelta(days=30)
    webhooks.catch_up(since=since, at=now)
    while webhooks.process_pending(at=now):
        pass
    payouts.sync(since=since)


def give_earlier(appeal: Appeal, funds: list[Fund], *, month: date) -> list[tuple[Pledge, date]]:
    """Transfers announced in `month`, and the day on which each arrived."""
    return [
        (
            promise_transfer(
                appeal,
                funds[number % len(funds)],
                amount,
                at=datetime.combine(month.replace(day=told), time(12), UTC),
            ),
            month.replace(day=arrived),
        )
        for number, (amount, told, arrived) in enumerate(EARLIER_GIFTS)
    ]
