"""Regular gifts: begun with a payment page, billed period by period, announced."""

from copy import deepcopy
from datetime import datetime
from fractions import Fraction

from django.conf import settings
from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from . import invoices
from .rows import locked

# A subscription in one of these bills at the end of its period.
BILLING = frozenset({"active", "past_due", "trialing", "unpaid"})


MONTHLY = {"interval": "month", "interval_count": 1}


def invoice_page() -> str:
    return f"{settings.SITE_URL}/sandbox/invoice/"


def begin(
    session: SandboxObject, *, customer: Json, method: Json, intent: Json | None, at: datetime
) -> Json:
    """The subscription of a session that is being completed, with its first invoice, open.

    `intent` is the payment of the first invoice, or None when that asks for nothing.
    """
    data, now = session.notes["subscription_data"], objects.seconds(at)
    wanted = session.notes["prices"]
    anchor = first_anchor(data, now=now) or now
    recurring = {"interval_count": 1} | wanted[0]["price_data"]["recurring"]
    end = anchor if anchor > now else objects.following(anchor, recurring, after=now)
    period = {"start": now, "end": end}
    made = objects.subscription(
        customer=customer["id"],
        currency=session.data["currency"],
        data=data,
        anchor=anchor,
        method=method["id"],
        at=at,
    )
    made["items"]["data"] = [item_of(made["id"], one, period, at=at) for one in wanted]
    objects.keep(made, at=at, due_at=objects.instant(end), notes={"prorations": []})
    emit("customer.subscription.created", made, at=at)
    lines = [
        objects.invoice_line(item, amount=line["amount_total"], period=period)
        for item, line in zip(made["items"]["data"], session.notes["lines"], strict=True)
    ]
    invoice = invoices.issue(
        made,
        lines=lines,
        reason="subscription_create",
        period={"start": now, "end": now},
        page=invoice_page(),
        at=at,
    )
    if intent:
        invoices.tie(invoice, intent, at=at)
    return invoice


def first_anchor(data: Json, *, now: int) -> int | None:
    """When the first whole period begins, if `subscription_data` wants it later than now."""
    if days := data.get("trial_period_days"):
        return now + int(days) * 86400
    if config := data.get("billing_cycle_anchor_config"):
        return objects.following(_first_of(config, now=now), MONTHLY, after=now)
    found: int | None = data.get("trial_end") or data.get("billing_cycle_anchor")
    return found


def _first_of(config: Json, *, now: int) -> int:
    """The wanted day in the year's first month, which has as many days as any."""
    start = objects.instant(now)
    parts = {part: config[part] for part in ("hour", "minute", "second") if config.get(part)}
    return objects.seconds(start.replace(month=1, day=config["day_of_month"], **parts))


def first_share(data: Json, recurring: Json, *, now: int) -> Fraction:
    """How much of its price the first invoice asks for: all, nothing in a trial, a part up to a chosen anchor."""
    anchor = first_anchor(data, now=now)
    if anchor is None:
        return Fraction(1)
    if "trial_end" in data or "trial_period_days" in data:
        return Fraction(0)
    start = objects.preceding(anchor, {"interval_count": 1} | recurring)
    if not start <= now < anchor:
        raise SandboxError(
            "billing_cycle_anchor must be later than now and not later than the next natural billing date.",
            param="subscription_data[billing_cycle_anchor]",
        )
    if data.get("proration_behavior") == "none":
        return Fraction(0)
    return Fraction(anchor - now, anchor - start)


def item_of(subscription_id: str, wanted: Json, period: Json, *, at: datetime) -> Json:
    price_data = wanted["price_data"]
    product_id = price_data.get("product")
    if product_id is None:
        product = objects.product(price_data["product_data"]["name"], at=at)
        objects.keep(product, at=at)
        product_id = product["id"]
    price = objects.price(price_data, product_id=product_id, at=at)
    objects.keep(price, at=at)
    return objects.item(
        price,
        subscription=subscription_id,
        quantity=wanted.get("quantity", 1),
        period=period,
        at=at,
    )


# --- Renewing -----------------------------------------------------------------------------------


