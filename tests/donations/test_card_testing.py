"""A storm of stolen cards: two thousand attempts, the stand-in for Stripe, the real database; and who stands in it."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from defensefund import challenges
from donations import attempts, checkout, jobs, pausing
from donations.attempts import BUDGETS, Attempt, ProofWanted
from donations.models import Decline, Donation, PaymentPause, Pledge
from donations.sandbox import acts, deliveries
from donations.sandbox.models import SandboxObject
from tests import factories
from tests.defensefund.challenge_answers import solve
from tests.donations.test_forms import form_with
from tests.donations.test_promise_pages import filled

pytestmark = pytest.mark.django_db

GIVE = "/en/sample/donate/?currency=EUR"
SHARED = "185.220.101.0"  # the network of an exit of Tor, with many people behind it
ATTEMPTS, AT_MOST = 2000, 40
CARD = BUDGETS[Pledge.Method.CARD]


@pytest.fixture
def appeal():
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", appeal=appeal)
    factories.make_bank_account("EUR", takes_gifts=True, holder="Sample fund")
    return appeal


def networks():
    """500 of them, each of one address, and by turns the shared one."""
    for number in range(ATTEMPTS):
        single = number // 2 % 500
        yield SHARED if number % 2 else f"45.{single // 250}.{single % 250}.0"


def to_stripe(attempt, appeal, *, at):
    """What the page does with a form that is in order; the identifier of Stripe's session."""
    paused = PaymentPause.objects.paused_methods("EUR")
    attempts.admit(attempt, paused=paused, at=at)
    gift = checkout.Gift(
        appeal=appeal,
        fund=appeal.funds.get(),
        method=attempt.method,
        amount=Decimal(3),
        currency="EUR",
        email="",
        language="en",
    )
    url = checkout.start(checkout.promise(gift, uuid=attempt.subject, at=at), at=at)
    return urlsplit(url).path.strip("/").split("/")[-1]


def try_card(session, *, works, at):
    if works:
        acts.pay(session, at=at)
    else:
        acts.decline(session, code="insufficient_funds", at=at)


def storm(appeal, *, at, solves=False, work=lambda: None):
    """All the attempts. Of the cards tried at Stripe nine of ten are declined, which is told a few tries later."""
    there = refused = 0
    for network in networks():
        attempt = Attempt(uuid4(), Pledge.Method.CARD, "EUR", network)
        try:
            session = to_stripe(attempt, appeal, at=at)
        except ProofWanted as wanted:
            refused += 1
            if not solves:
                continue
            answered = replace(
                attempt, challenge=wanted.challenge.text, solution=solve(wanted.challenge)
            )
            try:
                session = to_stripe(answered, appeal, at=at)
            except attempts.Refusal:
                continue
        except attempts.Refusal:
            refused += 1
            continue
        there += 1
        try_card(session, works=there % 10 == 0, at=at)
        if there % 5 == 0:
            work()
    return there, refused


def sessions():
    return SandboxObject.objects.filter(kind="checkout.session").count()


def deliver_and_work():
    deliveries.deliver_due(at=timezone.now(), post=to_our_door)
    jobs.process_events()


def to_our_door(url, body, headers):
    """Posts a webhook to our door inside this process."""
    return (
        Client()
        .post(
            urlsplit(url).path,
            body,
            content_type="application/json",
            headers={"Stripe-Signature": headers["Stripe-Signature"]},
        )
        .status_code
    )


def test_storm_hardly_reaches_stripe_although_no_webhook_comes(appeal):
    there, refused = storm(appeal, at=timezone.now())

    assert (there, refused) == (CARD.free_everywhere, ATTEMPTS - CARD.free_everywhere)
    assert sessions() == Pledge.objects.count() == there <= AT_MOST


def test_storm_that_proves_itself_ends_when_cards_are_shut(appeal, inbox):
    treasurer = factories.make_user("tess", "treasurer", email="tess@example.org")
    factories.make_user("omar", "organizer", email="omar@example.org")
    at = timezone.now()

    there, _refused = storm(appeal, at=at, solves=True, work=deliver_and_work)

    assert sessions() == there <= AT_MOST
    pause = PaymentPause.objects.get()
    assert (pause.method, pause.currency, pause.paused_by) == ("card", "EUR", None)
    assert Decline.objects.count() >= pausing.TOO_MANY[0][1]
    # What was declined before a person opened it again counts no more.
    pausing.reopen(pause, reason="It is calm.", by=treasurer, at=timezone.now())
    assert pausing.pause_what_fails(at=timezone.now()) == []


# --- Somebody honest in the middle of it --------------------------------------------------------


class Visitor:
    """Sends the donate form from one address; the next time with what the page then carried."""

    def __init__(self, appeal, address="185.220.101.7", **typed):
        self.client = Client(REMOTE_ADDR=address)
        self.data = {**form_with(appeal).data} | typed
        self.answer = None

    def send(self, **changes):
        self.data |= changes
        self.answer = self.client.post(GIVE, self.data)
        if self.is_asked_for_proof:
            self.data["challenge"] = self.challenge.text
        return self

    @property
    def is_let_through(self):
        return self.answer.status_code == 302

    @property
    def is_asked_for_proof(self):
        return self.answer.status_code == 429 and self.answer.context["obstacle_name"] == "proof"

    @property
    def challenge(self):
        return self.answer.context["obstacle"].challenge

    def solve(self):
        return self.send(solution=solve(self.challenge))

    def wait(self):
        """A minute passes: the challenge is one that was set a minute before."""
        earlier = self.challenge.set_at - challenges.WAIT
        return self.send(challenge=replace(self.challenge, set_at=earlier).text)


