"""The stand-in's payment pages, of a gift and of an invoice: where Stripe's own would be while there is no key."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from donations.stripe_facts import from_minor_units

from . import acts
from .errors import SandboxError
from .forms import DECLINED, CardForm
from .models import SandboxObject


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest, session_id: str) -> HttpResponse:
    """The supporter pays, is declined, or goes back; in the language the session was opened in."""
    kept = get_object_or_404(SandboxObject.objects.sessions(), id=session_id)
    form = CardForm(request.POST or None, is_kept=kept.data["mode"] != "payment")
    declined = ""
    with translation.override(_language(request, kept.data)):
        if form.is_valid() and not form.asks_bank_first():
            try:
                if declined := form.decline_code():
                    acts.decline(
                        session_id, code=declined, card=form.cleaned_data["card"], at=timezone.now()
                    )
                else:
                    return HttpResponseRedirect(_pay(session_id, form))
            except SandboxError:
                # Paid or expired since the page was shown: it says so itself.
                return redirect("sandbox:checkout", session_id=session_id)
        return render(request, "sandbox/checkout.html", _context(kept, form, declined))


def _language(request: HttpRequest, session: dict[str, Any]) -> str:
    locale: str = session["locale"] or "auto"
    return translation.get_language_from_request(request) if locale == "auto" else locale


def _pay(session_id: str, form: CardForm) -> str:
    """Where the supporter goes on to."""
    card = form.cleaned_data["card"]
    if card == CardForm.DEBIT:
        session = acts.debit(session_id, at=timezone.now())
    else:
        session = acts.pay(session_id, card=card, at=timezone.now())
    return _back(session)


def _back(session: dict[str, Any]) -> str:
    # The one thing Stripe fills in.
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _context(kept: SandboxObject, form: CardForm, declined: str) -> dict[str, object]:
    session = kept.data
    is_over = acts.is_over(session, at=timezone.now())
    currency = (session["currency"] or "").upper()
    lines = [
        (line["description"], from_minor_units(line["amount_total"], currency))
        for line in kept.notes["lines"]
    ]
    return {
        "session": session,
        "state": "expired" if is_over else session["status"],
        "form": form,
        "declined": DECLINED.get(declined, ""),
        "bank_asks": form.is_bound and form.is_valid() and form.asks_bank_first(),
        "amount": from_minor_units(session["amount_total"], currency) if lines else None,
        "monthly": _monthly(kept),
        "currency": currency,
        "lines": lines,
        "continue_url": _back(session),
    }


def _monthly(kept: SandboxObject) -> Decimal | None:
    """What a regular gift comes to each month, which the first, part of a month, may not."""
    prices = kept.notes.get("prices", [])
    if not prices:
        return None
    units = sum(one["price_data"]["unit_amount"] * one.get("quantity", 1) for one in prices)
    return from_minor_units(units, kept.data["currency"])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invoice(request: HttpRequest, invoice_id: str) -> HttpResponse:
    """The page a supporter is led to when the card of a regular gift failed, or its bank wants a confirmation."""
    kept = get_object_or_404(SandboxObject.objects.of_kind("invoice"), id=invoice_id)
    form = CardForm(request.POST or None, is_kept=True)
    declined = ""
    if form.is_valid() and not form.asks_bank_first():
        declined = form.decline_code()
        card = form.cleaned_data["card"]
        outcome = declined or ("processing" if card == CardForm.DEBIT else "succeeded")
        try:
            acts.pay_invoice(invoice_id, card=card, outcome=outcome, at=timezone.now())
        except SandboxError:
            declined = ""
        if not declined:
            # Paid now, or meanwhile: the page says so itself.
            return redirect("sandbox:invoice", invoice_id=invoice_id)
    currency = kept.data["currency"].upper()
    context = {
        "invoice": kept.data,
        "is_processing": _is_processing(kept),
        "form": form,
        "declined": DECLINED.get(declined, ""),
        "bank_asks": form.is_bound and form.is_valid() and form.asks_bank_first(),
        "amount": from_minor_units(kept.data["amount_due"], currency),
        "currency": currency,
    }
    return render(request, "sandbox/invoice.html", context)


def _is_processing(kept: SandboxObject) -> bool:
    """Whether a bank debit that is to pay it waits for the bank's answer."""
    tied = SandboxObject.objects.of_kind("invoice_payment").filter(data__invoice=kept.id).first()
    if tied is None or kept.data["status"] != "open":
        return False
    intent = SandboxObject.objects.get(id=tied.data["payment"]["payment_intent"])
    return bool(intent.data["status"] == "processing")
