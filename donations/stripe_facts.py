"""EDGE: what of Stripe's objects we keep, as plain facts; amounts exact in, minor units only on Stripe's side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from .currencies import exponent, quantize

# What the webhook endpoint at Stripe is to send, and nothing else (README, Going to production).
EVENT_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "charge.updated",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "radar.early_fraud_warning.created",
    "review.opened",
    "review.closed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "payout.paid",
    "payout.failed",
    "payout.reconciliation_completed",
)

# Stripe counts these in hundredths although nobody pays parts of them (its currencies page, "special cases").
WIRE_EXPONENTS = {"ISK": 2, "UGX": 2}
# The largest amount of a single payment: eight digits of the smallest unit, twelve in rupiah.
LARGEST_UNITS = 99_999_999
LARGEST_UNITS_IDR = 999_999_999_999


@dataclass(frozen=True)
class Session:
    """A visit to Stripe's payment page. `url` is empty once it can no longer be paid.

    `status` is open, complete or expired; money was taken only when `payment_status` is paid.
    """

    id: str
    url: str
    status: str
    payment_status: str
    amount: Decimal
    currency: str
    payment_intent_id: str
    expires_at: datetime


@dataclass(frozen=True)
class Event:
    """A verified message from Stripe about one object; what of it is in `facts` says facts_of."""

    id: str
    type: str
    created_at: datetime
    livemode: bool
    account: str
    api_version: str
    object_id: str
    object_type: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class BalanceTransaction:
    """One movement on Stripe's balance: `amount` − `fee` = `net`, negative when money leaves.

    `type` is an open list (charge, refund, adjustment, payout, stripe_fee …), `reporting_category` a finer one.
    `source_id` is what moved the money, `charge_id` and `payment_intent_id` the payment behind it, `payout_id` the
    payout it left with, where that is known.
    """

    id: str
    type: str
    reporting_category: str
    amount: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    created_at: datetime
    source_id: str
    charge_id: str
    payment_intent_id: str
    payout_id: str
    # Stripe's type for it is "adjustment", as for much else; its source says more.
    is_dispute: bool
    # What is kept of the refund or dispute that moved the money, as it is now; empty for all else.
    source_facts: dict[str, Any]

    @property
    def source(self) -> str:
        """The name of the fact in the ledger."""
        return f"stripe:{self.id}"


@dataclass(frozen=True)
class Payout:
    """Stripe's transfer to the bank. `status` is paid, pending, in_transit, canceled or failed."""

    id: str
    amount: Decimal
    currency: str
    status: str
    created_at: datetime
    arrival_at: datetime
    is_automatic: bool
    is_reconciled: bool


_PAYMENT = ("payment_intent", "currency", "created", "status", "livemode")
# By type of object: what we act on, and nothing that names a person. No detail of customers, cards or addresses,
# no free text and no metadata but our own `pledge` and `refund` passes this line.
KEPT: Mapping[str, tuple[str, ...]] = {
    "checkout.session": (
        *_PAYMENT,
        "amount_total",
        "client_reference_id",
        "expires_at",
        "invoice",
        "mode",
        "payment_status",
        "subscription",
    ),
    "payment_intent": (
        "amount",
        "amount_received",
        "created",
        "currency",
        "latest_charge",
        "livemode",
        "status",
    ),
    "charge": (
        *_PAYMENT,
        "amount",
        "amount_refunded",
        "balance_transaction",
        "captured",
        "disputed",
        "failure_code",
        "paid",
        "refunded",
    ),
    "refund": (
        *_PAYMENT,
        "amount",
        "balance_transaction",
        "charge",
        "failure_balance_transaction",
        "failure_reason",
        "reason",
    ),
    "dispute": (
        *_PAYMENT,
        "amount",
        "balance_transactions",
        "charge",
        "is_charge_refundable",
        "reason",
    ),
    "radar.early_fraud_warning": (*_PAYMENT, "actionable", "charge", "fraud_type"),
    "review": (*_PAYMENT, "charge", "closed_reason", "open", "reason"),
    "payout": (
        "amount",
        "arrival_date",
        "automatic",
        "balance_transaction",
        "created",
        "currency",
        "failure_balance_transaction",
        "failure_code",
        "livemode",
        "reconciliation_status",
        "status",
    ),
    "invoice": (
        "amount_due",
        "amount_paid",
        "attempt_count",
        "billing_reason",
        "created",
        "currency",
        "customer",
        "livemode",
        "next_payment_attempt",
        "status",
    ),
    "subscription": (
        "cancel_at_period_end",
        "canceled_at",
        "created",
        "currency",
        "customer",
        "ended_at",
        "latest_invoice",
        "livemode",
        "status",
    ),
}
MONEY = frozenset(
    {"amount", "amount_due", "amount_paid", "amount_received", "amount_refunded", "amount_total"}
)


def wire_exponent(currency: str) -> int:
    """How many decimals Stripe counts in for `currency` ("EUR"), which is not always how many it has."""
    return WIRE_EXPONENTS.get(currency, exponent(currency))


def step(currency: str) -> Decimal:
    """The smallest difference between two amounts Stripe charges: 0.01 EUR, 1 CLP, but 0.010 KWD."""
    places = exponent(currency)
    # Of three decimals card networks carry two: Stripe wants the last digit to be 0.
    return Decimal(10 if places == 3 else 1).scaleb(-places)


