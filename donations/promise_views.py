"""The pages of a promise: made on one, seen before it counts, and changed, paused or called off at its private link."""

from collections.abc import Callable
from contextlib import suppress

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from appeals.models import Appeal

from . import checkout, conditional, currencies, obstacles, pledges
from .gift_views import pledge_or_404
from .models import Condition, Pledge
from .promise_forms import BAD_PARTS, ChangeForm, ConditionForm, PromiseForm, ScheduleForm
from .schedule import ZERO, schedule_of
from .tokens import gift_path


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def promise(request: HttpRequest, appeal: str) -> HttpResponse:
    """Filled in, then looked at as a list of days, then confirmed: only that keeps anything."""
    subject = get_object_or_404(Appeal.objects.published(), slug=appeal)
    currency = request.GET.get("currency", "") or currencies.offered()[0]
    if currency not in currencies.offered():
        return redirect("donations:promise", appeal=appeal)
    now = timezone.now()
    form = PromiseForm(request.POST or None, appeal=subject, currency=currency, today=now.date())
    context = {
        "appeal": subject,
        "form": form,
        "currency": currency,
        "currencies": currencies.offered(),
        "condition": Condition.objects.open_for(subject, currency, today=now.date()).first(),
    }

    def keep() -> str:
        # Announced money is counted in public: nobody is to announce it by the thousand.
        obstacles.admit(
            request,
            subject=form.uuid,
            method=Pledge.Method.TRANSFER,
            currency=currency,
            paused=frozenset(),
            at=now,
        )
        return gift_path(pledges.promise(form.promise(), uuid=form.uuid, at=now))

    try:
        return _two_steps(request, form, keep, "donations/promise.html", context)
    except obstacles.OBSTACLES as obstacle:
        return obstacles.say(request, "donations/promise_preview.html", context, obstacle)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def promise_if(request: HttpRequest, appeal: str) -> HttpResponse:
    """A gift on condition. Leads to its private page, from where the card is left with Stripe."""
    subject = get_object_or_404(Appeal.objects.published(), slug=appeal)
    currency, now = request.GET.get("currency", ""), timezone.now()
    condition = Condition.objects.open_for(subject, currency, today=now.date()).first()
    if condition is None:
        return redirect("donations:promise", appeal=appeal)
    form = ConditionForm(request.POST or None, condition=condition)
    if request.method == "POST" and form.is_valid():
        return redirect(gift_path(checkout.promise(form.gift(), uuid=form.uuid, at=now)))
    context = {
        "appeal": subject,
        "form": form,
        "currency": currency,
        "condition": condition,
        "reached": conditional.reached(condition),
    }
    status = 422 if form.is_bound else 200
    return render(request, "donations/condition.html", context, status=status)


@never_cache
@require_POST
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    pledge = pledge_or_404(token)
    if pledge.condition is None:
        raise Http404
    # Met meanwhile: the page it leads to says so.
    with suppress(conditional.Decided):
        conditional.withdraw(pledge, at=timezone.now())
    return redirect(gift_path(pledge))


def _two_steps(
    request: HttpRequest,
    form: ScheduleForm,
    keep: Callable[[], str],
    template: str,
    context: dict[str, object],
) -> HttpResponse:
    """The form; when it is filled in well its days to look at; when those are confirmed `keep`, and where it leads."""
    if request.method == "POST" and form.is_valid():
        if "confirmed" in request.POST:
            try:
                return redirect(keep())
            except pledges.BadParts as error:
                # Midnight passed, or a payment came, since the form was looked at.
                form.add_error("first_on", BAD_PARTS[str(error)])
        elif "edit" not in request.POST:
            return render(request, "donations/promise_preview.html", context)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, template, context, status=status)


def _promise_or_404(token: str, *, announced_too: bool = False) -> Pledge:
    pledge = pledge_or_404(token)
    is_promise = pledge.method in Pledge.PROMISED_METHODS and pledge.instalments.exists()
    if not is_promise and not (announced_too and pledge.is_announced_transfer):
        raise Http404
    return pledge


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, token: str) -> HttpResponse:
    pledge, now = _promise_or_404(token), timezone.now()
    if pledge.cancelled_at:
        return redirect(gift_path(pledge))
    schedule = schedule_of(pledge, at=now)
    form = ChangeForm.of(pledge, schedule, request.POST or None)
    context = {
        "pledge": pledge,
        "appeal": pledge.appeal,
        "form": form,
        "currency": pledge.currency,
        "schedule": schedule,
        "token": token,
    }

    def keep() -> str:
        pledges.change(
            pledge,
            parts=form.parts,
            frequency=form.frequency,
            without_end=form.without_end,
            at=now,
        )
        return gift_path(pledge)

    return _two_steps(request, form, keep, "donations/promise_change.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Asks once; what was called off can be taken up again."""
    pledge, now = _promise_or_404(token, announced_too=True), timezone.now()
    if request.method == "POST":
        pledges.cancel(pledge, at=now)
        return redirect(gift_path(pledge))
    schedule = schedule_of(pledge, at=now)
    missing = schedule.open if schedule.parts else max(pledge.amount - schedule.received, ZERO)
    context = {"pledge": pledge, "missing": missing, "token": token}
    return render(request, "donations/promise_cancel.html", context)


@never_cache
@require_POST
def pause(request: HttpRequest, token: str) -> HttpResponse:
    return _do(token, pledges.pause)


@never_cache
@require_POST
def resume(request: HttpRequest, token: str) -> HttpResponse:
    return _do(token, pledges.resume)


def _do(token: str, verb: Callable[..., Pledge]) -> HttpResponse:
    pledge = _promise_or_404(token, announced_too=True)
    # Called off in another tab meanwhile, or nothing to pause: the page it leads to says so.
    with suppress(pledges.NothingToChange):
        verb(pledge, at=timezone.now())
    return redirect(gift_path(pledge))


@never_cache
@require_POST
def remind_again(request: HttpRequest, token: str) -> HttpResponse:
    pledge = _promise_or_404(token)
    pledges.allow_reminders(pledge)
    return redirect(gift_path(pledge))
