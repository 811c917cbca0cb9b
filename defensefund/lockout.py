"""How many wrong passwords and codes are borne, and from where; django-axes counts, this says by what.

Six from one network for one login name shut that pair out for a while. Many from all over slow new devices down;
a device that once logged in as that person keeps its own count, so nobody can shut the whole office out.
No name and no address is stored: only keyed hashes, and networks, for as long as they count.
"""

import ipaddress
import secrets
from datetime import datetime, timedelta
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core import signing
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from defensefund import security_log
from defensefund.models import SecurityEvent
from defensefund.network import network_of
from defensefund.privacy import keyed_hash

Credentials = dict[str, Any]

# Wrong tries for one login name from everywhere, within AXES_COOLOFF_TIME, before unknown devices must wait.
LIMIT_FROM_EVERYWHERE = 30
DEVICE_COOKIE = "__Secure-device" if settings.SESSION_COOKIE_SECURE else "device"
DEVICE_DAYS = 400


def login_name(request: HttpRequest, credentials: Credentials | None) -> str:
    """The keyed hash by which tries for one login name are counted, whether there is such a person or not."""
    typed = (credentials or {}).get("username") or request.POST.get("username", "")
    return keyed_hash(str(typed), purpose="login name")


def network(request: HttpRequest) -> str:
    """The network tries are counted by; a known device counts as a network of its own (an address of fd00::/8)."""
    device = _known_device(request)
    if device is None:
        return network_of(request)
    digest = keyed_hash(f"{device['name']} {device['id']}", purpose="device")
    return str(ipaddress.IPv6Address(bytes.fromhex("fd" + digest[:30])))


class StaffLockout(AxesDatabaseHandler):  # type: ignore[misc]
    def is_locked(self, request: HttpRequest, credentials: Credentials | None = None) -> bool:
        if super().is_locked(request, credentials):
            return True
        name = login_name(request, credentials)
        device = _known_device(request)
        if device is not None and device["name"] == name:
            return False
        tries = AccessAttempt.objects.filter(
            username=name, attempt_time__gte=get_cool_off_threshold(request)
        ).aggregate(total=Sum("failures_since_start"))
        return (tries["total"] or 0) >= LIMIT_FROM_EVERYWHERE


def is_shut_out(request: HttpRequest, user: User) -> bool:
    """For the steps after the password: whether tries for `user` from here are refused for now."""
    credentials = {"username": user.get_username()}
    if AxesProxyHandler.is_allowed(request, credentials):
        return False
    request.axes_locked_out = True  # type: ignore[attr-defined]
    request.axes_credentials = credentials  # type: ignore[attr-defined]
    return True


def count_failure(request: HttpRequest, user: User) -> None:
    """Count a wrong code like a wrong password; axes answers in place of the view when it was one too many."""
    user_login_failed.send(__name__, credentials={"username": user.get_username()}, request=request)


def locked_out(
    request: HttpRequest, response: HttpResponseBase | None, credentials: Credentials | None
) -> HttpResponse:
    """The answer to one try too many: when to come back, the same for names that exist and that do not."""
    name = login_name(request, credentials)
    if getattr(request, "axes_failures_since_start", None) == settings.AXES_FAILURE_LIMIT:
        _record(credentials)
    tries = AccessAttempt.objects.filter(username=name)
    here = tries.filter(ip_address=network(request))
    last = (here if here.exists() else tries).aggregate(at=Max("attempt_time"))["at"]
    until = (last or timezone.now()) + settings.AXES_COOLOFF_TIME
    page = render(
        request, "locked_out.html", {**admin.site.each_context(request), "until": until}, status=429
    )
    page["Retry-After"] = str(max(1, int((until - timezone.now()).total_seconds()) + 1))
    return page


def try_again_after(until: datetime) -> str:
    return _("Too many wrong codes. Try again after %(time)s (UTC).") % {
        "time": f"{until:%H:%M:%S}"
    }


def _record(credentials: Credentials | None) -> None:
    user = User.objects.filter(username=(credentials or {}).get("username", "")).first()
    if user is not None:
        security_log.record(SecurityEvent.Kind.LOCKED_OUT, user=user, by=None, at=timezone.now())


def is_known_device(request: HttpRequest, user: User) -> bool:
    device = _known_device(request)
    return device is not None and device["name"] == _name_of(user)


def remember_device(response: HttpResponseBase, user: User) -> None:
    """After a whole login: a cookie by which this browser is known again, without saying whose it is."""
    device = {"name": _name_of(user), "id": secrets.token_hex(8)}
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps(device, salt="known device"),
        max_age=timedelta(days=DEVICE_DAYS),
        path="/admin/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _name_of(user: User) -> str:
    return keyed_hash(user.get_username(), purpose="login name")


def _known_device(request: HttpRequest) -> dict[str, str] | None:
    try:
        device: dict[str, str] = signing.loads(
            request.COOKIES.get(DEVICE_COOKIE, ""),
            salt="known device",
            max_age=timedelta(days=DEVICE_DAYS),
        )
    except signing.BadSignature:
        return None
    return device
