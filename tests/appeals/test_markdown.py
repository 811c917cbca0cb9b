"""What organizers write comes out as safe HTML, whatever they write."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appeals.markdown import TAGS, render, with_names


class Reader(HTMLParser):
    """Collects the tags and attributes a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]


def test_render_headings_start_at_the_second_level() -> None:
    assert render("# One\n\n## Two\n\n### Three", {}) == (
        "<h2>One</h2>\n<h2>Two</h2>\n<h3>Three</h3>"
    )


def test_render_writes_people_as_they_may_be_called() -> None:
    names = {"r": "Rosa <b>“R”</b>"}
    assert render("*[[r]]* and [[gone]]", names) == (
        "<p><em>Rosa &lt;b&gt;“R”&lt;/b&gt;</em> and a person</p>"
    )


def test_render_again_after_withdrawal_shows_the_alias() -> None:
    assert render("[[r]]", {"r": "Rosa"}) == "<p>Rosa</p>"
    assert render("[[r]]", {"r": "Persona R"}) == "<p>Persona R</p>"


def test_with_names_in_plain_text() -> None:
    assert with_names("For [[r]], [[x]]", {"r": "Rosa"}) == "For Rosa, a person"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "http://plain.example/",
        "//other.example/",
        "\\\\other.example",
        "ftp://other.example",
        "vbscript:x",
        "tel:123",
        "other.html",
    ],
)
def test_render_drops_links_elsewhere(link: str) -> None:
    html = render(f"[text](<{link}>)", {})
    assert "href" not in html
    assert "text" in html


@pytest.mark.parametrize(
    "link", ["https://example.org/a?b=1#c", "mailto:a@example.org", "/es/books/", "#sources"]
)
def test_render_keeps_good_links(link: str) -> None:
    assert render(f"[text]({link})", {}) == (
        f'<p><a href="{link}" rel="noopener noreferrer">text</a></p>'
    )


def test_render_keeps_no_image_and_no_html() -> None:
    html = render('![x](https://other.example/p.png) <img src=x onerror="y"><script>z</script>', {})
    assert Reader(html).tags == {"p", "a"}
    assert "<img" not in html


MARKDOWN = st.lists(
    st.sampled_from(
        ["[a](", ")", "<", ">", "javascript:", "https://", "//", "\\", "/", "\t", "\n", "![", "]",
         "<script>", "<a href='", "' onclick='", "<svg/onload=", "&#106;", "&colon;", "`", "# ",
         "[[r]]", "[r]: ", "data:", "<http://e.example>", "<style>", "*", "- ", "> ", "\"", "x"]
    )
    | st.text(max_size=5),
    max_size=30,
).map("".join)  # fmt: skip


@given(MARKDOWN, st.text(max_size=20))
def test_render_output_is_safe(text: str, name: str) -> None:
    page = Reader(render(text, {"r": name}))
    assert page.tags <= TAGS
    for tag, attribute, value in page.attributes:
        assert (tag, attribute) in {("a", "href"), ("a", "rel")}
        if attribute == "href":
            # As a browser reads it: without tabs and newlines, backslash as slash.
            seen = re.sub(r"[\t\n\r]", "", value).strip().replace("\\", "/")
            assert re.match(r"https://|mailto:|/(?!/)|#", seen, re.IGNORECASE)
