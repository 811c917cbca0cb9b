"""The edge to Stripe: the very bytes it sends, what it takes in, and how it says that something went wrong."""

import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import stripe
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from defensefund.gateway import WORKING, Gateway
from donations import currencies, stripe_api, stripe_facts
from donations.sandbox import contract
from donations.stripe_api import InvalidWebhook, StripeRefused, StripeUnavailable, connection
from tests.stripe_events import CREATED, event, signed

PLEDGE = UUID("0b9ff3d0-51cb-4d61-9b4c-9b0b3f8d7d11")
EXPIRES_AT = datetime(2026, 3, 10, 12, 31, tzinfo=UTC)
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "amount_total": 2550,
    "currency": "eur",
    "expires_at": int(EXPIRES_AT.timestamp()),
    "payment_intent": None,
    "payment_status": "unpaid",
    "status": "open",
    "url": "https://checkout.stripe.com/c/pay/cs_1",
}


class Wire(stripe.HTTPClient):
    """Stripe's end of the line: keeps what was sent, answers what it is told to."""

    name = "wire"

    def __init__(self, answer=None, status=200, error=None):
        super().__init__()
        self.answer, self.status, self.error, self.sent = answer or SESSION, status, error, []

    def request(self, method, url, headers, post_data=None):
        self.sent.append((method, url, headers, post_data))
        if self.error:
            raise self.error
        answer = self.answer.pop(0) if isinstance(self.answer, list) else self.answer
        return json.dumps(answer), self.status, {"request-id": "req_1"}

    def close(self):
        pass


@pytest.fixture
def wire(monkeypatch):
    def plug(**answers):
        line = Wire(**answers)
        client = stripe.StripeClient("sk_test_of_nobody", http_client=line)
        monkeypatch.setattr(connection, "_client", lambda *args, **kwargs: client)
        return line

    return plug


def open_session(**changes):
    return stripe_api.create_session(
        **{
            "idempotency_key": "checkout-1",
            "amount": Decimal("25.50"),
            "currency": "EUR",
            "description": "Fondo de muestra",
            "pledge_uuid": PLEDGE,
            "locale": "es",
            "success_url": "https://fund.example/gift/",
            "cancel_url": "https://fund.example/donate/",
            "expires_at": EXPIRES_AT,
        }
        | changes
    )


def test_session_is_asked_for_with_these_parameters(wire):
    line = wire()

    session = open_session(email="ana@example.org", fee_cover=Decimal("0.70"))

    [(method, url, headers, sent)] = line.sent
    assert (method, urlsplit(url).path) == ("post", "/v1/checkout/sessions")
    assert headers["Idempotency-Key"] == "checkout-1"
    assert contract.read(contract.tree(sent), SessionCreateParams) == {
        "mode": "payment",
        "submit_type": "donate",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": units,
                    "product_data": {"name": name},
                },
            }
            for name, units in [
                ("Fondo de muestra", 2550),
                ("Parte de las comisiones de tarjeta", 70),
            ]
        ],
        "allowed_payment_method_types": ["card"],
        "client_reference_id": str(PLEDGE),
        "metadata": {"pledge": str(PLEDGE)},
        "payment_intent_data": {
            "description": "Fondo de muestra",
            "metadata": {"pledge": str(PLEDGE)},
        },
        "adaptive_pricing": {"enabled": False},
        "locale": "es",
        "success_url": "https://fund.example/gift/",
        "cancel_url": "https://fund.example/donate/",
        "expires_at": int(EXPIRES_AT.timestamp()),
        "customer_email": "ana@example.org",
    }
    assert session == stripe_facts.Session(
        id="cs_1",
        url="https://checkout.stripe.com/c/pay/cs_1",
        status="open",
        payment_status="unpaid",
        amount=Decimal("25.50"),
        currency="EUR",
        payment_intent_id="",
        expires_at=EXPIRES_AT,
    )


def test_monthly_session_is_a_subscription_and_still_within_the_sdks_types(wire):
    line = wire()

    open_session(monthly=True)

    params = contract.read(contract.tree(line.sent[0][3]), SessionCreateParams)
    assert (params["mode"], params["subscription_data"]) == (
        "subscription",
        {"description": "Fondo de muestra", "metadata": {"pledge": str(PLEDGE)}},
    )
    assert params["line_items"][0]["price_data"]["recurring"] == {"interval": "month"}
    assert {"submit_type", "payment_intent_data"} & params.keys() == set()


