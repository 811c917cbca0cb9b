"""Documents that came from outside, cleaned: what they carry is gone, what they show is not, and the rest is refused in words."""

import io

import pikepdf
import pytest
from django.utils import translation
from PIL import Image

from donations.cleaning import MAX_BYTES, UnfitDocument, clean
from tests.donations import crafted
from tests.donations.crafted import EVILS, make_image, make_pages, png_of, saved, unpacked, with_gps


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def cleaned(content, name="bill.pdf"):
    return clean(name, content).content


@pytest.mark.parametrize("evil", EVILS, ids=lambda evil: evil.__name__)
def test_what_acts_or_tells_is_gone_and_the_page_is_there(evil):
    pdf = make_pages()
    evil(pdf)
    before = saved(pdf)
    assert b"EVIL" in unpacked(before) or b"SECRETCAMERA" in unpacked(before)

    after = unpacked(cleaned(before))

    for mark in (
        b"EVIL", b"SECRETCAMERA", b"Ana Secreta", b"JavaScript", b"/JS", b"OpenAction", b"/AA", b"Launch", b"/URI",
        b"EmbeddedFile", b"/EF", b"Annots", b"Metadata", b"PieceInfo", b"/Info", b"Exif",
    ):  # fmt: skip
        assert mark not in after, mark
    assert b"(Bill 42) Tj" in after


def test_picture_in_a_pdf_is_still_drawn():
    pdf = make_pages()
    crafted.put_picture(pdf)

    with pikepdf.open(io.BytesIO(cleaned(saved(pdf)))) as after:
        (image,) = after.pages[0].get_images().values()
        assert pikepdf.PdfImage(image).as_pil_image().getpixel((5, 5))[0] > 150


def test_what_was_typed_into_a_form_is_still_seen():
    pdf = make_pages()
    field = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T=pikepdf.String("total"),
            V=pikepdf.String("Typed 99"), Rect=[72, 600, 300, 630], F=4,
            DA=pikepdf.String("/F1 12 Tf 0 g"),
        )
    )  # fmt: skip
    pdf.pages[0].Annots = pikepdf.Array([field])
    pdf.Root.AcroForm = pdf.make_indirect(
        pikepdf.Dictionary(
            Fields=[field], NeedAppearances=True, DA=pikepdf.String("/F1 12 Tf 0 g"),
            DR=pikepdf.Dictionary(Font=pdf.pages[0].Resources.Font),
        )
    )  # fmt: skip

    after = unpacked(cleaned(saved(pdf)))

    assert b"Typed 99" in after
    assert b"AcroForm" not in after


def test_resources_with_short_names_stay():
    pdf = make_pages()
    font = pdf.pages[0].Resources.Font.F1
    pdf.pages[0].Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(A=font, B=font))
    pdf.pages[0].Contents = pdf.make_stream(b"BT /A 18 Tf (x) Tj /B 18 Tf (y) Tj ET")

    with pikepdf.open(io.BytesIO(cleaned(saved(pdf)))) as after:
        assert set(after.pages[0].Resources.Font.keys()) == {"/A", "/B"}


def test_cleaning_is_the_same_each_time_and_cuts_what_was_hung_on():
    before = saved(make_pages())
    polyglot = before + b"PK\x03\x04<script>EVIL</script>"

    assert cleaned(before) == cleaned(before)
    assert b"EVIL" not in cleaned(polyglot)


def locked():
    return saved(make_pages(), encryption=pikepdf.Encryption(owner="owner", user="secret"))


def locked_for_its_owner():
    return saved(make_pages(), encryption=pikepdf.Encryption(owner="owner", user=""))


def flooded_pdf():
    pdf = make_pages()
    crafted.put_picture(pdf, Width=10_000, Height=4_001)
    return saved(pdf)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bill.pdf", b"", "is empty"),
        ("bill.pdf", b"%PDF-" + b" " * MAX_BYTES, "larger than 10 MB"),
        ("bill.png", saved(make_pages()), r"ends in \.png, but its content is another kind"),
        ("bill.exe", saved(make_pages()), r"ends in \.exe"),
        ("bill", make_image("JPEG"), "its content is another kind"),
        ("scan.jpg", make_image("PNG"), r"ends in \.jpg"),
        ("bill.pdf", b"MZ\x90", "Only PDF, JPEG and PNG"),
        ("bill.pdf", b"\n" + saved(make_pages()), "Only PDF, JPEG and PNG"),
        ("bill.html", b"<html>", "Only PDF, JPEG and PNG"),
        ("bill.svg", b"<svg/>", "Only PDF, JPEG and PNG"),
        ("bill.gif", b"GIF89a", "Only PDF, JPEG and PNG"),
        ("bill.pdf", locked(), "locked with a password"),
        ("bill.pdf", locked_for_its_owner(), "locked with a password"),
        ("bill.pdf", saved(make_pages(51)), "more than 50 pages"),
        ("bill.pdf", b"%PDF-1.7 nothing follows", "damaged or cut off"),
        ("bill.pdf", saved(make_pages())[:300], "damaged or cut off"),
        ("bill.pdf", flooded_pdf(), "more than 40 million pixels"),
        ("scan.png", png_of(10_000, 4_001), "more than 40 million pixels"),
        ("scan.png", png_of(60_000, 60_000), "more than 40 million pixels"),
        ("scan.png", make_image("PNG")[:60], "damaged or cut off"),
        ("scan.jpg", make_image("JPEG")[:400], "damaged or cut off"),
        ("scan.jpg", b"\xff\xd8\xff\xe0 rest", "damaged or cut off"),
        ("scan.png", b"\x89PNG\r\n\x1a\n rest", "damaged or cut off"),
    ],
)
def test_unfit_document_is_refused_in_words(name, content, sentence):
    with pytest.raises(UnfitDocument, match=sentence):
        clean(name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scan.jpg", make_image("JPEG", exif=with_gps(), comment=b"SECRETCAMERA")),
        ("scan.png", make_image("PNG", exif=with_gps())),
        ("scan.jpg", make_image("JPEG") + b"SECRETCAMERA<?php"),
        ("scan.png", make_image("PNG") + b"PK\x03\x04SECRETCAMERA"),
    ],
)
def test_picture_keeps_its_pixels_alone(name, content):
    assert b"SECRETCAMERA" in content

    after = cleaned(content, name)

    for mark in (b"SECRETCAMERA", b"Ana Secreta", b"Exif", b"eXIf", b"<?php", b"PK\x03\x04"):
        assert mark not in after
    with Image.open(io.BytesIO(after)) as image:
        assert (image.size, image.getpixel((5, 5))[0] > 150) == ((60, 40), True)
        assert not image.getexif()


def test_picture_taken_sideways_stands_upright():
    content = make_image("JPEG", exif=with_gps(tag274=6))

    with Image.open(io.BytesIO(cleaned(content, "scan.jpg"))) as image:
        assert image.size == (40, 60)


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGBA")])
def test_pictures_of_scanners_are_taken_in_each_way_of_colour(kind, mode):
    name = {"JPEG": "scan.jpg", "PNG": "scan.png"}[kind]

    with Image.open(io.BytesIO(cleaned(make_image(kind, mode=mode), name))) as image:
        assert image.mode == {"CMYK": "RGB"}.get(mode, mode)
