"""Ten thousand stored events of all kinds, acted on by one worker; beside a plain loop that books each by itself."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection, transaction

from donations import webhooks
from donations.models import (
    Decline,
    Dispute,
    Donation,
    Entry,
    FraudWarning,
    Letter,
    MonthlyCharge,
    Pledge,
    Refund,
    StripeEvent,
)
from donations.webhooks.processing import BATCH
from tests import factories
from tests.benchmarks.conftest import TURNS, in_turns
from tests.benchmarks.rows import multiply
from tests.stripe_events import CREATED

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
LATER = datetime(2030, 1, 1, tzinfo=UTC)
EVENTS = 10_000
PAYMENTS, GIFTS_OF_A_MONTH = 3_000, 200
# By type: (how many, object, facts, seconds after the payment it is about); SQL with n from 1 on.
A_GIFT = """jsonb_build_object('amount_total', '25.00', 'currency', 'EUR', 'payment_status', 'paid',
    'payment_intent', 'pi_bench_' || n, 'metadata', jsonb_build_object('pledge', '%s' || lpad(n::text, 12, '0')))"""
ONCE, MONTHLY = "00000000-0000-4000-8000-", "00000000-0000-4000-9000-"
OF_PAYMENT = "'payment_intent', 'pi_bench_' || n, 'currency', 'EUR', 'created', {created} + n * 10"
A_REFUND = (
    "jsonb_build_object('id', 're_' || n, 'status', '%s', 'amount', '5.00', " + OF_PAYMENT + ")"
)
A_DISPUTE = (
    "jsonb_build_object('id', 'du_' || n, 'status', '%s', 'amount', '25.00', 'reason', 'fraudulent', "
    + OF_PAYMENT
    + ")"
)
STANDING = """jsonb_build_object('id', 'sub_bench_' || {gift}, 'object', 'subscription', 'status', 'active', 'amount', '25.00',
    'currency', 'EUR', 'customer', 'cus_' || {gift}, 'paused', false, 'next_charge', {created} + 40 * 86400)"""
GIFT = f"((n - 1) % {GIFTS_OF_A_MONTH} + 1)"
MONTH = f"((n - 1) / {GIFTS_OF_A_MONTH})"
AN_INVOICE = f"""jsonb_build_object('amount_paid', '25.00', 'amount_due', '25.00', 'currency', 'EUR', 'status', 'paid',
    'created', {{created}} + {MONTH} * 31 * 86400, 'period_start', {{created}} + {MONTH} * 31 * 86400,
    'subscription', 'sub_bench_' || {GIFT}, 'payment_intent', 'pi_month_' || n, 'subscription_now', {STANDING},
    'metadata', jsonb_build_object('pledge', '{MONTHLY}' || lpad({GIFT}::text, 12, '0')))"""
KINDS = [
    ("checkout.session.completed", PAYMENTS, 1, "'cs_bench_' || n", A_GIFT % ONCE, 0),
    ("payment_intent.succeeded", 2850, 1, "'pi_bench_' || n", A_GIFT % ONCE, 0),
    ("refund.created", 500, 6, "'re_' || n", A_REFUND % "pending", 3600),
    ("refund.updated", 500, 6, "'re_' || n", A_REFUND % "succeeded", 3700),
    ("charge.dispute.created", 100, 30, "'du_' || n", A_DISPUTE % "needs_response", 4000),
    ("charge.dispute.funds_withdrawn", 100, 30, "'du_' || n", A_DISPUTE % "needs_response", 4000),
    ("charge.dispute.closed", 100, 30, "'du_' || n", A_DISPUTE % "lost", 9000),
    (
        "radar.early_fraud_warning.created",
        50,
        60,
        "'issfr_' || n",
        f"jsonb_build_object('fraud_type', 'misc', 'actionable', true, {OF_PAYMENT})",
        5000,
    ),
    (
        "payment_intent.payment_failed",
        600,
        5,
        "'pi_bench_' || n",
        f"jsonb_build_object('latest_charge', 'ch_no_' || n, 'decline_code', 'do_not_honor', {OF_PAYMENT})",
        0,
    ),
    ("checkout.session.expired", 400, 1, f"'cs_bench_' || ({PAYMENTS} + n)", A_GIFT % ONCE, 2000),
    ("invoice.paid", 1200, 1, "'in_' || n", AN_INVOICE, 20),
    (
        "customer.subscription.updated",
        600,
        1,
        f"'sub_bench_' || {GIFT}",
        STANDING,
        30,
    ),
]


def uuid(prefix):
    return f"('{prefix}' || lpad(n::text, 12, '0'))::uuid"


def make_events():
    """Made within the database, so that they leave no trace in this process's memory."""
    pledge = factories.make_pledge(supporter=factories.make_supporter())
    checkout = factories.make_checkout(pledge)
    subscription = factories.make_subscription(pledge)
    multiply(pledge, PAYMENTS + 400, uuid=uuid(ONCE))
    of_pledge = f"(SELECT id FROM donations_pledge WHERE uuid = {uuid('%s')})"
    multiply(
        checkout,
        PAYMENTS + 400,
        pledge_id=of_pledge % ONCE,
        stripe_session_id="'cs_bench_' || n",
        idempotency_key="'key-' || n",
    )
    checkout.delete()
    for n in range(1, GIFTS_OF_A_MONTH + 1):
        Pledge.objects.create(
            uuid=f"{MONTHLY}{n:012}",
            frequency="monthly",
            **{
                name: getattr(pledge, name)
                for name in ("appeal", "fund", "supporter", "method", "amount", "currency")
            },
            language="en",
            created_at=pledge.created_at,
        )
    multiply(
        subscription,
        GIFTS_OF_A_MONTH,
        pledge_id=of_pledge % MONTHLY,
        stripe_subscription_id="'sub_bench_' || n",
    )
    subscription.delete()
    event = factories.make_event(facts={})
    for type_, count, every, name, facts, after in KINDS:
        reads = type_ in webhooks.processing.READS
        # What Stripe has to be asked for is there: its answers are not what is measured.
        multiply(
            event,
            count,
            every=every,
            event_id=f"'evt_{type_}_' || n",
            type=f"'{type_}'",
            object_id=name,
            facts=facts.format(created=CREATED, gift=GIFT),
            created_at=f"to_timestamp({CREATED} + n * 10 + {after})",
            read_at="due_at" if reads else "NULL",
        )
    event.delete()


