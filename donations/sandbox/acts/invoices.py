"""Bills of regular gifts: issued, paid, tried in vain, tried again, given up."""

from datetime import datetime, timedelta

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from . import payments
from .customers import keep_method, method_of
from .rows import locked

# After how many days a card that failed is tried again; after the last of them the subscription ends.
RETRY_AFTER_DAYS = (3, 5, 7)


def issue(
    subscription: Json, *, lines: list[Json], reason: str, period: Json, page: str, at: datetime
) -> Json:
    """A finalized invoice, not paid yet; the subscription names it as its latest, and is stored.

    `page` is the address of the page where it can be paid, without the identifier at its end.
    """
    email = locked(subscription["customer"], "customer").data["email"]
    invoice = objects.invoice(
        subscription, lines=lines, reason=reason, period=period, email=email, at=at
    )
    objects.keep(invoice, at=at)
    emit("invoice.created", invoice, at=at)
    subscription["latest_invoice"] = invoice["id"]
    objects.change(subscription)
    if not is_collected(subscription):
        _leave_uncollected(invoice, subscription["pause_collection"]["behavior"], at=at)
        return invoice
    invoice |= {"status": "open", "effective_at": objects.seconds(at)}
    invoice["hosted_invoice_url"] = f"{page}{invoice['id']}/"
    invoice["status_transitions"]["finalized_at"] = objects.seconds(at)
    objects.change(invoice)
    emit("invoice.finalized", invoice, at=at)
    return invoice


def is_collected(subscription: Json) -> bool:
    return subscription["pause_collection"] is None


def _leave_uncollected(invoice: Json, behavior: str, *, at: datetime) -> None:
    """What becomes of an invoice while collection is paused."""
    invoice["auto_advance"] = False
    if behavior == "void":
        invoice |= {"status": "void", "amount_remaining": 0}
        invoice["status_transitions"]["voided_at"] = objects.seconds(at)
    elif behavior == "mark_uncollectible":
        invoice["status"] = "uncollectible"
        invoice["status_transitions"]["marked_uncollectible_at"] = objects.seconds(at)
    objects.change(invoice)
    told = {"void": "invoice.voided", "mark_uncollectible": "invoice.marked_uncollectible"}
    if behavior in told:
        emit(told[behavior], invoice, at=at)


def tie(invoice: Json, intent: Json, *, at: datetime) -> None:
    """The payment `intent` is to pay this invoice."""
    intent_row = locked(intent["id"], "payment_intent")
    intent_row.notes["invoice"] = invoice["id"]
    intent_row.save(update_fields=["notes"])
    tied = objects.invoice_payment(invoice, intent=intent["id"], at=at)
    objects.keep(tied, at=at)


def payment_of(invoice_id: str) -> SandboxObject:
    """What ties an invoice to its payment."""
    return SandboxObject.objects.select_for_update().get(
        kind="invoice_payment", data__invoice=invoice_id
    )


def intent_for(invoice: Json, *, at: datetime) -> Json:
    """The payment of an invoice: made at the first try, the same at all others."""
    tied = SandboxObject.objects.filter(kind="invoice_payment", data__invoice=invoice["id"]).first()
    if tied:
        return dict(locked(tied.data["payment"]["payment_intent"], "payment_intent").data)
    is_first = invoice["billing_reason"] == "subscription_create"
    data = {
        "customer": invoice["customer"],
        "description": "Subscription creation" if is_first else "Subscription update",
        "setup_future_usage": "off_session",
    }
    intent = objects.payment_intent(
        amount=invoice["amount_due"], currency=invoice["currency"], data=data, at=at
    )
    objects.keep(intent, at=at)
    emit("payment_intent.created", intent, at=at)
    tie(invoice, intent, at=at)
    return intent


def collect(invoice: Json, method: Json | None, outcome: str, *, at: datetime) -> None:
    """Tries to have an open invoice paid: `outcome` is one of payments.OUTCOMES, or empty for what the card says.

    Without a `method` the try is in vain.
    """
    if invoice["amount_due"] == 0:
        mark_paid(invoice, at=at)
        return
    intent = intent_for(invoice, at=at)
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    if method is None:
        mark_failed(invoice, is_asked=False, at=at)
        return
    outcome = outcome or payments.answer_of(method)
    if outcome == payments.ASKS:
        _ask_for_confirmation(intent, method, at=at)
        mark_failed(invoice, is_asked=True, at=at)
        return
    payments.attempt(intent, method, outcome, at=at)
    if outcome == payments.SUCCEEDED:
        mark_paid(invoice, at=at)
    elif outcome == payments.PROCESSING:
        invoice["next_payment_attempt"] = None
        _store(invoice)
        _set_status(invoice, "active", at=at)
    else:
        mark_failed(invoice, is_asked=False, at=at)


