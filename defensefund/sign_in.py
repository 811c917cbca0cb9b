"""The way into the office: password, then second factor, then a session that ends by itself.

Between the two steps nobody is logged in; the session only remembers whose login waits.
"""

from collections.abc import Mapping
from datetime import timedelta

import django_otp
import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import load_backend, login, logout
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from defensefund import lockout, second_factor, security_log
from defensefund.forms import CodeForm, RecoveryCodeForm
from defensefund.models import Authenticator, SecurityEvent
from defensefund.network import is_on_this_machine
from defensefund.step_up import mark_proved, recent_login_required

# Made by load_demo, which prints their passwords; what they open never gets further than this machine.
DEMO_ACCOUNTS = frozenset({"organizer", "treasurer", "approver"})
PENDING = "pending_login"
PENDING_FOR = timedelta(minutes=10)
LOGGED_IN_AT = "logged_in_at"
SEEN_AT = "seen_at"
SETUP_ID = "authenticator_being_set_up"


def is_demo_login(request: HttpRequest, user: User) -> bool:
    """Whether a sample account of the demonstration may go without second factor: only there, only on this machine."""
    return (
        settings.EMBEDDED and user.get_username() in DEMO_ACCOUNTS and is_on_this_machine(request)
    )


class PasswordStep(LoginView):
    """The first step; it logs nobody in, the demonstration's sample accounts aside."""

    def form_valid(self, form) -> HttpResponseRedirect:  # type: ignore[no-untyped-def]
        return wait_for_second_factor(self.request, form.get_user(), self.get_success_url())


def wait_for_second_factor(request: HttpRequest, user: User, then: str) -> HttpResponseRedirect:
    """`user` has proved a password: remember that, and lead to the second step. `then` is a path of ours."""
    if is_demo_login(request, user):
        _log_in(request, user, None)
        return HttpResponseRedirect(then)
    backend = user.backend if hasattr(user, "backend") else settings.AUTHENTICATION_BACKENDS[-1]
    logout(request)
    request.session[PENDING] = {
        "user": user.pk,
        "backend": backend,
        "password": user.get_session_auth_hash(),
        "until": (timezone.now() + PENDING_FOR).timestamp(),
        "then": then,
    }
    if Authenticator.objects.filter(user=user, confirmed=True).exists():
        return redirect("admin:second_factor_verify")
    return redirect("admin:second_factor_set_up")


def _pending_user(request: HttpRequest) -> User | None:
    """Whose login waits here; None when nobody's, when it took too long, or the password changed meanwhile."""
    pending = request.session.get(PENDING)
    if pending is None or timezone.now().timestamp() > pending["until"]:
        return None
    user = load_backend(pending["backend"]).get_user(pending["user"])
    if not isinstance(user, User) or not user.is_staff:
        return None
    if not constant_time_compare(pending["password"], user.get_session_auth_hash()):
        return None
    return user


def _log_in(request: HttpRequest, user: User, authenticator: Authenticator | None) -> None:
    pending = request.session.pop(PENDING, {})
    request.session.pop(SETUP_ID, None)
    if request.user.is_authenticated:
        request.session.cycle_key()  # login() itself gives a new key only to who was not logged in
    login(request, user, backend=pending.get("backend", settings.AUTHENTICATION_BACKENDS[-1]))
    if authenticator is not None:
        django_otp.login(request, authenticator)
    at = timezone.now()
    request.session[LOGGED_IN_AT] = request.session[SEEN_AT] = at.timestamp()
    mark_proved(request, at=at)
    known = lockout.is_known_device(request, user)
    kind = SecurityEvent.Kind.LOGGED_IN if known else SecurityEvent.Kind.NEW_DEVICE
    security_log.record(kind, user=user, by=user, at=at)


def _start_again(request: HttpRequest) -> HttpResponseRedirect:
    messages.warning(
        request, _("That took longer than ten minutes, or was done before: log in again.")
    )
    return redirect("admin:login")


