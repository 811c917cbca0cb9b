"""A gift's private page, and what its supporter can do there."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from . import checkout, obstacles
from .gift_state import state_of
from .models import Pledge
from .monthly_state import monthly_state_of
from .tokens import InvalidToken, gift_path, pledge_of


@never_cache
@require_GET
def gift(request: HttpRequest, token: str) -> HttpResponse:
    """The private page of one gift. Only looks: that the supporter came back here proves no payment."""
    pledge = pledge_or_404(token)
    return render(request, "donations/gift.html", _context(pledge, token))


@never_cache
@require_GET
def transfer(request: HttpRequest, token: str) -> HttpResponse:
    """The details of the transfer on a page to print; once nothing is to be sent any more, the gift's own page."""
    pledge = pledge_or_404(token)
    state = state_of(pledge, at=timezone.now())
    back = reverse("donations:gift", kwargs={"token": token})
    if state.transfer is None:
        return redirect(back)
    return render(request, "donations/transfer.html", {"transfer": state.transfer, "back": back})


@never_cache
@require_POST
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """Back to Stripe's page for a gift that is not paid yet."""
    pledge = pledge_or_404(token)
    by_card = {Pledge.Method.CARD, Pledge.Method.KEPT_CARD}
    if pledge.method not in by_card and not pledge.instalments.exists():
        raise Http404
    now = timezone.now()
    if not state_of(pledge, at=now).fits_a_card:
        # The page has no button then, and says why.
        return redirect("donations:gift", token=token)
    try:
        obstacles.admit(
            request,
            subject=pledge.uuid,
            method=Pledge.Method.CARD,
            currency=pledge.currency,
            paused=obstacles.paused_in(pledge.currency),
            at=now,
        )
        return to_stripe(pledge)
    except obstacles.OBSTACLES as obstacle:
        return obstacles.say(request, "donations/gift.html", _context(pledge, token), obstacle)


def _context(pledge: Pledge, token: str) -> dict[str, object]:
    now = timezone.now()
    return {
        "pledge": pledge,
        "state": state_of(pledge, at=now),
        "monthly": monthly_state_of(pledge, at=now),
        "token": token,
    }


def pledge_or_404(token: str) -> Pledge:
    try:
        return pledge_of(token, at=timezone.now())
    except InvalidToken as error:
        raise Http404(_("This private link is not valid. Open it again from your mail.")) from error


def to_stripe(pledge: Pledge) -> HttpResponse:
    try:
        return HttpResponseRedirect(checkout.start(pledge, at=timezone.now()))
    except checkout.AlreadyPaid:
        return redirect(gift_path(pledge))