def test_language_stripe_has_no_page_in_is_left_to_the_browser(wire):
    line = wire()

    open_session(locale="gn")

    assert parse_qs(line.sent[0][3])["locale"] == ["auto"]


def test_refund_is_asked_for_in_minor_units_under_its_own_key(wire):
    line = wire(
        answer={
            "id": "re_1",
            "object": "refund",
            "amount": 1000,
            "currency": "eur",
            "created": CREATED,
            "payment_intent": "pi_1",
            "status": "pending",
        }
    )

    number = UUID("11111111-2222-3333-4444-555555555555")
    refund = stripe_api.refund(
        idempotency_key="refund-1",
        number=number,
        payment_intent_id="pi_1",
        currency="EUR",
        amount=Decimal("10.00"),
    )

    [(_method, _url, headers, sent)] = line.sent
    assert headers["Idempotency-Key"] == "refund-1"
    assert contract.read(contract.tree(sent), RefundCreateParams) == {
        "payment_intent": "pi_1",
        "amount": 1000,
        "reason": "requested_by_customer",
        "metadata": {"refund": str(number)},
    }
    assert refund == {
        "id": "re_1",
        "object": "refund",
        "status": "pending",
        "amount": "10.00",
        "currency": "EUR",
        "created": CREATED,
        "payment_intent": "pi_1",
    }


def test_events_of_many_types_are_asked_for_twenty_types_at_a_time(wire):
    def page(id_):
        listed = event("payout.paid", {"id": "po_1", "object": "payout"}, id=id_)
        return {"object": "list", "data": [listed], "has_more": False, "url": "/v1/events"}

    line = wire(answer=[page("evt_1"), page("evt_2")])

    events = list(stripe_api.list_events(since=datetime(2026, 3, 1, tzinfo=UTC)))

    asked = [parse_qs(urlsplit(url).query) for _m, url, _h, _p in line.sent]
    types = [{v[0] for k, v in query.items() if k.startswith("types[")} for query in asked]
    assert [e.id for e in events] == ["evt_1", "evt_2"]
    assert [len(some) for some in types] == [20, len(stripe_facts.EVENT_TYPES) - 20]
    assert types[0] | types[1] == set(stripe_facts.EVENT_TYPES)
    assert {query["created[gte]"][0] for query in asked} == {"1772323200"}


def refusal(type_="invalid_request_error", **fields):
    return {"error": {"type": type_, "message": "No such thing as ana@example.org"} | fields}


@pytest.mark.parametrize(
    ("answers", "expected", "code"),
    [
        ({"answer": refusal(code="amount_too_small"), "status": 400}, StripeRefused, "amount_too_small"),
        ({"answer": refusal(), "status": 401}, StripeRefused, "AuthenticationError"),
        ({"answer": refusal(), "status": 403}, StripeRefused, "PermissionError"),
        ({"answer": refusal("idempotency_error"), "status": 400}, StripeRefused, "IdempotencyError"),
        ({"answer": refusal(code="lock_timeout"), "status": 409}, StripeUnavailable, "lock_timeout"),
        ({"answer": refusal(code="rate_limit"), "status": 429}, StripeUnavailable, "rate_limit"),
        ({"answer": refusal("api_error"), "status": 500}, StripeUnavailable, "APIError"),
        ({"error": stripe.APIConnectionError("ana@example.org")}, StripeUnavailable, "APIConnectionError"),
    ],
)  # fmt: skip
def test_error_becomes_ours_and_its_text_goes_nowhere(wire, caplog, answers, expected, code):
    wire(**answers)

    with pytest.raises(expected) as caught:
        open_session()

    assert str(caught.value) == code
    assert [
        record.levelname for record in caplog.records if record.name == connection.__name__
    ] == ["WARNING"]
    assert code in caplog.text
    assert "ana@" not in caplog.text


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("25.50", "EUR", 2550),
        ("1500", "CLP", 1500),
        ("1.250", "KWD", 1250),
        ("5", "UGX", 500),
        ("7.00", "ISK", 700),
        ("999000", "ARS", 99_900_000),
    ],
)
def test_amounts_are_exact_in_both_directions(amount, currency, units):
    assert stripe_facts.to_minor_units(Decimal(amount), currency) == units
    assert stripe_facts.from_minor_units(units, currency.lower()) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"), [("1500.5", "CLP"), ("1.005", "EUR"), ("1.255", "KWD"), ("0.5", "UGX")]
)
def test_amount_stripe_does_not_count_in_is_not_sent(wire, amount, currency):
    line = wire()

    with pytest.raises(ValueError, match=currency):
        open_session(amount=Decimal(amount), currency=currency)

    assert line.sent == []


