"""Which numbers of a text are figures, and what they are worth in its language."""

from decimal import Decimal

import pytest

from appeals.text_figures import FoundFigure, find


def values(text: str, language: str = "en") -> list[str]:
    return [str(figure.value) for figure in find([text], language=language)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("There were 665 people and 80 arrests.", "en", ["665", "80"]),
        ("80 suffered it. Then 47 more.", "en", ["80", "47"]),
        ("On December 20 last year 700 were searched.", "en", ["700"]),
        ("On 20 December, the 3rd of May and May 4, nothing.", "en", []),
        ("El 20 de diciembre de 2023 hubo 12 heridos.", "es", ["12"]),
        ("In March 35 bakers were summoned, in May 1,200 came.", "en", ["35", "1200"]),
        ("In 1976 and 2001 it was so.", "en", []),
        ("It was 1,200 in one and 12.5 in the other.", "en", ["1200", "12.5"]),
        ("Eran 1.200 en uno y 12,5 en otro.", "es", ["1200", "12.5"]),
        ("1,234,567 people", "en", ["1234567"]),
        ("1.200 people and 1,200 personas", "en", ["1.200", "1200"]),
        ("At 12:30 under X2 and 2/3 of A-4 at https://e.example/99", "en", []),
        ("2. The second of 14 points", "en", ["14"]),
        ("Nothing here.", "en", []),
    ],
)
def test_find_values(text: str, language: str, expected: list[str]) -> None:
    assert values(text, language) == expected


def test_find_keeps_sentence_qualifier_and_words_after_the_number() -> None:
    text = "First this. More than 700 public transport vehicles were searched, it says. Then that."
    assert list(find([text], language="en")) == [
        FoundFigure(
            value=Decimal(700),
            unit="",
            is_more_than=True,
            sentence="More than 700 public transport vehicles were searched, it says.",
            label="public transport vehicles were searched",
        )
    ]


def test_find_quotes_a_sentence_as_it_is_read() -> None:
    text = "Citaron a **35 [panaderos](https://e.example/99)** con [[person-1]]."
    (found,) = find([text], language="es")
    assert found.sentence == "Citaron a 35 panaderos con [[person-1]]."
    assert found.label == "panaderos con [[person-1]]"


def test_find_percent() -> None:
    assert [(f.value, f.unit) for f in find(["Un 35,5 % de ellos"], language="es")] == [
        (Decimal("35.5"), "%")
    ]
