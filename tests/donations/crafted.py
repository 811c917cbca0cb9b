"""Files as somebody would send them who wants more than to be paid: real PDFs and pictures, made by real programs."""

import io
import struct
import zlib

import pikepdf
from pikepdf import Array, Dictionary, Name, String
from PIL import Image


def make_image(kind, size=(60, 40), *, mode="RGB", **saved):
    file = io.BytesIO()
    colour = {"RGB": (200, 10, 10), "RGBA": (200, 10, 10, 128), "CMYK": (0, 200, 200, 0), "L": 90}
    Image.new(mode, size, colour[mode]).save(file, kind, **saved)
    return file.getvalue()


def with_gps(**tags):
    """EXIF with a place, a camera and `tags` (number → value)."""
    exif = Image.Exif()
    exif[0x010F], exif[0x013B] = "SECRETCAMERA", "Ana Secreta"
    exif.get_ifd(0x8825).update({1: "S", 2: (34.0, 36.0, 12.0), 3: "W", 4: (58.0, 22.0, 54.0)})
    for number, value in tags.items():
        exif[int(number.removeprefix("tag"))] = value
    return exif


def png_of(width, height):
    """A PNG that says it is so large, in a few bytes."""

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def saved(pdf, **options):
    file = io.BytesIO()
    pdf.save(file, **options)
    return file.getvalue()


def make_pages(count=1, text="Bill 42"):
    pdf = pikepdf.new()
    for _i in range(count):
        pdf.add_blank_page(page_size=(595, 842))
        page = pdf.pages[-1]
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        page.Resources = Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))
        page.Contents = pdf.make_stream(f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode())
    return pdf


def script(code):
    return Dictionary(S=Name.JavaScript, JS=String(code))


def put_script(pdf):
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("x"), script("EVIL")])))
    pdf.Root.AA = Dictionary(WC=script("EVIL"))
    pdf.pages[0].AA = Dictionary(O=script("EVIL"))


def put_open_action(pdf):
    pdf.Root.OpenAction = script("EVIL")


def put_launch(pdf):
    pdf.pages[0].AA = Dictionary(O=Dictionary(S=Name.Launch, F=String("EVIL.exe")))


def put_attachment(pdf):
    pdf.attachments["EVIL.txt"] = b"EVIL"


def put_annotations(pdf):
    page = pdf.pages[0]
    file = Dictionary(
        Type=Name.Filespec, F=String("EVIL"), EF=Dictionary(F=pdf.make_stream(b"EVIL"))
    )
    notes = [
        Dictionary(
            Subtype=Name.Link, A=Dictionary(S=Name.URI, URI=String("https://evil.example/EVIL"))
        ),
        Dictionary(Subtype=Name.FileAttachment, FS=file),
        Dictionary(Subtype=Name.Widget, FT=Name.Btn, T=String("EVIL"), A=script("EVIL")),
        Dictionary(Subtype=Name.Text, Contents=String("EVIL"), T=String("Ana Secreta")),
    ]
    for note in notes:
        note.Type, note.Rect = Name.Annot, Array([0, 0, 20, 20])
    notes = [pdf.make_indirect(note) for note in notes]
    page.Annots = pdf.make_indirect(Array(notes))
    pdf.Root.AcroForm = Dictionary(Fields=Array([notes[2]]))


def put_metadata(pdf):
    with pdf.open_metadata() as metadata:
        metadata["dc:creator"] = ["EVIL Ana Secreta"]
    pdf.docinfo["/Author"] = "EVIL Ana Secreta"
    pdf.pages[0].PieceInfo = Dictionary(X=Dictionary(Private=String("EVIL")))


def put_picture(pdf, content=None, **stream):
    """A photograph with its camera's own words inside, drawn on the page."""
    content = content or make_image("JPEG", exif=with_gps())
    page = pdf.pages[0]
    page.Resources.XObject = Dictionary(
        Im0=pdf.make_stream(
            content,
            **{
                "Type": Name.XObject, "Subtype": Name.Image, "Width": 60, "Height": 40,
                "ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8, "Filter": Name.DCTDecode,
                "Metadata": pdf.make_stream(b"EVIL"),
            } | stream,
        )
    )  # fmt: skip
    page.Contents = pdf.make_stream(
        page.Contents.read_bytes() + b" q 60 0 0 40 72 600 cm /Im0 Do Q"
    )


EVILS = [
    put_script, put_open_action, put_launch, put_attachment, put_annotations, put_metadata, put_picture,
]  # fmt: skip


def unpacked(content):
    """The PDF with every stream that can be unpacked in clear, for looking through."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return saved(
            pdf,
            qdf=True,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            static_id=True,
        )