def test_every_amount_the_form_takes_is_one_stripe_takes():
    for currency, giving in currencies.GIVING.items():
        assert giving.maximum <= stripe_facts.largest(currency), currency
        assert giving.minimum % stripe_facts.step(currency) == 0, currency
    assert stripe_facts.largest("ARS") == Decimal("999999.99")
    assert stripe_facts.largest("CLP") == Decimal("99999999")
    assert stripe_facts.largest("IDR") == Decimal("9999999999.99")


FULL_SESSION = SESSION | {
    "client_reference_id": str(PLEDGE),
    "created": CREATED,
    "custom_fields": [{"key": "note", "text": {"value": "for Ana"}}],
    "customer": "cus_1",
    "customer_details": {"email": "ana@example.org", "name": "Ana Ejemplo", "phone": "+54911"},
    "customer_email": "ana@example.org",
    "livemode": False,
    "metadata": {"pledge": str(PLEDGE), "note": "for Ana"},
    "mode": "payment",
    "payment_intent": {"id": "pi_1", "object": "payment_intent", "receipt_email": "ana@example.org"},
    "subscription": None,
}  # fmt: skip


def test_session_event_keeps_what_we_act_on_and_nobody_s_name():
    body, header = signed(event("checkout.session.completed", FULL_SESSION, id="evt_1"))

    assert stripe_api.parse_event(body, header) == stripe_facts.Event(
        id="evt_1",
        type="checkout.session.completed",
        created_at=datetime.fromtimestamp(CREATED, UTC),
        livemode=False,
        account="",
        api_version=stripe.api_version,
        object_id="cs_1",
        object_type="checkout.session",
        facts={
            "id": "cs_1",
            "object": "checkout.session",
            "amount_total": "25.50",
            "client_reference_id": str(PLEDGE),
            "created": CREATED,
            "currency": "EUR",
            "expires_at": int(EXPIRES_AT.timestamp()),
            "livemode": False,
            "metadata": {"pledge": str(PLEDGE)},
            "mode": "payment",
            "payment_intent": "pi_1",
            "payment_status": "unpaid",
            "status": "open",
            "subscription": None,
        },
    )


@pytest.mark.parametrize(
    ("subject", "facts"),
    [
        (
            {"id": "dp_1", "object": "dispute", "amount": 2550, "currency": "eur", "charge": "ch_1",
             "evidence": {"customer_name": "Ana"}, "evidence_details": {"due_by": 1, "has_evidence": False},
             "balance_transactions": [{"id": "txn_1", "object": "balance_transaction"}]},
            {"id": "dp_1", "object": "dispute", "amount": "25.50", "currency": "EUR", "charge": "ch_1",
             "due_by": 1, "balance_transactions": ["txn_1"]},
        ),
        (
            {"id": "pi_1", "object": "payment_intent", "amount": 1500, "currency": "clp",
             "last_payment_error": {"code": "card_declined", "decline_code": "lost_card", "message": "Ana"}},
            {"id": "pi_1", "object": "payment_intent", "amount": "1500", "currency": "CLP",
             "error_code": "card_declined", "decline_code": "lost_card"},
        ),
        (
            {"id": "po_1", "object": "payout", "amount": 700, "currency": "isk", "trace_id": {"value": "T1"}},
            {"id": "po_1", "object": "payout", "amount": "7.00", "currency": "ISK", "trace_id": "T1"},
        ),
        (
            {"id": "in_1", "object": "invoice", "customer_email": "ana@example.org", "parent":
             {"subscription_details": {"subscription": "sub_1", "metadata": {"pledge": str(PLEDGE)}}}},
            {"id": "in_1", "object": "invoice", "subscription": "sub_1", "metadata": {"pledge": str(PLEDGE)}},
        ),
        # An amount without its currency is no amount.
        ({"id": "ch_1", "object": "charge", "amount": 5}, {"id": "ch_1", "object": "charge"}),
        ({"id": "cus_1", "object": "customer", "name": "Ana", "created": 1}, {"id": "cus_1", "object": "customer"}),
    ],
)  # fmt: skip
def test_facts_by_type_of_object(subject, facts):
    assert stripe_facts.facts_of(subject) == facts


