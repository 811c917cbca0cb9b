from datetime import timedelta
from decimal import Decimal

import pytest

from donations import emails
from donations.models import Donation, Letter
from donations.tokens import gift_path
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def make_receipt(language="es"):
    supporter = factories.make_supporter(language=language)
    pledge = factories.make_pledge(
        factories.make_appeal("secret-cause"), supporter=supporter, language=language
    )
    donation = Donation.objects.create(
        pledge=pledge,
        fund=pledge.fund,
        method="card",
        amount=Decimal("25.50"),
        currency="EUR",
        received_at=NOW,
        source="stripe:pi_1",
        stripe_payment_intent_id="pi_1",
    )
    return Letter.objects.create(
        kind="receipt", pledge=pledge, donation=donation, created_at=NOW, due_at=NOW
    )


def test_receipt_arrives_with_amount_number_and_private_link(inbox, settings):
    letter = make_receipt(language="en")

    assert emails.send_due(at=NOW) == 1

    [(recipients, text)] = inbox.messages
    assert recipients == ["ana@example.org"]
    assert f"Subject: Receipt {letter.donation.receipt_number}" in text
    words = emails.word(letter, at=NOW)
    assert "€25.50" in words.body
    assert f"{settings.SITE_URL}{gift_path(letter.pledge)}" in words.body
    letter.refresh_from_db()
    assert (letter.sent_at, letter.error) == (NOW, "")


def test_letter_outside_its_body_betrays_nothing(inbox):
    make_receipt()
    emails.send_due(at=NOW)

    headers = inbox.messages[0][1].split("\r\n\r\n")[0]
    for word in ("secret-cause", "Sample appeal", "solidar"):
        assert word not in headers


def test_sent_letter_is_not_sent_again(inbox):
    make_receipt()

    emails.send_due(at=NOW)
    emails.send_due(at=NOW + timedelta(days=1))

    assert len(inbox.messages) == 1


def test_refused_letter_waits_and_goes_out_later(inbox):
    letter = make_receipt()
    inbox.is_full = True

    assert emails.send_due(at=NOW) == 0
    letter.refresh_from_db()
    assert (letter.attempts, letter.sent_at, letter.due_at) == (
        1,
        None,
        NOW + timedelta(minutes=1),
    )
    assert letter.error == "SMTPDataError"

    inbox.is_full = False
    assert emails.send_due(at=NOW + timedelta(minutes=2)) == 1
    assert len(inbox.messages) == 1


def test_mail_server_away_loses_nothing(settings):
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 9},
        }
    }
    letter = make_receipt()

    assert emails.send_due(at=NOW) == 0

    letter.refresh_from_db()
    assert (letter.error, letter.sent_at) == ("ConnectionRefusedError", None)


def test_transfer_details_name_reference_and_account(inbox):
    factories.make_bank_account(
        "EUR", takes_gifts=True, holder="Sample holder", number="DE02120300000000202051"
    )
    pledge = factories.make_pledge(
        supporter=factories.make_supporter(), method="transfer", language="en"
    )
    letter = Letter.objects.create(
        kind="transfer_details", pledge=pledge, created_at=NOW, due_at=NOW
    )

    words = emails.word(letter, at=NOW)

    assert words.subject == "Details for your transfer"
    for part in ("DE02120300000000202051", "Sample holder", pledge.reference[:4]):
        assert part in words.body
