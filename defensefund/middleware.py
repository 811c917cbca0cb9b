"""What every answer says to browsers and caches, what stands where only forms lead, and when a staff session ends by itself."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control

from defensefund.sign_in import LOGGED_IN_AT, SEEN_AT

Answer = Callable[[HttpRequest], HttpResponse]

IDLE = timedelta(minutes=30)
WHOLE = timedelta(hours=8)
# The time of the last request is written no more often than this, to spare a write at every page.
SEEN_EVERY = timedelta(minutes=1)

# Nothing that a browser could lend to a page is lent to ours, but the button that copies a transfer reference.
PERMISSIONS_POLICY = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "autoplay",
                "browsing-topics",
                "camera",
                "display-capture",
                "encrypted-media",
                "fullscreen",
                "geolocation",
                "gyroscope",
                "hid",
                "idle-detection",
                "magnetometer",
                "microphone",
                "midi",
                "otp-credentials",
                "payment",
                "picture-in-picture",
                "publickey-credentials-get",
                "screen-wake-lock",
                "serial",
                "usb",
                "xr-spatial-tracking",
            )
        ),
        "clipboard-write=(self)",
    ]
)


class AnswerHeaders:
    """Outermost but for Django's own security: sees the cookies the others set."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # An answer of the office, or with a cookie in it, is one person's: no cache keeps it, on the way or on disk;
        # unless its view has said itself that the person's own browser may (donations/giving_views.py).
        is_settled = "private" in response.get("Cache-Control", "")
        if request.path_info.startswith("/admin/") or (response.cookies and not is_settled):
            patch_cache_control(response, no_store=True, private=True)
        return response


class FormsOnly:
    """Who opens what only a form's button leads to, from the browser's history for example, reads so instead of nothing."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_read = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or not is_read:
            return response
        page = render(request, "405.html", status=response.status_code)
        page.headers["Allow"] = response.headers["Allow"]
        return page


class StaffSession:
    """Ends a login after 30 idle minutes, and after eight hours in any case. Public pages without cookie pass untouched."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._end_or_extend(request)
        return self.get_response(request)

    def _end_or_extend(self, request: HttpRequest) -> None:
        now = timezone.now().timestamp()
        session = request.session
        begun = session.setdefault(LOGGED_IN_AT, now)
        seen = session.setdefault(SEEN_AT, now)
        if now - begun >= WHOLE.total_seconds() or now - seen >= IDLE.total_seconds():
            logout(request)
        elif now - seen >= SEEN_EVERY.total_seconds():
            session[SEEN_AT] = now
