"""READ: how a monthly gift stands, for its private page."""

from dataclasses import dataclass
from datetime import datetime

from .models import MonthlyCharge, Pledge, Subscription, SubscriptionChange


@dataclass(frozen=True)
class MonthlyState:
    """`open_charge` is the newest month that did not go through and still can; `waiting` a wish Stripe has not answered."""

    subscription: Subscription
    open_charge: MonthlyCharge | None
    waiting: SubscriptionChange | None
    can_change_day: bool


def monthly_state_of(pledge: Pledge, *, at: datetime) -> MonthlyState | None:
    """None for a gift that is not monthly, or not begun: no query then."""
    subscription: Subscription | None = getattr(pledge, "subscription", None)
    if subscription is None:
        return None
    planned = subscription.next_charge_at
    unpaid = subscription.charges.filter(state__in=MonthlyCharge.UNPAID)
    return MonthlyState(
        subscription=subscription,
        open_charge=unpaid.first() if subscription.is_behind else None,
        waiting=subscription.changes.open().first(),
        can_change_day=bool(
            subscription.is_live
            and not subscription.paused_at
            and not subscription.is_behind
            and planned
            and planned > at
        ),
    )
