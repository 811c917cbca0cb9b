"""The fund's policy, as supporters read it: the version in force, and each other one at an address of its own."""

from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from . import policy_changes
from .models import Policy


@require_safe
@cache_control(public=True, max_age=60)
def policy(request: HttpRequest, version: int | None = None) -> HttpResponse:
    enacted = Policy.objects.enacted()
    today = timezone.now().date()
    in_force = enacted.in_force(on=today)
    shown = in_force if version is None else get_object_or_404(enacted, version=version)
    earlier = enacted.before(shown) if shown else None
    prefetch_related_objects([each for each in (shown, earlier) if each], *Policy.RULES)
    context: dict[str, Any] = {
        "policy": shown,
        "nobody": {},
        "text": shown.text(get_language() or "en") if shown else None,
        "in_force": in_force,
        "is_ahead": shown is not None and shown.in_force_from > today,
        "versions": enacted.order_by("-version"),
        "earlier": earlier,
        "changes": [policy_changes.brief(each) for each in policy_changes.changes(earlier, shown)]
        if shown and earlier
        else [],
    }
    return render(request, "donations/policy.html", context)
