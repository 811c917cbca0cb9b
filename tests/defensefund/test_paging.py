from datetime import timedelta

import pytest
from django.db.models import Count, F, Value

from defensefund.paging import LAST, MOST, START, NoSuchPlace, page_of
from donations.models import Account, Pledge
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

ORDERS = {
    "by key": ["-pk"],
    "up by key": ["pk"],
    "equal amounts, the same way": ["-amount", "-pk"],
    "equal amounts, both ways": ["amount", "-pk"],
    "three keys": ["-amount", "-created_at", "-id"],
    "empty ones last": ["cancelled_at", "pk"],
    "empty ones first": ["-cancelled_at", "-pk"],
    "empty ones told to be last": [F("cancelled_at").desc(nulls_last=True), "-pk"],
    "empty ones told to be first": [F("cancelled_at").asc(nulls_first=True), "-pk"],
    "text": ["language", "-pk"],
    "by what it belongs to": ["fund__code", "-pk"],
    "by the order of what it belongs to": ["-fund", "pk"],
    "by what may be missing": ["supporter__created_at", "-pk"],
    "by an expression": [(F("amount") * Value(-1)).asc(), "pk"],
}


@pytest.fixture(scope="module")
def thirteen(rows_of_a_module):
    with rows_of_a_module():
        make_thirteen()


@pytest.fixture
def pledges(thirteen, db):
    return Pledge.objects.all()


def make_thirteen():
    """Pledges, with every key equal in several and empty in some."""
    funds = [factories.make_fund("general", code) for code in ("z", "a", "m")]
    supporter = factories.make_supporter()
    for n in range(13):
        factories.make_pledge(
            fund=funds[n % 3],
            amount=(10, 20)[n % 2],
            created_at=NOW + timedelta(days=n % 4),
            language=("es", "en", "pt")[n // 5],
            cancelled_at=NOW + timedelta(days=n % 3) if n % 2 else None,
            supporter=supporter if n % 3 else None,
        )


def keys(pages):
    return [key for page in pages for key in page]


def forwards(rows, size, **known):
    place, found = START, []
    while True:
        page = page_of(rows, place, size=size, **known)
        found.append([row.pk for row in page.rows])
        if not page.has_after:
            return found
        place = page.after


def backwards(rows, size, **known):
    place, found = LAST, []
    while True:
        page = page_of(rows, place, size=size, **known)
        found.insert(0, [row.pk for row in page.rows])
        if not page.has_before:
            return found
        place = page.before


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_every_row_is_reached_once_in_order_from_either_end(pledges, order):
    rows = pledges.order_by(*order)
    expected = [pledge.pk for pledge in rows]

    found = forwards(rows, 4)
    assert [len(page) for page in found] == [4, 4, 4, 1]
    assert keys(found) == expected
    # From the end the first page comes whole, and shows again what stood on the second.
    assert backwards(rows, 4) == [
        expected[0:4], expected[1:5], expected[5:9], expected[9:13],
    ]  # fmt: skip
    assert backwards(rows, 13) == forwards(rows, 13) == [expected]


def test_what_is_annotated_orders_too(pledges):
    funds = Pledge.objects.values("fund").distinct()
    for n, pledge in enumerate(pledges.order_by("pk")):
        for _i in range(n % 3):
            factories.make_checkout(pledge)
    known = Pledge.objects.annotate(visits=Count("checkouts"))
    rows = known.filter(fund__in=funds).order_by("-visits", "pk")

    assert keys(forwards(rows, 4, known=known)) == [pledge.pk for pledge in rows]


def test_filtered_rows_are_paged_alone(pledges):
    rows = pledges.filter(cancelled_at=None).order_by("-amount", "-pk")

    assert keys(forwards(rows, 2)) == [pledge.pk for pledge in rows]


def test_row_that_the_filter_lost_meanwhile_still_says_where_its_page_was(pledges):
    rows = pledges.filter(cancelled_at=None).order_by("-amount", "-pk")
    expected = [pledge.pk for pledge in rows]
    place = page_of(rows, START, size=2).after

    Pledge.objects.filter(pk=expected[1]).update(cancelled_at=NOW)

    assert [row.pk for row in page_of(rows, place, size=2).rows] == expected[2:4]


def test_rows_added_meanwhile_move_no_other_page(pledges):
    rows = pledges.order_by("-pk")
    first = page_of(rows, START, size=4)
    expected = [row.pk for row in page_of(rows, first.after, size=4).rows]

    factories.make_pledge()

    assert [row.pk for row in page_of(rows, first.after, size=4).rows] == expected
    assert page_of(rows, page_of(rows, first.after, size=4).before, size=4).has_before


@pytest.mark.parametrize(
    "place",
    ["3", "after", "after-", "after-x", "beside-1", "after-99999999999999999999", "before-0"],
)
@pytest.mark.parametrize("order", [["-cancelled_at", "-pk"], ["-amount", "-pk"]])
def test_place_that_is_none_is_refused(pledges, place, order):
    with pytest.raises(NoSuchPlace):
        page_of(pledges.order_by(*order), place, size=4)


def test_empty_table_is_an_empty_page(django_assert_num_queries):
    with django_assert_num_queries(1):
        page = page_of(Account.objects.order_by("-pk"), START, size=4)

    assert (page.rows, page.count, page.before, page.after) == ([], 0, "", "")
    assert page_of(Account.objects.order_by("-pk"), LAST, size=4) == page


def test_page_and_count_take_one_query(pledges, django_assert_num_queries):
    rows = pledges.order_by("-amount", "-pk")
    with django_assert_num_queries(1):
        page = page_of(rows, START, size=4)
    assert page.count == 13
    with django_assert_num_queries(1):
        page = page_of(rows, page.after, size=4)
    assert page.count == 13
    before = page_of(rows, LAST, size=4).before
    with django_assert_num_queries(1):
        assert page_of(rows, before, size=4).count == 13


def test_counting_ends_above_what_pages_write():
    Account.objects.bulk_create(
        Account(code=f"cash:{n}", kind="asset", place="cash", currency="EUR")
        for n in range(MOST + 5)
    )

    assert page_of(Account.objects.order_by("pk"), START, size=4).count == MOST + 1
    assert (
        page_of(Account.objects.filter(code__lt="cash:10").order_by("pk"), START, size=4).count == 2
    )
