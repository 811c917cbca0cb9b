"""How gifts are written on pages and in letters."""

from django import template

from donations.references import format_reference

register = template.Library()


@register.filter
def reference(text: str) -> str:
    """A transfer reference in groups of four, as it is copied by hand."""
    return format_reference(text)
