"""Staff accounts and the security log, for superusers."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

from defensefund import second_factor, security_log
from defensefund.lists import DayFilter, ListAdmin
from defensefund.models import Authenticator, SecurityEvent
from defensefund.office import OfficeAdmin, ReadOnlyAdmin
from defensefund.step_up import recent_login_required

# Groups are a table in the code (roles.py): what is changed by hand here would be gone at the next upgrade.
admin.site.unregister(Group)
admin.site.unregister(User)
admin.site.unregister(ProcrastinateJob)


@admin.register(User)
class StaffAdmin(OfficeAdmin, UserAdmin):  # type: ignore[type-arg]
    # Everybody here logs in with a password: there is no other way that could be chosen.
    add_form = UserCreationForm
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    list_display = ("username", "first_name", "roles", "is_active", "has_second_factor")
    list_filter = ("is_active", "groups", "is_superuser")
    readonly_fields = ("last_login", "date_joined", "has_second_factor")
    change_form_template = "staff/user_change_form.html"
    # Four groups: boxes to tick, instead of two lists to move between.
    filter_horizontal = ()
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}
    fieldsets = (
        (None, {"fields": ("username", "password", "has_second_factor")}),
        (_("Personal info"), {"fields": ("first_name", "last_name", "email")}),
        (
            _("What this person may do"),
            {"fields": ("is_active", "is_staff", "groups", "is_superuser")},
        ),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        proved = Authenticator.objects.filter(user=models.OuterRef("pk"), confirmed=True)
        users: models.QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("groups").annotate(second_factor=models.Exists(proved))

    @admin.display(description=_("groups"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "–"

    @admin.display(description=_("second factor"), boolean=True)
    def has_second_factor(self, user: Any) -> bool:
        return bool(getattr(user, "second_factor", False))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: what people did stays theirs. An account that is over is made inactive."""
        return False

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        self._record(request, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        self._record(request, obj)
        return super().log_change(request, obj, message)

    def _record(self, request: HttpRequest, user: User) -> None:
        assert isinstance(request.user, User)
        security_log.record(
            SecurityEvent.Kind.RIGHTS_CHANGED, user=user, by=request.user, at=timezone.now()
        )

    def get_urls(self) -> list[URLPattern]:
        remove = self.admin_site.admin_view(recent_login_required(self.remove_second_factor))
        return [
            path(
                "<int:user_id>/remove-second-factor/",
                remove,
                name="auth_user_remove_second_factor",
            ),
            *super().get_urls(),
        ]

    def remove_second_factor(self, request: HttpRequest, user_id: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        user = get_object_or_404(User, pk=user_id)
        if request.method == "POST":
            second_factor.remove(user=user, by=request.user, at=timezone.now())
            messages.success(
                request,
                gettext("Done: at the next login %(name)s sets up a new second factor.")
                % {"name": user.get_username()},
            )
            return redirect("admin:auth_user_change", user.pk)
        context = {
            **self.admin_site.each_context(request),
            "person": user,
            "title": gettext("Remove the second factor"),
        }
        return render(request, "staff/remove_second_factor.html", context)


@admin.register(ProcrastinateJob)
class JobAdmin(ListAdmin, ProcrastinateJobAdmin):
    """The queue's own page, without the filters that read all jobs to find their choices."""

    list_filter = ["status"]
    # The model is the queue's: it is called otherwise in its own package.
    listed_as = _("Jobs of the worker")
    counted_as = (_("job"), _("jobs"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": self.listed_as} | (extra_context or {}))


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "user", "by")
    list_filter = (DayFilter, "kind")
    list_select_related = ("user", "by")
    day_field = "at"
    is_long = True