def is_charged(amount: Decimal, currency: str) -> bool:
    """Whether Stripe has an amount this fine: 25.505 KWD is an amount of the currency, and yet no card pays it."""
    return not amount % step(currency)


def largest(currency: str) -> Decimal:
    """The largest amount Stripe takes in one payment: 999 999.99 in most currencies, dear or cheap."""
    units = LARGEST_UNITS_IDR if currency == "IDR" else LARGEST_UNITS
    return quantize(Decimal(units).scaleb(-wire_exponent(currency)), currency)


def to_minor_units(amount: Decimal, currency: str) -> int:
    """25.50 EUR → 2550, 1500 CLP → 1500, 5 UGX → 500; ValueError when Stripe has no such small part."""
    if quantize(amount, currency) != amount:
        raise ValueError(f"{amount} has too many decimals for {currency}.")
    if not is_charged(amount, currency):
        raise ValueError(f"{amount} {currency} is no multiple of {step(currency)}.")
    return int(amount.scaleb(wire_exponent(currency)))


def from_minor_units(units: int, currency: str) -> Decimal:
    """2550, "eur" → 25.50."""
    currency = currency.upper()
    return quantize(Decimal(units).scaleb(-wire_exponent(currency)), currency)


def facts_of(subject: Mapping[str, Any]) -> dict[str, Any]:
    """The kept fields of one of Stripe's objects, as values that JSON can hold.

    Amounts are exact text ("25.50"), currencies upper case ("EUR"), instants seconds since 1970, other objects their
    identifiers. `metadata` holds our own {"pledge": "<uuid>"}, of a refund {"refund": "<uuid>"}, or is not there. Of a type we do not know only the
    identifier is kept.
    """
    kind = subject.get("object")
    names = KEPT.get(kind, ()) if isinstance(kind, str) else ()
    facts = {name: _plain(subject[name]) for name in ("id", "object", *names) if name in subject}
    currency = subject.get("currency")
    for name in MONEY & facts.keys():
        units = facts.pop(name)
        if isinstance(units, int) and isinstance(currency, str):
            facts[name] = str(from_minor_units(units, currency))
    if isinstance(currency, str) and "currency" in facts:
        facts["currency"] = currency.upper()
    facts.update(_elsewhere(subject))
    if pledge := _pledge(subject):
        facts["metadata"] = {"pledge": pledge}
    match subject:
        case {"object": "refund", "metadata": {"refund": str(number)}}:
            facts["metadata"] = {"refund": number}
    return facts


def _plain(value: Any) -> Any:
    """An expanded object as its identifier, a list of them as theirs."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.get("id") if isinstance(value, Mapping) else value


def _elsewhere(subject: Mapping[str, Any]) -> dict[str, Any]:
    """What stands deeper in the object than we want to know."""
    match subject:
        case {"object": "dispute", "evidence_details": {"due_by": due_by}}:
            return {"due_by": due_by}
        case {"object": "payment_intent", "last_payment_error": {"code": code, **rest}}:
            return {"error_code": code, "decline_code": rest.get("decline_code")}
        case {"object": "payout", "trace_id": {"value": trace}}:
            # The reference under which the bank shows it.
            return {"trace_id": trace}
        case {"object": "checkout.session", "mode": "subscription"}:
            return {"customer": _plain(subject.get("customer"))}
        case {"object": "invoice"}:
            return _of_invoice(subject)
        case {"object": "subscription"}:
            return _of_subscription(subject)
        case _:
            return {}


def _of_invoice(invoice: Mapping[str, Any]) -> dict[str, Any]:
    """Whose it is; when its month began, which only its lines say; and what paid it, where Stripe was asked for that."""
    facts: dict[str, Any] = {}
    match invoice.get("parent"):
        case {"subscription_details": {"subscription": found}}:
            facts["subscription"] = _plain(found)
    match invoice.get("lines"):
        case {"data": [_, *_] as lines}:
            facts["period_start"] = max(line["period"]["start"] for line in lines)
    match invoice.get("payments"):
        case {"data": list(payments)}:
            facts |= payment_of(payments)
    return facts


def payment_of(invoice_payments: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """{"payment_intent": …} of the one among an invoice's payments that was made; {} while there is none."""
    for made in invoice_payments:
        match made:
            case {"status": "paid", "payment": {"payment_intent": found}} if found:
                return {"payment_intent": _plain(found)}
    return {}


def _of_subscription(subscription: Mapping[str, Any]) -> dict[str, Any]:
    """The sum of a period as "amount", exact text; the end of the paid one as "next_charge", none when it is the last."""
    items = subscription["items"]["data"]
    is_last = subscription.get("cancel_at_period_end") or subscription.get("ended_at")
    units = sum(item["price"]["unit_amount"] * (item.get("quantity") or 1) for item in items)
    return {
        "amount": str(from_minor_units(units, subscription["currency"])),
        "next_charge": None
        if is_last
        else min((item["current_period_end"] for item in items), default=None),
        "paused": bool(subscription.get("pause_collection")) or subscription["status"] == "paused",
    }


def _pledge(subject: Mapping[str, Any]) -> str:
    match subject:
        case {"metadata": {"pledge": str(pledge)}}:
            return pledge
        case {"parent": {"subscription_details": {"metadata": {"pledge": str(pledge)}}}}:
            return pledge
        case _:
            return ""
