"""Monthly gifts through the stand-in for Stripe, brought into the books by the run that fetches events."""

from datetime import datetime, timedelta
from itertools import count

from django.utils import timezone

from donations import checkout, stripe_api, webhooks
from donations.models import Subscription
from donations.sandbox import acts
from tests import factories
from tests.factories import NOW

_numbers = count()
A_DAY = timedelta(days=1)


def make_monthly(*, amount="25", card="4242", **fields):
    """A monthly pledge paid the first time on Stripe's page; nothing of it has arrived here."""
    pledge = factories.make_pledge(
        fields.pop("appeal", None) or factories.make_appeal(),
        fields.pop("fund", None),
        amount=amount,
        frequency="monthly",
        supporter=fields.pop("supporter", None) or factories.make_supporter(),
        **{"language": "en"} | fields,
    )
    checkout.start(pledge, at=timezone.now())
    acts.pay(pledge.checkouts.get().stripe_session_id, card=card, at=timezone.now())
    return pledge


def begin_monthly(**fields) -> Subscription:
    """As make_monthly, and in the books."""
    pledge = make_monthly(**fields)
    catch_up()
    return Subscription.objects.get(pledge=pledge)


def catch_up(at: datetime | None = None):
    at = at or timezone.now()
    webhooks.catch_up(since=timezone.now() - A_DAY, at=at)
    while webhooks.process_pending(at=at):
        pass


def renew(subscription, *, outcome=""):
    """The next month begins and is charged; not in the books yet. Returns the instant."""
    at = subscription.next_charge_at
    acts.renew(subscription.stripe_subscription_id, at=at, outcome=outcome)
    return at


def at_stripe(subscription):
    """What Stripe says of it."""
    return stripe_api.retrieve_subscription(subscription.stripe_subscription_id)


def make_subscription(pledge=None, **fields) -> Subscription:
    """The row of a monthly gift that Stripe never heard of, next charged on the 24th."""
    pledge = pledge or factories.make_pledge(
        frequency="monthly", supporter=factories.make_supporter(f"{next(_numbers)}@example.org")
    )
    return Subscription.objects.create(
        pledge=pledge,
        stripe_subscription_id=f"sub_{pledge.pk}",
        amount=pledge.amount,
        fee_cover=pledge.fee_cover,
        currency=pledge.currency,
        **{
            "status": "active",
            "next_charge_at": NOW.replace(day=24),
            "created_at": NOW,
            "read_at": NOW,
        }
        | fields,
    )
