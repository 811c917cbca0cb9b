"""Stripe's balance: each movement on it, and what it pays out to the bank."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from donations.stripe_facts import BalanceTransaction, Payout, facts_of, from_minor_units

from .connection import client, id_of, instant, translated_errors

# Of what moved the money, the kinds that callers want to know more of.
TOLD = frozenset({"refund", "dispute"})


def balance_transactions(
    *, since: datetime | None = None, payout: str | None = None
) -> Iterator[BalanceTransaction]:
    """Movements on Stripe's balance, the newest first: those since an instant, or those of one automatic payout."""
    params: dict[str, Any] = {"limit": 100, "expand": ["data.source"]}
    if since:
        params["created"] = {"gte": int(since.timestamp())}
    if payout:
        params["payout"] = payout
    with translated_errors():
        rows = client().v1.balance_transactions.list(params)  # type: ignore[arg-type]
        for row in rows.auto_paging_iter():
            yield _balance_transaction(row, payout or "")


def _balance_transaction(row: Any, payout: str) -> BalanceTransaction:
    currency = row.currency.upper()
    kind = getattr(row.source, "object", "")
    return BalanceTransaction(
        id=row.id,
        type=row.type,
        reporting_category=row.reporting_category,
        amount=from_minor_units(row.amount, currency),
        fee=from_minor_units(row.fee, currency),
        net=from_minor_units(row.net, currency),
        currency=currency,
        created_at=instant(row.created),
        source_id=id_of(row.source),
        charge_id=id_of(row.source if kind == "charge" else getattr(row.source, "charge", None)),
        payment_intent_id=id_of(getattr(row.source, "payment_intent", None)),
        payout_id=id_of(row.source) if kind == "payout" else payout,
        is_dispute=kind == "dispute",
        source_facts=facts_of(row.source.to_dict()) if kind in TOLD else {},
    )


def payouts(*, since: datetime) -> Iterator[Payout]:
    """Stripe's payouts created since an instant, the newest first."""
    with translated_errors():
        rows = client().v1.payouts.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
        for row in rows.auto_paging_iter():
            currency = row.currency.upper()
            yield Payout(
                id=row.id,
                amount=from_minor_units(row.amount, currency),
                currency=currency,
                status=row.status,
                created_at=instant(row.created),
                arrival_at=instant(row.arrival_date),
                is_automatic=row.automatic,
                is_reconciled=row.reconciliation_status == "completed",
            )


def balances() -> dict[str, Decimal]:
    """What lies on Stripe's balance now, what is not available yet included, by currency ("EUR")."""
    with translated_errors():
        told: Any = client().v1.balance.retrieve()
    sums: dict[str, Decimal] = {}
    for part in (*told.available, *told.pending):
        currency = part.currency.upper()
        amount = from_minor_units(part.amount, currency)
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums
