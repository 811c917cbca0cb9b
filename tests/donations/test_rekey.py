"""New keys: who gave before is still found, and a row that nobody can read stops all of it."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from defensefund.privacy import keyed_hash
from donations import correspondence, emails
from donations.models import Letter, Pledge, Supporter
from donations.reconciliation.codes import payer_hash
from tests import factories
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW

pytestmark = pytest.mark.django_db
ANA = "ana@example.org"


def give(email=ANA):
    supporter = Supporter.objects.of_address(email, language="en", at=NOW)
    return factories.make_donation(factories.make_pledge(supporter=supporter, language="en"))


def ask_for_a_link(email=ANA):
    return correspondence.write_new_link(email_hash=keyed_hash(email, purpose="email"), at=NOW)


def rekey():
    out = io.StringIO()
    call_command("rekey", stdout=out)
    return out.getvalue()


def ciphertexts():
    with connection.cursor() as cursor:
        cursor.execute("SELECT email FROM donations_supporter ORDER BY id")
        return [text for (text,) in cursor.fetchall()]


def test_address_is_found_again_after_a_new_secret_key(settings, inbox):
    give()
    settings.SECRET_KEY = "a new key of more than fifty characters, made for this one test"
    assert not ask_for_a_link()

    assert rekey() == (
        "1 addresses are written with the present keys.\n"
        "0 bank lines know their payer by the present keys.\n"
    )

    assert ask_for_a_link()
    emails.send_due(at=NOW)
    [(recipients, _text)] = inbox.messages
    assert recipients == [ANA]


def test_address_is_written_with_the_first_field_key(settings):
    give()
    old_key, old_text = settings.FIELD_KEYS[0], ciphertexts()
    settings.FIELD_KEYS = ["B" * 43 + "=", old_key]

    rekey()

    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    assert ciphertexts() != old_text
    assert Supporter.objects.get().email == ANA


def test_who_gave_again_since_the_change_is_one_supporter(settings):
    first = give()
    factories.make_receipt(first)
    settings.SECRET_KEY = "a new key of more than fifty characters, made for this one test"
    give(), give("bruno@example.org")
    assert Supporter.objects.count() == 3

    rekey()
    rekey()

    ana, bruno = sorted(Supporter.objects.all(), key=lambda supporter: supporter.email)
    assert (ana.email, bruno.email) == (ANA, "bruno@example.org")
    assert sorted(Pledge.objects.values_list("supporter", flat=True)) == sorted(
        [ana.pk, ana.pk, bruno.pk]
    )
    assert Letter.objects.exclude(supporter=None).exclude(supporter__in=[ana, bruno]).count() == 0


def test_address_nobody_can_read_stops_all_of_it(settings):
    give("bruno@example.org")
    settings.FIELD_KEYS = ["B" * 43 + "="]
    give()
    before = ciphertexts()

    with pytest.raises(CommandError, match="Nothing is changed"):
        rekey()

    assert ciphertexts() == before


def test_payers_of_bank_lines_stay_known(settings):
    lines = [
        make_line(
            "25", counterparty="Ana Ejemplo", counterparty_account=account,
            payer_hash=payer_hash(account, "Ana Ejemplo"),
        )
        for account in ("DE02 1203 0000 0000 2020 51", "")
    ]  # fmt: skip
    erased = make_line("5")
    settings.SECRET_KEY = "a new key of more than fifty characters, made for this one test"
    new = [payer_hash(line.counterparty_account, line.counterparty) for line in lines]

    assert "2 bank lines know their payer" in rekey()

    for line in (*lines, erased):
        line.refresh_from_db()
    assert [line.payer_hash for line in (*lines, erased)] == [*new, ""]


def test_payer_nobody_can_read_leaves_all_as_it_was(settings):
    give()
    line = make_line("25", counterparty="Ana", payer_hash=payer_hash("", "Ana"))
    before = (Supporter.objects.get().email_hash, line.payer_hash)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE donations_statementline SET counterparty = 'not a ciphertext'")
    settings.SECRET_KEY = "a new key of more than fifty characters, made for this one test"

    with pytest.raises(CommandError, match="Nothing is changed"):
        rekey()

    with connection.cursor() as cursor:
        cursor.execute("SELECT payer_hash FROM donations_statementline")
        assert (Supporter.objects.get().email_hash, cursor.fetchone()[0]) == before
