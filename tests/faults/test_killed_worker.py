"""A worker that dies in the middle of its work: nothing is lost, nothing is done twice."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from donations import ledger, stripe_api, webhooks
from donations.models import AccountKey, Donation, Entry, Letter, StripeEvent
from donations.proofs import prove
from donations.sandbox.transport import SandboxHTTPClient
from donations.webhooks.processing import LEASE
from tests import factories
from tests.donations.monthly_gifts import make_monthly
from tests.processes import environment
from tests.stripe_events import event, session, signed
from tests.threads import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
GIFTS = 20
# The advisory lock at which the trigger below waits.
BARRIER = 20_261


@pytest.fixture
def fund():
    return factories.make_fund()


def tell(fund, gifts=GIFTS):
    """So many paid gifts of 25, stored and not acted on."""
    appeal, supporter = factories.make_appeal(), factories.make_supporter()
    for _n in range(gifts):
        pledge = factories.make_pledge(appeal, fund, supporter=supporter)
        paid = session(factories.make_checkout(pledge))
        told = stripe_api.parse_event(*signed(event("checkout.session.completed", paid)))
        webhooks.receive(told, at=timezone.now())


@contextmanager
def in_the_middle(what):
    """Something happens in the database when a batch's entries are written: after its donations, before its letters' job."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION interrupt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {what}; RETURN NEW; END $$;"
            "CREATE TRIGGER interrupt BEFORE INSERT ON donations_entry EXECUTE FUNCTION interrupt()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER interrupt ON donations_entry; DROP FUNCTION interrupt()")


def start_worker(*options):
    """The real worker, in a process of its own, on this test's database."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "work", *options],
        cwd=settings.BASE_DIR,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def is_anybody_waiting():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted",
            [BARRIER],
        )
        return cursor.fetchone()[0] > 0


def check_all_booked_once(fund, gifts=GIFTS):
    assert Donation.objects.count() == Entry.objects.count() == Letter.objects.count() == gifts
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 25 * gifts
    assert not StripeEvent.objects.filter(processed_at=None).exists()
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_worker_killed_in_the_middle_of_a_batch_loses_nothing_and_doubles_nothing(fund):
    tell(fund)
    params = {
        k: v
        for k, v in connection.get_connection_params().items()
        if k in {"host", "user", "dbname"}
    }
    with in_the_middle(f"PERFORM pg_advisory_xact_lock({BARRIER})"):
        with psycopg.connect(**params, autocommit=True) as barrier:
            barrier.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
            worker = start_worker()
            try:
                wait_until(is_anybody_waiting, 60)
            finally:
                worker.send_signal(signal.SIGKILL)
                worker.wait()
        # Its half of a batch is rolled back by the database as soon as that notices.
        wait_until(lambda: not is_anybody_waiting(), 60)
    assert not Donation.objects.exists()
    assert StripeEvent.objects.filter(processed_at=None).count() == GIFTS

    assert start_worker("--once").wait(60) == 0

    check_all_booked_once(fund)


def test_connection_lost_in_the_middle_of_a_batch_loses_nothing_and_doubles_nothing(fund):
    tell(fund)
    with (
        in_the_middle("PERFORM pg_terminate_backend(pg_backend_pid())"),
        pytest.raises(OperationalError),
    ):
        webhooks.process_pending(at=timezone.now())
    assert not Donation.objects.exists()
    assert StripeEvent.objects.filter(processed_at=None, attempts=0, error="").count() == GIFTS

    while webhooks.process_pending(at=timezone.now()):
        pass

    check_all_booked_once(fund)


class Killed(BaseException):
    """Nothing in the worker catches it."""


def test_worker_killed_while_it_asks_stripe_leaves_the_event_to_others_after_a_while(monkeypatch):
    make_monthly()
    now = timezone.now()
    webhooks.catch_up(since=datetime.fromtimestamp(0, UTC), at=now)

    def killed(*args, **options):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(SandboxHTTPClient, "request", killed)
        webhooks.process_pending(at=now)

    while webhooks.process_pending(at=now + LEASE / 2):
        pass
    assert not Donation.objects.exists()
    while webhooks.process_pending(at=now + LEASE):
        pass
    assert Donation.objects.count() == Entry.objects.count() == Letter.objects.count() == 1
