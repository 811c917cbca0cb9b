import pytest

from donations.statements import UnreadableStatement
from donations.statements.files import LARGEST, read

from .mappings import OWN
from .samples import own


def test_read_tells_the_format_by_the_bytes() -> None:
    assert len(read(own("camt053-own-gifts.xml"), OWN)[0].rows) == 6
    assert len(read(b"\xef\xbb\xbf" + own("camt053-own-gifts.xml"), None)[0].rows) == 6
    assert len(read(own("csv-own-gifts.csv"), OWN)[0].rows) == 4
    assert [len(page.rows) for page in read(own("mt940-own-gifts.sta"), OWN)] == [2, 2]
    assert len(read(own("ofx-own-gifts.ofx"), OWN)[0].rows) == 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b" \n", "The file is empty"),
        (b"x" * (LARGEST + 1), "larger than 10 MB"),
        (b"PK\x03\x04rest", "Unpack it"),
        (b"%PDF-1.7", "This is a PDF"),
        (
            b"\r\n:20:STARTUMSE\r\n:25:1/2\r\n:61:2601\r\n",
            "Row 4: “2601” is no movement",
        ),
        (b"OFXHEADER:100\r\n", "The file breaks off before its end"),
        (b"Date;Amount\n", "not yet said how this bank's CSV files are read"),
    ],
)
def test_read_other_file_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableStatement, match=sentence):
        read(content, None)
