from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from procrastinate.contrib.django.models import ProcrastinateJob

from donations.jobs import write_new_link
from donations.link_views import MOST_HERE
from donations.models import Letter
from donations.tokens import STATEMENT_LIFE, gift_token, statement_path
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def form():
    with override("en"):
        return reverse("donations:new_link")


def jobs():
    return ProcrastinateJob.objects.filter(task_name="write_new_link")


def test_known_and_unknown_address_get_the_same_answer(client, form, django_assert_num_queries):
    factories.make_pledge(supporter=factories.make_supporter("ana@example.org"))
    answers = []
    for email in ("ana@example.org", "nobody@example.org"):
        with django_assert_num_queries(2):
            answers.append(client.post(form, {"email": email}).content)

    assert answers[0] == answers[1]
    assert jobs().count() == 2
    assert "example.org" not in str(list(jobs().values_list("args", flat=True)))


def test_job_writes_to_the_known_alone(form):
    supporter = factories.make_supporter("ana@example.org")
    factories.make_pledge(supporter=supporter)

    write_new_link(email_hash=supporter.email_hash)
    write_new_link(email_hash="0" * 64)

    assert [letter.kind for letter in Letter.objects.all()] == ["new_link"]


def test_one_network_cannot_ask_without_end(client, form):
    statuses = [
        client.post(form, {"email": "ana@example.org"}, REMOTE_ADDR="203.0.113.7").status_code
        for _i in range(MOST_HERE + 1)
    ]

    assert statuses == [200] * MOST_HERE + [429]
    other = client.post(form, {"email": "ana@example.org"}, REMOTE_ADDR="198.51.100.1")
    assert other.status_code == 200


def test_what_is_no_address_is_said_and_kept(client, form):
    response = client.post(form, {"email": "ana@"})

    assert response.status_code == 422
    assert 'value="ana@"' in response.content.decode()
    assert not jobs().exists()


@pytest.fixture
def gifts():
    supporter = factories.make_supporter()
    pledges = [factories.make_pledge(supporter=supporter, language="en") for _i in range(2)]
    for pledge in pledges:
        factories.make_donation(pledge)
    factories.make_donation(
        factories.make_pledge(supporter=factories.make_supporter("bea@example.org"))
    )
    return pledges


def test_statement_holds_all_gifts_of_the_supporter_and_nobody_elses(client, gifts):
    link = statement_path(gifts[0], 2026, at=timezone.now())

    page = client.get(link).content.decode()
    file = client.get(f"{link}statement.pdf")

    assert page.count("€25.00") == 2
    assert file["Content-Disposition"] == 'attachment; filename="2026.pdf"'
    assert (
        "No gift arrived"
        in client.get(statement_path(gifts[0], 2025, at=timezone.now())).content.decode()
    )


def test_statement_link_opens_nothing_else_and_not_for_ever(client, gifts):
    now = timezone.now()
    link = statement_path(gifts[0], 2026, at=now)
    token = link.rstrip("/").rsplit("/", 1)[1]
    with override("en"):
        others = [
            reverse("donations:gift", kwargs={"token": token}),
            reverse("donations:statement", kwargs={"token": gift_token(gifts[0])}),
            statement_path(gifts[0], 2026, at=now - STATEMENT_LIFE - timedelta(days=1)),
        ]

    assert [client.get(path).status_code for path in others] == [404, 404, 404]


def test_statement_link_is_closed_when_letters_go_elsewhere(client, gifts):
    link = statement_path(gifts[0], 2026, at=NOW)
    gifts[0].link_version += 1
    gifts[0].save()

    assert client.get(link).status_code == 404
