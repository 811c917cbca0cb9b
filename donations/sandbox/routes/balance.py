"""What lies at Stripe, what moved it, what went to the bank; and the events that tell of all."""

from datetime import datetime

from stripe.params import (
    BalanceRetrieveParams,
    BalanceTransactionListParams,
    BalanceTransactionRetrieveParams,
    EventListParams,
    EventRetrieveParams,
    PayoutListParams,
    PayoutRetrieveParams,
)

from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from .base import Route, readable


def _balance(_params: Json, _id: str, _at: datetime) -> Json:
    sums: dict[str, list[Json]] = {"available": [], "pending": []}
    for currency, status, amount in SandboxObject.objects.balances():
        sums[status].append(
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        )
    return {"object": "balance", "livemode": False, **sums}


ROUTES = [
    Route("get", "/v1/balance", BalanceRetrieveParams, _balance),
    *readable(
        "balance_transaction",
        "/v1/balance_transactions",
        BalanceTransactionRetrieveParams,
        BalanceTransactionListParams,
    ),
    *readable("payout", "/v1/payouts", PayoutRetrieveParams, PayoutListParams),
    *readable("event", "/v1/events", EventRetrieveParams, EventListParams),
]
