from typing import Any

from django import template
from django.contrib.auth.models import User
from django.db.models import Model
from django.urls import reverse
from django.utils.functional import Promise

from donations.office_sections import parted

register = template.Library()


@register.filter
def office_url(row: Model | None, user: User) -> str:
    """Where the office shows `row`; empty when there is none, or the person may not see it."""
    if row is None or not user.has_perm(f"{row._meta.app_label}.view_{row._meta.model_name}"):
        return ""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


@register.filter
def parts(app: dict[str, Any]) -> list[tuple[str | Promise, list[dict[str, Any]]]]:
    """The office's list of an app as (title, models): the money's in its own sections, others whole."""
    if app["app_label"] == "donations":
        return [*parted(app["models"])]
    return [(app["name"], app["models"])]
