"""EDGE: a document from outside becomes one that shows the same and does nothing: no scripts, no attachments, no metadata.

PDF is written anew by pikepdf from its pages alone, images by Pillow from their pixels alone. What cannot be cleaned is
refused with a sentence. Limits as OWASP's cheat sheet on file upload asks for; ISO 32000-1, 7.6, 12.5.6 and 12.6.
"""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pikepdf
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 10 * 1024 * 1024
MAX_PAGES = 50
MAX_PIXELS = 40_000_000
# The first bytes of each kind, and the endings that fit them.
KINDS = {
    "application/pdf": (b"%PDF-", {"pdf"}),
    "image/jpeg": (b"\xff\xd8\xff", {"jpg", "jpeg"}),
    "image/png": (b"\x89PNG\r\n\x1a\n", {"png"}),
}
# What a page may say of itself (ISO 32000-1, 7.7.3.3): how it looks, not what it does.
PAGE = {
    "/Type", "/Parent", "/Resources", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Contents", "/Rotate",
    "/Group", "/UserUnit",
}  # fmt: skip
# What pictures and other parts carry along, wherever in them it stands.
REMOVED = (
    "/Metadata", "/PieceInfo", "/LastModified", "/AF", "/EF", "/EmbeddedFiles", "/RichMedia", "/JS", "/JavaScript",
    "/OpenAction", "/OPI", "/Alternates", "/StructParents", "/StructParent",
)  # fmt: skip


class UnfitDocument(Exception):
    """The file is not taken; the message says why and what to do instead."""


@dataclass(frozen=True)
class Cleaned:
    content_type: str
    content: bytes


def clean(name: str, content: bytes) -> Cleaned:
    """The document by its content and the ending of its `name`, cleaned. The same file gives the same bytes.

    Raises UnfitDocument: empty, above 10 MB, of another kind than its name says, locked, damaged, above 50 pages or 40
    million pixels.
    """
    content_type = _kind_of(name, content)
    if content_type == "application/pdf":
        return Cleaned(content_type, _clean_pdf(content))
    return Cleaned(content_type, _clean_image(content, content_type))


def _kind_of(name: str, content: bytes) -> str:
    if not content:
        raise UnfitDocument(_("This file is empty."))
    if len(content) > MAX_BYTES:
        raise UnfitDocument(_("This file is larger than 10 MB: scan it in fewer colours."))
    ending = name.rpartition(".")[2].lower()
    for content_type, (magic, endings) in KINDS.items():
        if content.startswith(magic):
            if ending not in endings:
                raise UnfitDocument(
                    _(
                        "The file's name ends in .%(ending)s, but its content is another kind of file."
                    )
                    % {"ending": ending}
                )
            return content_type
    raise UnfitDocument(_("Only PDF, JPEG and PNG are taken: save the document as PDF."))


def _clean_pdf(content: bytes) -> bytes:
    try:
        # Not mended where it is cut off: pages would be missing, and nobody told.
        with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as source:
            return _rewritten(source)
    except pikepdf.PasswordError as error:
        raise _locked() from error
    except (pikepdf.PdfError, pikepdf.DependencyError, ValueError, RuntimeError) as error:
        raise UnfitDocument(
            _("This PDF is damaged or cut off: print it to a new PDF and attach that.")
        ) from error


def _rewritten(source: pikepdf.Pdf) -> bytes:
    if source.is_encrypted:
        raise _locked()
    if not source.pages:
        raise UnfitDocument(_("This PDF has no pages."))
    if len(source.pages) > MAX_PAGES:
        raise UnfitDocument(
            _("This PDF has more than %(count)d pages: attach the pages that matter.")
            % {"count": MAX_PAGES}
        )
    # What was typed into forms, stamped or signed becomes part of the page before the forms go.
    if "/AcroForm" in source.Root:
        source.generate_appearance_streams()
    source.flatten_annotations("all")
    for page in source.pages:
        _strip(page.obj)
    with pikepdf.new() as target:
        # Pages alone: what hangs on the document (scripts, attachments, names, bookmarks) stays behind.
        target.pages.extend(source.pages)
        if "/OCProperties" in source.Root:
            # Which layers are seen.
            target.Root.OCProperties = target.copy_foreign(
                source.make_indirect(source.Root.OCProperties)
            )
        for item in _everything(target):
            _strip(item)
        target.remove_unreferenced_resources()
        if "/Info" in target.trailer:
            del target.trailer["/Info"]
        written = io.BytesIO()
        target.save(
            written,
            deterministic_id=True,
            fix_metadata_version=False,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )
    return written.getvalue()


def _everything(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every dictionary and stream of `pdf`, those inside others too."""
    waiting: list[Any] = list(pdf.objects)
    while waiting:
        item = waiting.pop()
        if isinstance(item, pikepdf.Array):
            # What is an object of its own comes by itself.
            waiting += [each for each in item if not getattr(each, "is_indirect", False)]
        elif isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
            yield item
            waiting += [each for each in item.values() if not getattr(each, "is_indirect", False)]


def _strip(item: Any) -> None:
    is_page = item.get("/Type") == pikepdf.Name.Page
    for key in list(item.keys()):
        if key in REMOVED or (is_page and key not in PAGE):
            del item[key]
    if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == pikepdf.Name.Image:
        _check_size(int(item.get("/Width", 0)), int(item.get("/Height", 0)))
        if item.get("/Filter") in (pikepdf.Name.DCTDecode, [pikepdf.Name.DCTDecode]):
            item.write(without_segments(item.read_raw_bytes()), filter=pikepdf.Name.DCTDecode)


def without_segments(jpeg: bytes) -> bytes:
    """A JPEG without the segments in which cameras and programs write (EXIF, XMP, comments); its picture untouched.

    APP0 and APP14 stay: they say how colours are meant (ITU-T T.81, B.1.1.3).
    """
    kept, at = [jpeg[:2]], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4])
        is_told = (0xE1 <= marker <= 0xEF and marker != 0xEE) or marker == 0xFE
        if not is_told:
            kept.append(jpeg[at : at + 2 + length])
        at += 2 + length
    return b"".join([*kept, jpeg[at:]])


def _clean_image(content: bytes, content_type: str) -> bytes:
    kind = "JPEG" if content_type == "image/jpeg" else "PNG"
    try:
        with warnings.catch_warnings():
            # The size is ours to judge, before a pixel is read.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=[kind]) as image:
                _check_size(*image.size)
                upright = ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UnfitDocument(
            _("This picture is damaged or cut off: take or scan it again.")
        ) from error
    written = io.BytesIO()
    if kind == "JPEG":
        if upright.mode not in {"L", "RGB"}:
            upright = upright.convert("RGB")
        upright.info.clear()
        upright.save(written, "JPEG", quality=90, optimize=True)
    else:
        if upright.mode not in {"1", "L", "LA", "RGB", "RGBA"}:
            upright = upright.convert("RGBA")
        upright.info.clear()
        upright.save(written, "PNG")
    return written.getvalue()


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> UnfitDocument:
    return UnfitDocument(
        _("A picture in this file has more than 40 million pixels: scan it at 300 dots per inch.")
    )


def _locked() -> UnfitDocument:
    return UnfitDocument(
        _("This PDF is locked with a password: print it to a new PDF and attach that.")
    )
