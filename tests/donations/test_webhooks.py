import itertools
import json
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection
from django.test import Client

from donations import ledger, webhooks
from donations.models import (
    AccountKey,
    Checkout,
    Decline,
    Donation,
    Entry,
    Letter,
    Refund,
    StripeEvent,
)
from donations.sandbox.transport import SandboxHTTPClient
from tests import factories, stripe_events
from tests.factories import NOW
from tests.stripe_events import event
from tests.threads import in_parallel

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def process(at=LATER):
    while webhooks.process_pending(at=at):
        pass


def balances(fund, currency="EUR"):
    return (
        ledger.balance(AccountKey.stripe(currency)),
        ledger.balance(AccountKey.fund(fund, currency)),
    )


@pytest.mark.django_db
def test_paid_session_becomes_one_donation_entry_and_receipt(deliver):
    checkout = factories.make_checkout()
    paid = event("checkout.session.completed", stripe_events.session(checkout), id="evt_paid")

    assert deliver(paid).status_code == 200
    process()

    donation = Donation.objects.get()
    entry = Entry.objects.select_related("debit", "credit").get()
    assert (donation.pledge, donation.fund, donation.amount, donation.currency, donation.fee) == (
        checkout.pledge,
        checkout.pledge.fund,
        Decimal(25),
        "EUR",
        None,
    )
    assert (entry.kind, entry.debit.code, entry.credit.code, entry.amount, entry.booked_on) == (
        "donation",
        "stripe:EUR",
        f"fund:{checkout.pledge.fund.code}:EUR",
        Decimal(25),
        NOW.date(),
    )
    assert donation.source == entry.source == f"stripe:pi_{checkout.stripe_session_id}"
    letter = Letter.objects.get()
    assert (letter.kind, letter.pledge, letter.donation) == ("receipt", checkout.pledge, donation)
    checkout.refresh_from_db()
    assert checkout.completed_at == NOW
    kept = StripeEvent.objects.get()
    assert (kept.processed_at, kept.error) == (LATER, "")


@pytest.mark.django_db
def test_webhook_is_answered_before_session_language_and_form_token(deliver, client):
    client.handler.enforce_csrf_checks = True
    paid = event("checkout.session.completed", stripe_events.session(factories.make_checkout()))

    answer = deliver(paid)

    assert (answer.status_code, answer.cookies) == (200, {})
    assert not {"Vary", "Content-Language"} & set(answer.headers)
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.django_db
def test_webhook_keeps_nothing_that_names_a_person(deliver):
    checkout = factories.make_checkout()

    deliver(event("checkout.session.completed", stripe_events.session(checkout)))

    text = json.dumps(StripeEvent.objects.values("facts", "object_id", "error").get())
    assert "pi_" in text
    for word in ("ana@example.org", "Ana", "Ejemplo", "+54911"):
        assert word not in text


@pytest.mark.django_db
def test_gift_without_address_gets_no_letter(deliver):
    checkout = factories.make_checkout(factories.make_pledge())

    deliver(event("checkout.session.completed", stripe_events.session(checkout)))
    process()

    assert Donation.objects.count() == 1
    assert Letter.objects.count() == 0


@pytest.mark.django_db
def test_two_events_of_one_payment_are_one_donation(deliver):
    checkout = factories.make_checkout()
    subject = stripe_events.session(checkout)

    deliver(event("checkout.session.completed", subject))
    process()
    deliver(event("checkout.session.completed", subject))
    deliver(event("checkout.session.async_payment_succeeded", subject))
    process()

    assert Donation.objects.count() == Entry.objects.count() == Letter.objects.count() == 1
    assert StripeEvent.objects.filter(processed_at__isnull=False, error="").count() == 3


@pytest.mark.django_db
def test_bank_debit_is_booked_when_it_settles(deliver):
    checkout = factories.make_checkout()

    deliver(
        event(
            "checkout.session.completed",
            stripe_events.session(checkout, payment_status="unpaid"),
        )
    )
    process()
    checkout.refresh_from_db()
    assert checkout.completed_at
    assert not Donation.objects.exists()

    deliver(event("checkout.session.async_payment_succeeded", stripe_events.session(checkout)))
    process()
    assert balances(checkout.pledge.fund) == (Decimal(25), Decimal(25))


