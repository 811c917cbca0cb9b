"""The office's pages of months: two people close one by buttons, and each refusal is a sentence on the page."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from donations import past, periods, reports
from donations.models import Account, AccountKey, Period
from tests.donations.reconciliation.files import make_account
from tests.donations.test_periods import AT, FIRST_LINES, JANUARY, match_all, take
from tests.factories import give, log_in, make_fund, make_user


@pytest.fixture
def treasurer(client, db):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return make_user("rosa", "treasurer")


@pytest.fixture
def january(treasurer):
    account = make_account()
    take(account, *FIRST_LINES, closing="96")
    match_all(account, treasurer)
    periods.begin_due(at=AT)
    return Period.objects.get(month=JANUARY)


def page(period, act="change"):
    return f"/admin/donations/period/{period.pk}/{act}/"


def press(client, period, act, **data):
    return client.post(page(period, act), data, follow=True).content.decode()


def test_two_people_close_a_month_by_buttons(client, treasurer, january):
    log_in(client, treasurer)
    assert "Every total of the books holds." in press(client, january, "verify")
    refused = press(client, january, "reconcile")
    assert "its statements end on January 20, 2026" in refused
    typed = press(client, january, "balance", account=bank_pk(), stated="95,00")
    assert "read by a person says €95.00, the books say €96.00" in typed
    assert "It agrees with the books." in press(
        client, january, "balance", account=bank_pk(), stated="96"
    )
    assert "Each balance agrees" in press(client, january, "reconcile")
    assert "Asked: another person closes it." in press(client, january, "request")
    assert "another person must close it" in client.get(page(january, "close")).content.decode()

    log_in(client, make_user("ines", "approver"))
    assert "January 2026 is closed." in press(client, january, "close")

    shown = client.get(page(january)).content.decode()
    assert "Closed by ines" in shown
    assert "rosa asked to close it" in shown
    assert '<li aria-current="page">January 2026</li>' in shown
    spanish = client.get(page(january), headers={"accept-language": "es"}).content.decode()
    assert '<li aria-current="page">enero 2026</li>' in spanish
    january.refresh_from_db()
    assert january.sha256 in shown
    statement = b"".join(client.get(page(january, "statement"))).decode()
    assert statement == "".join(reports.canonical(JANUARY))


def test_month_that_cannot_be_closed_yet_says_why_and_offers_nothing(client, treasurer, january):
    log_in(client, treasurer)
    this = Period.objects.create(month=timezone.now().date().replace(day=1))
    later = "The month is not over: it can be closed from"

    shown = client.get(page(this)).content.decode()
    assert later in shown
    assert "Verify the totals" not in shown
    assert later in client.get(page(this, "verify")).content.decode()
    shown = client.get(page(Period.objects.get(month=date(2026, 2, 1)))).content.decode()
    assert "January 2026 is open: close that first." in shown
    assert "Verify the totals" in client.get(page(january)).content.decode()


def test_month_of_an_older_fact_is_there_at_once_and_named_where_it_stands_in_the_way(
    client, treasurer, january
):
    """Months begin at night; an older entry may come by day."""
    log_in(client, treasurer)
    give(make_fund(), "5", into=AccountKey.cash("EUR"), booked_on=date(2025, 12, 30))

    assert "December 2025 is open: close that first." in press(client, january, "verify")
    assert Period.objects.earliest("month").month == date(2025, 12, 1)


def test_months_of_a_past_are_asked_for_together_until_one_does_not_agree_and_closed_together(
    client, treasurer, january
):
    rows = ["kind,date,amount,currency,fund,place", "opening,2025-11-30,5,EUR,general,cash",
            "gift,2025-12-30,5,EUR,general,cash"]  # fmt: skip
    asked = past.request("\n".join(rows), name="p.csv", by=treasurer, at=AT)
    past.approve(asked, by=make_user(), at=AT)
    log_in(client, treasurer)

    asked = press(client, january, "request-up-to")
    again = client.get(page(january, "request-up-to")).content.decode()
    press(client, january, "balance", account=bank_pk(), stated="96")
    for step in ("reconcile", "request"):
        press(client, january, step)
    own = press(client, january, "close-up-to")
    log_in(client, make_user("ines", "approver"))
    closed = press(client, january, "close-up-to")

    assert "Asked: another person closes 2 months. January 2026: " in asked
    assert "its statements end on January 20, 2026" in asked
    assert "No earlier month is open." in again
    assert own.count("is closed") == 0
    assert "3 months are closed." in closed
    assert [p.month for p in Period.objects.closed().order_by("month")] == [
        date(2025, 11, 1), date(2025, 12, 1), JANUARY,
    ]  # fmt: skip


def bank_pk():
    return Account.objects.get(place="bank").pk


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [("", "Write the balance."), ("1.2.3", "Write"), ("-three", "Write")],
)
def test_balance_that_cannot_be_read_says_how_to_write_it(
    client, treasurer, january, stated, sentence
):
    log_in(client, treasurer)
    periods.verify(january, by=treasurer, at=AT)

    shown = press(client, january, "balance", account=bank_pk(), stated=stated)

    assert sentence in shown
    assert not january.assertions.exists()


@pytest.mark.parametrize("months", [1, 12])
def test_list_costs_the_same_with_one_month_and_twelve(
    client, treasurer, months, django_assert_num_queries
):
    log_in(client, treasurer)
    client.get("/admin/")
    for number in range(months):
        Period.objects.create(
            month=date(2025, number + 1, 1), verified_at=AT, verified_by=treasurer
        )

    with django_assert_num_queries(5):
        shown = client.get("/admin/donations/period/")

    assert len(shown.context["cl"].result_list) == months
    assert "January 2025" in shown.content.decode()


def test_first_page_counts_what_waits(client, treasurer, january):
    other = make_user("ines", "treasurer")
    log_in(client, other)
    assert "months are over and open" in client.get("/admin/").content.decode()
    periods.verify(january, by=treasurer, at=AT)
    periods.state_balance(
        january, account=Account.objects.get(place="bank"), stated=Decimal(96), by=treasurer, at=AT
    )
    periods.reconcile(january, by=treasurer, at=AT)
    periods.request_close(january, by=treasurer, at=AT)

    assert "month to close" in client.get("/admin/").content.decode()
    log_in(client, treasurer)
    assert "month to close" not in client.get("/admin/").content.decode()
