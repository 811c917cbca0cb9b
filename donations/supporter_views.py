"""What a supporter can have and decide at the private page: receipts, what others see, where letters go, own data, erasure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from defensefund import limits
from defensefund.limits import Limit

from . import choices, correspondence, erasure, own_data, receipts
from .gift_views import pledge_or_404
from .models import Donation, Pledge, Receipt
from .supporter_forms import (
    AddressForm,
    ForgetForm,
    GiftForm,
    ProofForm,
    VisibilityForm,
    WordingForm,
)
from .tokens import gift_path

page = require_http_methods(["GET", "HEAD", "POST"])


def pdf(content: bytes, name: str) -> HttpResponse:
    """A file to be kept; its name says nothing but the number."""
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'},
    )


def _donation(request: HttpRequest, pledge: Pledge) -> Donation:
    chosen = request.POST.get("donation", "")
    if not chosen.isdecimal() or len(chosen) > 18:
        raise Http404
    standing = pledge.donations.standing().select_related("pledge")
    return get_object_or_404(standing, pk=chosen)


@never_cache
@require_POST
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The receipt's file. Posted for, since the first one handed out is the original and all others say "copy"."""
    donation = _donation(request, pledge_or_404(token))
    now = timezone.now()
    issued = receipts.issue(donation, at=now)
    is_first = Receipt.objects.filter(pk=issued.pk, downloaded_at=None).update(downloaded_at=now)
    content = receipts.receipt_pdf(issued, is_copy=not is_first)
    copy = _("copy")
    return pdf(content, issued.number if is_first else f"{issued.number}-{copy}")


@never_cache
@require_POST
def resend(request: HttpRequest, token: str) -> HttpResponse:
    donation = _donation(request, pledge_or_404(token))
    try:
        correspondence.resend(donation, at=timezone.now())
    except correspondence.CorrespondenceError as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, _("A copy of the receipt is on its way to your address."))
    return redirect("donations:gift", token=token)


@never_cache
@require_GET
def year(request: HttpRequest, token: str, year: int) -> HttpResponse:
    """The statement of one year for this gift alone, as far as it got in that year."""
    pledge = pledge_or_404(token)
    gave = pledge.donations.standing().filter(received_at__year=year).order_by("received_at", "pk")
    donations = list(gave.select_related("receipt").prefetch_related("refunds", "disputes"))
    if not donations:
        raise Http404
    content = receipts.statement_pdf(
        donations, year=year, language=pledge.language, at=timezone.now()
    )
    return pdf(content, str(year))


def _decide(
    request: HttpRequest,
    token: str,
    form_class: type[GiftForm],
    template: str,
    act: Callable[[Pledge, dict[str, Any]], HttpResponse],
) -> HttpResponse:
    """One form on a page of its own, and what follows when it is filled in right."""
    pledge = pledge_or_404(token)
    form = form_class(request.POST if request.method == "POST" else None, pledge=pledge)
    if form.is_valid():
        try:
            return act(pledge, form.cleaned_data)
        except (correspondence.CorrespondenceError, erasure.ForgetError) as refusal:
            form.add_error(next(iter(form.fields)) if form.fields else None, str(refusal))
    context = {"pledge": pledge, "token": token, "form": form}
    return render(request, template, context, status=422 if form.is_bound else 200)


@never_cache
@page
def visibility(request: HttpRequest, token: str) -> HttpResponse:
    def act(pledge: Pledge, data: dict[str, Any]) -> HttpResponse:
        choices.show(pledge, visibility=Pledge.Visibility(data["visibility"]), name=data["name"])
        messages.success(request, _("Saved. Public pages follow within a minute."))
        return redirect("donations:gift", token=token)

    return _decide(request, token, VisibilityForm, "donations/gift/visibility.html", act)


@never_cache
@page
def wording(request: HttpRequest, token: str) -> HttpResponse:
    def act(pledge: Pledge, data: dict[str, Any]) -> HttpResponse:
        choices.word_receipts(
            pledge,
            names_fund=data["purpose"] == "fund",
            name=data["name"],
            country=data.get("country", ""),
        )
        messages.success(request, _("Saved. Receipts you download from now on say so."))
        return redirect("donations:gift", token=token)

    return _decide(request, token, WordingForm, "donations/gift/wording.html", act)


@never_cache
@page
def address(request: HttpRequest, token: str) -> HttpResponse:
    """Where letters go. The links made before are closed with it, so the page moves to a new one."""

    def act(pledge: Pledge, data: dict[str, Any]) -> HttpResponse:
        now = timezone.now()
        moved = correspondence.readdress(pledge, email=data["email"], at=now)
        messages.success(
            request,
            _(
                "Letters go to the new address from now on; one is on its way. Links you had before are closed: keep this page's address instead."
            ),
        )
        return redirect(gift_path(moved, at=now))

    return _decide(request, token, AddressForm, "donations/gift/address.html", act)


# Tries at naming the address behind one link in an hour: a person needs one or two.
MOST_GUESSES = 10


@never_cache
@page
def data(request: HttpRequest, token: str) -> HttpResponse:
    pledge = pledge_or_404(token)
    if request.method == "POST" and pledge.supporter_id:
        guesses = Limit(f"own data {pledge.pk}", timedelta(hours=1), MOST_GUESSES)
        if limits.count(guesses, at=timezone.now()).exceeded:
            messages.warning(request, _("Too many tries for now. Try again in an hour."))
            return redirect("donations:gift", token=token)

    def act(pledge: Pledge, _data: dict[str, Any]) -> HttpResponse:
        return JsonResponse(
            own_data.of(pledge),
            encoder=DjangoJSONEncoder,
            json_dumps_params={"indent": 2, "ensure_ascii": False},
            headers={"Content-Disposition": 'attachment; filename="data.json"'},
        )

    return _decide(request, token, ProofForm, "donations/gift/data.html", act)


@never_cache
@page
def forget(request: HttpRequest, token: str) -> HttpResponse:
    def act(pledge: Pledge, _data: dict[str, Any]) -> HttpResponse:
        count = erasure.forget(pledge, at=timezone.now())
        return render(request, "donations/gift/forgotten.html", {"count": count})

    return _decide(request, token, ForgetForm, "donations/gift/forget.html", act)
