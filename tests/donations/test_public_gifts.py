"""What others see of a gift: nothing, an amount, a name; each as its supporter chose, on every public page."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import override

from donations import choices
from donations.models import Pledge, PublicGift, Refund
from donations.public_gift_views import GIFTS_ON_A_PAGE
from tests import factories
from tests.appeals import factories as editorial
from tests.factories import NOW

pytestmark = pytest.mark.django_db
CANARIES = ("Zoraida Canary", "zoraida@example.org", "Receipted Canary")


def make_gift(appeal, visibility="secret", name="", **fields):
    pledge = factories.make_pledge(
        appeal, visibility=visibility, public_name=name, language="en", **fields
    )
    return factories.make_donation(pledge)


def shown(appeal):
    return [(g.amount, g.currency, g.name) for g in PublicGift.objects.filter(appeal=appeal)]


def test_gift_is_secret_unless_its_supporter_says_otherwise():
    appeal = factories.make_appeal()
    gift = make_gift(appeal)
    assert Pledge._meta.get_field("visibility").default == "secret"
    assert shown(appeal) == []

    choices.show(gift.pledge, visibility=Pledge.Visibility.AMOUNT)
    assert shown(appeal) == [(25, "EUR", None)]

    choices.show(gift.pledge, visibility=Pledge.Visibility.NAME, name="Ana")
    assert shown(appeal) == [(25, "EUR", "Ana")]

    choices.show(gift.pledge, visibility=Pledge.Visibility.SECRET, name="Ana")
    assert shown(appeal) == []
    gift.pledge.refresh_from_db()
    assert gift.pledge.public_name == ""


def test_view_has_no_column_for_who_gave():
    columns = {field.column for field in PublicGift._meta.concrete_fields}

    assert columns == {"id", "appeal_id", "amount", "currency", "received_on", "name"}


@pytest.mark.parametrize(
    ("visibility", "name"), [("secret", "Ana"), ("amount", "Ana"), ("name", ""), ("all", "")]
)
def test_database_keeps_a_public_name_only_where_chosen(visibility, name):
    pledge = factories.make_pledge()

    with pytest.raises(IntegrityError, match="pledge_public_name"), transaction.atomic():
        Pledge.objects.filter(pk=pledge.pk).update(visibility=visibility, public_name=name)


def test_name_is_ciphertext_in_the_table():
    gift = make_gift(factories.make_appeal(), "name", "Zoraida Canary")

    raw = Pledge.objects.raw(
        "SELECT id, public_name::bytea::text AS raw FROM donations_pledge WHERE id = %s",
        [gift.pledge_id],
    )[0]
    assert "Zoraida" not in raw.raw


def test_what_went_back_is_not_shown():
    appeal = factories.make_appeal()
    partly, whole = make_gift(appeal, "amount"), make_gift(appeal, "amount", amount="40")
    undone = make_gift(appeal, "amount")
    Refund.objects.create(donation=partly, amount=5, refunded_at=NOW, stripe_refund_id="re_1")
    Refund.objects.create(donation=whole, amount=40, refunded_at=NOW, stripe_refund_id="re_2")
    undone.method, undone.reversed_at = "transfer", NOW
    undone.save()

    assert shown(appeal) == [(20, "EUR", None)]


def test_appeal_shows_nothing_where_nobody_chose_to_be_shown(client):
    appeal = factories.make_appeal("sample")
    make_gift(appeal)

    page = client.get("/en/sample/").content.decode()

    assert "Some of the gifts" not in page
    assert "No gift is shown here" in client.get("/en/sample/gifts/").content.decode()


def test_appeal_lists_what_was_chosen(client):
    appeal = factories.make_appeal("sample")
    make_gift(appeal, "amount", amount="31")
    make_gift(appeal, "name", "Ana & Co", amount="32")

    page = client.get("/en/sample/").content.decode()

    assert "€31.00" in page
    assert "Ana &amp; Co" in page
    assert "/gifts/" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_however_many_gifts(client, django_assert_num_queries, count):
    appeal = factories.make_appeal("sample")
    for _i in range(count):
        make_gift(appeal, "name", "Ana")

    with django_assert_num_queries(4):
        page = client.get("/en/sample/gifts/").content.decode()

    assert page.count("€25.00") == count


def test_list_has_pages(client):
    appeal = factories.make_appeal("sample")
    for _i in range(GIFTS_ON_A_PAGE + 1):
        make_gift(appeal, "amount")

    first = client.get("/en/sample/gifts/").content.decode()
    second = client.get("/en/sample/gifts/page/2/").content.decode()

    assert (first.count("€25.00"), second.count("€25.00")) == (GIFTS_ON_A_PAGE, 1)
    assert 'href="/en/sample/gifts/page/2/"' in first
    assert 'href="/en/sample/gifts/"' in second
    assert client.get("/en/sample/gifts/page/3/").status_code == 404
    assert "/en/sample/gifts/" in client.get("/en/sample/").content.decode()


def public_addresses():
    appeal = {"appeal": "sample"}
    for language in ("en", "es"):
        with override(language):
            yield reverse("appeals:home")
            yield reverse("appeals:appeal", kwargs=appeal)
            yield reverse("appeals:case", kwargs=appeal | {"case": "sample-case"})
            yield reverse("appeals:updates", kwargs=appeal)
            yield reverse("appeals:update", kwargs=appeal | {"update": "sample-update"})
            yield reverse("appeals:feed", kwargs=appeal)
            yield reverse("donations:books")
            yield reverse("donations:books_json")
            yield reverse("donations:books_csv")
            yield reverse("donations:public_gifts", kwargs=appeal)
            yield reverse("donations:donate", kwargs=appeal)


@pytest.mark.parametrize("visibility", ["secret", "amount"])
def test_no_public_page_or_feed_names_who_did_not_choose_to_be_named(client, visibility):
    author = factories.make_user()
    appeal = factories.make_appeal("sample", by=author)
    case = factories.make_case(appeal, "sample-case", by=author)
    editorial.make_published_update(
        appeal, author=author, reviewer=factories.make_user(), slug="sample-update"
    )
    gift = make_gift(
        appeal,
        fund=factories.make_fund("case", case=case),
        supporter=factories.make_supporter("zoraida@example.org"),
        receipt_name="Receipted Canary",
    )
    choices.show(gift.pledge, visibility=Pledge.Visibility.NAME, name="Zoraida Canary")
    with override("en"):
        named = client.get(reverse("appeals:appeal", kwargs={"appeal": "sample"}))
    assert "Zoraida Canary" in named.content.decode()

    choices.show(gift.pledge, visibility=Pledge.Visibility(visibility))

    for address in public_addresses():
        page = client.get(address)
        assert page.status_code == 200, address
        for canary in CANARIES:
            assert canary not in page.content.decode(), address


def test_public_pages_read_nothing_else_of_a_gift():
    """What renders gifts in public knows the view's model and no other that holds a person."""
    forbidden = re.compile(r"\b(Pledge|Supporter|Donation|Letter|Receipt)\b")
    for module in ("donations/public_gift_views.py", "donations/templatetags/fund.py"):
        with open(module) as file:
            assert not forbidden.search(file.read()), module