def _ask_for_confirmation(intent: Json, method: Json, *, at: datetime) -> None:
    intent |= {
        "payment_method": method["id"],
        "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}},
        "status": "requires_action",
    }
    objects.change(intent)
    emit("payment_intent.requires_action", intent, at=at)


def mark_paid(invoice: Json, *, at: datetime) -> None:
    """The invoice's money came, or it asks for none."""
    now = objects.seconds(at)
    invoice |= {
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
    }
    invoice["status_transitions"]["paid_at"] = now
    _store(invoice)
    if invoice["amount_due"]:
        tied = payment_of(invoice["id"]).data
        tied |= {"amount_paid": invoice["amount_due"], "status": "paid"}
        tied["status_transitions"]["paid_at"] = now
        objects.change(tied)
        emit("invoice_payment.paid", tied, at=at)
    emit("invoice.paid", invoice, at=at)
    emit("invoice.payment_succeeded", invoice, at=at)
    _set_status(invoice, "active", at=at)


def mark_failed(invoice: Json, *, is_asked: bool, at: datetime) -> None:
    """The card did not pay: it is tried again in some days, and after the last try the subscription ends."""
    tries = invoice["attempt_count"]
    days = RETRY_AFTER_DAYS[tries - 1] if tries <= len(RETRY_AFTER_DAYS) else None
    # One that waits for the supporter is not tried without them.
    again = at + timedelta(days=days) if days and not is_asked else None
    invoice["next_payment_attempt"] = objects.seconds(again) if again else None
    _store(invoice, due_at=again)
    if is_asked:
        emit("invoice.payment_action_required", invoice, at=at)
    emit("invoice.payment_failed", invoice, at=at)
    if days is None:
        end_subscription(
            locked(_subscription_of(invoice), "subscription").data, at=at, reason="payment_failed"
        )
    else:
        _set_status(invoice, "past_due", at=at)


def _store(invoice: Json, *, due_at: datetime | None = None) -> None:
    SandboxObject.objects.filter(id=invoice["id"]).update(data=invoice, due_at=due_at)


def _subscription_of(invoice: Json) -> str:
    found: str = invoice["parent"]["subscription_details"]["subscription"]
    return found


def _set_status(invoice: Json, status: str, *, at: datetime) -> None:
    subscription = locked(_subscription_of(invoice), "subscription").data
    if subscription["latest_invoice"] != invoice["id"] or subscription["status"] == "canceled":
        return
    now = objects.seconds(at)
    if status == "active" and (subscription["trial_end"] or 0) > now:
        status = "trialing"
    if subscription["status"] == status:
        return
    before = dict(subscription)
    subscription["status"] = status
    objects.change(subscription)
    emit("customer.subscription.updated", subscription, at=at, before=before)


def end_subscription(subscription: Json, *, at: datetime, reason: str) -> None:
    """It bills no more; what is unpaid of it is not tried again."""
    now = objects.seconds(at)
    subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
    subscription["cancellation_details"] = subscription["cancellation_details"] | {"reason": reason}
    SandboxObject.objects.filter(id=subscription["id"]).update(data=subscription, due_at=None)
    SandboxObject.objects.of_kind("invoice").filter(
        data__parent__subscription_details__subscription=subscription["id"]
    ).update(due_at=None)
    emit("customer.subscription.deleted", subscription, at=at)


@transaction.atomic
def pay_invoice(
    invoice_id: str,
    *,
    at: datetime,
    method: str | None = None,
    card: str = "",
    outcome: str = "",
) -> Json:
    """Tries an open invoice now: with a kept card, with one the supporter types (`card`), or with the usual one.

    Returns the invoice, paid or not; SandboxError when it is not open.
    """
    invoice = locked(invoice_id, "invoice").data
    if invoice["status"] != "open":
        raise SandboxError(
            f"Invoice is {invoice['status']}: only an open one can be paid.",
            code="invoice_not_open",
        )
    if invoice["amount_due"] and intent_for(invoice, at=at)["status"] == payments.PROCESSING:
        raise SandboxError("A bank debit is on its way to pay this invoice.")
    customer = locked(invoice["customer"], "customer").data
    kept: Json | None
    if card:
        kept = keep_method(last4=card, customer=customer, at=at)
    elif method:
        kept = method_of(method, customer=customer["id"])
    else:
        kept = usual_method(locked(_subscription_of(invoice), "subscription").data)
    collect(invoice, kept, outcome, at=at)
    return dict(invoice)


def usual_method(subscription: Json) -> Json | None:
    """The card a subscription is paid with: its own, else the customer's; None when that is no longer kept."""
    customer = locked(subscription["customer"], "customer").data
    if customer.get("deleted"):
        return None
    chosen = (
        subscription["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
    )
    found: Json | None = locked(chosen, "payment_method").data if chosen else None
    return found if found and found["customer"] == customer["id"] else None
