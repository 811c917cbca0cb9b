"""From a file to a draft: everything or nothing, and never over what is there."""

import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from appeals import text_import
from appeals.models import Appeal, AppealText, Figure, FigureText
from appeals.text_import import NotImportable, import_appeal
from tests.appeals.factories import make_appeal
from tests.appeals.test_documents import make_docx

# The appeal as it was published; it is not part of the project, but may lie in a folder beside it.
BESIDE = Path("shared/seed/000_ace775d2b579f43f.txt")
PUBLISHED = next(
    (
        folder / BESIDE
        for folder in Path(__file__).resolve().parents[3:]
        if (folder / BESIDE).exists()
    ),
    BESIDE,
)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published appeal's own text is not at hand")
def test_import_the_published_appeal(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_appeal", PUBLISHED, slug="imported", language="en")
    appeal = Appeal.objects.get()
    text = appeal.texts.get()
    figures = Figure.objects.filter(appeal=appeal)
    assert not appeal.is_published
    assert text.title.startswith("Against Milei’s Repression in Argentina")
    assert text.body.count("\n\n") == 11
    assert [int(figure.value) for figure in figures] == [665, 80, 47, 700]
    assert [figure.is_more_than for figure in figures] == [False, False, False, True]
    assert not Figure.objects.confirmed().exists()
    assert all(str(int(figure.value)) in figure.sentence for figure in figures)
    assert "12 paragraphs, 4 figures proposed" in capsys.readouterr().out


def test_command_takes_a_word_file(db: None, tmp_path: Path) -> None:
    file = tmp_path / "appeal.docx"
    file.write_bytes(make_docx(("Title", "A title"), ("Normal", "They hurt 665 people.")))
    call_command("import_appeal", file, slug="draft", language="en")
    assert AppealText.objects.values_list("title", "body").get() == (
        "A title",
        "They hurt 665 people.",
    )
    assert [int(figure.value) for figure in Figure.objects.all()] == [665]


def test_import_makes_an_unpublished_draft(db: None) -> None:
    data = b"A title\n\nThey hurt 665 people.\n\nThe end."
    imported = import_appeal(data=data, name="a.txt", slug="draft", language="en")
    figure = Figure.objects.get()
    assert (imported.paragraphs, imported.proposed, imported.notices) == (2, 1, [])
    assert AppealText.objects.values_list("language", "title", "body").get() == (
        "en",
        "A title",
        "They hurt 665 people.\n\nThe end.",
    )
    assert (figure.sentence, figure.source, figure.is_confirmed) == (
        "They hurt 665 people.",
        None,
        False,
    )
    assert FigureText.objects.values_list("language", "label").get() == ("en", "people")
    assert (imported.appeal.default_language, imported.appeal.is_published) == ("en", False)


def test_import_translation_joins_the_draft_and_its_figures(db: None) -> None:
    import_appeal(data=b"T\n\n665 people.", name="a.txt", slug="draft", language="en")
    import_appeal(
        data=b"T\n\n665 personas. 80 m\xc3\xa1s.", name="a.txt", slug="draft", language="es"
    )
    assert [t.language for t in Appeal.objects.get().texts.all()] == ["en", "es"]
    assert Figure.objects.get(value=665).texts.count() == 2
    assert Figure.objects.count() == 2


def test_import_never_overwrites(ana: User) -> None:
    appeal = make_appeal(slug="strike")
    for attempt in ("draft", "published"):
        if attempt == "published":
            Appeal.objects.filter(pk=appeal.pk).update(
                published_at="2026-01-01T00:00Z", published_by=ana
            )
        with pytest.raises(
            NotImportable, match="published" if attempt == "published" else "overwritten"
        ):
            import_appeal(data=b"T\n\nB", name="a.txt", slug="strike", language="es")
    assert AppealText.objects.filter(title="T").count() == 0


@pytest.mark.parametrize(
    ("slug", "language", "words"),
    [
        ("books", "es", "address of another page"),
        ("with space", "es", "“with space” will not do"),
        ("", "es", "blank"),
        ("good", "tlh", "no language tlh here: choose one of es, en"),
    ],
)
def test_import_with_a_bad_address_or_language_writes_nothing(
    db: None, slug: str, language: str, words: str
) -> None:
    with pytest.raises(NotImportable, match=words):
        import_appeal(data=b"T\n\n665 B", name="a.txt", slug=slug, language=language)
    assert not Appeal.objects.exists()


def test_import_proposes_no_more_figures_than_people_confirm(db: None) -> None:
    many = text_import.MOST_FIGURES + 1
    data = "T\n\n" + "\n\n".join(f"There were {n + 3000} of them." for n in range(many))
    imported = import_appeal(data=data.encode(), name="a.txt", slug="draft", language="en")
    assert (imported.proposed, Figure.objects.count()) == (100, 100)
    assert imported.notices == ["The text has 101 numbers; the first 100 are proposed as figures."]


def test_command_reads_latin1_and_says_so(
    db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.txt", "Título\n\nAcción", "latin-1")
    call_command("import_appeal", path, slug="draft", language="es")
    assert "read as Latin-1" in capsys.readouterr().err
    assert AppealText.objects.get().body == "Acción"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "The file is empty."), (b"\x00\x01", "no text file"), (b"%PDF-1.4", "PDF")],
)
def test_command_refuses_bad_files_and_writes_nothing(
    db: None, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=words) as error:
        call_command("import_appeal", path, slug="draft", language="es")
    assert error.value.returncode == 1
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_command_names_a_file_that_cannot_be_read(db: None, tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_appeal", tmp_path / name, slug="draft", language="es")


def test_command_takes_five_megabytes(db: None, tmp_path: Path) -> None:
    paragraph = "They say that 665 people were injured in the city, and that it goes on. " * 14
    path = write(tmp_path / "a.txt", "The title\n\n" + f"{paragraph}\n\n" * 5200)
    assert path.stat().st_size > 5 * 1024 * 1024
    start = time.perf_counter()
    call_command("import_appeal", path, slug="draft", language="en")
    assert time.perf_counter() - start < 20
    assert len(AppealText.objects.get().body) > 5 * 1024 * 1024
