"""What may stand between a supporter and the payment page, told on the page they were on, with all they typed kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from defensefund.network import network_of

from . import attempts, checkout, stripe_api
from .models import BankAccount, PaymentPause, Pledge

OBSTACLES = (
    attempts.Refusal,
    checkout.TooManyDeclines,
    stripe_api.StripeUnavailable,
    stripe_api.StripeRefused,
)
# By the obstacle: the name the template knows it by, and the status.
SAID: dict[type[Exception], tuple[str, int]] = {
    attempts.ProofWanted: ("proof", 429),
    attempts.TransferOnly: ("transfer", 429),
    attempts.Paused: ("paused", 503),
    checkout.TooManyDeclines: ("declines", 429),
    stripe_api.StripeUnavailable: ("provider", 503),
    stripe_api.StripeRefused: ("provider", 503),
}


def admit(
    request: HttpRequest,
    *,
    subject: UUID,
    method: Pledge.Method,
    currency: str,
    paused: frozenset[str],
    at: datetime,
) -> None:
    """Lets an attempt from this request pass, or raises one of attempts.Refusal."""
    attempt = attempts.Attempt(
        subject=subject,
        method=method,
        currency=currency,
        network=network_of(request),
        challenge=request.POST.get("challenge", ""),
        solution=request.POST.get("solution", ""),
    )
    attempts.admit(attempt, paused=paused, at=at)


def paused_in(currency: str) -> frozenset[str]:
    return PaymentPause.objects.paused_methods(currency)


def say(
    request: HttpRequest, template: str, context: dict[str, Any], obstacle: Exception
) -> HttpResponse:
    """The page again, with the obstacle's sentence on it (templates/donations/_obstacle.html)."""
    name, status = SAID[type(obstacle)]
    pledge: Pledge | None = context.get("pledge")
    currency = pledge.currency if pledge else context["currency"]
    context = context | {
        "obstacle": obstacle,
        "obstacle_name": name,
        # Else a transfer is no way out.
        "takes_transfers": BankAccount.objects.open_for_transfers(currency).exists(),
    }
    response = render(request, template, context, status=status)
    if isinstance(obstacle, attempts.ProofWanted):
        response["Retry-After"] = str(obstacle.seconds)
    elif isinstance(obstacle, attempts.TransferOnly):
        seconds = (obstacle.until - timezone.now()).total_seconds()
        response["Retry-After"] = str(max(1, int(seconds) + 1))
    return response
