"""What the office's pages share: nothing is added, changed or deleted there unless a page says so."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import DateField, Field, Model, Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_noop
from psycopg.errors import UniqueViolation

from defensefund.deletion import deleted_with
from defensefund.lists import ListAdmin

# Words of Django's own lists that its catalogs lack in some of our languages: they are found in ours first.
gettext_noop("Run")
gettext_noop("- Select an option -")
gettext_noop(
    "Are you sure you want to delete the %(object_name)s “%(escaped_object)s”? All of the following related items will be deleted:"
)
gettext_noop(
    "Deleting the %(object_name)s “%(escaped_object)s” would require deleting the following protected related objects:"
)


# A day is picked as on our own pages: in the browser's own field, in the browser's language, without a script.
NATIVE_DAYS: "Mapping[type[Field[Any, Any]], Mapping[str, Any]]" = {
    DateField: {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})},
}


@cache
def _named(model: type[Model], name: str) -> Callable[[Any], str]:
    """Shows what the key `name` of a row leads to, without leading there."""

    @admin.display(description=model._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    def shown(row: Any) -> str:
        return str(getattr(row, name) or "–")

    return shown


def names_people(model: type[Model], fields: Iterable[Any]) -> list[Any]:
    """`fields`, those that lead to an account as its name alone: the admin would link it, and few may open accounts."""
    people = {field.name for field in model._meta.fields if field.related_model is User}
    return [_named(model, field) if field in people else field for field in fields]


def names_closed(model: type[Model], fields: Iterable[Any], user: Any) -> list[Any]:
    """`fields`, those that lead to rows which `user` may not view as their names alone."""
    closed = {
        key.name
        for key in model._meta.fields
        if key.related_model is not None
        and not user.has_perm(
            f"{key.related_model._meta.app_label}.view_{key.related_model._meta.model_name}"
        )
    }
    return [_named(model, field) if field in closed else field for field in fields]


def titled_keys(model: type[Model]) -> list[Prefetch]:  # type: ignore[type-arg]
    """For prefetch_related: what a row of `model` leads to that is called by a title, with that title."""
    keys = (*model._meta.fields, *model._meta.many_to_many)
    return [
        Prefetch(key.name, titled())
        for key in keys
        if key.related_model
        and (titled := getattr(key.related_model._default_manager, "titled", None))
    ]


class OfficeAdmin(ListAdmin):
    """No actions on many rows at once. Saves only what was changed, so that a form never writes back steps the
    database took meanwhile."""

    actions: Any = None
    formfield_overrides = NATIVE_DAYS

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return names_people(self.model, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return names_people(self.model, super().get_readonly_fields(request, obj))

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """With the titles of what it leads to."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            prefetch_related_objects([row], *titled_keys(self.model))
        return row

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """What has a title is chosen by it."""
        rows: Any = super().get_field_queryset(db, db_field, request)
        manager = db_field.remote_field.model._default_manager
        if not hasattr(manager, "titled"):
            return rows
        return (manager.all() if rows is None else rows).titled()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (name, {**told, "fields": names_closed(self.model, told["fields"], request.user)})
            for name, told in fieldsets
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Headed by what is listed, not by what to do with it."""
        extra = {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        return super().changelist_view(request, extra)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Headed by what the row is. When somebody else saves the same at this very moment, the form is asked once
        more: now it sees it, and says so."""
        heading = {"title": capfirst(self.opts.verbose_name)} if object_id else {}
        given = (request, object_id, form_url, {**heading, **(extra_context or {})})
        try:
            return super().changeform_view(*given)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            return super().changeform_view(*given)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return deleted_with(objs, request, self.admin_site)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        columns = {field.name for field in obj._meta.concrete_fields}
        if not change:
            obj.save()
        elif changed := columns & set(form.changed_data):
            obj.save(update_fields=changed)


class ReadOnlyAdmin(OfficeAdmin):
    """Rows to look at; a verb on its own page changes them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WritableAdmin(ReadOnlyAdmin):
    """Opted into where people write rows by hand; still nothing is deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)


class RowsInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of another model to look at and, with `show_change_link`, to go to; nothing is written there."""

    template = "admin/rows_inline.html"
    extra = 0
    can_delete = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return names_people(self.model, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return names_people(self.model, super().get_readonly_fields(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def page(
    model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, template: str, **context: Any
) -> TemplateResponse:
    """A page of its own in the office, with the admin's frame around it; `title` belongs to the context."""
    frame = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts}
    form = context.get("form")
    if isinstance(form, forms.BaseForm):
        frame["media"] = model_admin.media + form.media
    context["title"] = capfirst(context["title"])
    return TemplateResponse(request, template, frame | context)


def fieldset(form: forms.BaseForm, *names: str) -> AdminForm:
    """Some of the form's fields (all visible ones by default) as the office's own templates draw them."""
    fields = names or tuple(field.name for field in form.visible_fields())
    return AdminForm(form, [(None, {"fields": list(fields)})], {})  # type: ignore[arg-type]


def sent(request: HttpRequest) -> tuple[Any, Any]:
    """What was posted, fields and files; nothing on the first look at a form."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def require(request: HttpRequest, permission: str) -> User:
    """The person, if they have the permission "<app>.<codename>". Raises PermissionDenied."""
    user = request.user
    if not isinstance(user, User) or not user.has_perm(permission):
        raise PermissionDenied
    return user
