"""How gifts are written on pages and in letters."""

from django import template

from donations.models import Donation
from donations.references import format_reference
from donations.tracing import Trace, trace_all

register = template.Library()


@register.filter
def reference(text: str) -> str:
    """A transfer reference in groups of four, as it is copied by hand."""
    return format_reference(text)


@register.simple_tag
def paid_for(donations: list[Donation]) -> list[Trace]:
    """What the donations of one gift paid for so far; each with its fund and refunds."""
    return trace_all(donations)
