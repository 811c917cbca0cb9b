import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from donations.models import Decline, PaymentPause
from tests import factories
from tests.factories import NOW, log_in, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/donations/paymentpause/"


@pytest.fixture
def treasurer():
    return make_user("tess", "treasurer")


@pytest.fixture
def office(client, treasurer):
    return log_in(client, treasurer)


def words(response):
    return " ".join(response.content.decode().split())


def test_state_of_each_way_counts_the_last_hour(office):
    now = timezone.now()
    pledge = factories.make_pledge(currency="EUR")
    factories.make_checkout(pledge, created_at=now)
    factories.make_checkout(pledge, created_at=now - timedelta(hours=2))
    factories.make_donation(pledge, received_at=now)
    for number in range(3):
        Decline.objects.create(currency="EUR", declined_at=now, source=f"stripe:ch_{number}")

    page = office.get(LIST)

    way = page.context["ways"][0]
    assert (
        way.method,
        way.currency,
        way.begun,
        way.cards_tried,
        way.arrived,
        way.declined,
        way.percent_declined,
    ) == (
        "card",
        "EUR",
        1,
        4,
        1,
        3,
        75,
    )
    heads, first = re.findall(r"<tr>(.*?)</tr>", words(page).split('id="ways"')[1])[:2]
    assert re.findall(r'class="amount">([^<]+)<', heads) == [
        "Payments begun", "Cards tried", "Accepted", "Declined", "Share declined",
    ]  # fmt: skip
    assert re.findall(r'class="amount">([^<]+)<', first) == ["1", "4", "1", "3", "75 %"]
    # Its button is in sight on a phone: it stands below the state.
    assert f'open</span><br><a class="button" href="{LIST}pause/card/EUR/"' in words(page)


def test_treasurer_pauses_and_opens_with_reasons_on_record(office, treasurer):
    path = f"{LIST}pause/card/EUR/"
    assert "At once nobody can give this way" in words(office.get(path))

    refused = office.post(path, {"reason": " "})
    assert (refused.status_code, PaymentPause.objects.count()) == (200, 0)
    assert "Say why." in words(refused)
    assert office.post(path, {"reason": "Stolen cards."}).status_code == 302

    pause = PaymentPause.objects.get()
    assert (pause.method, pause.currency, pause.reason, pause.paused_by) == (
        "card",
        "EUR",
        "Stolen cards.",
        treasurer,
    )
    # Pressed by another in the same minute: nothing more happens, and they are told.
    again = office.post(path, {"reason": "Me too."}, follow=True)
    assert "This way to give is paused already." in words(again)

    opened = office.post(f"{LIST}{pause.pk}/reopen/", {"reason": "It is calm."}, follow=True)
    assert "Card, EUR: open again." in words(opened) or "card, EUR: open again." in words(opened)
    pause.refresh_from_db()
    assert (pause.reopened_by, pause.reopening_reason) == (treasurer, "It is calm.")
    assert LogEntry.objects.filter(object_id=str(pause.pk)).count() == 2


def test_unknown_way_is_no_page(office):
    for way in ("cash/EUR", "card/ZZZ"):
        assert office.get(f"{LIST}pause/{way}/").status_code == 404


def test_pause_tells_its_story(office):
    pause = factories.make_pause(paused_by=None, method="card", reason="20 of 20 in 1 h")

    page = words(office.get(f"{LIST}{pause.pk}/change/"))

    assert "Paused by itself" in page
    assert "20 of 20 cards were declined within 1 h." in page
    listed = words(office.get(LIST))
    assert "20 of 20 cards were declined within 1 h." in listed
    assert "<span>1 pause</span>" in listed
    assert "Waits for a person to open it again" in page
    assert f"{LIST}{pause.pk}/reopen/" in page


def test_gift_page_shows_its_declined_cards(office):
    pledge = factories.make_pledge()
    Decline.objects.create(
        pledge=pledge,
        currency="EUR",
        code="insufficient_funds",
        declined_at=NOW,
        source="stripe:ch_1",
    )

    assert "insufficient_funds" in words(office.get(f"/admin/donations/pledge/{pledge.pk}/change/"))
