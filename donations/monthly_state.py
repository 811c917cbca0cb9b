"""READ: how a monthly gift stands, for its private page."""

from dataclasses import dataclass
from datetime import datetime

from .models import MonthlyCharge, Pledge, Subscription, SubscriptionChange

# Of a year; what is missing for longer nobody is shown any more.
MOST_MISSED = 12


@dataclass(frozen=True)
class MonthlyState:
    """`open_charge` is the newest month that did not go through and still can, `missed` the earlier ones.

    `waiting` is a wish Stripe has not answered.
    """

    subscription: Subscription
    open_charge: MonthlyCharge | None
    missed: list[MonthlyCharge]
    waiting: SubscriptionChange | None
    can_change_day: bool


def monthly_state_of(pledge: Pledge, *, at: datetime) -> MonthlyState | None:
    """None for a gift that is not monthly, or not begun: no query then."""
    subscription: Subscription | None = getattr(pledge, "subscription", None)
    if subscription is None:
        return None
    planned = subscription.next_charge_at
    unpaid = []
    if subscription.is_live:
        unpaid = list(subscription.charges.filter(state__in=MonthlyCharge.UNPAID)[:MOST_MISSED])
    # To Stripe a gift is in order again as soon as its newest month is paid, whatever is missing before.
    newest = unpaid[0] if unpaid and subscription.is_behind else None
    return MonthlyState(
        subscription=subscription,
        open_charge=newest,
        missed=unpaid[1:] if newest else unpaid,
        waiting=subscription.changes.open().first(),
        can_change_day=bool(
            subscription.is_live
            and not subscription.paused_at
            and not subscription.is_behind
            and planned
            and planned > at
        ),
    )
