"""Once more before what cannot be taken back: a password or code not older than five minutes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.contrib import admin
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from defensefund import lockout, second_factor
from defensefund.forms import ProofForm

RECENT = timedelta(minutes=5)
PROVED_AT = "proved_at"
# In the address of the page that says that a file is ready.
READY = "ready"
# Fields of our own page between the view and its form; the view never sees them.
OWN_FIELDS = ("csrfmiddlewaretoken", "proof", "proof_resumes")


def mark_proved(request: HttpRequest, *, at: datetime) -> None:
    request.session[PROVED_AT] = at.timestamp()


def is_recent(request: HttpRequest, *, at: datetime) -> bool:
    proved = request.session.get(PROVED_AT)
    return proved is not None and 0 <= at.timestamp() - proved < RECENT.total_seconds()


def recent_login_required(
    view: Callable[..., HttpResponse], *, saves: bool = False
) -> Callable[..., HttpResponse]:
    """For approving, paying, exporting, unsealing: inside `admin_site.admin_view(...)`, around the view.

    Asks for a password or code when the last one is older than five minutes, at the same address, and carries
    what was already typed through that page, so nothing has to be typed twice (files must be chosen again).
    With `saves` the address is that of a file to be saved: a browser that saves one stays on the page it is on, so after
    the proof it is on a page that says the file is ready, and not on the one that asks.
    """

    @wraps(view)
    @sensitive_post_parameters("proof")
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        at = timezone.now()
        form = ProofForm(request.POST if "proof" in request.POST else None)
        if not is_recent(request, at=at):
            if not form.is_valid() or not _proves(request, form, at=at):
                return _ask(request, form)
            mark_proved(request, at=at)
        if form.is_bound:
            if saves:
                return redirect(f"{request.path}?{READY}=1")
            if "proof_resumes" not in request.POST:
                return redirect(request.get_full_path())
            kept = request.POST.copy()
            for name in OWN_FIELDS:
                kept.pop(name, None)
            request.POST = kept  # type: ignore[assignment]
        if saves and READY in request.GET:
            return _ready(request)
        return view(request, *args, **kwargs)

    return inner


def _proves(request: HttpRequest, form: ProofForm, *, at: datetime) -> bool:
    user, proof = request.user, form.cleaned_data["proof"]
    assert isinstance(user, User)
    digits = proof.replace(" ", "")
    if not (digits.isdecimal() and len(digits) == 6):
        if authenticate(request, username=user.get_username(), password=proof) == user:
            return True
        form.add_error("proof", _("This is not your password. Nothing was done; try again."))
        return False
    if lockout.is_shut_out(request, user):
        return False
    try:
        second_factor.prove(user=user, code=digits, at=at)
    except second_factor.TooManyWrongCodes as refused:
        form.add_error("proof", lockout.try_again_after(refused.until))
    except second_factor.WrongCode:
        lockout.count_failure(request, user)
        form.add_error(
            "proof", _("This code does not match, or was used before. Nothing was done; try again.")
        )
    else:
        return True
    return False


def _ready(request: HttpRequest) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "file": request.path,
        "title": _("Your file is ready"),
    }
    return render(request, "staff/file_ready.html", context)


def _ask(request: HttpRequest, form: ProofForm) -> HttpResponse:
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in OWN_FIELDS
        for value in values
    ]
    context = {
        **admin.site.each_context(request),
        "form": form,
        "carried": carried,
        "resumes": request.method == "POST"
        and ("proof" not in request.POST or "proof_resumes" in request.POST),
        "has_files": bool(request.FILES),
        "title": _("Is it you?"),
    }
    return render(request, "staff/prove.html", context)