@pytest.fixture
def crowd(appeal):
    """Many came from the shared address and from everywhere, in this span and, should it end now, in the next."""
    for at in (timezone.now(), timezone.now() + timedelta(minutes=1)):
        for number in range(2 * CARD.free_everywhere):
            network = SHARED if number % 2 else f"45.0.{number}.0"
            attempt = Attempt(uuid4(), Pledge.Method.CARD, "EUR", network)
            with suppress(ProofWanted):
                attempts.admit(attempt, paused=frozenset(), at=at)


def test_supporter_on_the_shared_address_gives_by_a_little_work(appeal, crowd):
    supporter = Visitor(appeal, email="ana@example.org", preset="other", amount="50").send()

    page = supporter.answer.content.decode()
    assert supporter.is_asked_for_proof
    assert 55 <= int(supporter.answer["Retry-After"]) <= 60
    assert ('value="ana@example.org"' in page, 'value="50"' in page) == (True, True)
    assert "proof.js" in page
    assert supporter.solve().is_let_through
    acts.pay(urlsplit(supporter.answer.url).path.strip("/").split("/")[-1], at=timezone.now())
    deliver_and_work()
    donation = Donation.objects.get()
    assert (donation.amount, donation.pledge.supporter.email) == (50, "ana@example.org")


def test_supporter_without_scripts_gives_by_a_minute_of_patience(appeal, crowd):
    supporter = Visitor(appeal).send()

    # Too early: the same challenge again, its time goes on.
    first = supporter.challenge
    assert supporter.send().is_asked_for_proof
    assert supporter.challenge == first
    assert "It was a little too early" in supporter.answer.content.decode()
    assert supporter.wait().is_let_through


def test_supporter_gives_by_transfer_at_once(appeal, crowd):
    supporter = Visitor(appeal).send()

    assert supporter.send(method="transfer").is_let_through
    assert Pledge.objects.get().method == "transfer"


def test_impatient_double_click_with_a_proof_is_one_gift(appeal, crowd):
    supporter = Visitor(appeal).send().solve()
    url = supporter.answer.url

    assert supporter.send().answer.url == url
    assert (Pledge.objects.count(), sessions()) == (1, 1)
    supporter.send()
    # Not for ever: each time Stripe is asked.
    assert supporter.send().is_asked_for_proof


def test_one_proof_is_good_for_one_gift(appeal, crowd):
    supporter = Visitor(appeal).send().solve()
    thief = Visitor(appeal)

    thief.send(challenge=supporter.data["challenge"], solution=supporter.data["solution"])
    assert thief.is_asked_for_proof
    # Nor for another amount under the same form.
    assert supporter.send(preset="50").is_asked_for_proof


def test_wrong_solution_is_asked_again(appeal, crowd):
    assert Visitor(appeal).send().send(solution="0" * 8).is_asked_for_proof


def test_everything_typed_wrong_keeps_the_proof(appeal, crowd):
    supporter = Visitor(appeal).send()
    number = solve(supporter.challenge)

    page = supporter.send(solution=number, email="ana@").answer.content.decode()

    assert supporter.answer.status_code == 422
    assert f'name="solution" value="{number}"' in page
    assert supporter.data["challenge"] in page


def test_way_back_to_the_payment_is_an_attempt_too(appeal, crowd):
    pledge = factories.make_pledge(appeal, appeal.funds.get())
    visitor = Visitor(appeal)
    path = f"/en/gift/{checkout.gift_path(pledge).split('/gift/')[1]}pay/"

    asked = visitor.client.post(path)

    assert asked.status_code == 429
    challenge = asked.context["obstacle"].challenge
    assert UUID(challenge.subject) == pledge.uuid
    answer = {"challenge": challenge.text, "solution": solve(challenge)}
    assert visitor.client.post(path, answer).status_code == 302


def test_nothing_is_asked_when_nothing_happens(appeal):
    supporter = Visitor(appeal)

    page = supporter.client.get(GIVE).content.decode()
    assert "proof.js" not in page
    assert supporter.send().is_let_through


def test_page_of_an_attempt_tells_no_log_who_came(appeal, crowd, caplog):
    Visitor(appeal, email="ana@example.org").send()

    assert "185.220" not in caplog.text
    assert "ana@example.org" not in caplog.text


def test_page_costs_one_query_more_and_giving_two(appeal, client, django_assert_num_queries):
    """Which ways are paused; and when it is sent, one statement that counts. One more asks which countries have a tax sentence."""
    with django_assert_num_queries(6) as looked:
        client.get(GIVE)
    assert sum("paymentpause" in query["sql"] for query in looked) == 1
    with CaptureQueriesContext(connection) as given:
        assert Visitor(appeal).send().is_let_through
    added = [q for q in given if "paymentpause" in q["sql"] or "defensefund_count" in q["sql"]]
    assert len(added) == 2
    assert not [q for q in given if "donations_decline" in q["sql"]]


def test_promises_by_the_thousand_are_asked_for_a_proof(appeal):
    client = Client(REMOTE_ADDR="185.220.101.7")
    answers = [
        client.post("/en/sample/promise/?currency=EUR", filled(appeal, confirmed="1"))
        for _i in range(BUDGETS[Pledge.Method.TRANSFER].free_here + 1)
    ]
    assert {answer.status_code for answer in answers[:-1]} == {302}
    assert answers[-1].status_code == 429
    assert "proof.js" in answers[-1].content.decode()
