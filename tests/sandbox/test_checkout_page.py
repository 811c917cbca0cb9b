"""The stand-in's payment page, as a supporter meets it."""

from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from donations.sandbox import acts
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import in_minutes, open_session

pytestmark = pytest.mark.django_db


def path_of(session):
    return f"/sandbox/checkout/{session.id}/"


def kept(session):
    return SandboxObject.objects.get(id=session.id).data


def pay(client, session, card="4242", **more):
    return client.post(path_of(session), {"card": card} | more)


def test_session_leads_to_the_page_that_says_what_it_is(client, settings):
    session = open_session(email="ana@example.org", fee_cover=Decimal("0.70"))

    page = client.get(path_of(session))

    text = page.content.decode()
    assert session.url == f"{settings.SITE_URL}{path_of(session)}"
    assert page["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    for part in (
        "TEST",
        "No card is charged",
        "Sample fund",
        "€25.50",
        "€0.70",
        "€26.20",
        "noindex",
    ):
        assert part in text, part
    assert '<a href="http://127.0.0.1:8000/back">' in text
    assert "ana@example.org" not in text


def test_page_speaks_the_language_of_the_session(client):
    assert 'lang="es"' in client.get(path_of(open_session(locale="es"))).content.decode()
    assert 'lang="en"' in client.get(path_of(open_session(locale="en"))).content.decode()
    unknown = path_of(open_session(locale="gn"))
    assert 'lang="es"' in client.get(unknown, headers={"Accept-Language": "es"}).content.decode()
    assert 'lang="en"' in client.get(unknown, headers={"Accept-Language": "en"}).content.decode()


def test_good_card_pays_and_leads_back(client):
    session = open_session(success_url="http://127.0.0.1:8000/ok?session={CHECKOUT_SESSION_ID}")

    response = pay(client, session)

    assert (response.status_code, response.url) == (
        302,
        f"http://127.0.0.1:8000/ok?session={session.id}",
    )
    assert kept(session)["payment_status"] == "paid"


@pytest.mark.parametrize(
    ("card", "sentence"), [("0002", "declined this card"), ("9995", "not enough money")]
)
def test_declined_card_says_so_and_leaves_the_page_open(client, card, sentence):
    session = open_session()

    response = pay(client, session, card)

    assert (response.status_code, sentence in response.content.decode()) == (200, True)
    assert kept(session)["status"] == "open"
    assert pay(client, session).status_code == 302


def test_secure_card_asks_before_it_pays(client):
    session = open_session()

    asked = pay(client, session, "3155")
    assert (asked.status_code, "The bank asks" in asked.content.decode()) == (200, True)
    assert kept(session)["status"] == "open"
    refused = pay(client, session, "3155", answer="no")
    assert "was not confirmed" in refused.content.decode()
    assert pay(client, session, "3155", answer="yes").status_code == 302
    assert kept(session)["payment_status"] == "paid"


def test_debit_is_agreed_and_not_paid_yet(client):
    session = open_session()

    assert pay(client, session, "debit").status_code == 302
    assert (kept(session)["status"], kept(session)["payment_status"]) == ("complete", "unpaid")
    assert "bank's answer follows" in client.get(path_of(session)).content.decode().replace(
        "&#x27;", "'"
    )


@pytest.mark.parametrize(
    ("card", "sentence"), [("", "Choose a test card"), ("4111", "none of the test cards")]
)
def test_no_card_or_another_is_a_sentence(client, card, sentence):
    session = open_session()

    response = pay(client, session, card)

    assert (response.status_code, sentence in response.content.decode()) == (200, True)
    assert not SandboxObject.objects.filter(kind="charge").exists()


def test_page_of_a_paid_session_takes_no_second_payment(client):
    session = open_session()
    pay(client, session)

    again = pay(client, session)

    assert again.url == path_of(session)
    page = client.get(again.url).content.decode()
    assert "This payment is done" in page
    assert "http://127.0.0.1:8000/ok" in page
    assert "<form" not in page
    assert SandboxObject.objects.filter(kind="charge").count() == 1


def test_page_whose_time_is_over_says_so_whether_closed_or_not(client):
    closed, over = open_session(), open_session()
    acts.expire(closed.id, at=timezone.now())
    row = SandboxObject.objects.get(id=over.id)
    row.data["expires_at"] = int(in_minutes(-1).timestamp())
    row.save()

    for session in (closed, over):
        assert "time is over" in client.get(path_of(session)).content.decode()
        assert pay(client, session).url == path_of(session)
    assert not SandboxObject.objects.filter(kind="charge").exists()


def test_page_of_no_session_is_not_there(client):
    assert client.get("/sandbox/checkout/cs_none/").status_code == 404
    assert client.put(path_of(open_session())).status_code == 405


def test_another_site_cannot_pay_for_somebody():
    client = Client(enforce_csrf_checks=True)
    session = open_session()

    assert pay(client, session).status_code == 403
    token = client.get(path_of(session)).context["csrf_token"]
    assert pay(client, session, csrfmiddlewaretoken=str(token)).status_code == 302
