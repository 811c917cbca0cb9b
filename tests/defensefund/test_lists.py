"""The office's lists, through the pages: on events, which have a filter, a search, an action and no other table beside."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.contrib import admin
from django.contrib.admin.utils import display_for_field
from django.db.models import CharField
from django.utils import translation

from defensefund.lists import PagedList, is_sorted
from defensefund.templatetags.formats import moment, plain_day
from defensefund.templatetags.lists import _writer
from donations.models import Entry, Letter, StripeEvent
from tests import factories
from tests.factories import NOW, log_in, make_user

pytestmark = pytest.mark.django_db
EVENTS = "/admin/donations/stripeevent/"
LONG = [each for each in admin.site._registry.values() if getattr(each, "is_long", False)]


@pytest.fixture
def treasurer(client):
    return log_in(client, make_user(None, "treasurer"))


def make_events(count, **fields):
    return [factories.make_event(**fields).pk for _i in range(count)]


def shown(page):
    return [int(pk) for pk in re.findall(r"/stripeevent/(\d+)/change/", page)]


def links(page):
    """The links beside the table, by what they are to this page."""
    found = re.findall(r'<a rel="(\w+)" href="([^"]+)">(\w+)</a>', page)
    return {rel: (url.replace("&amp;", "&"), word) for rel, url, word in found}


def opened(client, url):
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    ("query", "per_page"), [("", 25), ("rows=100", 100), ("state=waiting", 25), ("q=cs_1", 25)]
)
def test_every_row_is_reached_once_from_page_to_page(treasurer, query, per_page):
    """With filter and search too, and though all were created in one instant."""
    made = make_events(130)
    make_events(7, processed_at=NOW, object_id="cs_2")
    expected = [
        event.pk
        for event in StripeEvent.objects.order_by("-pk")
        if not query.startswith(("state", "q")) or event.pk in made
    ]

    page, found = opened(treasurer, f"{EVENTS}?{query}"), []
    assert set(links(page)) == {"next", "last"}
    while True:
        found.append(shown(page))
        if "next" not in links(page):
            break
        page = opened(treasurer, EVENTS + links(page)["next"][0])

    assert [pk for pks in found for pk in pks] == expected
    assert {len(pks) for pks in found[:-1]} == {per_page}
    assert set(links(page)) == {"first", "prev"}


def test_way_back_and_both_ends(treasurer):
    made = make_events(60)[::-1]
    first = opened(treasurer, EVENTS)
    assert {rel: word for rel, (_url, word) in links(first).items()} == {
        "next": "Older",
        "last": "Oldest",
    }

    last = opened(treasurer, EVENTS + links(first)["last"][0])
    assert shown(last) == made[-25:]
    assert {rel: word for rel, (_url, word) in links(last).items()} == {
        "first": "Newest",
        "prev": "Newer",
    }
    middle = opened(treasurer, EVENTS + links(last)["prev"][0])
    assert shown(middle) == made[10:35]
    assert shown(opened(treasurer, EVENTS + links(middle)["prev"][0])) == made[:25]
    assert shown(opened(treasurer, EVENTS + links(middle)["first"][0])) == made[:25]


@pytest.mark.parametrize("place", ["3", "after-", "after-x", "after-999999999999999999999", "%00"])
def test_page_that_is_none_is_the_first_one_and_says_so(treasurer, place):
    make_events(30)

    page = opened(treasurer, f"{EVENTS}?p={place}&state=waiting")

    assert "That page is gone. This is the first one." in page
    assert len(shown(page)) == 25


def test_row_leads_back_to_its_page(treasurer):
    make_events(30)
    page = opened(treasurer, EVENTS + links(opened(treasurer, EVENTS))["next"][0])

    url = re.search(r'href="([^"]*/stripeevent/\d+/change/[^"]*)"', page)[1].replace("&amp;", "&")
    row = opened(treasurer, url)

    assert re.search(r'href="/admin/donations/stripeevent/\?p=after-\d+"', row)


@pytest.mark.parametrize("count", [1, 26])
def test_each_page_takes_six_queries_at_most(treasurer, django_assert_num_queries, count):
    pks = make_events(count * 3)
    opened(treasurer, "/admin/")

    for query in ("", "rows=100", "p=last", f"p=after-{pks[-1]}", "state=waiting", "q=cs_1"):
        with django_assert_num_queries(5):
            opened(treasurer, f"{EVENTS}?{query}")


def test_lists_say_how_many_there_are(treasurer):
    assert "There is nothing here yet." in opened(treasurer, EVENTS)
    make_events(3)
    assert "<span>3 Stripe events</span>" in opened(treasurer, EVENTS)
    assert "Rows:" not in opened(treasurer, EVENTS)
    empty = opened(treasurer, f"{EVENTS}?state=refused")
    assert "Nothing fits what you look for." in empty
    assert "0 results" in empty


def test_search_takes_a_name_as_it_was_copied(treasurer):
    wanted = factories.make_pledge(method="transfer")
    factories.make_pledge(method="transfer")
    spaced = " ".join(re.findall("....|..?.?$", wanted.reference))

    for term in (wanted.reference, spaced.lower(), f"  {wanted.uuid} ", str(wanted.uuid).upper()):
        page = treasurer.get("/admin/donations/pledge/", {"q": term}).content.decode()
        assert re.findall(r"/pledge/(\d+)/change/", page) == [str(wanted.pk)], term
    for term in ("RF", wanted.reference[:-1], "x" * 500, "0"):
        page = treasurer.get("/admin/donations/pledge/", {"q": term}).content.decode()
        assert "Nothing fits what you look for." in page


def test_days_are_chosen_both_included(treasurer):
    days = [
        factories.make_donation(
            received_at=NOW.replace(hour=0, minute=0) + timedelta(days=n, hours=h)
        ).pk
        for n in range(4)
        for h in (0, 23)
    ]
    first = NOW.date() + timedelta(days=1)

    def found(query):
        page = treasurer.get(f"/admin/donations/donation/?{query}").content.decode()
        return [int(pk) for pk in re.findall(r"/donation/(\d+)/change/", page)][::-1]

    assert found(f"from={first}&to={first + timedelta(days=1)}") == days[2:6]
    assert found(f"from={first + timedelta(days=1)}") == days[4:]
    assert found(f"to={first}") == days[:4]
    page = treasurer.get(
        "/admin/donations/donation/?from=31.5.2026&method__exact=card"
    ).content.decode()
    assert "Write the day as year-month-day" in page
    assert '<input type="hidden" name="method__exact" value="card">' in page
    # What is chosen by heads the choices, and nothing is counted where nothing is found.
    assert re.findall(r"<summary> (.*)</summary>", page) == ["Days", "Method", "Money back"]
    assert "0 donations" not in treasurer.get("/admin/donations/donation/?q=none").content.decode()


@pytest.mark.parametrize("language", ["en", "es", "pt", "fr", "de"])
def test_cells_say_what_the_admin_says_and_days_as_our_own_pages(language):
    """Of each kind that is written in a shorter way, several of one day and of others, and what is empty."""
    midnight = NOW.replace(hour=0, minute=0, second=0)
    moments = [midnight, midnight + timedelta(hours=12), midnight + timedelta(hours=23, minutes=59)]
    moments += [each + timedelta(days=n) for each in moments for n in (1, 7, 40, 200)]
    kinds = {
        Letter: {"kind": ["receipt", "reminder", "none"]},
        StripeEvent: {"error": ["", " a <b> & c ", None], "attempts": [0, 3, 12345]},
    }
    with translation.override(language):
        for model, values in kinds.items():
            for name, several in values.items():
                field = model._meta.get_field(name)
                write = _writer(field, "–") or partial(
                    display_for_field, field=field, empty_value_display="–"
                )
                assert [write(value) for value in several] == [
                    display_for_field(value, field, "–") for value in several
                ], (language, name)
        days = [each.date() for each in moments]
        write = _writer(Entry._meta.get_field("booked_on"), "–")
        assert [write(day) for day in [*days, None]] == [*map(plain_day, days), "–"]
        write = _writer(Letter._meta.get_field("created_at"), "–")
        assert [f">{write(each)}</time>" in moment(each) for each in moments] == [True] * 15
        assert write(None) == "–"


@pytest.mark.parametrize("model_admin", admin.site._registry.values(), ids=str)
def test_every_list_of_the_office_is_paged_from_row_to_row(model_admin):
    assert model_admin.get_changelist(None) is PagedList


@pytest.mark.parametrize("model_admin", LONG, ids=str)
def test_long_lists_read_no_whole_table(model_admin, rf):
    """Their order, what may be sorted by, searches and filters each have an index; nothing counts years or values."""
    model = model_admin.model
    order = [key.removeprefix("-") for key in model_admin.ordering or model._meta.ordering]
    assert is_sorted(model, order[0])
    assert model_admin.date_hierarchy is None
    assert all(name.startswith("=") for name in model_admin.search_fields)
    for each in model_admin.list_filter:
        if isinstance(each, str):
            field = model._meta.get_field(each)
            assert field.choices or not isinstance(field, CharField), each
            starts = [index.fields[:2] for index in model._meta.indexes if not index.condition]
            assert [each, order[0].replace("pk", "id")] in starts, each
