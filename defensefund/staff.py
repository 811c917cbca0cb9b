"""The office: an admin site that nobody enters by password alone."""

from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django_otp.middleware import is_verified

from defensefund import security_log, sign_in
from defensefund.models import SecurityEvent
from defensefund.work import blocks_for, waiting_for


class StaffSite(AdminSite):
    site_header = _("Office")
    site_title = _("Office")
    index_title = _("What there is to do")
    # As in our own tables.
    empty_value_display = "–"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._lists: dict[tuple[object, ...], list[dict[str, Any]]] = {}

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return False
        return is_verified(user) or sign_in.is_demo_login(request, user)

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[dict[str, Any]]:
        """What a person may open hangs on their rights: it stands beside every page, and is worked out once for each set of
        rights and language, of which there are as many as roles."""
        user = request.user
        # Who may do everything has no list of rights to look up.
        rights = None if user.is_superuser else frozenset(user.get_all_permissions())
        key = (rights, get_language(), app_label)
        if key not in self._lists:
            self._lists[key] = super().get_app_list(request, app_label)
        return self._lists[key]

    def _build_app_dict(self, request: HttpRequest, label: Any = None) -> dict[str, Any]:
        """As the admin's, its names as texts: lazy ones are translated anew at each comparison while they are sorted."""
        found = super()._build_app_dict(request, label)
        for app in found.values():
            for model in app["models"]:
                own = getattr(self._registry[model["model"]], "listed_as", model["name"])
                model["name"] = str(own)
        return found

    def index(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> TemplateResponse:
        assert isinstance(request.user, User)
        extra = {
            "waiting": waiting_for(request.user),
            "blocks": blocks_for(request.user),
            **(extra_context or {}),
        }
        return super().index(request, extra)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, object] | None = None
    ) -> TemplateResponse:
        """Headed by what it lists."""
        title = capfirst(str(apps.get_app_config(app_label).verbose_name))
        return super().app_index(request, app_label, {"title": title, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern | URLResolver]:
        view = self.admin_view
        own: list[URLPattern | URLResolver] = [
            path("login/second-step/", sign_in.verify, name="second_factor_verify"),
            path("login/set-up/", sign_in.set_up, name="second_factor_set_up"),
            path("second-factor/", view(sign_in.overview), name="second_factor"),
            path("second-factor/replace/", view(sign_in.replace), name="second_factor_replace"),
            path("second-factor/codes/", view(sign_in.renew_codes), name="second_factor_codes"),
        ]
        return own + super().get_urls()

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The password step; who has only proved a password elsewhere goes on to the second."""
        finder = LoginView()
        finder.setup(request)
        then = finder.get_redirect_url() or reverse("admin:index")
        if request.method == "GET":
            if self.has_permission(request):
                return HttpResponseRedirect(then)
            if isinstance(request.user, User) and request.user.is_active and request.user.is_staff:
                return sign_in.wait_for_second_factor(request, request.user, then)
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "app_path": request.get_full_path(),
            REDIRECT_FIELD_NAME: then,
            **(extra_context or {}),
        }
        response = sign_in.PasswordStep.as_view(
            authentication_form=AdminAuthenticationForm,
            template_name="admin/login.html",
            extra_context=context,
        )(request)
        assert isinstance(response, HttpResponse)
        return response

    def logout(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> TemplateResponse:
        response = super().logout(request, extra_context)
        # Not "cookies": that would also forget that this device is known, which is what keeps its owner
        # from being shut out by other people's wrong passwords. The session itself is gone either way.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> TemplateResponse:
        response = super().password_change(request, extra_context)
        if response.status_code == 302 and isinstance(request.user, User):
            security_log.record(
                SecurityEvent.Kind.PASSWORD_CHANGED,
                user=request.user,
                by=request.user,
                at=timezone.now(),
            )
        return response
