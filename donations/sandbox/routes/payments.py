"""Payments, cards kept for later, and money going back."""

from datetime import datetime

from stripe.params import (
    ChargeListParams,
    ChargeRetrieveParams,
    PaymentIntentCancelParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    PaymentMethodDetachParams,
    PaymentMethodListParams,
    PaymentMethodRetrieveParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
    SetupIntentListParams,
    SetupIntentRetrieveParams,
)

from donations.sandbox import acts
from donations.sandbox.errors import CardError, SandboxError
from donations.sandbox.objects import Json

from .base import Route, kept, readable
from .checkout import check_amount


def _create_intent(params: Json, _id: str, at: datetime) -> Json:
    check_amount(params["amount"], params["currency"], param="amount")
    if params.get("off_session") and not params.get("confirm"):
        raise SandboxError("off_session is only for a payment that is confirmed at once.")
    return _answered(acts.create_intent(params, at=at))


def _confirm_intent(params: Json, id_: str, at: datetime) -> Json:
    return _answered(acts.confirm_intent(id_, params, at=at))


def _answered(intent: Json) -> Json:
    """CardError when the bank has said no to the try just made."""
    if intent["status"] == "requires_payment_method" and intent["last_payment_error"]:
        raise CardError(intent)
    return intent


def _cancel_intent(params: Json, id_: str, at: datetime) -> Json:
    return acts.cancel_intent(id_, reason=params.get("cancellation_reason"), at=at)


def _detach_method(_params: Json, id_: str, at: datetime) -> Json:
    return acts.detach_method(id_, at=at)


def _create_refund(params: Json, _id: str, at: datetime) -> Json:
    payment = params.get("payment_intent")
    if payment is None and "charge" in params:
        payment = kept("charge", params["charge"]).data["payment_intent"]
    if payment is None:
        raise SandboxError(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    return acts.refund(
        payment,
        amount=params.get("amount"),
        reason=params.get("reason"),
        metadata=params.get("metadata"),
        at=at,
    )


INTENTS, METHODS = "/v1/payment_intents", "/v1/payment_methods"
ROUTES = [
    Route("post", INTENTS, PaymentIntentCreateParams, _create_intent),
    Route("post", rf"{INTENTS}/(?P<id>\w+)/confirm", PaymentIntentConfirmParams, _confirm_intent),
    Route("post", rf"{INTENTS}/(?P<id>\w+)/cancel", PaymentIntentCancelParams, _cancel_intent),
    Route("post", rf"{METHODS}/(?P<id>\w+)/detach", PaymentMethodDetachParams, _detach_method),
    Route("post", "/v1/refunds", RefundCreateParams, _create_refund),
    *readable("payment_intent", INTENTS, PaymentIntentRetrieveParams, PaymentIntentListParams),
    *readable("payment_method", METHODS, PaymentMethodRetrieveParams, PaymentMethodListParams),
    *readable(
        "setup_intent", "/v1/setup_intents", SetupIntentRetrieveParams, SetupIntentListParams
    ),
    *readable("charge", "/v1/charges", ChargeRetrieveParams, ChargeListParams),
    *readable("refund", "/v1/refunds", RefundRetrieveParams, RefundListParams),
]
