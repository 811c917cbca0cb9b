"""Pages for who has an address with us and no open link to a gift: a new link by mail, and the year's statement."""

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from defensefund import limits
from defensefund.limits import Limit
from defensefund.network import network_of, tells_apart
from defensefund.privacy import keyed_hash

from . import receipts
from .jobs import write_new_link
from .models import Donation, Pledge
from .supporter_forms import NewLinkForm
from .supporter_views import pdf
from .tokens import InvalidToken, statement_of

HOUR = timedelta(hours=1)
# Askers of one network, and all together: enough for a fund's busiest hour, too few to try out lists of addresses.
MOST_HERE, MOST_EVERYWHERE = 10, 300


def _is_too_much(request: HttpRequest) -> bool:
    network = network_of(request)
    asked = [Limit("new link", HOUR, MOST_EVERYWHERE)]
    if tells_apart(network):
        asked.insert(0, Limit(f"new link {network}", HOUR, MOST_HERE))
    return limits.count(*asked, at=timezone.now()).exceeded is not None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_link(request: HttpRequest) -> HttpResponse:
    """Asks for an address; the answer is the same, and as fast, whether we know it or not."""
    form = NewLinkForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_too_much(request):
        form.add_error(None, _("Too many have asked for links within an hour. Try again later."))
        response = render(request, "donations/new_link.html", {"form": form}, status=429)
        response["Retry-After"] = str(int(HOUR.total_seconds()))
        return response
    if form.is_valid():
        # The hash alone: jobs are kept for days.
        write_new_link.defer(email_hash=keyed_hash(form.cleaned_data["email"], purpose="email"))
        return render(request, "donations/new_link.html", {"is_asked": True})
    return render(
        request, "donations/new_link.html", {"form": form}, status=422 if form.is_bound else 200
    )


def _year_of(token: str) -> tuple[Pledge, int, list[Donation]]:
    try:
        pledge, year = statement_of(token, at=timezone.now())
    except InvalidToken as error:
        raise Http404(_("This private link is not valid. Open it again from your mail.")) from error
    gave = (
        Donation.objects.standing()
        .filter(pledge__supporter=pledge.supporter_id, received_at__year=year)
        .select_related("receipt")
        .prefetch_related("refunds", "disputes")
        .order_by("received_at", "pk")
    )
    return pledge, year, list(gave)


@never_cache
@require_GET
def statement(request: HttpRequest, token: str) -> HttpResponse:
    _pledge, year, donations = _year_of(token)
    context = {"year": year, "donations": donations, "token": token}
    return render(request, "donations/statement.html", context)


@never_cache
@require_GET
def statement_file(request: HttpRequest, token: str) -> HttpResponse:
    pledge, year, donations = _year_of(token)
    content = receipts.statement_pdf(
        donations, year=year, language=pledge.language, at=timezone.now()
    )
    return pdf(content, str(year))