def test_secret_being_changed_is_taken_old_and_new(settings):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]

    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        body, header = signed(event("payout.paid", {"id": "po_1"}, id="evt_1"), secret=secret)
        assert stripe_api.parse_event(body, header).id == "evt_1"


PAYOUT = json.dumps(event("payout.paid", {"id": "po_1", "object": "payout"})).encode()


NOT_EVENTS = {
    "no header": (PAYOUT, None),
    "empty header": (PAYOUT, ""),
    "header without signature": (PAYOUT, "t=1"),
    "other secret": (PAYOUT, signed(PAYOUT, secret="whsec_other")[1]),
    "too old": (PAYOUT, signed(PAYOUT, timestamp=int(time.time()) - 301)[1]),
    "changed body": (PAYOUT + b" ", signed(PAYOUT)[1]),
    "not UTF-8": signed(b"\xff\xfe"),
    "not JSON": signed(b"{"),
    "a list": signed(b"[]"),
    "null": signed(b"null"),
    "no event": signed(b"{}"),
    "thin event": signed({"object": "v2.core.event", "id": "evt_1", "type": "v1.payout.paid"}),
    "no subject": signed(event("payout.paid", None)),
    "no time": signed(event("payout.paid", {"id": "po_1"}, created="soon")),
    "no such time": signed(event("payout.paid", {"id": "po_1"}, created=10**20)),
}


@pytest.mark.parametrize(("body", "header"), NOT_EVENTS.values(), ids=NOT_EVENTS)
def test_what_is_no_signed_event_is_an_invalid_webhook(body, header):
    with pytest.raises(InvalidWebhook):
        stripe_api.parse_event(body, header)


def test_client_is_made_once_for_the_same_settings(settings):
    first = stripe_api.client()
    settings.STRIPE_SANDBOX, settings.STRIPE_SECRET_KEY = False, "sk_test_of_nobody"
    other = stripe_api.client()

    assert stripe_api.client() is other
    assert other is not first
    assert stripe.enable_telemetry is False
    # Nothing is asked of Stripe here: only where it would be asked.
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    with pytest.raises(StripeUnavailable):
        stripe_api.retrieve_session("cs_1")


@pytest.mark.django_db
def test_sandbox_answers_what_the_edge_asks():
    session = open_session(expires_at=datetime.now(UTC) + timedelta(hours=1))

    assert stripe_api.retrieve_session(session.id) == session
    assert stripe_api.expire_session(session.id).status == "expired"
    with pytest.raises(StripeRefused):
        stripe_api.expire_session(session.id)
    [expired] = stripe_api.list_events(since=datetime.now(UTC) - timedelta(hours=1))
    assert (expired.type, expired.object_id) == ("checkout.session.expired", session.id)


def test_request_that_waits_for_stripe_keeps_nobody_from_the_site():
    """Stripe takes the line and says nothing: more requests than can work wait for it, and a page is answered all the same."""
    heard, lines, is_over = threading.Semaphore(0), [], threading.Event()
    hole = socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            line, _address = hole.accept()
            lines.append(line)
            if is_over.is_set():
                return
            heard.release()

    client = connection.PatientClient(timeout=30)
    url = f"http://127.0.0.1:{hole.getsockname()[1]}/v1/charges"

    def site(environ, start_response):
        if environ["PATH_INFO"] == "/give/":
            with pytest.raises(stripe.APIConnectionError):
                client.request("get", url, {})
        return [b"answered"]

    application = Gateway(site)
    give = ({"PATH_INFO": "/give/"}, None)
    threads = [threading.Thread(target=application, args=give) for _ in range(2 * WORKING)]
    for thread in [*threads, listener := threading.Thread(target=listen)]:
        thread.start()
    for _thread in threads:
        assert heard.acquire(timeout=30)

    assert application({"PATH_INFO": "/"}, None) == [b"answered"]

    is_over.set()
    socket.create_connection(hole.getsockname()).close()
    listener.join()
    for line in [*lines, hole]:
        line.close()
    for thread in threads:
        thread.join()


def test_answer_is_waited_for_no_longer_than_a_proxy_waits_for_a_page():
    tries = 3
    assert tries * max(connection.TIMEOUT) < 60
