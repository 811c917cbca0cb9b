"""The private page and each thing a supporter decides there, over HTTP."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from donations import receipts
from donations.models import Donation, Letter, Pledge, Receipt, TaxSentence
from donations.supporter_views import MOST_GUESSES
from donations.tokens import gift_path, gift_token
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def gift():
    pledge = factories.make_pledge(
        supporter=factories.make_supporter("ana@example.org"),
        language="en",
        created_at=timezone.now(),
    )
    return factories.make_donation(pledge, received_at=timezone.now())


def at(name, pledge, **kwargs):
    with override("en"):
        return reverse(f"donations:{name}", kwargs={"token": gift_token(pledge), **kwargs})


def test_first_download_is_the_receipt_and_the_next_a_copy(client, gift):
    page = at("receipt", gift.pledge)

    first = client.post(page, {"donation": gift.pk})
    again = client.post(page, {"donation": gift.pk})

    assert first["Content-Type"] == "application/pdf"
    assert first["Content-Disposition"] == 'attachment; filename="R-0000001.pdf"'
    assert again["Content-Disposition"] == 'attachment; filename="R-0000001-copy.pdf"'
    assert first.content == receipts.receipt_pdf(Receipt.objects.get(), is_copy=False)
    assert again.content == receipts.receipt_pdf(Receipt.objects.get(), is_copy=True)
    assert "Download a copy" in client.get(gift_path(gift.pledge)).content.decode()


def test_receipt_of_another_gift_is_not_handed_out(client, gift):
    other = factories.make_donation()

    for chosen in (other.pk, "", "x", "9" * 30):
        assert client.post(at("receipt", gift.pledge), {"donation": chosen}).status_code == 404


def test_receipt_of_what_was_no_gift_is_not_handed_out(client, gift):
    Donation.objects.update(method="transfer", reversed_at=timezone.now())

    assert client.post(at("receipt", gift.pledge), {"donation": gift.pk}).status_code == 404


def test_looking_hands_out_nothing(client, gift):
    page = client.get(gift_path(gift.pledge)).content.decode()

    assert "Download the receipt (PDF)" in page
    assert "ana@example.org" not in page
    assert not Receipt.objects.exists()


def test_page_says_what_a_bank_took_back(client, gift):
    dispute = factories.make_dispute(gift)
    open_page = client.get(gift_path(gift.pledge)).content.decode()
    type(dispute).objects.update(status="lost")
    lost_page = client.get(gift_path(gift.pledge)).content.decode()

    assert "The payment is contested: the card's bank has €25.00 back" in open_page
    assert "Contested at the bank" in open_page
    assert "the card's bank took €25.00 back: that is not in the fund any more." in lost_page
    assert "Taken back by the bank" in lost_page
    assert not any("Your gift has arrived" in page for page in (open_page, lost_page))


def test_receipt_is_sent_again_and_asked_for_twice_says_so(client, gift):
    page = at("resend", gift.pledge)

    first = client.post(page, {"donation": gift.pk}, follow=True).content.decode()
    again = client.post(page, {"donation": gift.pk}, follow=True).content.decode()

    assert "is on its way to your address" in first
    assert "asked for today already" in again
    assert Letter.objects.filter(kind="receipt_copy").count() == 1


def test_statement_of_a_year_holds_this_gift_alone(client, gift):
    year = timezone.now().year

    response = client.get(at("year", gift.pledge, year=year))

    assert response["Content-Disposition"] == f'attachment; filename="{year}.pdf"'
    assert response.content.startswith(b"%PDF-")
    assert client.get(at("year", gift.pledge, year=1999)).status_code == 404


def test_wording_of_the_receipt_is_chosen(client, gift):
    TaxSentence.objects.create(country="ES", language="en", sentence="Deductible in Spain.")
    receipts.issue(gift, at=timezone.now())

    page = client.get(at("wording", gift.pledge)).content.decode()
    response = client.post(
        at("wording", gift.pledge), {"purpose": "fund", "name": " Ana  Núñez ", "country": "ES"}
    )

    assert "Spain" in page
    assert response.status_code == 302
    gift.pledge.refresh_from_db()
    assert (gift.pledge.receipt_names_fund, gift.pledge.receipt_name) == (True, "Ana Núñez")
    assert Receipt.objects.get().tax_sentence == "Deductible in Spain."


def test_country_is_not_asked_for_where_no_sentence_depends_on_it(client, gift):
    page = client.get(at("wording", gift.pledge)).content.decode()

    assert "Country you pay taxes in" not in page
    assert client.post(at("wording", gift.pledge), {"purpose": "neutral"}).status_code == 302


@pytest.mark.parametrize(
    "name", ["http://example.org", "a@example.org", "Call 555 0100", "<b>", "1", "x" * 41]
)
def test_public_name_is_a_name_and_no_message(client, gift, name):
    response = client.post(at("visibility", gift.pledge), {"visibility": "name", "name": name})

    assert response.status_code == 422
    gift.pledge.refresh_from_db()
    assert gift.pledge.visibility == "secret"


@pytest.mark.parametrize("name", ["Ana", "Comité de Rosa Núñez-O’Neill", "Кружок", "A. & B."])
def test_public_name_may_be_of_any_script(client, gift, name):
    client.post(at("visibility", gift.pledge), {"visibility": "name", "name": name})

    gift.pledge.refresh_from_db()
    assert gift.pledge.public_name == name


def test_name_is_asked_for_where_one_is_to_be_shown_and_dropped_where_none_is(client, gift):
    page = at("visibility", gift.pledge)

    missing = client.post(page, {"visibility": "name", "name": ""})
    client.post(page, {"visibility": "amount", "name": "Ana"})

    assert "Write the name to show" in missing.content.decode()
    gift.pledge.refresh_from_db()
    assert (gift.pledge.visibility, gift.pledge.public_name) == ("amount", "")


def test_address_moves_and_with_it_the_link(client, gift):
    old = at("address", gift.pledge)

    response = client.post(old, {"email": "ana@example.net"})

    assert client.get(old).status_code == 404
    page = client.get(response.url).content.decode()
    assert "Letters go to the new address from now on" in page
    assert "ana@example.net" not in page
    assert Pledge.objects.get().supporter.email == "ana@example.net"


def test_address_that_is_none_or_the_same_is_refused_beside_its_field(client, gift):
    none = client.post(at("address", gift.pledge), {"email": "ana@"}).content.decode()
    same = client.post(at("address", gift.pledge), {"email": "Ana@example.org"}).content.decode()

    assert "This is no e-mail address" in none
    assert "Letters go to this address already." in same


def test_closed_link_says_how_to_get_a_new_one(client, gift):
    Pledge.objects.update(link_version=2)

    response = client.get(gift_path(gift.pledge))

    assert response.status_code == 404
    with override("en"):
        assert reverse("donations:new_link") in response.content.decode()


def test_link_expires(client, gift):
    long_ago = timezone.now() - timedelta(days=401)
    expired = gift_path(gift.pledge, at=long_ago)

    assert client.get(expired).status_code == 404
    assert client.get(gift_path(gift.pledge, at=long_ago + timedelta(days=2))).status_code == 200


def test_bounced_letter_asks_for_another_address(client, gift):
    factories.make_receipt(gift, bounced_at=timezone.now())

    page = client.get(gift_path(gift.pledge)).content.decode()

    assert "Our letters do not reach you." in page


def test_own_data_is_everything_for_who_knows_the_address(client, gift):
    issued = receipts.issue(gift, at=timezone.now())
    factories.make_receipt(gift, sent_at=timezone.now())
    factories.make_checkout(gift.pledge, session="cs_mine")
    Pledge.objects.update(receipt_name="Ana Núñez")

    response = client.post(at("data", gift.pledge), {"email": "ANA@example.org"})

    assert response["Content-Disposition"] == 'attachment; filename="data.json"'
    told = json.loads(response.content)
    assert told["supporter"]["email"] == "ana@example.org"
    mine = told["gift"]
    assert (mine["amount"], mine["receipt_name"]) == ("25.000", "Ana Núñez")
    assert mine["checkouts"][0]["stripe_session_id"] == "cs_mine"
    [donation] = mine["donations"]
    assert donation["receipt"][0]["serial"] == issued.serial
    assert donation["letters"][0]["kind"] == "receipt"


def test_own_data_leaves_out_nothing_that_hangs_on_a_gift(client):
    pledge = factories.make_pledge(created_at=timezone.now(), language="en")

    told = json.loads(client.post(at("data", pledge)).content)

    assert set(told["gift"]) >= {
        name
        for r in Pledge._meta.related_objects
        if not r.hidden and (name := r.get_accessor_name())
    }
    assert told["supporter"] is None


def test_own_data_is_not_for_who_merely_has_the_link(client, gift):
    page = at("data", gift.pledge)

    wrong = client.post(page, {"email": "guess@example.org"})
    for _i in range(MOST_GUESSES):
        client.post(page, {"email": "guess@example.org"})
    late = client.post(page, {"email": "ana@example.org"})

    assert wrong.status_code == 422
    assert "not the address we hold" in wrong.content.decode()
    assert late.status_code == 302


def test_forgetting_asks_first_and_closes_the_page(client, gift):
    page = at("forget", gift.pledge)

    unsure = client.post(page)
    done = client.post(page, {"sure": "on"})

    assert unsure.status_code == 422
    assert "1 gift stays in the books" in done.content.decode()
    assert client.get(gift_path(gift.pledge)).status_code == 404
    assert Pledge.objects.get().erased_at


def test_forgetting_is_refused_in_a_sentence_while_a_card_is_charged(client, gift):
    factories.make_subscription(gift.pledge)

    page = client.post(at("forget", gift.pledge), {"sure": "on"}).content.decode()

    assert "A monthly gift still runs." in page
    assert Pledge.objects.get().supporter
