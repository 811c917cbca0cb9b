"""The site's addresses, and two pages only tests have: every part of the vocabulary, and a fault of ours."""

from datetime import UTC, datetime
from pathlib import Path

from django.http import HttpResponse
from django.template import engines
from django.urls import path

from defensefund.urls import urlpatterns as site

# What is written widest, so that the day of the test decides nothing.
LONGEST_DAY = datetime(2026, 9, 30, 20, 58, tzinfo=UTC)
SPECIMEN = Path(__file__).parent / "templates" / "specimen.html"


def specimen(request):
    template = engines["django"].from_string(SPECIMEN.read_text())
    return HttpResponse(template.render({"now": LONGEST_DAY}, request))


def fault(request):
    raise RuntimeError("a page that breaks")


urlpatterns = [path("specimen/", specimen), path("fault/", fault), *site]
