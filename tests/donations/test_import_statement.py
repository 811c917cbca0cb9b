import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from donations.models import StatementImport, StatementLine
from tests.donations.statements.samples import OWN
from tests.factories import make_bank_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def test_import_statement_prints_what_came(capsys):
    make_bank_account(code="gls-eur", number="DE02120300000000202051")
    path = str(OWN / "camt053-own-gifts.xml")

    call_command("import_statement", "gls-eur", path)
    call_command("import_statement", "gls-eur", path)

    assert capsys.readouterr().out.splitlines() == [
        "new 6, known 0, matched 0, open 6",
        "left out: row 6, not booked yet",
        "the first statement opens with €100.00, of which the books miss €100.00: book it in the office (Bank accounts, Opening balance)",
        "new 0, known 6, matched 0, open 6",
        "left out: row 6, not booked yet",
    ]
    assert StatementImport.objects.get().imported_by is None


def test_import_statement_bad_row_stops_it_with_nothing_changed(tmp_path):
    make_bank_account(code="gls-eur")
    path = tmp_path / "bad.xml"
    path.write_bytes(
        (OWN / "camt053-own-gifts.xml").read_bytes().replace(b">1218.13<", b">12..18<")
    )

    with pytest.raises(CommandError, match=r"Entry 3: “12\.\.18” is no amount") as error:
        call_command("import_statement", "gls-eur", str(path))

    assert error.value.returncode == 1
    assert not StatementLine.objects.exists()


@pytest.mark.parametrize(
    ("account", "path", "sentence"),
    [
        ("other", "x.xml", "There is no bank account other. There are: gls-eur."),
        ("gls-eur", "not-there.xml", "not-there.xml cannot be read: No such file or directory."),
        ("gls-eur", str(OWN), "cannot be read: Is a directory."),
    ],
)
def test_import_statement_says_what_is_wrong(account, path, sentence):
    make_bank_account(code="gls-eur")

    with pytest.raises(CommandError, match=sentence):
        call_command("import_statement", account, path)
