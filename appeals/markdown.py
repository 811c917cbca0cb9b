"""Organizers' Markdown as safe HTML, and people's keys in it as the name that may be shown.

Cleaned on every render, by our own short list: no images, no remote anything, links only to https, mail and this site.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

# A person inside a text: [[key]], the key as in Defendant.key.
PERSON = re.compile(r"\[\[([-a-zA-Z0-9_]{1,50})\]\]")

TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "strong", "em", "ul", "ol", "li", "blockquote", "a", "code", "pre",
}  # fmt: skip
# Relative links start with one slash: "//host" and "/\host" are other sites to a browser.
SAFE_LINK = re.compile(
    r"(?:https://[^\s\\]+|mailto:[^\s\\]+|/(?![/\\])[^\s\\]*|#[^\s\\]*)", re.IGNORECASE
)
# The page's own heading is the h1, so a text's first level is the second.
HEADINGS = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h4", "h5": "h4", "h6": "h4"}


def keys_in(text: str) -> set[str]:
    return set(PERSON.findall(text))


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Plain text with each [[key]] replaced by what the person may be called."""
    return PERSON.sub(lambda match: _called(match[1], names), text)


def render(text: str, names: Mapping[str, str]) -> SafeString:
    """Markdown to HTML that may stand in a page as it is. `names`: key → what the person may be called."""
    used = frozenset((key, _called(key, names)) for key in keys_in(text))
    return mark_safe(_render(text, used))  # noqa: S308 - cleaned by nh3


def _called(key: str, names: Mapping[str, str]) -> str:
    return names.get(key) or gettext("a person")


# A pure function of its arguments: kept, since parsing is the dearest part of a page.
@lru_cache(maxsize=128)
def _render(text: str, names: frozenset[tuple[str, str]]) -> str:
    html = _parser.render(text, {"names": dict(names)})
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_only_safe_links,
        url_schemes={"https", "mailto"},
        link_rel="noopener noreferrer",
    ).strip()


def _only_safe_links(tag: str, attribute: str, value: str) -> str | None:
    return value if attribute != "href" or SAFE_LINK.fullmatch(value) else None


def _person(state: StateInline, silent: bool) -> bool:
    match = PERSON.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("text", "", 0)
        token.content = state.env["names"][match[1]]
    state.pos = match.end()
    return True


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).disable("image")
    parser.inline.ruler.before("link", "person", _person)

    def lower_headings(state: object) -> None:
        for token in state.tokens:  # type: ignore[attr-defined]
            token.tag = HEADINGS.get(token.tag, token.tag)

    parser.core.ruler.push("lower_headings", lower_headings)
    return parser


_parser = _make_parser()
