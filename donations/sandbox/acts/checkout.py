"""What supporters do on the payment page: pay, are declined, agree to a debit, keep a card, or leave it."""

from datetime import datetime, timedelta

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from . import invoices, payments, subscriptions
from .customers import create_customer, keep_method, known_customer
from .rows import locked

LONGEST_LIFE = timedelta(hours=24)


def is_over(session: Json, *, at: datetime) -> bool:
    """Whether an open session's time is over, although nobody has closed it yet."""
    return session["status"] == "open" and bool(session["expires_at"] <= objects.seconds(at))


def _open_session(session_id: str, *, at: datetime) -> SandboxObject:
    kept = locked(session_id, "checkout.session")
    if kept.data["status"] != "open" or is_over(kept.data, at=at):
        raise SandboxError("This Checkout Session is not open.", code="session_not_open")
    return kept


# --- Paying -------------------------------------------------------------------------------------


@transaction.atomic
def pay(session_id: str, *, at: datetime, card: str = "4242") -> Json:
    """The supporter's card is charged, or kept for later; returns the completed session.

    SandboxError when it is not open.
    """
    return _go_through(session_id, card, payments.SUCCEEDED, at=at)


@transaction.atomic
def debit(session_id: str, *, at: datetime) -> Json:
    """The supporter agreed to a bank debit: complete, but unpaid until the bank has answered."""
    return _go_through(session_id, "debit", payments.PROCESSING, at=at)


def _go_through(session_id: str, card: str, outcome: str, *, at: datetime) -> Json:
    kept = _open_session(session_id, at=at)
    customer = _customer_of(kept, at=at)
    method = _method_of(kept, card, customer, at=at)
    if kept.data["mode"] == "setup":
        return _keep_card(kept, method, at=at)
    intent = _intent_of(kept, customer, at=at) if kept.data["amount_total"] else None
    if kept.data["mode"] == "subscription":
        assert customer  # always made in this mode
        invoice = subscriptions.begin(kept, customer=customer, method=method, intent=intent, at=at)
        invoices.collect(invoice, method, outcome, at=at)
        subscription = invoice["parent"]["subscription_details"]["subscription"]
        links = {"invoice": invoice["id"], "subscription": subscription}
    else:
        assert intent  # a payment of nothing is refused when the session is opened
        payments.attempt(intent, method, outcome, at=at)
        links = {"payment_intent": intent["id"]}
    if intent is None:
        paid = "no_payment_required"
    else:
        paid = "paid" if outcome == payments.SUCCEEDED else "unpaid"
    session = _complete(kept, method, customer, links | {"payment_status": paid})
    emit("checkout.session.completed", session, at=at)
    return session


@transaction.atomic
def decline(session_id: str, *, code: str, at: datetime, card: str = "0002") -> None:
    """The bank says no (`code` is its reason, like insufficient_funds); the session stays open for another try."""
    kept = _open_session(session_id, at=at)
    method = _method_of(kept, card, None, at=at)
    if kept.data["mode"] == "setup":
        _refuse_card(kept, code, at=at)
    elif kept.data["amount_total"]:
        customer = {"id": kept.data["customer"]} if kept.data["customer"] else None
        payments.attempt(_intent_of(kept, customer, at=at), method, code, at=at)


@transaction.atomic
def settle(session_id: str, *, succeeded: bool, at: datetime) -> None:
    """The bank's answer to a debit agreed on the payment page, some days later."""
    kept = locked(session_id, "checkout.session")
    if kept.data["status"] != "complete" or kept.data["payment_status"] != "unpaid":
        raise SandboxError("No debit is waiting here.", code="session_not_waiting")
    settle_payment(kept.notes["payment_intent"], succeeded=succeeded, at=at)


@transaction.atomic
def settle_payment(intent_id: str, *, succeeded: bool, at: datetime) -> None:
    """The bank's answer to a debit, and what follows from it for the invoice and the session it pays."""
    row = locked(intent_id, "payment_intent")
    payments.settle(row.data, succeeded=succeeded, at=at)
    if invoice_id := row.notes.get("invoice"):
        invoice = locked(invoice_id, "invoice").data
        if succeeded:
            invoices.mark_paid(invoice, at=at)
        else:
            invoices.mark_failed(invoice, is_asked=False, at=at)
    if session_id := row.notes.get("session"):
        kept = locked(session_id, "checkout.session")
        if kept.data["payment_status"] == "unpaid":
            _tell_session(kept, succeeded=succeeded, at=at)


def _tell_session(kept: SandboxObject, *, succeeded: bool, at: datetime) -> None:
    if succeeded:
        kept.data["payment_status"] = "paid"
        kept.save(update_fields=["data"])
        emit("checkout.session.async_payment_succeeded", kept.data, at=at)
    else:
        emit("checkout.session.async_payment_failed", kept.data, at=at)


