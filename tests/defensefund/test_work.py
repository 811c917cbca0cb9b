"""The office's first page: what waits for whom, counted at one cost, and each line leads to the list it counts."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from appeals import publishing
from appeals.models import Appeal
from defensefund import work
from donations.models import Account, AccountKey
from tests import factories
from tests.appeals.factories import make_figure, make_update
from tests.donations.reconciliation.files import make_line
from tests.donations.spending import Ready, allocate, approve, make_ready, request
from tests.factories import NOW, give, log_in, make_user

pytestmark = pytest.mark.django_db

WAITING = {
    "organizer": [
        ("update in draft, to submit", "updates in draft, to submit"),
        ("update reviewed, to be published", "updates reviewed, to be published"),
        ("case with a hearing within seven days", "cases with a hearing within seven days"),
    ],
    "approver": [
        ("update to review", "updates to review"),
        ("update reviewed, to be published", "updates reviewed, to be published"),
        ("case with a hearing within seven days", "cases with a hearing within seven days"),
        ("payment to approve", "payments to approve"),
    ],
    "treasurer": [
        ("case with a hearing within seven days", "cases with a hearing within seven days"),
        (
            "public appeal that takes no gifts: it has no fund",
            "public appeals that take no gifts: they have no fund",
        ),
        ("bank line to match", "bank lines to match"),
        ("approved payment to make", "approved payments to make"),
        (
            "fund still frozen though gifts have refilled it",
            "funds still frozen though gifts have refilled them",
        ),
        ("dispute to answer", "disputes to answer"),
        (
            "legal cost due within seven days, or overdue",
            "legal costs due within seven days, or overdue",
        ),
        (
            "legal cost without all its money set aside",
            "legal costs without all their money set aside",
        ),
        ("legal cost to ask payment for", "legal costs to ask payment for"),
        (
            "message of Stripe refused: nothing was booked",
            "messages of Stripe refused: nothing was booked",
        ),
        (
            "message of Stripe failed and is tried again",
            "messages of Stripe failed and are tried again",
        ),
        (
            "letter could not be sent and is tried again",
            "letters could not be sent and are tried again",
        ),
    ],
    "auditor": [],
}
WAITING["organizer"].append(("figure to confirm", "figures to confirm"))


def make_waiting(rows):
    """`rows` of everything that waits, asked for and written by people who are not looking."""
    r = Ready()
    soon = timezone.now().date() + timedelta(days=3)
    r.treasurer, r.approver, r.bank = make_user(), make_user(), factories.make_bank_account()
    for _row in range(rows):
        r.case = factories.make_case(by=r.treasurer)
        r.fund = factories.make_fund("case", case=r.case)
        r.cost = factories.make_cost(r.case, owed="1000", by=r.treasurer, due_on=soon)
        # What is heard later, or was.
        r.case.hearings.create(held_on=soon)
        other = factories.make_case(r.case.appeal, by=r.treasurer)
        other.hearings.create(held_on=soon - timedelta(days=30))
        other.hearings.create(held_on=soon + timedelta(days=30))
        r.document = factories.make_document(r.cost)
        give(r.fund, "1000", into=AccountKey.bank(r.bank))
        allocate(r, "500")
        request(r, "100")
        approve(r, request(r, "200"))
        Account.objects.filter(fund=r.fund).update(frozen_at=NOW)
        make_line("25")
        factories.make_dispute()
        factories.make_event(attempts=2, error="No answer.")
        factories.make_event(refused_at=NOW, error="Another amount.")
        factories.make_receipt(attempts=3, error="mailbox full")
        # Its appeal; the dispute's has no fund.
        factories.make_fund("appeal", appeal=Appeal.objects.latest("pk"))
        _draft, submitted, reviewed = (
            make_update(r.case.appeal, by=r.treasurer) for _i in range(3)
        )
        for update in (submitted, reviewed):
            publishing.submit(update=update, by=r.treasurer, at=NOW)
        seen = reviewed.content_hash()
        publishing.review(update=reviewed, seen_hash=seen, by=r.approver, at=NOW)
        make_figure(r.case.appeal)


def enter(user):
    client = log_in(Client(headers={"accept-language": "en"}), user)
    client.get("/admin/donations/")  # the session's own bookkeeping
    return client


def lines_of(client):
    """Each line of the page: where it leads, how many, what."""
    return re.findall(
        r'<li><a href="([^"]+)"><span class="count">([^<]+)</span> ([^<]+)</a></li>',
        client.get("/admin/").content.decode(),
    )


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("role", "queries"), [("organizer", 6), ("approver", 9), ("treasurer", 9), ("auditor", 8)]
)
def test_each_role_sees_what_waits_for_it(role, queries, rows, django_assert_num_queries):
    make_waiting(rows)
    client = enter(make_user("somebody", role))

    with django_assert_num_queries(queries):
        found = lines_of(client)

    assert [(count, words) for _url, count, words in found] == [
        (str(rows), one if rows == 1 else many) for one, many in WAITING[role]
    ]
    for url, count, _words in found:
        page = client.get(url)
        assert page.status_code == 200
        if "cl" in page.context:
            assert page.context["cl"].result_count == int(count)


def test_nothing_waiting_is_said(client):
    page = log_in(client, make_user("tess", "treasurer")).get("/admin/").content.decode()

    assert "Nothing waits for you." in page


def test_own_requests_and_texts_wait_for_others():
    r = make_ready()
    r.treasurer = make_user("both", is_superuser=True)
    allocate(r, "1000")
    request(r, "1000")
    update = make_update(r.case.appeal, by=r.treasurer)
    publishing.submit(update=update, by=r.treasurer, at=NOW)

    own, others = ([words for _url, _count, words in lines_of(enter(user))] for user in (
        r.treasurer, make_user("april", "approver"),
    ))  # fmt: skip

    assert own == []
    assert others == ["update to review", "payment to approve"]


def test_count_stops_where_it_costs_more_than_it_says(monkeypatch):
    monkeypatch.setattr(work, "MOST", 2)
    for _row in range(4):
        factories.make_event(refused_at=NOW, error="Another amount.")

    found = lines_of(enter(make_user("tess", "treasurer")))

    assert [(count, words) for _url, count, words in found] == [
        ("2+", "messages of Stripe refused: nothing was booked")
    ]
