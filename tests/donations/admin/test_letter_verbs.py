"""What the office does for a supporter who writes in: logged, and without reading an address."""

import pytest
from django.contrib.admin.models import LogEntry

from donations import receipts
from donations.models import Letter, Pledge, Supporter, TaxSentence
from tests import factories
from tests.factories import NOW, log_in, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def treasurer(client):
    return log_in(client, make_user(None, "treasurer"))


@pytest.fixture
def gift():
    pledge = factories.make_pledge(supporter=factories.make_supporter("zoraida@example.org"))
    return factories.make_donation(pledge)


def press(client, row, verb, data=None):
    return client.post(
        f"/admin/donations/{row._meta.model_name}/{row.pk}/{verb}/", data or {}, follow=True
    ).content.decode()


def test_receipt_is_sent_again_and_logged(treasurer, gift):
    page = press(treasurer, gift, "resend")

    assert "A copy of the receipt goes out within a minute." in page
    assert Letter.objects.get().kind == "receipt_copy"
    assert LogEntry.objects.get().get_change_message() == "Send the receipt again"
    assert "asked for today already" in press(treasurer, gift, "resend")


def test_address_is_corrected_unseen(treasurer, gift):
    page = press(treasurer, gift.pledge, "readdress", {"email": "zoe@example.org"})

    assert "Letters go there from now on." in page
    assert "zoraida@example.org" not in page
    assert Pledge.objects.get().supporter.email == "zoe@example.org"
    assert "zoe" not in LogEntry.objects.get().change_message


def test_address_is_not_corrected_for_who_was_forgotten(treasurer):
    pledge = factories.make_pledge(erased_at=NOW)

    page = press(treasurer, pledge, "readdress", {"email": "zoe@example.org"})

    assert "Whoever gave this asked to be forgotten." in page
    assert not Supporter.objects.exists()


def test_insulting_name_is_taken_off_and_the_amount_stays(treasurer):
    pledge = factories.make_pledge(visibility="name", public_name="An insult")

    press(treasurer, pledge, "take-name-off")

    pledge.refresh_from_db()
    assert (pledge.visibility, pledge.public_name) == ("amount", "")


def test_returned_letter_is_found_by_its_number_and_noted(treasurer, gift):
    letter = factories.make_receipt(gift, sent_at=NOW)

    found = treasurer.get(f"/admin/donations/letter/?q={letter.pk}").content.decode()
    page = press(treasurer, letter, "bounced")

    assert f"/admin/donations/letter/{letter.pk}/change/" in found
    assert "asks for another address" in page
    listed = treasurer.get("/admin/donations/letter/?state=bounced").content.decode()
    assert f"/admin/donations/letter/{letter.pk}/change/" in listed


@pytest.mark.parametrize(
    ("state", "shown"),
    [("waiting", {1, 2}), ("failing", {2}), ("bounced", {3, 5}), ("sent", {4})],
)
def test_letters_are_filtered_by_state(treasurer, state, shown):
    letters = {
        1: factories.make_receipt(),
        2: factories.make_receipt(attempts=3, error="SMTPDataError"),
        3: factories.make_receipt(bounced_at=NOW),
        4: factories.make_receipt(sent_at=NOW),
        5: factories.make_receipt(sent_at=NOW, bounced_at=NOW),
    }

    page = treasurer.get(f"/admin/donations/letter/?state={state}").content.decode()

    assert {n for n, e in letters.items() if f"/letter/{e.pk}/change/" in page} == shown


def test_gift_page_shows_no_address_and_no_name(treasurer, gift):
    Pledge.objects.update(receipt_name="Zoraida Canary")
    receipts.issue(gift, at=NOW)

    for row in (gift.pledge, gift, gift.receipt):
        page = treasurer.get(f"/admin/donations/{row._meta.model_name}/{row.pk}/change/")
        assert "zoraida" not in page.content.decode().lower()


def test_tax_sentence_is_written_for_a_country_that_is_one(treasurer):
    form = "/admin/donations/taxsentence/add/"
    sentence = {"country": "XX", "language": "es", "sentence": "Desgrava."}

    refused = treasurer.post(form, sentence).content.decode()
    treasurer.post(form, sentence | {"country": "ES"})

    assert "Two capital letters of a country" in refused
    assert TaxSentence.objects.get().country == "ES"


@pytest.mark.parametrize("count", [1, 3])
def test_receipts_cost_the_same_however_many(treasurer, django_assert_num_queries, count):
    for _i in range(count):
        receipts.issue(factories.make_donation(), at=NOW)
    treasurer.get("/admin/")

    with django_assert_num_queries(5):
        page = treasurer.get("/admin/donations/receipt/").content.decode()

    assert f"R-{count:07d}" in page
