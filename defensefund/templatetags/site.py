"""Links every page carries: the same page in the other languages, and its one public address."""

from dataclasses import dataclass

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, get_language_from_path, override

register = template.Library()


@dataclass(frozen=True)
class LanguageLink:
    code: str
    name: str
    url: str  # path and query
    is_current: bool
    is_same_page: bool  # False: the page is not there in this language, the link leads to its home


@register.simple_tag(takes_context=True)
def language_links(context: Context) -> list[LanguageLink]:
    """One link per language, in the settings' order; none where no request is known (500).

    A page that exists in some languages only says so with `page_languages` (codes) in its context.
    """
    request: HttpRequest | None = context.get("request")
    if request is None:
        return []
    here, path = get_language(), request.get_full_path()
    written = context.get("page_languages")
    # The office has one address in all languages, and what is nowhere has none in another.
    prefix = get_language_from_path(request.path_info) if request.resolver_match else None
    links = []
    for code, name in settings.LANGUAGES:
        url = path.replace(f"/{prefix}/", f"/{code}/", 1) if prefix else path
        is_current = code == here
        moved = is_current or url != path
        is_same_page = moved and (written is None or code in written)
        links.append(
            LanguageLink(code, name, url if is_same_page else home(code), is_current, is_same_page)
        )
    return links


def home(code: str) -> str:
    with override(code):
        try:
            return reverse("appeals:home")
        except NoReverseMatch:
            return f"/{code}/"


@register.simple_tag(takes_context=True)
def public_url(context: Context, path: str = "") -> str:
    """The whole address of a path (this page's by default, without query) under SITE_URL.

    Never taken from the Host header: what is cached or mirrored must not name another host.
    """
    path = path or context["request"].path
    return settings.SITE_URL + path.partition("?")[0]