@pytest.mark.django_db
def test_failed_and_expired_sessions_are_noted(deliver):
    failed = factories.make_checkout()
    expired = factories.make_checkout(factories.make_pledge())

    deliver(event("checkout.session.async_payment_failed", stripe_events.session(failed)))
    deliver(event("checkout.session.expired", stripe_events.session(expired)))
    process()

    failed.refresh_from_db()
    expired.refresh_from_db()
    assert (failed.failed_at, expired.expired_at) == (NOW, NOW)
    assert not Donation.objects.exists()


@pytest.mark.django_db
def test_session_is_found_by_pledge_when_stripes_answer_was_lost(deliver):
    checkout = factories.make_checkout()
    subject = stripe_events.session(checkout)
    Checkout.objects.update(stripe_session_id=None)

    deliver(event("checkout.session.completed", subject))
    process()

    checkout.refresh_from_db()
    assert checkout.stripe_session_id == subject["id"]
    assert Donation.objects.get().pledge == checkout.pledge


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount_total": 2400}, "Paid 24.00, asked for 25.000."),
        ({"currency": "usd"}, "Paid in USD, pledged in EUR."),
        ({"payment_intent": None}, "The session is paid and names no payment."),
        ({"amount_total": None}, "The event names no amount_total."),
        ({"id": "cs_strange", "metadata": {}}, "No checkout of ours has this session."),
        (
            {"id": "cs_strange", "metadata": {"pledge": "x"}},
            "No checkout of ours has this session.",
        ),
    ],
)
def test_event_that_contradicts_us_is_kept_and_nothing_booked(deliver, changes, sentence):
    checkout = factories.make_checkout()
    subject = stripe_events.session(checkout) | changes

    assert deliver(event("checkout.session.completed", subject)).status_code == 200
    process()

    kept = StripeEvent.objects.get()
    assert (kept.error, kept.refused_at, kept.processed_at) == (sentence, LATER, None)
    assert not Donation.objects.exists()
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_live_event_on_a_test_key_is_kept_and_nothing_booked(deliver):
    checkout = factories.make_checkout()

    deliver(event("checkout.session.completed", stripe_events.session(checkout), livemode=True))
    process()

    assert StripeEvent.objects.get().error == "This is a live event and our key is a test key."
    assert not Entry.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("ours", ["acct_ours", ""])
def test_event_of_another_account_is_kept_and_nothing_booked(deliver, settings, ours):
    settings.STRIPE_ACCOUNT = ours
    checkout = factories.make_checkout()

    deliver(
        event("checkout.session.completed", stripe_events.session(checkout), account="acct_other")
    )
    process()

    assert StripeEvent.objects.get().error == "The event is of another Stripe account."
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_unknown_type_is_kept_and_answered_with_200(deliver):
    assert deliver(event("sunrise.observed", {"id": "sun_1", "object": "sun"})).status_code == 200
    process()

    kept = StripeEvent.objects.get()
    assert (kept.type, kept.object_id, kept.error) == ("sunrise.observed", "sun_1", "")
    assert kept.processed_at == LATER


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe not text",
        b"not json",
        b'["a", "list"]',
        b'{"object": "event"}',
        b'{"id": "evt_1", "object": "event", "type": "x", "created": 1, "livemode": false, "data": null}',
        b"{}",
        b"null",
        b"",
    ],
)
def test_signed_nonsense_is_refused_and_not_kept(deliver, body):
    assert deliver(body).status_code == 400
    assert not StripeEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("signing", [{"secret": "whsec_other"}, {"timestamp": 1_700_000_000}])
def test_wrong_or_old_signature_is_refused_without_a_query(
    deliver, signing, django_assert_num_queries
):
    with django_assert_num_queries(0):
        response = deliver(event("checkout.session.completed", {"id": "cs_1"}), **signing)

    assert (response.status_code, response.content) == (400, b"bad signature")


@pytest.mark.django_db
def test_missing_signature_is_refused(client):
    response = client.post("/stripe/webhook/", b"{}", content_type="application/json")

    assert response.status_code == 400


@pytest.mark.django_db
def test_both_secrets_work_while_one_is_replaced(deliver, settings):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]

    assert deliver(event("a.b", {"id": "1"}), secret="whsec_old").status_code == 200
    assert deliver(event("a.b", {"id": "2"}), secret="whsec_new").status_code == 200
    assert StripeEvent.objects.count() == 2


@pytest.mark.django_db
def test_body_over_the_limit_is_refused(deliver):
    response = deliver(event("a.b", {"id": "x" * 300_000}))

    assert response.status_code == 413
    assert not StripeEvent.objects.exists()


