"""Every text of the site is there in every other language, compiled, and says the same things in the same places."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import templatize

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "defensefund" / "locale"
MEND = "Bring the catalog up to date: README, Development, Translations."

# How our code and Django's template compiler name a text; (1, 2) is singular and plural, (1, "c") has a context first.
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|(?<!\w)\{\w+\}")


# The source is English.
@pytest.fixture(scope="module", params=sorted({*settings.LANGUAGE_NAMES} - {"en"}))
def folder(request) -> Path:
    path: Path = LOCALE / request.param / "LC_MESSAGES"
    return path


@pytest.fixture(scope="module")
def catalog(folder) -> Catalog:
    with (folder / "django.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def entries(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def singular(message: Message) -> tuple[str | None, str]:
    # Babel leaves the context of a compiled entry in bytes.
    context: str | bytes | None = message.context
    return context.decode() if isinstance(context, bytes) else context, forms(message.id)[0]


def texts(catalog: Catalog) -> dict[tuple[str | None, str], tuple[str, ...]]:
    return {singular(message): forms(message.string) for message in entries(catalog)}


def texts_in(source: io.BytesIO) -> set[tuple[str | None, str]]:
    found = extract("python", source, keywords=KEYWORDS)
    return {(context, forms(text)[0]) for _, text, _, context in found}


def texts_in_code() -> set[tuple[str | None, str]]:
    found: set[tuple[str | None, str]] = set()
    for folder in ("appeals", "donations", "defensefund"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= texts_in(io.BytesIO(path.read_bytes()))
    return found


def texts_in_templates() -> set[tuple[str | None, str]]:
    found: set[tuple[str | None, str]] = set()
    for path in (ROOT / "templates").rglob("*"):
        if path.suffix in {".html", ".txt"}:
            # The template's own indentation means nothing in the Python made of it.
            lines = templatize(path.read_text(), origin=str(path)).splitlines()
            code = "\n".join(line.strip() for line in lines)
            found |= texts_in(io.BytesIO(code.encode()))
    return found


def test_catalog_is_whole(catalog):
    missing = [message.id for message in entries(catalog) if not all(forms(message.string))]
    unsure = [message.id for message in entries(catalog) if message.fuzzy]

    assert (missing, unsure) == ([], []), MEND


def test_catalog_has_every_text_of_the_code(catalog):
    assert texts_in_code() - {singular(message) for message in entries(catalog)} == set(), MEND


def test_catalog_has_every_text_of_the_pages_and_letters(catalog):
    assert texts_in_templates() - {singular(message) for message in entries(catalog)} == set(), MEND


def test_texts_are_found_at_all():
    """So that the two tests above cannot pass by looking at nothing."""
    assert (None, "The name is erased.") in texts_in_code()
    assert ("bank file", "Row %(line)d") in texts_in_code()
    assert (None, "Give to the defense fund") in texts_in_templates()


def test_catalog_keeps_every_placeholder(catalog):
    changed = [
        (source, translated)
        for message in entries(catalog)
        for source, translated in zip(forms(message.id), forms(message.string), strict=True)
        if sorted(PLACEHOLDER.findall(source)) != sorted(PLACEHOLDER.findall(translated))
    ]

    assert changed == []


def test_catalog_ends_as_the_source_ends(catalog):
    """A colon before a value, the stop of a sentence: they belong to the page's layout."""
    ends = ".:?"
    changed = [
        (source, translated)
        for message in entries(catalog)
        for source, translated in zip(forms(message.id), forms(message.string), strict=True)
        if (source[-1] in ends or translated[-1] in ends) and source[-1] != translated[-1]
    ]

    assert changed == []


def test_compiled_catalog_is_the_catalog(catalog, folder):
    with (folder / "django.mo").open("rb") as file:
        compiled = texts(read_mo(file))

    assert compiled == texts(catalog), MEND
