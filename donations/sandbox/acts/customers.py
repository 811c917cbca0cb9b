"""Supporters whom Stripe remembers, and the cards it keeps for them."""

from datetime import datetime

from django.db import transaction

from donations.sandbox import objects
from donations.sandbox.errors import SandboxError
from donations.sandbox.events import emit
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from .rows import locked

UPDATABLE = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping")


@transaction.atomic
def create_customer(params: Json, *, at: datetime) -> Json:
    made = objects.customer(params, at=at)
    objects.keep(made, at=at)
    emit("customer.created", made, at=at)
    return made


def known_customer(customer_id: str) -> Json:
    """The customer, held; SandboxError when there is none, or no longer."""
    data = locked(customer_id, "customer").data
    if data.get("deleted"):
        raise SandboxError(
            f"No such customer: '{customer_id}'", code="resource_missing", param="customer"
        )
    return dict(data)


@transaction.atomic
def update_customer(customer_id: str, params: Json, *, at: datetime) -> Json:
    data = known_customer(customer_id)
    before = dict(data)
    data |= {name: params[name] or None for name in UPDATABLE if name in params}
    if "metadata" in params:
        data["metadata"] = merged(data["metadata"], params["metadata"])
    if chosen := params.get("invoice_settings", {}).get("default_payment_method"):
        _kept_for(customer_id, chosen)
        data["invoice_settings"] = data["invoice_settings"] | {"default_payment_method": chosen}
    objects.change(data)
    emit("customer.updated", data, at=at, before=before)
    return data


def merged(old: Json, new: Json | str) -> Json:
    """Metadata after an update: a key with an empty value goes, and an empty text takes all."""
    if isinstance(new, str):
        return {}
    return {name: value for name, value in (old | new).items() if value != ""}


@transaction.atomic
def keep_method(*, last4: str, customer: Json, at: datetime) -> Json:
    """A card the supporter typed, kept for later payments."""
    made = objects.payment_method(
        last4=last4, customer=customer["id"], email=customer["email"], at=at
    )
    objects.keep(made, at=at)
    emit("payment_method.attached", made, at=at)
    return made


@transaction.atomic
def replace_card(customer_id: str, *, last4: str, at: datetime) -> Json:
    """From now on all that the customer gives regularly is charged to a new card; the old ones stay kept."""
    customer = known_customer(customer_id)
    made = keep_method(last4=last4, customer=customer, at=at)
    update_customer(
        customer_id, {"invoice_settings": {"default_payment_method": made["id"]}}, at=at
    )
    rows = SandboxObject.objects.of_kind("subscription").filter(data__customer=customer_id)
    for row in rows.exclude(data__status="canceled").select_for_update():
        before = dict(row.data)
        row.data["default_payment_method"] = made["id"]
        objects.change(row.data)
        emit("customer.subscription.updated", row.data, at=at, before=before)
    return made


@transaction.atomic
def detach_method(method_id: str, *, at: datetime) -> Json:
    """Forgets a kept card: it can never be charged again."""
    data = locked(method_id, "payment_method").data
    if data["customer"] is None:
        raise SandboxError(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    before = dict(data)
    data["customer"] = None
    objects.change(data)
    emit("payment_method.detached", data, at=at, before=before)
    return dict(data)


def method_of(method_id: str, *, customer: str | None) -> Json:
    """A kept card that may be charged for this customer; SandboxError when it may not."""
    return _kept_for(customer, method_id)


def _kept_for(customer: str | None, method_id: str) -> Json:
    data = locked(method_id, "payment_method").data
    if data["customer"] is None or data["customer"] != customer:
        raise SandboxError(
            f"The payment method {method_id} is not attached to this customer.",
            param="payment_method",
        )
    return dict(data)


def methods_of(customer_id: str) -> list[SandboxObject]:
    rows = SandboxObject.objects.of_kind("payment_method").filter(data__customer=customer_id)
    return list(rows.newest_first())
