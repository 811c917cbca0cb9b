"""READ: what goes with a row that is deleted, as Django's own list of it, each called as the office calls it."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import NestedObjects
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst

from defensefund.addresses import office_url


def deleted_with(
    rows: Sequence[Model], request: HttpRequest, site: AdminSite
) -> tuple[list[Any], dict[Any, int], set[Any], list[str]]:
    """For ModelAdmin.get_deleted_objects: the rows nested in words, how many of each model, the models that this person may
    not delete, and the rows that stand in the way. What has a title is called by it."""
    # Its types are written for one row of one model.
    collector: Any = NestedObjects(using="default", origin=rows)
    collector.collect(rows)
    for model, found in collector.model_objs.items():
        _entitle(model, found)
    for model in {type(row) for row in collector.protected}:
        _entitle(model, [row for row in collector.protected if type(row) is model])
    forbidden = {
        model._meta.verbose_name
        for model, found in collector.model_objs.items()
        if site.is_registered(model)
        and not all(
            site.get_model_admin(model).has_delete_permission(request, row) for row in found
        )
    }

    def called(row: Any) -> str:
        return _called(row, request.user)

    return (
        collector.nested(called),
        {
            model._meta.verbose_name_plural: len(found)
            for model, found in collector.model_objs.items()
        },
        forbidden,
        [called(row) for row in collector.protected],
    )


def _entitle(model: type[Model], rows: Any) -> None:
    """One query for all rows of a model that has titles."""
    titled = getattr(model._default_manager, "titled", None)
    if titled is None:
        return
    known = dict(titled().filter(pk__in=[row.pk for row in rows]).values_list("pk", "own_title"))
    for row in rows:
        row.own_title = known.get(row.pk)


def _called(row: Any, user: User | AnonymousUser) -> str:
    """With the way to its page, for whoever may look at it."""
    name = capfirst(row._meta.verbose_name)
    if url := office_url(row, user):
        return format_html('{}: <a href="{}">{}</a>', name, url, str(row))
    return f"{name}: {row}"
