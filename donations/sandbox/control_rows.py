"""What the control page shows: payments and regular gifts with all that has become of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from donations.stripe_facts import from_minor_units

from . import acts, objects
from .models import SandboxObject
from .objects import Json

OPEN_DISPUTES = frozenset({"needs_response", "under_review"})
# What Stripe calls disputes and invoices, for who reads these pages.
STATES = {
    "warning_needs_response": _("inquiry, to be answered"),
    "warning_under_review": _("inquiry, answered"),
    "warning_closed": _("inquiry, closed"),
    "needs_response": _("to be answered"),
    "under_review": _("answered, at the bank"),
    "won": _("won"),
    "lost": _("lost"),
    "prevented": _("prevented"),
    "draft": _("not sent yet"),
    "open": _("not paid yet"),
    "paid": _("paid"),
    "void": _("called off"),
    "uncollectible": _("given up"),
}
OPEN_INQUIRIES = frozenset({"warning_needs_response", "warning_under_review"})


@dataclass(frozen=True)
class Visit:
    """A payment page nobody has paid on yet; `amount` is None where it only keeps a card."""

    id: str
    opened_at: datetime
    mode: str
    amount: Decimal | None
    currency: str
    is_over: bool


@dataclass(frozen=True)
class Part:
    """A refund or a dispute of a payment; `status` in Stripe's words, `state` in the reader's."""

    id: str
    amount: Decimal
    status: str

    @property
    def state(self) -> Any:
        return STATES.get(self.status, self.status)


@dataclass(frozen=True)
class Payment:
    """`state` is waiting (for the bank), asks, refused, canceled, paid, refunded, disputed, asked or lost."""

    id: str
    at: datetime
    amount: Decimal
    left: Decimal
    currency: str
    card: str
    state: str
    origin: str
    invoice: str
    refunds: list[Part] = field(default_factory=list)
    dispute: Part | None = None
    is_warned: bool = False


@dataclass(frozen=True)
class Regular:
    """A regular gift; `invoice` is its latest, with `invoice_status` and the address of its page."""

    id: str
    at: datetime
    amount: Decimal
    currency: str
    interval: str
    status: str
    next_at: datetime
    is_ending: bool
    is_held: bool
    card: str
    invoice: str
    invoice_status: str
    # The same in the reader's words.
    invoice_state: Any
    invoice_url: str


@dataclass(frozen=True)
class PaidOut:
    id: str
    at: datetime
    amount: Decimal
    currency: str
    is_failed: bool


def visits(rows: Iterable[SandboxObject], *, at: datetime) -> list[Visit]:
    return [
        Visit(
            id=row.id,
            opened_at=row.created_at,
            mode=row.data["mode"],
            amount=_amount(row.data["amount_total"], row.data["currency"]),
            currency=(row.data["currency"] or "").upper(),
            is_over=acts.is_over(row.data, at=at),
        )
        for row in rows
    ]


def _amount(units: int | None, currency: str) -> Decimal | None:
    return None if units is None else from_minor_units(units, currency)


def payments(rows: list[SandboxObject]) -> list[Payment]:
    """In one query for each kind of thing that hangs on a payment, however many payments there are."""
    charges = SandboxObject.objects.in_bulk(
        [row.data["latest_charge"] for row in rows if row.data["latest_charge"]]
    )
    hanging: dict[tuple[str, str], list[Json]] = defaultdict(list)
    kinds = ("refund", "dispute", "radar.early_fraud_warning")
    found = SandboxObject.objects.filter(kind__in=kinds, data__charge__in=list(charges))
    for other in found.newest_first():
        hanging[other.kind, other.data["charge"]].append(other.data)
    return [_payment(row, charges, hanging) for row in rows]


def _payment(
    row: SandboxObject,
    charges: dict[str, SandboxObject],
    hanging: dict[tuple[str, str], list[Json]],
) -> Payment:
    intent, latest = row.data, row.data["latest_charge"] or ""
    charge: Json = charges[latest].data if latest else {}
    disputes = hanging["dispute", latest]
    details = charge.get("payment_method_details")
    return Payment(
        id=row.id,
        at=row.created_at,
        amount=from_minor_units(intent["amount"], intent["currency"]),
        left=from_minor_units(
            intent["amount"] - charge.get("amount_refunded", 0), intent["currency"]
        ),
        currency=intent["currency"].upper(),
        card=details[details["type"]]["last4"] if details else "",
        state=_state(intent, charge, disputes),
        origin=_origin(row),
        invoice=row.notes.get("invoice", ""),
        refunds=[_part(refund) for refund in hanging["refund", latest]],
        dispute=_part(disputes[0]) if disputes else None,
        is_warned=bool(hanging["radar.early_fraud_warning", latest]),
    )


def _part(data: Json) -> Part:
    return Part(data["id"], from_minor_units(data["amount"], data["currency"]), data["status"])


def _origin(row: SandboxObject) -> str:
    if row.notes.get("invoice"):
        return "regular"
    return "once" if row.notes.get("session") else "kept"


def _state(intent: Json, charge: Json, disputes: list[Json]) -> str:
    if intent["status"] != "succeeded":
        return {"processing": "waiting", "requires_action": "asks", "canceled": "canceled"}.get(
            intent["status"], "refused"
        )
    if disputes:
        status = disputes[0]["status"]
        if status in OPEN_DISPUTES:
            return "disputed"
        if status in OPEN_INQUIRIES:
            return "asked"
        if status == "lost":
            return "lost"
    return "refunded" if charge["refunded"] else "paid"


def regulars(rows: list[SandboxObject]) -> list[Regular]:
    links = [
        row.data[name] for row in rows for name in ("latest_invoice", "default_payment_method")
    ]
    found = SandboxObject.objects.in_bulk([link for link in links if link])
    return [_regular(row, found) for row in rows]


def _regular(row: SandboxObject, found: dict[str, SandboxObject]) -> Regular:
    data = row.data
    items = data["items"]["data"]
    units = sum(item["price"]["unit_amount"] * item["quantity"] for item in items)
    invoice = found[data["latest_invoice"]].data
    card = found.get(data["default_payment_method"])
    return Regular(
        id=row.id,
        at=row.created_at,
        amount=from_minor_units(units, data["currency"]),
        currency=data["currency"].upper(),
        interval=items[0]["price"]["recurring"]["interval"],
        status=data["status"],
        next_at=objects.instant(items[0]["current_period_end"]),
        is_ending=data["cancel_at_period_end"],
        is_held=data["pause_collection"] is not None,
        card=objects.ends_of(card.data) if card else "",
        invoice=invoice["id"],
        invoice_status=invoice["status"],
        invoice_state=STATES.get(invoice["status"], invoice["status"]),
        invoice_url=invoice["hosted_invoice_url"] or "",
    )


def paid_out(rows: Iterable[SandboxObject]) -> list[PaidOut]:
    return [
        PaidOut(
            id=row.id,
            at=row.created_at,
            amount=from_minor_units(row.data["amount"], row.data["currency"]),
            currency=row.data["currency"].upper(),
            is_failed=row.data["status"] == "failed",
        )
        for row in rows
    ]


def waiting_for_payout() -> list[tuple[str, Decimal]]:
    """By currency: ("EUR", Decimal)."""
    sums: dict[str, int] = defaultdict(int)
    for currency, _status, net in SandboxObject.objects.not_paid_out().balances():
        sums[currency] += net
    return [(code.upper(), from_minor_units(net, code)) for code, net in sorted(sums.items())]
