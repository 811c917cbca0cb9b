"""Where the office shows a row."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.urls import reverse


def page_name(options: Any) -> str:
    """What the pages of a model's rows are called among the addresses; `options` are its `_meta`."""
    return f"admin:{options.app_label}_{options.model_name}_change"


def office_url(row: Model | None, user: User | AnonymousUser) -> str:
    """The row's own page; empty where it has none, or where `user` may not see it."""
    if row is None or not admin.site.is_registered(type(row)):
        return ""
    options = row._meta
    if not user.has_perm(f"{options.app_label}.view_{options.model_name}"):
        return ""
    return reverse(page_name(options), args=[row.pk])