@pytest.fixture
def plain():
    """The reference: each event by itself, found, a row and an entry written for it, marked; one commit. No rules at all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_stored (id bigint PRIMARY KEY, type text, facts jsonb, processed_at timestamptz);"
            "CREATE TABLE bench_gift (payment text PRIMARY KEY, amount numeric(18, 3), currency text, received_at timestamptz);"
            "CREATE TABLE bench_entry (id bigserial PRIMARY KEY, source text UNIQUE, amount numeric(18, 3), booked_on date);"
            "INSERT INTO bench_stored SELECT row_number() OVER (ORDER BY created_at, id), type, facts FROM donations_stripeevent"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_stored, bench_gift, bench_entry")


class Loop:
    def __init__(self):
        self.number = 0

    def __call__(self):
        for _i in range(BATCH):
            self.number += 1
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT facts->>'currency' FROM bench_stored WHERE id = %s FOR UPDATE",
                    [self.number],
                )
                currency = cursor.fetchone()[0]
                cursor.execute(
                    "INSERT INTO bench_gift VALUES (%s, 25, %s, now()) ON CONFLICT DO NOTHING",
                    [f"pi_{self.number}", currency],
                )
                cursor.execute(
                    "INSERT INTO bench_entry (source, amount, booked_on) VALUES (%s, 25, now())",
                    [f"stripe:pi_{self.number}"],
                )
                cursor.execute(
                    "UPDATE bench_stored SET processed_at = now() WHERE id = %s", [self.number]
                )


def memory():
    """What this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.fixture
def stored(db):
    make_events()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_ten_thousand_stored_events(stored, plain, row):
    assert StripeEvent.objects.count() == EVENTS
    queries, held = 0, []

    def count(execute, sql, params, many, context):
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    def ours():
        with connection.execute_wrapper(count):
            assert webhooks.process_pending(at=LATER) == BATCH
        held.append(memory())

    batches = EVENTS // BATCH // (TURNS + 1)
    rates = in_turns(ours, Loop(), batches)
    while StripeEvent.objects.pending(LATER).exists():
        webhooks.process_pending(at=LATER)
    held.append(memory())

    assert StripeEvent.objects.filter(processed_at__isnull=False, error="").count() == EVENTS
    assert [model.objects.count() for model in (Donation, Entry, Letter)] == [4200, 4200, 4200]
    assert [model.objects.count() for model in (Refund, Dispute, FraudWarning)] == [500, 100, 50]
    assert [model.objects.count() for model in (Decline, MonthlyCharge)] == [600, 1200]
    rate, each = rates.ours * BATCH, queries / (len(held) - 1) / BATCH
    grown = held[-1] / held[0] - 1
    row("stored events a second, one worker", f"{rate:.0f}/s", "≥ 400/s", "10,000 of twelve types")
    row(
        "the same / plain loop",
        f"{rates.ratio:.2f}",
        "≥ 0.70",
        f"loop {rates.reference * BATCH:.0f}/s",
    )
    row("queries an event", f"{each:.2f}", "≤ 6", "in batches")
    row("memory grown meanwhile", f"{grown:.1%}", "≤ 5 %", f"{held[0]:.0f} → {held[-1]:.0f} MB")
    assert rate >= 400
    assert rates.ratio >= 0.7
    assert each <= 6
    assert grown <= 0.05
