"""Regular gifts changed: their amount, their day, their end, and whether anything is collected; paused and ended."""

from copy import deepcopy
from datetime import datetime
from fractions import Fraction

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from . import invoices
from .customers import known_customer, merged, method_of
from .rows import locked
from .subscriptions import bill_now, item_of, lines_of, period_of

# It is no more: nothing of it can be changed.
OVER = frozenset({"canceled", "incomplete_expired"})
# The day of the month it was begun with holds no longer.
FREE: Json = {"billing_cycle_anchor_config": None}
# What of a SubscriptionUpdateParams has its effect here; the rest is refused rather than passed over.
PLAYED = frozenset(
    {
        "billing_cycle_anchor",
        "cancel_at_period_end",
        "cancellation_details",
        "default_payment_method",
        "description",
        "expand",
        "items",
        "metadata",
        "off_session",
        "pause_collection",
        "payment_behavior",
        "proration_behavior",
        "trial_end",
    }
)


@transaction.atomic
def update_subscription(subscription_id: str, params: Json, *, at: datetime) -> Json:
    """What a SubscriptionUpdateParams asks for; returns the subscription."""
    row = locked(subscription_id, "subscription")
    data = row.data
    if data["status"] in OVER:
        raise SandboxError(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if unplayed := params.keys() - PLAYED:
        raise SandboxError(f"The sandbox does not play {sorted(unplayed)[0]}.")
    before = deepcopy(data)
    for name in ("default_payment_method", "description"):
        if name in params:
            data[name] = params[name] or None
    if chosen := params.get("default_payment_method"):
        method_of(chosen, customer=data["customer"])
    if "metadata" in params:
        data["metadata"] = merged(data["metadata"], params["metadata"])
    if "pause_collection" in params:
        pause = params["pause_collection"]
        data["pause_collection"] = ({"resumes_at": None} | pause) if pause else None
    if "cancellation_details" in params:
        data["cancellation_details"] = data["cancellation_details"] | params["cancellation_details"]
    if "cancel_at_period_end" in params:
        _end_with_period(data, wanted=params["cancel_at_period_end"], at=at)
    prorations = _change_items(data, params.get("items", []), at=at)
    _move_day(data, params, at=at)
    behavior = params.get("proration_behavior", "create_prorations")
    if behavior == "create_prorations":
        row.notes["prorations"] += prorations
    if data["status"] != "paused":
        row.due_at = objects.instant(period_of(data)["end"])
    row.save(update_fields=["data", "notes", "due_at"])
    emit("customer.subscription.updated", data, at=at, before=before)
    if behavior == "always_invoice" and sum(line["amount"] for line in prorations) > 0:
        bill_now(data, prorations, at=at)
    elif _starts_now(params):
        bill_now(data, lines_of(row, period_of(data)), at=at)
        row.save(update_fields=["notes"])
    return dict(locked(subscription_id, "subscription").data)


def _change_items(data: Json, wanted: list[Json], *, at: datetime) -> list[Json]:
    """New prices from now on; returns what the rest of this period costs more or less by it."""
    known, prorations = {item["id"]: item for item in data["items"]["data"]}, []
    for one in wanted:
        if "id" not in one:
            known_new = item_of(data["id"], one, period_of(data), at=at)
            data["items"]["data"].append(known_new)
            prorations.append(_rest(known_new, known_new["price"]["unit_amount"], at=at))
            continue
        item = known.get(one["id"])
        if item is None:
            raise SandboxError(
                f"No such subscription item: '{one['id']}'", code="resource_missing", param="items"
            )
        cost = item["price"]["unit_amount"] * item["quantity"]
        if one.get("deleted"):
            data["items"]["data"].remove(item)
            prorations.append(_rest(item, -cost, at=at))
            continue
        if "price_data" in one:
            _check_price(data, one["price_data"])
            price = objects.price(one["price_data"], product_id=one["price_data"]["product"], at=at)
            objects.keep(price, at=at)
            item |= {"price": price, "plan": objects.plan(price)}
        item["quantity"] = one.get("quantity", item["quantity"])
        change = item["price"]["unit_amount"] * item["quantity"] - cost
        prorations.append(_rest(item, change, at=at))
    if not data["items"]["data"]:
        raise SandboxError("A subscription must have at least one active plan.", param="items")
    return [line for line in prorations if line["amount"]]


def _check_price(data: Json, price_data: Json) -> None:
    if price_data["currency"] != data["currency"]:
        raise SandboxError(
            f"The price must be in {data['currency']}, the subscription's currency.", param="items"
        )
    if "unit_amount" not in price_data or price_data["unit_amount"] < 0:
        raise SandboxError("The sandbox wants a unit_amount with price_data.", param="items")
    locked(price_data["product"], "product")


def _rest(item: Json, change: int, *, at: datetime) -> Json:
    now, start, end = (
        objects.seconds(at),
        item["current_period_start"],
        item["current_period_end"],
    )
    share = Fraction(max(end - max(now, start), 0), end - start)
    return objects.invoice_line(
        item, amount=round(change * share), period={"start": now, "end": end}, proration=True
    )


def _end_with_period(data: Json, *, wanted: bool, at: datetime) -> None:
    data["cancel_at_period_end"] = wanted
    data["canceled_at"] = objects.seconds(at) if wanted else None
    data["cancel_at"] = period_of(data)["end"] if wanted else None
    data["cancellation_details"] = data["cancellation_details"] | {
        "reason": "cancellation_requested" if wanted else None
    }


def _starts_now(params: Json) -> bool:
    return params.get("billing_cycle_anchor", {}).get("type") == "now" or (
        params.get("trial_end") == "now"
    )


def _move_day(data: Json, params: Json, *, at: datetime) -> None:
    """A new day of billing: from now on, or by a time without bills up to it, which Stripe calls a trial."""
    now, items = objects.seconds(at), data["items"]["data"]
    if _starts_now(params):
        end = objects.following(now, items[0]["price"]["recurring"], after=now)
        data |= {"billing_cycle_anchor": now, "trial_end": None} | FREE
        data["status"] = "active" if data["status"] == "trialing" else data["status"]
        for item in items:
            item |= {"current_period_start": now, "current_period_end": end}
    elif isinstance(until := params.get("trial_end"), int):
        if until <= now:
            raise SandboxError("trial_end must be in the future.", param="trial_end")
        data |= {"billing_cycle_anchor": until, "trial_start": now, "trial_end": until} | FREE
        data["status"] = "trialing"
        for item in items:
            item |= {"current_period_start": now, "current_period_end": until}


# --- Pausing and ending -------------------------------------------------------------------------


@transaction.atomic
def pause(subscription_id: str, *, at: datetime) -> Json:
    """Bills nothing and stands still until it is resumed."""
    row = locked(subscription_id, "subscription")
    if row.data["status"] not in {"active", "trialing"}:
        raise SandboxError(f"A subscription that is {row.data['status']} cannot be paused.")
    row.data["status"], row.due_at = "paused", None
    row.save(update_fields=["data", "due_at"])
    emit("customer.subscription.paused", row.data, at=at)
    return dict(row.data)


@transaction.atomic
def resume(subscription_id: str, *, at: datetime) -> Json:
    """Goes on from now, with a bill at once, unless the period it was paused in lasts."""
    row = locked(subscription_id, "subscription")
    data, now = row.data, objects.seconds(at)
    if data["status"] != "paused":
        raise SandboxError("Only a paused subscription can be resumed.")
    data["status"] = "active"
    is_new_period = period_of(data)["end"] <= now
    if is_new_period:
        _move_day(data, {"trial_end": "now"}, at=at)
    row.due_at = objects.instant(period_of(data)["end"])
    row.save(update_fields=["data", "due_at"])
    emit("customer.subscription.resumed", data, at=at)
    if is_new_period:
        bill_now(data, lines_of(row, period_of(data)), at=at)
        row.save(update_fields=["notes"])
    return dict(locked(subscription_id, "subscription").data)


@transaction.atomic
def cancel_subscription(subscription_id: str, params: Json, *, at: datetime) -> Json:
    """Ends it at once."""
    data = locked(subscription_id, "subscription").data
    if data["status"] in OVER:
        raise SandboxError(
            f"No such subscription: '{subscription_id}'", code="resource_missing", status=404
        )
    data["cancellation_details"] = data["cancellation_details"] | params.get(
        "cancellation_details", {}
    )
    invoices.end_subscription(data, at=at, reason="cancellation_requested")
    return dict(data)


@transaction.atomic
def delete_customer(customer_id: str, *, at: datetime) -> Json:
    """Forgets a supporter: what they give regularly ends at once, their cards can never be charged again."""
    data = known_customer(customer_id)
    theirs = SandboxObject.objects.of_kind("subscription").filter(data__customer=customer_id)
    for subscription in theirs.exclude(data__status__in=OVER).select_for_update():
        invoices.end_subscription(subscription.data, at=at, reason="cancellation_requested")
    cards = SandboxObject.objects.of_kind("payment_method").filter(data__customer=customer_id)
    for card in cards.select_for_update():
        objects.change(card.data | {"customer": None})
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    objects.change(gone)
    emit("customer.deleted", data, at=at)
    return gone
