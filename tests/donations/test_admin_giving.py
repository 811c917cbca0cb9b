import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from donations import erasure, receipts
from donations.models import StripeEvent
from donations.references import format_reference
from tests import factories
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW, log_in, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def treasurer(client):
    return log_in(client, make_user(None, "treasurer"))


def test_gift_page_tells_its_way_and_no_address(treasurer):
    pledge = factories.make_pledge(supporter=factories.make_supporter("rosa@example.org"))
    factories.make_checkout(pledge, session="cs_sample")
    donation = factories.make_donation(pledge)
    factories.make_receipt(donation, sent_at=NOW)

    page = treasurer.get(f"/admin/donations/pledge/{pledge.pk}/change/").content.decode()

    for part in ("cs_sample", donation.receipt_number, "€"):
        assert part in page
    assert "rosa@example.org" not in page


def test_forgotten_transfer_leads_to_the_bank_lines_that_may_still_name_who_gave(treasurer):
    pledge = factories.make_pledge(method="transfer", amount="1200")
    line = make_line("1200", counterparty="A namesake")
    path = f"/admin/donations/pledge/{pledge.pk}/change/"
    assert "is forgotten" not in treasurer.get(path).content.decode()

    erasure.forget(pledge, at=NOW)

    page = unescape(treasurer.get(path).content.decode())
    (link,) = re.findall(r'href="(/admin/donations/statementline/\?q=[^"]+)"', page)
    assert link.endswith("?q=1200.00%20EUR")
    assert list(treasurer.get(link).context["cl"].result_list) == [line]


def test_promise_shows_which_parts_are_paid(treasurer):
    pledge = factories.make_pledge(method="transfer", amount="90", frequency="monthly")
    for month in (4, 5, 6):
        pledge.instalments.create(due_on=NOW.date().replace(month=month), amount=30)
    factories.make_donation(pledge, amount=40, method="transfer")

    def states():
        page = treasurer.get(f"/admin/donations/pledge/{pledge.pk}/change/").content.decode()
        return re.findall(r'<td class="field-state">(.*?)</td>', page)

    assert states() == ["paid", "not here yet, €20.00 missing", "not here yet"]
    type(pledge).objects.update(cancelled_at=NOW)
    assert states() == ["paid", "called off, €20.00 missing", "called off"]


def test_pledge_is_found_by_its_reference(treasurer):
    wanted = factories.make_pledge(method="transfer")
    factories.make_pledge(method="transfer")

    page = treasurer.get(f"/admin/donations/pledge/?q={wanted.reference}").content.decode()

    assert page.count('class="action-select"') in (0, 1)
    assert f"/admin/donations/pledge/{wanted.pk}/change/" in page


@pytest.mark.parametrize(
    ("state", "shown"),
    [("waiting", {1, 2}), ("failing", {2}), ("refused", {3}), ("done", {4})],
)
def test_events_are_filtered_by_state(treasurer, state, shown):
    events = {
        1: factories.make_event(),
        2: factories.make_event(attempts=2, error="NotYet"),
        3: factories.make_event(refused_at=NOW, error="no"),
        4: factories.make_event(processed_at=NOW),
    }

    page = treasurer.get(f"/admin/donations/stripeevent/?state={state}").content.decode()

    found = {n for n, e in events.items() if f"/stripeevent/{e.pk}/change/" in page}
    assert found == shown
    words = {1: "waiting", 2: "failing, tried again", 3: "refused", 4: "acted on"}
    told = re.findall('class="field-state">([^<]*)', page)
    assert sorted(told) == sorted(words[number] for number in shown)
    assert "checkout.<wbr>session.<wbr>completed" in page


def test_treasurer_has_failed_events_tried_again(treasurer):
    refused = factories.make_event(refused_at=NOW, error="no", due_at=NOW + timedelta(days=900))
    done = factories.make_event(processed_at=NOW)

    page = treasurer.post(
        "/admin/donations/stripeevent/",
        {"action": "try_again", "_selected_action": [refused.pk, done.pk]},
        follow=True,
    ).content.decode()

    assert "1 event is tried again within a minute." in page
    assert "acted on already" in page
    again = StripeEvent.objects.get(pk=refused.pk)
    assert again.refused_at is None
    assert again.due_at < NOW + timedelta(days=900)


def test_auditor_cannot_have_events_tried_again(client):
    log_in(client, make_user(None, "auditor"))

    assert client.post("/admin/donations/stripeevent/", {"action": "try_again"}).status_code == 403


def test_mail_page_shows_letters_as_read(client):
    receipt = factories.make_receipt(
        factories.make_donation(
            factories.make_pledge(supporter=factories.make_supporter(), language="en")
        )
    )

    page = client.get("/mail/").content.decode()

    assert "<h2>Receipt</h2>" in page
    assert page.count("UTC") == 1
    issued = receipts.issue(receipt.donation, at=NOW)
    assert f"<h2>Receipt {issued.number}</h2>" in client.get("/mail/").content.decode()
    assert "ana@example.org" not in page


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("state=awaited", {"new"}),
        ("state=arrived", {"paid"}),
        ("state=paused", {"paused"}),
        ("state=cancelled", {"cancelled"}),
        ("from=2026-02-01&to=2026-02-28", {"paid"}),
    ],
)
def test_gifts_are_listed_by_state_and_day(treasurer, chosen, found):
    late = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    gifts = {
        "new": factories.make_pledge(),
        "paid": factories.make_pledge(created_at=late),
        "paused": factories.make_promise([(NOW.date(), "10")], paused_at=NOW),
        "cancelled": factories.make_promise([(NOW.date(), "10")], cancelled_at=NOW),
    }
    factories.make_donation(gifts["paid"])

    page = treasurer.get(f"/admin/donations/pledge/?{chosen}").content.decode()

    assert {
        name for name, gift in gifts.items() if f"/admin/donations/pledge/{gift.pk}/change/" in page
    } == found


@pytest.mark.parametrize("model", ["donation", "receipt"])
@pytest.mark.parametrize("typed", ["{number}", "{serial}", " {lower} "])
def test_receipt_number_finds_its_row(treasurer, model, typed):
    receipt, other = (receipts.issue(factories.make_donation(), at=NOW) for _i in range(2))
    typed = typed.format(number=receipt.number, serial=receipt.serial, lower=receipt.number.lower())

    page = treasurer.get(f"/admin/donations/{model}/", {"q": typed}).content.decode()

    row, another = (
        (receipt.pk, other.pk) if model == "receipt" else (receipt.donation_id, other.donation_id)
    )
    assert f"/admin/donations/{model}/{row}/change/" in page
    assert f"/admin/donations/{model}/{another}/change/" not in page


def test_transfer_reference_finds_the_donation(treasurer):
    pledge = factories.make_pledge(method="transfer")
    donation = factories.make_donation(pledge, method="transfer")
    other = factories.make_donation(factories.make_pledge(method="transfer"))

    page = treasurer.get(
        "/admin/donations/donation/", {"q": format_reference(donation.pledge.reference)}
    ).content.decode()

    assert f"/admin/donations/donation/{donation.pk}/change/" in page
    assert f"/admin/donations/donation/{other.pk}/change/" not in page
    # Of it its bank told the day alone, of a card payment Stripe the minute.
    for address in (f"donation/{donation.pk}", f"donation/{other.pk}", f"pledge/{pledge.pk}"):
        page = treasurer.get(f"/admin/donations/{address}/change/").content.decode()
        told = re.search(r"field-received\b.*?<time [^>]*>([^<]+)</time>", page, re.DOTALL)[1]
        assert told.endswith(" UTC") == (address == f"donation/{other.pk}")
