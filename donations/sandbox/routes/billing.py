"""Supporters Stripe remembers, what they give regularly, its bills, and the page where they look after it."""

from datetime import datetime

from django.conf import settings
from stripe.params import (
    CustomerCreateParams,
    CustomerDeleteParams,
    CustomerListParams,
    CustomerRetrieveParams,
    CustomerUpdateParams,
    InvoiceListParams,
    InvoicePaymentListParams,
    InvoicePaymentRetrieveParams,
    InvoicePayParams,
    InvoiceRetrieveParams,
    PriceListParams,
    PriceRetrieveParams,
    ProductCreateParams,
    ProductListParams,
    ProductRetrieveParams,
    SubscriptionCancelParams,
    SubscriptionListParams,
    SubscriptionPauseParams,
    SubscriptionResumeParams,
    SubscriptionRetrieveParams,
    SubscriptionUpdateParams,
)
from stripe.params.billing_portal import SessionCreateParams

from donations.sandbox import acts, objects
from donations.sandbox.errors import CardError, SandboxError
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

from .base import Route, kept, readable


def _create_customer(params: Json, _id: str, at: datetime) -> Json:
    return acts.create_customer(params, at=at)


def _update_customer(params: Json, id_: str, at: datetime) -> Json:
    return acts.update_customer(id_, params, at=at)


def _delete_customer(_params: Json, id_: str, at: datetime) -> Json:
    return acts.delete_customer(id_, at=at)


def _create_product(params: Json, _id: str, at: datetime) -> Json:
    made = objects.product(params["name"], at=at)
    objects.keep(made, at=at)
    return made


def _update_subscription(params: Json, id_: str, at: datetime) -> Json:
    return acts.update_subscription(id_, params, at=at)


def _cancel_subscription(params: Json, id_: str, at: datetime) -> Json:
    return acts.cancel_subscription(id_, params, at=at)


def _pause(_params: Json, id_: str, at: datetime) -> Json:
    return acts.pause(id_, at=at)


def _resume(_params: Json, id_: str, at: datetime) -> Json:
    return acts.resume(id_, at=at)


def _pay(params: Json, id_: str, at: datetime) -> Json:
    invoice = acts.pay_invoice(id_, method=params.get("payment_method"), at=at)
    if invoice["status"] == "paid":
        return invoice
    tied = SandboxObject.objects.get(kind="invoice_payment", data__invoice=id_)
    intent = kept("payment_intent", tied.data["payment"]["payment_intent"]).data
    if intent["status"] == "processing":
        return invoice
    raise CardError(intent)


def _create_portal(params: Json, _id: str, at: datetime) -> Json:
    if "customer" not in params:
        raise SandboxError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    acts.known_customer(params["customer"])
    cancel = params.get("flow_data", {}).get("subscription_cancel")
    if cancel and kept("subscription", cancel["subscription"]).data["status"] == "canceled":
        raise SandboxError("This subscription is canceled already.", param="flow_data")
    made = objects.portal_session(params, page=f"{settings.SITE_URL}/sandbox/portal/", at=at)
    objects.keep(made, at=at)
    return made


CUSTOMERS, SUBSCRIPTIONS, INVOICES = "/v1/customers", "/v1/subscriptions", "/v1/invoices"
ROUTES = [
    Route("post", CUSTOMERS, CustomerCreateParams, _create_customer),
    Route("post", rf"{CUSTOMERS}/(?P<id>\w+)", CustomerUpdateParams, _update_customer),
    Route("delete", rf"{CUSTOMERS}/(?P<id>\w+)", CustomerDeleteParams, _delete_customer),
    Route("post", "/v1/products", ProductCreateParams, _create_product),
    Route("post", rf"{SUBSCRIPTIONS}/(?P<id>\w+)", SubscriptionUpdateParams, _update_subscription),
    Route(
        "delete", rf"{SUBSCRIPTIONS}/(?P<id>\w+)", SubscriptionCancelParams, _cancel_subscription
    ),
    Route("post", rf"{SUBSCRIPTIONS}/(?P<id>\w+)/pause", SubscriptionPauseParams, _pause),
    Route("post", rf"{SUBSCRIPTIONS}/(?P<id>\w+)/resume", SubscriptionResumeParams, _resume),
    Route("post", rf"{INVOICES}/(?P<id>\w+)/pay", InvoicePayParams, _pay),
    Route("post", "/v1/billing_portal/sessions", SessionCreateParams, _create_portal),
    *readable("customer", CUSTOMERS, CustomerRetrieveParams, CustomerListParams),
    *readable("subscription", SUBSCRIPTIONS, SubscriptionRetrieveParams, SubscriptionListParams),
    *readable("invoice", INVOICES, InvoiceRetrieveParams, InvoiceListParams),
    *readable(
        "invoice_payment",
        "/v1/invoice_payments",
        InvoicePaymentRetrieveParams,
        InvoicePaymentListParams,
    ),
    *readable("product", "/v1/products", ProductRetrieveParams, ProductListParams),
    *readable("price", "/v1/prices", PriceRetrieveParams, PriceListParams),
]
