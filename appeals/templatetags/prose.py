"""Texts of organizers in templates: Markdown made safe, people called what they may be called."""

from collections.abc import Mapping

from django import template
from django.conf import settings
from django.utils.safestring import SafeString

from appeals import markdown

register = template.Library()


@register.filter
def prose(text: str, names: Mapping[str, str]) -> SafeString:
    """Markdown as HTML. `names`: key → what the person may be called."""
    return markdown.render(text, names)


@register.filter
def named(text: str, names: Mapping[str, str]) -> str:
    """A plain line (title, summary) with people's keys replaced."""
    return markdown.with_names(text, names)


@register.filter
def language_name(code: str) -> str:
    """What a language calls itself; its code where the site no longer speaks it."""
    return dict(settings.LANGUAGES).get(code, code)
