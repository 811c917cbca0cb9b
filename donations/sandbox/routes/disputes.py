"""Payments a supporter's bank questions, or warns of."""

from datetime import datetime

from stripe.params import (
    DisputeCloseParams,
    DisputeListParams,
    DisputeRetrieveParams,
    DisputeUpdateParams,
)
from stripe.params.radar import EarlyFraudWarningListParams, EarlyFraudWarningRetrieveParams

from donations.sandbox import acts
from donations.sandbox.objects import Json

from .base import Route, kept, readable


def _update(params: Json, id_: str, at: datetime) -> Json:
    return acts.answer_dispute(id_, params, at=at)


def _close(_params: Json, id_: str, at: datetime) -> Json:
    """Accepts the dispute: it is lost."""
    if kept("dispute", id_).data["status"].startswith("warning"):
        return acts.close_inquiry(id_, at=at)
    return acts.lose(id_, at=at)


DISPUTES = "/v1/disputes"
ROUTES = [
    Route("post", rf"{DISPUTES}/(?P<id>\w+)", DisputeUpdateParams, _update),
    Route("post", rf"{DISPUTES}/(?P<id>\w+)/close", DisputeCloseParams, _close),
    *readable("dispute", DISPUTES, DisputeRetrieveParams, DisputeListParams),
    *readable(
        "radar.early_fraud_warning",
        "/v1/radar/early_fraud_warnings",
        EarlyFraudWarningRetrieveParams,
        EarlyFraudWarningListParams,
    ),
]
