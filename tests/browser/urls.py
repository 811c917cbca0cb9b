"""The site's addresses, and two pages only tests have: every part of the vocabulary, and a fault of ours."""

from pathlib import Path

from django.http import HttpResponse
from django.template import engines
from django.urls import path
from django.utils import timezone

from defensefund.urls import urlpatterns as site

SPECIMEN = Path(__file__).parent / "templates" / "specimen.html"


def specimen(request):
    template = engines["django"].from_string(SPECIMEN.read_text())
    return HttpResponse(template.render({"now": timezone.now()}, request))


def fault(request):
    raise RuntimeError("a page that breaks")


urlpatterns = [path("specimen/", specimen), path("fault/", fault), *site]