@transaction.atomic
def renew(subscription_id: str, *, at: datetime, outcome: str = "") -> Json:
    """Bills the next period at once, whenever it is due; or ends a subscription that was to end with this one.

    `outcome` is one of payments.OUTCOMES; empty: what the kept card says. Returns the subscription.
    """
    row = locked(subscription_id, "subscription")
    data = row.data
    if data["status"] not in BILLING:
        raise SandboxError(f"This subscription is {data['status']}: it bills no more.")
    if data["cancel_at_period_end"]:
        invoices.end_subscription(data, at=at, reason="cancellation_requested")
        return dict(data)
    _resume_collection_if_due(data, at=at)
    before = deepcopy(data)
    period = _next_period(data)
    past = {
        "start": data["items"]["data"][0]["current_period_start"],
        "end": period["start"],
    }
    for item in data["items"]["data"]:
        item |= {"current_period_start": period["start"], "current_period_end": period["end"]}
    if data["status"] == "trialing":
        data["status"] = "active"
    lines = lines_of(row, period)
    row.due_at = objects.instant(period["end"])
    row.save(update_fields=["data", "notes", "due_at"])
    emit("customer.subscription.updated", data, at=at, before=before)
    invoice = invoices.issue(
        data, lines=lines, reason="subscription_cycle", period=past, page=invoice_page(), at=at
    )
    if invoice["status"] == "open":
        _collect(data, invoice, outcome, at=at)
    return dict(locked(subscription_id, "subscription").data)


def _next_period(data: Json) -> Json:
    item = data["items"]["data"][0]
    start = item["current_period_end"]
    anchor = data["billing_cycle_anchor"]
    if config := data["billing_cycle_anchor_config"]:
        anchor = _first_of(config, now=anchor)
    end = objects.following(anchor, item["price"]["recurring"], after=start)
    return {"start": start, "end": end}


def lines_of(row: SandboxObject, period: Json) -> list[Json]:
    """What the next period costs, and what earlier changes left to be settled as far as this covers it."""
    lines = [
        objects.invoice_line(
            item, amount=item["price"]["unit_amount"] * item["quantity"], period=period
        )
        for item in row.data["items"]["data"]
    ]
    total, later = sum(line["amount"] for line in lines), []
    for proration in row.notes["prorations"]:
        if total + proration["amount"] < 0:
            later.append(proration)
        else:
            total += proration["amount"]
            lines.append(proration)
    row.notes["prorations"] = later
    return lines


def _collect(data: Json, invoice: Json, outcome: str, *, at: datetime) -> None:
    invoices.collect(invoice, invoices.usual_method(data), outcome, at=at)


@transaction.atomic
def announce(subscription_id: str, *, at: datetime) -> None:
    """Tells some days ahead what the next invoice will ask for."""
    data = locked(subscription_id, "subscription").data
    if data["status"] not in BILLING:
        raise SandboxError(f"This subscription is {data['status']}: it bills no more.")
    period = _next_period(data)
    lines = [
        objects.invoice_line(
            item, amount=item["price"]["unit_amount"] * item["quantity"], period=period
        )
        for item in data["items"]["data"]
    ]
    email = locked(data["customer"], "customer").data["email"]
    preview = objects.invoice(
        data, lines=lines, reason="upcoming", period=period, email=email, at=at
    )
    # It is no invoice yet, and nothing can be looked up under this.
    preview |= {"id": f"upcoming_{preview['id']}", "next_payment_attempt": period["start"]}
    emit("invoice.upcoming", preview, at=at)


def period_of(data: Json) -> Json:
    item = data["items"]["data"][0]
    return {"start": item["current_period_start"], "end": item["current_period_end"]}


def bill_now(data: Json, lines: list[Json], *, at: datetime) -> None:
    invoice = invoices.issue(
        data,
        lines=lines,
        reason="subscription_update",
        period=period_of(data),
        page=invoice_page(),
        at=at,
    )
    if invoice["status"] == "open":
        _collect(data, invoice, "", at=at)


def _resume_collection_if_due(data: Json, *, at: datetime) -> None:
    pause = data["pause_collection"]
    if pause and pause["resumes_at"] and pause["resumes_at"] <= period_of(data)["end"]:
        before = deepcopy(data)
        data["pause_collection"] = None
        objects.change(data)
        emit("customer.subscription.updated", data, at=at, before=before)
