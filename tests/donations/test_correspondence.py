from datetime import timedelta

import pytest

from donations import correspondence, emails
from donations.models import Letter, Supporter
from donations.tokens import InvalidToken, gift_token, pledge_of
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def make_gift(email="ana@example.org", **fields):
    supporter = Supporter.objects.of_address(email, language="en", at=NOW) if email else None
    fields = {"supporter": supporter, "language": "en"} | fields
    return factories.make_donation(factories.make_pledge(**fields))


def read(inbox):
    """(to, subject) of what arrived."""
    return [
        (recipient, next(line[9:] for line in text.splitlines() if line.startswith("Subject: ")))
        for [recipient], text in inbox.messages
    ]


def test_new_address_gets_the_letters_and_the_old_one_is_told(inbox):
    donation = make_gift()
    factories.make_receipt(donation)
    emails.send_due(at=NOW)
    old_link = gift_token(donation.pledge)

    correspondence.readdress(donation.pledge, email="ana@example.net", at=NOW)
    emails.send_due(at=NOW)

    assert sorted(read(inbox)[1:]) == [
        ("ana@example.net", "Copy of receipt R-0000001"),
        ("ana@example.org", "Letters go to another address"),
    ]
    told = next(text for [to], text in inbox.messages[1:] if to == "ana@example.org")
    assert "example.net" not in told
    assert "/gift/" not in told
    with pytest.raises(InvalidToken):
        pledge_of(old_link, at=NOW)
    # Kept for that one letter alone.
    assert [supporter.email for supporter in Supporter.objects.all()] == ["ana@example.net"]


def test_address_that_no_letter_reached_is_told_nothing(inbox):
    donation = make_gift("ana@exmple.org")
    waiting = factories.make_receipt(donation)

    correspondence.readdress(donation.pledge, email="ana@example.org", at=NOW)
    emails.send_due(at=NOW)

    assert read(inbox) == [("ana@example.org", "Receipt R-0000001")]
    assert Letter.objects.get() == waiting
    assert Supporter.objects.count() == 1


def test_address_given_later_gets_the_receipt_that_nobody_could_be_sent(inbox):
    donation = make_gift("")

    correspondence.readdress(donation.pledge, email="ana@example.org", at=NOW)
    emails.send_due(at=NOW)

    assert read(inbox) == [("ana@example.org", "Receipt R-0000001")]


def test_address_of_a_promise_gets_a_link(inbox):
    pledge = factories.make_pledge(method="transfer", language="en")

    correspondence.readdress(pledge, email="ana@example.org", at=NOW)
    emails.send_due(at=NOW)

    assert read(inbox) == [("ana@example.org", "Your private link")]


def test_address_that_others_of_the_supporters_gifts_have_is_kept():
    donation, other = make_gift(), factories.make_pledge()
    other.supporter = donation.pledge.supporter
    other.save()

    correspondence.readdress(donation.pledge, email="ana@example.net", at=NOW)

    other.refresh_from_db()
    assert other.supporter.email == "ana@example.org"
    assert Supporter.objects.count() == 2


def test_same_address_is_refused_and_changes_nothing():
    donation = make_gift()

    with pytest.raises(correspondence.SameAddress):
        correspondence.readdress(donation.pledge, email="  ANA@example.org", at=NOW)

    donation.pledge.refresh_from_db()
    assert donation.pledge.link_version == 1


def test_receipt_is_sent_again_once_a_day(inbox):
    donation = make_gift()

    correspondence.resend(donation, at=NOW)
    with pytest.raises(correspondence.AlreadyAsked):
        correspondence.resend(donation, at=NOW + timedelta(hours=3))
    correspondence.resend(donation, at=NOW + timedelta(days=1))
    emails.send_due(at=NOW + timedelta(days=1))

    assert read(inbox) == [("ana@example.org", "Copy of receipt R-0000001")] * 2


def test_receipt_without_address_is_not_sent():
    with pytest.raises(correspondence.NoAddress):
        correspondence.resend(make_gift(""), at=NOW)


def test_copy_betrays_nothing_outside_its_body(inbox):
    correspondence.resend(make_gift(appeal=factories.make_appeal("secret-cause")), at=NOW)
    emails.send_due(at=NOW)

    headers = inbox.messages[0][1].split("\r\n\r\n")[0]
    for word in ("secret-cause", "Sample", "solidar", "defense"):
        assert word not in headers


def test_unknown_address_bounces_and_the_gift_asks_for_another(inbox):
    inbox.unknown = {"ana@exmple.org"}
    donation = make_gift("ana@exmple.org")
    letter = factories.make_receipt(donation)

    emails.send_due(at=NOW)
    emails.send_due(at=NOW + timedelta(days=1))

    letter.refresh_from_db()
    assert (letter.bounced_at, letter.sent_at, letter.attempts) == (NOW, None, 1)

    correspondence.readdress(donation.pledge, email="ana@example.org", at=NOW)
    emails.send_due(at=NOW)

    assert read(inbox) == [("ana@example.org", "Receipt R-0000001")]
    letter.refresh_from_db()
    assert letter.bounced_at is None


def test_letter_that_came_back_is_noted_by_the_office():
    letter = factories.make_receipt(make_gift())
    treasurer = factories.make_user()
    with pytest.raises(correspondence.NotSent):
        correspondence.note_bounce(letter, by=treasurer, at=NOW)
    Letter.objects.update(sent_at=NOW)

    correspondence.note_bounce(letter, by=treasurer, at=NOW)

    letter.refresh_from_db()
    assert letter.bounced_at == NOW


def test_new_link_opens_all_gifts_of_an_address_and_goes_once_an_hour(inbox):
    first = make_gift(amount="25").pledge
    second = factories.make_pledge(
        first.appeal, supporter=first.supporter, amount="40", language="en"
    )
    known = first.supporter.email_hash

    assert correspondence.write_new_link(email_hash=known, at=NOW)
    assert not correspondence.write_new_link(email_hash=known, at=NOW + MINUTE)
    assert not correspondence.write_new_link(email_hash="0" * 64, at=NOW)
    emails.send_due(at=NOW)

    words = emails.word(Letter.objects.get(), at=NOW)
    for part in ("€25.00", "€40.00", gift_token(first, at=NOW), gift_token(second, at=NOW)):
        assert part in words.body
    assert len(inbox.messages) == 1


def test_statements_go_to_each_supporter_once_a_year(inbox):
    mine = make_gift()
    factories.make_donation(factories.make_pledge(supporter=mine.pledge.supporter))
    make_gift("bea@example.org", created_at=NOW - timedelta(days=400))
    make_gift("")
    january = NOW.replace(year=2027, month=1, day=2)
    reversed_gift = make_gift("eva@example.org", method="transfer")
    reversed_gift.method, reversed_gift.reversed_at = "transfer", NOW
    reversed_gift.save()

    assert correspondence.write_statements(year=2026, at=january) == 2
    assert correspondence.write_statements(year=2026, at=january + timedelta(days=1)) == 0
    assert correspondence.write_statements(year=2025, at=january) == 0
    emails.send_due(at=january)

    assert sorted(read(inbox)) == [
        ("ana@example.org", "Statement for 2026"),
        ("bea@example.org", "Statement for 2026"),
    ]