def test_webhook_takes_only_posts(client):
    assert client.get("/stripe/webhook/").status_code == 405


@pytest.mark.django_db
def test_new_event_is_one_query_and_asks_nobody(deliver, django_assert_num_queries, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a call out of the request")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(SandboxHTTPClient, "request", refuse)
    with django_assert_num_queries(1):
        deliver(event("checkout.session.completed", {"id": "cs_1"}, id="evt_1"))
    with django_assert_num_queries(1):
        deliver(event("checkout.session.completed", {"id": "cs_1"}, id="evt_1"))


@pytest.mark.django_db
def test_refund_before_its_donation_waits_and_is_booked_later(deliver):
    checkout = factories.make_checkout()
    payment = f"pi_{checkout.stripe_session_id}"

    deliver(event("refund.created", stripe_events.refund(payment, 1000, id="re_1")))
    webhooks.process_pending(at=LATER)
    waiting = StripeEvent.objects.get()
    assert (waiting.attempts, waiting.processed_at) == (1, None)
    assert waiting.error == "NotYet: The refunded donation is not booked yet."
    assert waiting.due_at == LATER + timedelta(seconds=30)

    deliver(event("checkout.session.completed", stripe_events.session(checkout)))
    process(at=LATER + timedelta(minutes=1))

    refund = Refund.objects.get()
    assert (refund.amount, refund.status, refund.source) == (Decimal(10), "succeeded", None)
    assert StripeEvent.objects.exclude(error="").count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order", list(itertools.permutations([("created", "pending"), ("updated", "succeeded"), ("failed", "failed")]))
)  # fmt: skip
def test_refund_told_in_any_order_is_one_and_has_come_as_far_as_it_has(deliver, order):
    checkout = factories.make_checkout()
    payment = f"pi_{checkout.stripe_session_id}"
    deliver(event("checkout.session.completed", stripe_events.session(checkout)))

    for name, status in (*order, *order):
        subject = stripe_events.refund(payment, 500, id="re_1", status=status)
        deliver(event(f"refund.{name}", subject | {"failure_reason": None}))
        process()

    assert Refund.objects.get().status == "failed"
    # The money is booked when it moves on Stripe's balance, not when it is told of.
    assert balances(checkout.pledge.fund) == (Decimal(25), Decimal(25))


@pytest.mark.django_db
def test_one_bad_event_holds_up_no_other(deliver):
    good, bad = factories.make_checkout(), factories.make_checkout(factories.make_pledge())
    # The fact is booked already with another amount: posting it again is refused by the ledger.
    subject = stripe_events.session(bad)
    factories.give(bad.pledge.fund, "7", source=f"stripe:{subject['payment_intent']}")

    deliver(event("checkout.session.completed", subject))
    deliver(event("checkout.session.completed", stripe_events.session(good)))
    webhooks.process_pending(at=LATER)

    assert Donation.objects.get().pledge == good.pledge
    failing = StripeEvent.objects.failing().get()
    assert (failing.attempts, failing.processed_at) == (1, None)
    assert failing.error.startswith("SourceConflict: ")


@pytest.mark.django_db
def test_batch_costs_few_queries_however_large(deliver, django_assert_max_num_queries):
    fund = factories.make_fund()
    appeal, supporter = factories.make_appeal(), factories.make_supporter()
    for _i in range(50):
        pledge = factories.make_pledge(appeal, fund, supporter=supporter)
        deliver(
            event(
                "checkout.session.completed",
                stripe_events.session(factories.make_checkout(pledge)),
            )
        )
    factories.give(fund, 1)

    with django_assert_max_num_queries(20):
        webhooks.process_pending(at=LATER)

    assert Donation.objects.count() == Letter.objects.count() == 50
    assert balances(fund) == (Decimal(1251), Decimal(1251))


