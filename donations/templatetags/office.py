from typing import Any

from django import template
from django.utils.functional import Promise

from defensefund.addresses import office_url
from donations.office_sections import parted

register = template.Library()
register.filter(office_url)


@register.filter
def parts(app: dict[str, Any]) -> list[tuple[str | Promise, list[dict[str, Any]]]]:
    """The office's list of an app as (title, models): the money's in its own sections, others whole."""
    if app["app_label"] == "donations":
        return [*parted(app["models"])]
    return [(app["name"], app["models"])]
