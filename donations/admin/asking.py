"""The button “Ask Stripe again”: on Differences, beside what came of it the last time, and on a page of its own."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.days import DayField
from defensefund.office import fieldset, page, require, sent
from defensefund.templatetags.formats import plain_day

from .. import asking_stripe, catching_up
from ..models import StripeAsking

PERMISSION = "donations.ask_stripe"
# As far back as the worker asks each night by itself; further takes a person.
USUAL = catching_up.STRIPE_REMEMBERS
# Of those before.
SHOWN = 10


class AskingForm(forms.Form):
    since = DayField(
        label=gettext_lazy("Since"),
        missing=gettext_lazy("Name a day."),
        help_text=gettext_lazy(
            "A day before the oldest case that Stripe should tell of. Everything from that day on is compared again; what "
            "is booked already stays as it is."
        ),
    )


def asked(request: HttpRequest) -> dict[str, Any]:
    """For templates/admin/donations/account/_ask_stripe.html: the last asking, and the form for whoever may ask."""
    last = StripeAsking.objects.with_job().select_related("asked_by").first()
    may_ask = request.user.has_perm(PERMISSION)
    asks = may_ask and not (last and last.is_running)
    form = AskingForm(initial={"since": timezone.now().date() - USUAL}) if asks else None
    return {"last": last, "form": form, "fieldsets": fieldset(form) if form else ()}


def ask_stripe_view(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest) -> HttpResponse:
    """Where the button leads; it answers with the form when a day is wrong, and lists what was asked before."""
    user = require(request, PERMISSION)
    context = asked(request)
    if request.method == "POST":
        form = AskingForm(*sent(request))
        if form.is_valid():
            try:
                asking = asking_stripe.ask(
                    since=form.cleaned_data["since"], by=user, at=timezone.now()
                )
            except asking_stripe.BadDay as refusal:
                form.add_error("since", str(refusal))
            except asking_stripe.AlreadyAsking as refusal:
                messages.warning(request, str(refusal))
                return HttpResponseRedirect(reverse("admin:donations_account_differences"))
            else:
                said = _(
                    "Stripe is asked for all since %(day)s. Look at this page again in a minute."
                )
                messages.success(request, said % {"day": plain_day(asking.since)})
                return HttpResponseRedirect(reverse("admin:donations_account_differences"))
        context |= {"form": form, "fieldsets": fieldset(form)}
    return page(
        model_admin,
        request,
        "admin/donations/account/ask_stripe.html",
        title=_("Ask Stripe again"),
        before=StripeAsking.objects.with_job().select_related("asked_by")[:SHOWN],
        **context,
    )