@pytest.mark.django_db
def test_retry_looks_at_a_refused_event_afresh(deliver, settings):
    settings.STRIPE_ACCOUNT = "acct_wrong"
    checkout = factories.make_checkout()
    deliver(
        event("checkout.session.completed", stripe_events.session(checkout), account="acct_ours")
    )
    process()
    settings.STRIPE_ACCOUNT = "acct_ours"

    webhooks.retry(StripeEvent.objects.get(), at=LATER)
    process()

    kept = StripeEvent.objects.get()
    assert (kept.error, kept.refused_at, kept.processed_at) == ("", None, LATER)
    assert Donation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_event_delivered_eight_times_at_once_is_booked_and_receipted_once():
    checkout = factories.make_checkout()
    body, header = stripe_events.signed(
        event("checkout.session.completed", stripe_events.session(checkout))
    )

    def post_and_process(_number):
        response = Client().post(
            "/stripe/webhook/",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": header},
        )
        webhooks.process_pending(at=LATER)
        return response.status_code

    codes = in_parallel(8, post_and_process)
    process()

    assert codes == [200] * 8
    assert StripeEvent.objects.count() == 1
    assert Donation.objects.count() == Entry.objects.count() == Letter.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_handler_that_fails_first_and_succeeds_on_redelivery_books_once(deliver):
    paid = event("checkout.session.completed", stripe_events.session(factories.make_checkout()))
    deliver(paid)
    # The database refuses the first try half way through: after the donation, before the entry.
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'disk on fire'; END $$;"
            "CREATE TRIGGER fail_once BEFORE INSERT ON donations_entry EXECUTE FUNCTION fail_once()"
        )
    try:
        webhooks.process_pending(at=NOW.replace(year=2027))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER fail_once ON donations_entry; DROP FUNCTION fail_once()")
    failed = StripeEvent.objects.get()
    assert (failed.attempts, failed.processed_at) == (1, None)
    assert "disk on fire" in failed.error
    assert (Donation.objects.count(), Entry.objects.count(), Letter.objects.count()) == (0, 0, 0)

    assert deliver(paid).status_code == 200
    process()

    assert (Donation.objects.count(), Entry.objects.count(), Letter.objects.count()) == (1, 1, 1)
    assert StripeEvent.objects.get().error == ""


@pytest.mark.django_db(transaction=True)
def test_kept_event_wakes_the_worker_once_in_its_own_commit(deliver):
    for _i in range(3):
        deliver(event("a.b", {"id": "1"}))

    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name, status::text FROM procrastinate_jobs")
        assert cursor.fetchall() == [("process_events", "todo")]


# --- Declined cards -----------------------------------------------------------------------------


def declined(pledge=None, charge="ch_1", **fields):
    return event(
        "payment_intent.payment_failed",
        {
            "id": "pi_1",
            "object": "payment_intent",
            "amount": 2500,
            "created": stripe_events.CREATED,
            "currency": "eur",
            "last_payment_error": {
                "code": "card_declined",
                "decline_code": "insufficient_funds",
                "message": "Ana Ejemplo's card was declined.",
            },
            "latest_charge": charge,
            "metadata": {"pledge": str(pledge.uuid)} if pledge else {},
            "status": "requires_payment_method",
        },
        **fields,
    )


@pytest.mark.django_db
def test_declined_card_is_counted_once_for_each_try(deliver):
    pledge = factories.make_pledge()
    for charge in ("ch_1", "ch_1", "ch_2"):
        deliver(declined(pledge, charge))
    process()
    deliver(declined(pledge, "ch_2"))
    process()

    assert [
        (d.pledge, d.currency, d.code, d.declined_at, d.source)
        for d in Decline.objects.order_by("pk")
    ] == [
        (pledge, "EUR", "insufficient_funds", NOW, "stripe:ch_1"),
        (pledge, "EUR", "insufficient_funds", NOW, "stripe:ch_2"),
    ]
    assert Entry.objects.count() == 0


@pytest.mark.django_db
def test_declined_card_without_a_pledge_is_counted_too(deliver):
    deliver(declined(charge=None, id="evt_declined"))
    process()

    assert [(d.pledge, d.source) for d in Decline.objects.all()] == [(None, "stripe:evt_declined")]


@pytest.mark.parametrize(
    ("has_live_key", "event", "said"),
    [
        (True, {"processed_at": NOW}, ["donations.E005"]),
        (True, {"refused_at": NOW, "error": "Another mode."}, []),
        (True, {"processed_at": NOW, "livemode": True}, []),
        (False, {"processed_at": NOW}, []),
    ],
)
def test_live_key_is_refused_a_database_with_test_gifts(db, settings, has_live_key, event, said):
    settings.STRIPE_LIVEMODE = has_live_key
    factories.make_event(**event)

    found = run_checks(tags=[Tags.database], databases=["default"])

    assert [check.id for check in found] == said
