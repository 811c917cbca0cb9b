"""The gifts whose supporters chose to show them, on pages everyone may read."""

from django.core.paginator import EmptyPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from appeals.views import names_in, public_page, published_text

from .models import PublicGift

GIFTS_ON_A_PAGE = 50


@public_page
def public_gifts(request: HttpRequest, appeal: str, page: int = 1) -> HttpResponse:
    appeal_text = published_text(appeal)
    shown = Paginator(PublicGift.objects.filter(appeal=appeal_text.appeal_id), GIFTS_ON_A_PAGE)
    try:
        gifts = shown.page(page)
    except EmptyPage as error:
        raise Http404 from error
    context = {
        "appeal": appeal_text.appeal,
        "appeal_text": appeal_text,
        "page": gifts,
        "names": names_in(appeal_text.appeal),
    }
    return render(request, "donations/public_gifts.html", context)
