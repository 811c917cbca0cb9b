"""The web's database role: it posts through the ledger, and cannot change, empty or unguard what is posted."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from donations import allocation, exchange, ledger
from donations.models import AccountKey, Donation, Entry
from donations.proofs import prove
from donations.sandbox import acts
from tests import factories
from tests.donations.card_gifts import catch_up, give_by_card
from tests.donations.conftest import pay
from tests.donations.test_exchange import World
from tests.factories import NOW, give

LATER = NOW + timedelta(days=2)


def role():
    """Roles are the whole server's, and several test databases may be on it."""
    return f"web_of_{connection.settings_dict['NAME']}"


def run(*statements):
    owner = connection.settings_dict["USER"] or connection.connection.info.user
    names = {"role": sql.Identifier(role()), "owner": sql.Identifier(owner)}
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(sql.SQL(statement).format(**names))


@pytest.fixture
def web(db, capsys):
    """A role that owns nothing, granted what the command grants; gone with the test's transaction."""
    run("CREATE ROLE {role}")
    call_command("grant_web_role", role())
    assert "only append to the ledger" in capsys.readouterr().out


@pytest.fixture
def as_web(web):
    """Everything from here on is done by the web's role."""

    def become():
        # What is put off to the commit would be checked by whoever commits.
        run("SET CONSTRAINTS ALL IMMEDIATE", "SET LOCAL ROLE {role}")

    yield become
    run("RESET ROLE")


def test_web_posts_through_the_ledger_and_the_totals_follow(as_web):
    fund = factories.make_fund()
    as_web()

    give(fund, "10")
    give(fund, "5")
    entry = Entry.objects.latest("pk")
    ledger.reverse(entry, by=factories.make_user(), reason="Test.", at=NOW)

    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 10
    assert [proof.name for proof in prove() if not proof.holds and proof.name == "totals"] == []


def test_web_takes_gifts_sets_aside_pays_and_freezes(as_web, fund):
    as_web()

    give_by_card(fund, "100")
    catch_up()
    by = factories.make_user()
    cost = factories.make_cost(fund.case, by=by)
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(80), by=by, at=NOW)
    pay(cost, "50", by=by)
    acts.open_dispute(
        Donation.objects.get().stripe_payment_intent_id, amount=7000, at=timezone.now()
    )
    catch_up()

    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal("-71.75")
    with pytest.raises(allocation.AllocationError):
        allocation.allocate(fund=fund, cost=cost, amount=Decimal(1), by=by, at=NOW)
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_web_dates_an_exchange_back_and_reads_what_there_was_to_do_it_with(as_web):
    world = World()
    give(world.fund, "5", booked_on=LATER.date())
    as_web()

    row = world.record(world.deal("400"), at=LATER)
    exchange.approve(row, by=world.approver, at=LATER)
    with pytest.raises(exchange.WrongDay, match="could give only €600"):
        world.record(world.deal("601"), at=LATER)

    assert world.balances() == (605, 600, 600_000, 600_000)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE donations_entry SET amount = 1",
        "DELETE FROM donations_entry",
        "TRUNCATE donations_entry CASCADE",
        "ALTER TABLE donations_entry DISABLE TRIGGER ALL",
        "DROP TRIGGER entry_append_only ON donations_entry",
        "ALTER TABLE donations_entry OWNER TO {role}",
        "SET session_replication_role = replica",
        "UPDATE donations_total SET debit = 0",
        "INSERT INTO donations_total (account_id, kind, slot, debit, credit) VALUES (1, 'donation', 0, 1, 0)",
        "DELETE FROM donations_total",
        "UPDATE donations_account SET frozen_at = NULL",
        "DELETE FROM donations_account",
        "UPDATE donations_balancetransaction SET fee = 0",
        "DELETE FROM donations_balancetransaction",
        "UPDATE donations_reversal SET reason = 'x'",
        "DELETE FROM donations_reversal",
        "UPDATE donations_keptgain SET worth = 0",
        "INSERT INTO donations_keptshare (period_id, cost_id, case_id, defendant_id, kind, currency)"
        " VALUES (1, 1, 1, 1, 'fees', 'EUR')",
        "UPDATE defensefund_securityevent SET kind = 'x'",
        "CREATE OR REPLACE FUNCTION donations_entry_append_only() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NEW; END'",
        "ALTER TABLE donations_disbursement DISABLE TRIGGER ALL",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
        "CREATE TABLE public.mine ()",
    ],
)
def test_web_cannot_change_what_is_posted_nor_switch_a_guard_off(as_web, statement):
    give(factories.make_fund(), "10")
    as_web()

    with pytest.raises(ProgrammingError) as refused, transaction.atomic():
        run(statement)

    assert isinstance(refused.value.__cause__, InsufficientPrivilege)


def test_granting_again_takes_back_what_was_granted_by_hand(as_web):
    run("GRANT ALL ON donations_entry, donations_total TO {role}")
    call_command("grant_web_role", role())
    as_web()

    with pytest.raises(ProgrammingError), transaction.atomic():
        run("UPDATE donations_entry SET amount = 1")


def test_role_that_is_not_there_is_named(db):
    with pytest.raises(CommandError, match="There is no role nobody_here"):
        call_command("grant_web_role", "nobody_here")


@pytest.mark.parametrize(
    "make",
    [
        "CREATE ROLE {role} SUPERUSER",
        "CREATE ROLE {role}; GRANT {owner} TO {role}",
        "CREATE ROLE {role}; ALTER TABLE donations_entry OWNER TO {role}",
    ],
)
def test_role_from_which_nothing_could_be_kept_is_refused(db, make):
    run(make)

    with pytest.raises(CommandError, match="Make another role"):
        call_command("grant_web_role", role())
