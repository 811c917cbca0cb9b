import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from donations.models import Rate
from tests.factories import make_rate

IMPORT = "/admin/donations/rate/import/"
TABLE = "date,base,quote,rate\n2026-03-09,EUR,USD,1.0873\n2026-03-09,EUR,ARS,1350.25\n"
FORM = {"table": TABLE, "source": "Invented bank", "base": "EUR"}


def words(response) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_paste_shows_first_and_enters_then(treasurer):
    preview = words(treasurer.post(IMPORT, FORM))

    assert "2 new rates, 0 known" in preview
    assert "EUR = 1350.25" in preview
    assert not Rate.objects.exists()

    done = words(treasurer.post(IMPORT, FORM | {"is_seen": "on"}, follow=True))

    assert "2 rates entered." in done
    assert {rate.entered_by.username for rate in Rate.objects.all()} == {
        treasurer.get("/admin/").context["user"].username
    }


def test_file_is_read_and_carried_as_text(treasurer):
    file = SimpleUploadedFile("rates.csv", b"\xef\xbb\xbf" + TABLE.encode())

    response = treasurer.post(IMPORT, {"file": file, "source": "Invented", "base": "EUR"})

    assert TABLE in response.content.decode()
    assert response.context["table"]["text"] == TABLE


def test_known_rates_leave_nothing_to_enter(treasurer):
    for _twice in range(2):
        treasurer.post(IMPORT, FORM | {"is_seen": "on"})

    page = words(treasurer.post(IMPORT, FORM))

    assert "Every rate of this table is here already" in page
    assert 'value="Enter' not in page
    assert Rate.objects.count() == 2


def test_doubts_are_said_before(treasurer):
    make_rate("EUR", "ARS", "0.0007", rated_on="2026-03-01")

    assert "Is it the other way round?" in words(treasurer.post(IMPORT, FORM))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"table": ""}, "Choose a file, or paste its lines below."),
        ({"table": TABLE.replace("1.0873", "1,0873")}, "Row 2: it has 5 cells"),
        ({"source": ""}, "Row 2: say who publishes the rate"),
        ({"base": "JPY"}, "Select a valid choice."),
        ({"file": SimpleUploadedFile("x.csv", b"\xff\xfe\x00")}, "no text in UTF-8"),
        ({"file": SimpleUploadedFile("x.csv", b"")}, "The file is empty."),
    ],
)
def test_bad_input_gets_a_sentence_and_enters_nothing(treasurer, changes, sentence):
    for data in (FORM | changes, FORM | changes | {"is_seen": "on"}):
        assert sentence in words(treasurer.post(IMPORT, data))
        if file := changes.get("file"):
            file.seek(0)

    assert not Rate.objects.exists()


def test_list_of_rates_is_narrowed_by_currency_and_by_who_publishes_them(treasurer):
    make_rate("EUR", "USD", "1.1")
    make_rate("USD", "ARS", "1350", source="Another bank")

    def listed(query):
        page = treasurer.get(f"/admin/donations/rate/?{query}").content.decode()
        return re.findall(r'field-plain_rate">([^<]+)<', page)

    assert sorted(listed("")) == ["1,350", "1.1"]
    assert listed("base=USD") == listed("quote=ARS") == listed("q=another") == ["1,350"]
    page = words(treasurer.get("/admin/donations/rate/"))

    assert "Import exchange rates" in page
    assert ">1.1<" in page
    with translation.override("es"):
        assert str(make_rate("EUR", "ARS", "1550.2500")).startswith("1 EUR = 1.550,25 ARS, ")