def _customer_of(kept: SandboxObject, *, at: datetime) -> Json | None:
    """Whom the card is kept for: the customer the session names, or a new one where it wants one."""
    if known := kept.data["customer"]:
        return known_customer(known)
    if kept.data["customer_creation"] != "always":
        return None
    email = kept.data["customer_email"] or objects.SOMEBODYS_EMAIL
    return create_customer({"email": email, "name": objects.SOMEBODY["name"]}, at=at)


def _method_of(kept: SandboxObject, card: str, customer: Json | None, *, at: datetime) -> Json:
    """What the supporter pays with: kept for their customer where it is to be charged again, else for this once."""
    later = kept.data["mode"] != "payment" or kept.notes["payment_intent_data"].get(
        "setup_future_usage"
    )
    if customer and later:
        return keep_method(last4=card, customer=customer, at=at)
    made = objects.payment_method(
        last4=card, customer=None, email=kept.data["customer_email"], at=at
    )
    objects.keep(made, at=at)
    return made


def _intent_of(kept: SandboxObject, customer: Json | None, *, at: datetime) -> Json:
    """The session's payment: made at the first try, the same at all others."""
    if known := kept.notes.get("payment_intent"):
        intent: Json = locked(known, "payment_intent").data
        return intent | {"customer": customer and customer["id"]}
    data = {"description": "Subscription creation", "setup_future_usage": "off_session"}
    if kept.data["mode"] == "payment":
        data = kept.notes["payment_intent_data"]
    made = objects.payment_intent(
        amount=kept.data["amount_total"],
        currency=kept.data["currency"],
        data=data | {"customer": customer and customer["id"]},
        at=at,
    )
    objects.keep(made, at=at, notes={"session": kept.id})
    kept.notes["payment_intent"] = made["id"]
    kept.save(update_fields=["notes"])
    emit("payment_intent.created", made, at=at)
    return made


def _complete(kept: SandboxObject, method: Json, customer: Json | None, fields: Json) -> Json:
    email = kept.data["customer_email"] or objects.SOMEBODYS_EMAIL
    kept.data |= {
        "status": "complete",
        "customer": customer and customer["id"],
        "customer_details": objects.SOMEBODY | {"email": email},
        "payment_method_types": [method["type"]],
        "url": None,
    } | fields
    kept.due_at = None
    kept.save(update_fields=["data", "due_at"])
    return dict(kept.data)


# --- Keeping a card -----------------------------------------------------------------------------


def _keep_card(kept: SandboxObject, method: Json, *, at: datetime) -> Json:
    wish = _setup_of(kept, at=at)
    wish |= {
        "customer": method["customer"],
        "last_setup_error": None,
        "payment_method": method["id"],
        "payment_method_types": [method["type"]],
        "status": "succeeded",
    }
    objects.change(wish)
    emit("setup_intent.succeeded", wish, at=at)
    customer = {"id": method["customer"]} if method["customer"] else None
    session = _complete(kept, method, customer, {"setup_intent": wish["id"]})
    emit("checkout.session.completed", session, at=at)
    return session


def _refuse_card(kept: SandboxObject, code: str, *, at: datetime) -> None:
    wish = _setup_of(kept, at=at)
    wish["last_setup_error"] = {
        "type": "card_error",
        "code": payments.code_of(code),
        "decline_code": code,
        "message": payments.MESSAGES[code],
    }
    objects.change(wish)
    emit("setup_intent.setup_failed", wish, at=at)


def _setup_of(kept: SandboxObject, *, at: datetime) -> Json:
    if known := kept.notes.get("setup_intent"):
        return dict(locked(known, "setup_intent").data)
    made = objects.setup_intent(
        customer=kept.data["customer"], data=kept.notes["setup_intent_data"], at=at
    )
    objects.keep(made, at=at)
    kept.notes["setup_intent"] = made["id"]
    kept.save(update_fields=["notes"])
    emit("setup_intent.created", made, at=at)
    return made


# --- Not paying ---------------------------------------------------------------------------------


@transaction.atomic
def expire(session_id: str, *, at: datetime) -> Json:
    """Closes an open session, as Stripe does when its time is over."""
    kept = locked(session_id, "checkout.session")
    if kept.data["status"] != "open":
        raise SandboxError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {kept.data["status"]}.'
        )
    kept.data |= {"status": "expired", "url": None}
    kept.due_at = None
    kept.save(update_fields=["data", "due_at"])
    emit("checkout.session.expired", kept.data, at=at)
    return dict(kept.data)


def expire_due(*, at: datetime) -> int:
    """Closes every open session whose time is over; returns how many."""
    over = SandboxObject.objects.sessions().due(at).values_list("id", flat=True)
    closed = 0
    for session_id in list(over):
        with transaction.atomic():
            kept = locked(session_id, "checkout.session")
            if is_over(kept.data, at=at):
                expire(session_id, at=objects.instant(kept.data["expires_at"]))
                closed += 1
    return closed
