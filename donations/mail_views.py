"""The demonstration's mail: what the console would print, to be read in the browser."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .emails import word
from .models import Letter

ROWS = 25


@never_cache
@require_safe
def mail(request: HttpRequest) -> HttpResponse:
    """The newest letters, sent or waiting, as their readers get them."""
    letters = Letter.objects.select_related(
        "pledge__supporter", "pledge__subscription", "donation__receipt", "donation__fund"
    ).order_by("-pk")[:ROWS]
    now = timezone.now()
    context = {"letters": [(letter, word(letter, at=now)) for letter in letters], "limit": ROWS}
    return render(request, "donations/mail.html", context)
