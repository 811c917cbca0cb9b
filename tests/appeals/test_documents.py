"""Reading files people have: good ones whole, bad ones refused with a sentence."""

import io
import zipfile

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appeals.documents import MOST_BYTES, Document, Unreadable, read


def make_docx(*paragraphs: tuple[str, str]) -> bytes:
    """A Word file of (style, text) paragraphs."""
    document = docx.Document()
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_read_plain_text_title_and_paragraphs() -> None:
    data = b"\xef\xbb\xbfThe title\r\n\r\n  One line\r\n  and another.\r\n\r\n\r\nLast.\r\n"
    assert read(data, name="a.txt") == Document("The title", ["One line\nand another.", "Last."])


def test_read_plain_text_escapes_what_markdown_would_take_for_marks() -> None:
    document = read(b"T\n\n# no heading\n\n*not* _this_ [[key]] `x`\n\n- a point", name="a.txt")
    assert document.paragraphs == [
        r"\# no heading",
        r"\*not\* \_this\_ \[\[key\]\] \`x\`",
        "- a point",
    ]


def test_read_markdown_as_it_is() -> None:
    document = read(b"# The *title*\n\n## Part\n\n- [[key]]\n  - deeper\n", name="a.MD")
    assert document == Document("The *title", ["## Part", "- [[key]]\n  - deeper"])


def test_read_latin1_with_a_notice() -> None:
    document = read("Título\n\nDe la Argentina: «acción» – ya".encode("cp1252"), name="a.txt")
    assert (document.title, document.paragraphs) == (
        "Título",
        ["De la Argentina: «acción» – ya"],
    )
    assert document.notices == [
        "The file is not in UTF-8; it was read as Latin-1. Check accents and quotation marks."
    ]


def test_read_utf16() -> None:
    assert read("Título\n\nCuerpo".encode("utf-16"), name="a.txt").title == "Título"


def test_read_long_first_paragraph_becomes_text_and_its_beginning_the_title() -> None:
    first = "word " * 100
    document = read(f"{first}\n\nSecond.".encode(), name="a.txt")
    assert len(document.title) <= 200
    assert document.title.endswith("word…")
    assert document.paragraphs == [first.strip(), "Second."]
    assert len(document.notices) == 1


def test_read_single_paragraph_is_title_and_text() -> None:
    document = read(b"Only this.", name="a.txt")
    assert (document.title, document.paragraphs) == ("Only this.", ["Only this."])


def test_read_docx_with_headings_and_lists() -> None:
    data = make_docx(
        ("Title", "El llamamiento"),
        ("Normal", "Un párrafo con *asterisco*."),
        ("Heading 1", "Parte"),
        ("Normal", "   "),
        ("List Bullet", "Un punto"),
    )
    assert read(data, name="whatever.bin") == Document(
        "El llamamiento", [r"Un párrafo con \*asterisco\*.", "## Parte", "- Un punto"]
    )


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


def bomb() -> bytes:
    return zipped(word__document_xml=b"0" * (70 * 1024 * 1024))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b" \n\r\n ", "The file is empty."),
        (b"\xef\xbb\xbf \xc2\xa0\n", "There is no text in the file."),
        (b"%PDF-1.7\n...", "This is a PDF file."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", r"This is a Word \(.doc\) file."),
        (b"text \x00\x01\x02", "no text file"),
        (bytes(range(256)) * 50, "no text file"),
        (b"x" * (MOST_BYTES + 1), "larger than 20 MB"),
        (b"PK\x03\x04 and then nothing", "no Word document"),
        (zipped(other_xml=b"<a/>"), "a zip file, not a Word document"),
        (zipped(word__document_xml=b"<a/>"), "no Word document, or a damaged one"),
        (make_docx(("Normal", "x"))[:-200], "damaged"),
        (make_docx(), "There is no text in the file."),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_read_refuses_with_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(data, name="a.txt")


def test_read_refuses_a_zip_bomb_without_unpacking_it() -> None:
    with pytest.raises(Unreadable, match="unpacks to more"):
        read(bomb(), name="a.docx")


def test_read_docx_does_not_expand_entities() -> None:
    data = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(make_docx(("Normal", "Title"), ("Normal", "PLACE")))) as good,
        zipfile.ZipFile(data, "w") as bad,
    ):
        for entry in good.infolist():
            content = good.read(entry)
            if entry.filename == "word/document.xml":
                xml = content.decode().replace("PLACE", "&e;")
                content = xml.replace(
                    "<w:document",
                    '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><w:document',
                    1,
                ).encode()
            bad.writestr(entry, content)
    document = read(data.getvalue(), name="a.docx")
    assert document.body in {"", "Title", "&e;"}


WHOLE = make_docx(("Title", "Title"), ("Normal", "One"), ("Heading 1", "Two"))


@given(st.data())
def test_read_damaged_docx_is_refused_or_read_never_anything_else(data: st.DataObject) -> None:
    good = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 5))):
        good[data.draw(st.integers(4, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(read(bytes(good), name="a.docx"), Document)
    except Unreadable as error:
        assert str(error).endswith(".")


@given(st.binary(max_size=300))
def test_read_any_bytes_is_refused_or_read(data: bytes) -> None:
    try:
        document = read(data, name="a.txt")
    except Unreadable as error:
        assert str(error).endswith(".")
    else:
        assert document.title.strip()
        assert document.body.strip()
