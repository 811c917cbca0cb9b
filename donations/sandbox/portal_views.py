"""The stand-in's page where supporters look after their regular gifts: another card, another address, a stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from donations.stripe_facts import from_minor_units

from . import acts, objects
from .errors import SandboxError
from .forms import DECLINED, CardForm, PortalForm
from .models import SandboxObject
from .objects import Json

# The address is all it takes to come in, so it holds for a short while only.
OPEN_FOR = timedelta(hours=1)
OVER = ("canceled", "incomplete_expired")


@dataclass(frozen=True)
class Regular:
    """A regular gift as its giver sees it."""

    id: str
    amount: Decimal
    currency: str
    status: str
    next_at: datetime
    is_ending: bool
    is_held: bool
    card: str


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def portal(request: HttpRequest, portal_id: str) -> HttpResponse:
    """One short visit; what it may do is to the gifts of its own customer alone."""
    kept = get_object_or_404(SandboxObject.objects.of_kind("billing_portal.session"), id=portal_id)
    customer = SandboxObject.objects.get(id=kept.data["customer"]).data
    if kept.created_at + OPEN_FOR <= timezone.now() or customer.get("deleted"):
        return render(request, "sandbox/portal.html", {"portal": kept.data, "is_over": True})
    form = PortalForm(request.POST or None)
    cards = CardForm(request.POST if "card" in request.POST else None, is_kept=True)
    declined = ""
    if form.is_valid():
        card = cards.cleaned_data["card"] if cards.is_bound and cards.is_valid() else ""
        if form.cleaned_data["act"] == "card" and card:
            declined = cards.decline_code()
        if (form.cleaned_data["act"] != "card" or card) and not declined:
            _do(request, form.cleaned_data, card, customer)
            return redirect("sandbox:portal", portal_id=portal_id)
    context = {
        "portal": kept.data,
        "flow": (kept.data["flow"] or {}).get("type", ""),
        "customer": customer,
        "gifts": _gifts(customer),
        "form": form,
        "cards": cards,
        "declined": DECLINED.get(declined, ""),
    }
    return render(request, "sandbox/portal.html", context)


def _gifts(customer: Json) -> list[Regular]:
    rows = SandboxObject.objects.of_kind("subscription").filter(data__customer=customer["id"])
    cards = {row.id: row.data for row in acts.methods_of(customer["id"])}
    return [_gift(row.data, cards) for row in rows.newest_first()]


def _gift(data: Json, cards: dict[str, Json]) -> Regular:
    items = data["items"]["data"]
    units = sum(item["price"]["unit_amount"] * item["quantity"] for item in items)
    card = cards.get(data["default_payment_method"])
    return Regular(
        id=data["id"],
        amount=from_minor_units(units, data["currency"]),
        currency=data["currency"].upper(),
        status=data["status"],
        next_at=objects.instant(items[0]["current_period_end"]),
        is_ending=data["cancel_at_period_end"],
        is_held=data["pause_collection"] is not None,
        card=objects.ends_of(card) if card else "",
    )


def _do(request: HttpRequest, wanted: Json, card: str, customer: Json) -> None:
    try:
        if wanted["act"] == "card":
            acts.replace_card(customer["id"], last4=card, at=timezone.now())
        elif wanted["act"] == "email":
            acts.update_customer(customer["id"], {"email": wanted["email"]}, at=timezone.now())
        else:
            _change(wanted["act"], wanted["subscription"], customer)
    except SandboxError as error:
        messages.error(request, _("Nothing was changed: %s") % error.message)
    else:
        messages.success(request, _("Done."))


def _change(act: str, subscription_id: str, customer: Json) -> None:
    theirs = SandboxObject.objects.of_kind("subscription").filter(data__customer=customer["id"])
    subscription = get_object_or_404(theirs, id=subscription_id)
    now = timezone.now()
    match act:
        case "stop_now":
            acts.cancel_subscription(subscription.id, {}, at=now)
        case "stop_later" | "go_on":
            wish = {"cancel_at_period_end": act == "stop_later"}
            acts.update_subscription(subscription.id, wish, at=now)
        case "pause" | "resume":
            pause = {"behavior": "void"} if act == "pause" else ""
            acts.update_subscription(subscription.id, {"pause_collection": pause}, at=now)