@never_cache
@csrf_protect
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("code")
def verify(request: HttpRequest) -> HttpResponse:
    """The second step of a login: a code of the app, or with ?with=recovery one of the ten on paper."""
    user = _pending_user(request)
    if user is None:
        return _start_again(request)
    with_recovery = request.GET.get("with") == "recovery"
    form = (RecoveryCodeForm if with_recovery else CodeForm)(request.POST or None)
    if form.is_valid():
        authenticator, error = _try(request, user, form.cleaned_data["code"])
        if authenticator is not None:
            response = redirect(request.session[PENDING]["then"])
            _log_in(request, user, authenticator)
            lockout.remember_device(response, user)
            return response
        form.add_error("code", error)
    context = {"form": form, "with_recovery": with_recovery, "title": _("Second step")}
    return _page(request, "staff/verify.html", context)


def _try(request: HttpRequest, user: User, code: str) -> tuple[Authenticator | None, str]:
    if lockout.is_shut_out(request, user):
        return None, ""
    try:
        return second_factor.prove(user=user, code=code, at=timezone.now()), ""
    except second_factor.TooManyWrongCodes as refused:
        return None, lockout.try_again_after(refused.until)
    except second_factor.WrongCode:
        lockout.count_failure(request, user)
        return None, _(
            "This code does not match, or was used before. Type the one your app shows now; "
            "if it keeps failing, check that the phone sets its clock by itself."
        )


@never_cache
@csrf_protect
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """The first login of an account: its second factor is made before anything else can be reached."""
    user = _pending_user(request)
    if user is None:
        return _start_again(request)
    if Authenticator.objects.filter(user=user, confirmed=True).exists():
        return redirect("admin:second_factor_verify")
    return _set_up(request, user, replace=False)


@recent_login_required
def replace(request: HttpRequest) -> HttpResponse:
    """A new phone: the present second factor was proved, the new one takes its place."""
    assert isinstance(request.user, User)
    return _set_up(request, request.user, replace=True)


def _set_up(request: HttpRequest, user: User, *, replace: bool) -> HttpResponse:
    at = timezone.now()
    authenticator = Authenticator.objects.filter(
        pk=request.session.get(SETUP_ID), user=user, confirmed=False
    ).first() or second_factor.begin(user=user, at=at)
    request.session[SETUP_ID] = authenticator.pk
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            codes = second_factor.confirm(
                authenticator=authenticator,
                code=form.cleaned_data["code"],
                replace=replace,
                at=at,
            )
        except second_factor.AlreadySetUp:
            return _start_again(request)
        except second_factor.WrongCode:
            form.add_error(
                "code",
                _(
                    "This code does not match the picture. Type the one your app shows now; "
                    "if it keeps failing, check that the phone sets its clock by itself."
                ),
            )
        else:
            return _set_up_done(request, user, authenticator, codes)
    picture = segno.make(authenticator.setup_url(), error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    context = {
        "form": form,
        # Made of the squares of the code alone: no text of anybody's is in it.
        "picture": mark_safe(picture),  # noqa: S308
        "manual_key": authenticator.manual_key(),
        "setup_url": authenticator.setup_url(),
        "title": _("Set up your second factor"),
    }
    return _page(request, "staff/set_up.html", context)


def _set_up_done(
    request: HttpRequest, user: User, authenticator: Authenticator, codes: list[str]
) -> HttpResponse:
    then = request.session.get(PENDING, {}).get("then") or reverse("admin:index")
    _log_in(request, user, authenticator)
    response = _codes_page(request, codes, then)
    lockout.remember_device(response, user)
    return response


def _codes_page(request: HttpRequest, codes: list[str], then: str) -> HttpResponse:
    """Rendered in answer to the POST itself: the codes are kept nowhere they could be read a second time."""
    context = {"codes": codes, "then": then, "title": _("Your recovery codes")}
    return _page(request, "staff/codes.html", context)


def overview(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    context = {
        "authenticator": Authenticator.objects.filter(user=user, confirmed=True).first(),
        "codes_left": user.recovery_codes.filter(used_at__isnull=True).count(),
        "events": user.security_events.select_related("by")[:10],
        "title": _("Second factor"),
    }
    return _page(request, "staff/second_factor.html", context)


@require_POST
@recent_login_required
def renew_codes(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    codes = second_factor.renew_codes(user=request.user, at=timezone.now())
    return _codes_page(request, codes, reverse("admin:second_factor"))


def _page(request: HttpRequest, template: str, context: Mapping[str, object]) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context})
