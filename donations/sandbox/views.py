"""The stand-in's payment page: where Stripe's own would be, for as long as there is no key."""

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
    form = CardForm(request.POST or None)
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
    currency = session["currency"].upper()
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
        "amount": from_minor_units(session["amount_total"], currency),
        "currency": currency,
        "lines": lines,
        "continue_url": _back(session),
    }
