"""Texts of organizers in templates: Markdown made safe, people called what they may be called."""

from collections.abc import Mapping

from django import template
from django.utils.safestring import SafeString

from appeals import markdown
from appeals.models.language import language_name

register = template.Library()
register.filter("language_name", language_name)


@register.filter
def prose(text: str, names: Mapping[str, str]) -> SafeString:
    """Markdown as HTML. `names`: key → what the person may be called."""
    return markdown.render(text, names)


@register.filter
def named(text: str, names: Mapping[str, str]) -> str:
    """A plain line (title, summary) with people's keys replaced."""
    return markdown.with_names(text, names)
