"""What a supporter does with a monthly gift from its private link."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from . import attempts, monthly, stripe_api
from .gift_views import pledge_or_404
from .models import MonthlyCharge, Subscription
from .monthly_forms import AmountForm, DayForm
from .monthly_state import monthly_state_of
from .tokens import gift_path

WHY_NOT = {
    "ended": gettext_lazy("This monthly gift has ended: there is nothing to change any more."),
    "paused": gettext_lazy("While the gift is paused it has no day. Let it go on first."),
    "charging": gettext_lazy(
        "A charge is under way. As soon as it has gone through the day can be changed."
    ),
    "same_day": gettext_lazy("It is charged on that day already."),
}
KEPT = gettext_lazy(
    "Your wish is kept. The payment service does not answer at the moment; it will be carried out as soon as it does, "
    "and this page shows it."
)
REFUSED = gettext_lazy(
    "The payment service did not accept this, so nothing was changed. Look at how your gift stands, and try again."
)
AWAY = gettext_lazy(
    "The payment service does not answer. Nothing was changed; try again in a few minutes."
)


def _subscription_or_404(token: str) -> Subscription:
    subscription: Subscription | None = getattr(pledge_or_404(token), "subscription", None)
    if subscription is None:
        raise Http404
    return subscription


def _do(
    request: HttpRequest, subscription: Subscription, act: Callable[[], None], said: str
) -> HttpResponse:
    """Back to the gift's page, which says what came of it."""
    try:
        act()
    except monthly.NotPossible as error:
        messages.error(request, WHY_NOT[str(error)])
    except stripe_api.StripeUnavailable:
        messages.warning(request, KEPT)
    except stripe_api.StripeRefused:
        messages.error(request, REFUSED)
    else:
        messages.success(request, said)
    return redirect(gift_path(subscription.pledge))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def amount(request: HttpRequest, token: str) -> HttpResponse:
    """Written, looked over with its share of the fees, confirmed."""
    subscription, now = _subscription_or_404(token), timezone.now()
    form = AmountForm(request.POST or None, subscription=subscription)
    is_valid = form.is_valid()
    if is_valid and "confirmed" in request.POST:
        new, covers = form.cleaned_data["amount"], form.cleaned_data.get("cover_fee", False)
        return _do(
            request,
            subscription,
            lambda: monthly.change_amount(subscription, amount=new, covers_fee=covers, at=now),
            _("From the next charge on it is the new amount."),
        )
    context = {
        "pledge": subscription.pledge,
        "subscription": subscription,
        "form": form,
        "token": token,
        "is_looked_over": is_valid and "edit" not in request.POST,
    }
    status = 422 if form.is_bound and not is_valid else 200
    return render(request, "donations/monthly/amount.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def day(request: HttpRequest, token: str) -> HttpResponse:
    """Chosen, looked over with the date it means, confirmed."""
    subscription, now = _subscription_or_404(token), timezone.now()
    form, next_charge_at = DayForm(request.POST or None), None
    if form.is_valid() and "edit" not in request.POST:
        chosen = form.cleaned_data["day"]
        if "confirmed" in request.POST:
            return _do(
                request,
                subscription,
                lambda: monthly.change_day(subscription, day=chosen, at=now),
                _("The day is changed."),
            )
        try:
            next_charge_at = monthly.first_on(subscription, day=chosen, at=now)
        except monthly.NotPossible as error:
            form.add_error("day", str(WHY_NOT[str(error)]))
    context = {
        "pledge": subscription.pledge,
        "subscription": subscription,
        "form": form,
        "token": token,
        "next_charge_at": next_charge_at,
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "donations/monthly/day.html", context, status=status)


@never_cache
@require_POST
def pause(request: HttpRequest, token: str) -> HttpResponse:
    subscription = _subscription_or_404(token)
    return _do(
        request,
        subscription,
        lambda: monthly.pause(subscription, at=timezone.now()),
        _("Paused. Nothing is charged until you let it go on."),
    )


@never_cache
@require_POST
def resume(request: HttpRequest, token: str) -> HttpResponse:
    subscription = _subscription_or_404(token)
    return _do(
        request,
        subscription,
        lambda: monthly.resume(subscription, at=timezone.now()),
        _("Thank you. Your gift goes on."),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Asks once. Ended is ended at Stripe, so the page also offers to pause."""
    subscription = _subscription_or_404(token)
    if request.method == "POST":
        return _do(
            request,
            subscription,
            lambda: monthly.stop(subscription, at=timezone.now()),
            _("Stopped. Nothing will be charged any more."),
        )
    context = {"pledge": subscription.pledge, "subscription": subscription, "token": token}
    return render(request, "donations/monthly/stop.html", context)


@never_cache
@require_POST
def remind(request: HttpRequest, token: str) -> HttpResponse:
    subscription = _subscription_or_404(token)
    monthly.remind(subscription, is_wanted=request.POST.get("wanted") == "yes")
    return redirect(gift_path(subscription.pledge))


@never_cache
@require_POST
def card(request: HttpRequest, token: str) -> HttpResponse:
    """On to Stripe's page for another card."""
    subscription = _subscription_or_404(token)
    try:
        attempts.admit_card_page(subscription.pledge.uuid, at=timezone.now())
        return HttpResponseRedirect(monthly.card_page(subscription))
    except attempts.TransferOnly as refusal:
        messages.error(
            request,
            _("That was tried several times. Please come back after %(time)s (UTC).")
            % {"time": f"{refusal.until:%H:%M}"},
        )
    except monthly.NotPossible as error:
        messages.error(request, WHY_NOT[str(error)])
    except (stripe_api.StripeUnavailable, stripe_api.StripeRefused):
        messages.error(request, AWAY)
    return redirect(gift_path(subscription.pledge))


@never_cache
@require_POST
def settle(request: HttpRequest, token: str) -> HttpResponse:
    """On to Stripe's page where a month that did not go through is confirmed or paid: the newest, or the one named."""
    subscription = _subscription_or_404(token)
    state = monthly_state_of(subscription.pledge, at=timezone.now())
    charge: MonthlyCharge | None = state.open_charge if state else None
    if state and (named := request.POST.get("month")):
        charge = next((month for month in state.missed if str(month.pk) == named), None)
    try:
        if charge and (page := stripe_api.invoice_page(charge.stripe_invoice_id)):
            return HttpResponseRedirect(page)
        messages.info(request, _("There is nothing to pay at the moment."))
    except (stripe_api.StripeUnavailable, stripe_api.StripeRefused):
        messages.error(request, AWAY)
    return redirect(gift_path(subscription.pledge))
