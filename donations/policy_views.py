"""The fund's policy, as supporters read it: the version in force, and each other one at an address of its own."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from .models import Policy


@require_safe
@cache_control(public=True, max_age=60)
def policy(request: HttpRequest, version: int | None = None) -> HttpResponse:
    enacted = Policy.objects.enacted().with_rules()
    today = timezone.now().date()
    in_force = enacted.in_force(on=today)
    shown = in_force if version is None else get_object_or_404(enacted, version=version)
    context: dict[str, Any] = {
        "policy": shown,
        "nobody": {},
        "text": shown.text(get_language() or "en") if shown else None,
        "in_force": in_force,
        "is_ahead": shown is not None and shown.in_force_from > today,
        "versions": Policy.objects.enacted().order_by("-version"),
    }
    return render(request, "donations/policy.html", context)
