"""A fund's money in another currency: recorded, approved by another person, booked both ways; each rule tried to break."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from donations import exchange, ledger
from donations.exchange import Deal, Document
from donations.ledger import Posting
from donations.models import AccountKey, Entry, Exchange, StatementMatch
from donations.proofs import PROOFS, _look
from donations.transparency import books
from tests import factories
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW, PDF, TODAY
from tests.threads import in_parallel


class World:
    """A case's fund with 1,000 EUR in the bank, an account in pesos, and two people."""

    def __init__(self, euros=None):
        self.treasurer, self.approver = factories.make_user(), factories.make_user()
        self.fund = factories.make_fund("case", case=factories.make_case(by=self.treasurer))
        self.euros = euros or factories.make_bank_account("EUR")
        self.pesos = factories.make_bank_account("ARS")
        factories.give(self.fund, "1000", into=AccountKey.bank(self.euros))

    def deal(self, given="400", received="600000", **fields):
        deal = Deal(
            given=Decimal(given),
            given_from=self.euros,
            received=Decimal(received),
            received_into=self.pesos,
            market=Exchange.Market.MEP,
            exchanged_on=TODAY,
        )
        return replace(deal, **fields)

    def record(self, deal=None, **fields):
        return exchange.record(
            **{
                "fund": self.fund,
                "deal": deal or self.deal(),
                "document": Document("application/pdf", PDF),
                "by": self.treasurer,
                "at": NOW,
            }
            | fields
        )

    def done(self, *amounts):
        return exchange.approve(self.record(self.deal(*amounts)), by=self.approver, at=NOW)

    def balances(self):
        return tuple(
            ledger.balance(key)
            for key in (
                AccountKey.fund(self.fund, "EUR"),
                AccountKey.bank(self.euros),
                AccountKey.fund(self.fund, "ARS"),
                AccountKey.bank(self.pesos),
            )
        )


@pytest.fixture
def world(db):
    return World()


def proof(name):
    return _look(name, *PROOFS[name], [])


def test_exchange_moves_a_funds_money_into_its_other_currency(world):
    row = world.record()
    assert world.balances() == (1000, 1000, 0, 0)

    exchange.approve(row, by=world.approver, at=NOW)

    assert world.balances() == (600, 600, 600_000, 600_000)
    row.refresh_from_db()
    assert (row.rate, row.state) == (1500, Exchange.State.BOOKED)
    assert (proof("exchanges").cases, proof("exchanges").contradictions) == (2, 0)


def test_books_show_what_was_exchanged_and_still_add_up(world):
    world.done()

    shown = books(language="en", at=NOW)

    assert {f.currency: (f.figures.exchanged, f.figures.held) for f in shown.funds} == {
        "EUR": (-400, 600),
        "ARS": (600_000, 600_000),
    }
    for total in shown.totals:
        f = total.figures
        assert f.received - f.refunded - f.fees - f.paid + f.moved + f.exchanged == f.held


def test_who_recorded_an_exchange_does_not_approve_it(world):
    row = world.record()

    with pytest.raises(exchange.SamePerson):
        exchange.approve(row, by=world.treasurer, at=NOW)
    with pytest.raises(IntegrityError, match="exchange_approved_by_another_person"):
        Exchange.objects.filter(pk=row.pk).update(approved_by=world.treasurer, approved_at=NOW)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"given": Decimal(0)}, exchange.WrongAmount, "above zero"),
        ({"received": Decimal("1.001")}, exchange.WrongAmount, "ARS has no such small parts"),
        ({"given": Decimal("1000.01")}, exchange.NotEnoughMoney, "has only €1,000.00 free"),
        ({"exchanged_on": TODAY + timedelta(days=1)}, exchange.WrongDay, "in the future"),
        ({"exchanged_on": TODAY - timedelta(days=1)}, exchange.WrongDay, r"could give only €0\.00"),
    ],
)
def test_exchange_that_cannot_be_is_refused_with_the_reason(world, change, error, sentence):
    with pytest.raises(error, match=sentence):
        world.record(world.deal(**change))

    assert not Exchange.objects.exists()


def test_exchange_of_money_that_was_needed_on_a_later_day_is_not_approved(world):
    second, third = NOW + timedelta(days=1), NOW + timedelta(days=2)
    row = world.record(world.deal("400"), at=third)
    needed = world.record(world.deal("900", exchanged_on=second.date()), at=third)
    exchange.approve(needed, by=world.approver, at=third)
    factories.give(world.fund, "500", into=AccountKey.bank(world.euros), booked_on=third.date())

    with pytest.raises(exchange.WrongDay, match=r"could give only €100\.00"):
        exchange.approve(row, by=world.approver, at=third)

    assert world.balances() == (600, 600, 600_000, 600_000)


def test_exchange_is_taken_back_on_its_own_day_or_today_where_it_was_needed_meanwhile(world):
    later = NOW + timedelta(days=5)
    days = []
    for is_needed in (False, True):
        row = world.done()
        if is_needed:
            spend(world, "500000")
            deal = world.deal("100", "500000", exchanged_on=later.date())
            exchange.approve(world.record(deal, at=later), by=world.approver, at=later)
        exchange.request_undo(row, reason="Copied wrongly.", by=world.treasurer, at=later)
        exchange.take_back(row, by=world.approver, at=later)
        days.append(Entry.objects.get(source=f"reversal:{row.source('out')}").booked_on)

    assert days == [TODAY, later.date()]


def test_exchange_needs_two_currencies_and_open_accounts(world):
    with pytest.raises(exchange.WrongAccount, match="a transfer, not an exchange"):
        world.record(world.deal(received_into=world.euros))
    world.pesos.closed_on = TODAY
    world.pesos.save()
    with pytest.raises(exchange.WrongAccount, match="is closed"):
        world.record()


def test_same_form_sent_twice_is_one_exchange(world):
    number = uuid4()
    world.record(number=number)

    with pytest.raises(exchange.AlreadyDone):
        world.record(number=number)

    assert Exchange.objects.count() == 1


def test_refused_exchange_books_nothing_and_stays_refused(world):
    row = world.record()
    with pytest.raises(exchange.NoReason):
        exchange.refuse(row, reason=" ", by=world.approver, at=NOW)

    exchange.refuse(row, reason="The slip names another amount.", by=world.approver, at=NOW)

    with pytest.raises(exchange.WrongState):
        exchange.approve(row, by=world.approver, at=NOW)
    assert world.balances() == (1000, 1000, 0, 0)


def test_taken_back_both_ways_unless_it_is_spent(world):
    row = world.done()

    exchange.request_undo(row, reason="It was another day.", by=world.treasurer, at=NOW)
    assert world.balances() == (600, 600, 600_000, 600_000)
    exchange.take_back(row, by=world.approver, at=NOW)

    assert world.balances() == (1000, 1000, 0, 0)
    assert (proof("exchanges").cases, proof("exchanges").contradictions) == (2, 0)
    with pytest.raises(exchange.WrongState):
        exchange.request_undo(row, reason="Again.", by=world.treasurer, at=NOW)

    spent, asked = world.done(), world.done("100", "150000")
    exchange.request_undo(asked, reason="In time.", by=world.treasurer, at=NOW)
    spend(world, "700000")
    with pytest.raises(exchange.NotEnoughMoney, match="has only ARS"):
        exchange.request_undo(spent, reason="Too late.", by=world.treasurer, at=NOW)
    with pytest.raises(exchange.NotEnoughMoney, match="has only ARS"):
        exchange.take_back(asked, by=world.approver, at=NOW)
    asked.refresh_from_db()
    assert (asked.undone_at, world.balances()) == (None, (500, 500, 50_000, 50_000))


def test_it_takes_two_to_take_back_and_the_database_says_so(world):
    row = world.done()
    with pytest.raises(exchange.WrongState, match="Nobody asked to take this back"):
        exchange.take_back(row, by=world.approver, at=NOW)
    with pytest.raises(exchange.NoReason):
        exchange.request_undo(row, reason=" ", by=world.treasurer, at=NOW)
    exchange.request_undo(row, reason="Another rate.", by=world.treasurer, at=NOW)
    with pytest.raises(exchange.WrongState, match="asked for, or taken back, already"):
        exchange.request_undo(row, reason="Again.", by=world.approver, at=NOW)
    with pytest.raises(exchange.SamePerson):
        exchange.take_back(row, by=world.treasurer, at=NOW)
    alone = {"undone_by": world.treasurer, "undone_at": NOW}
    for rule, change in {
        "exchange_undone_by_another_person": alone,
        "taken back as it was asked for": {"undo_reason": "Another."},
        "as it was recorded": alone | {"undoing_reason": "As before it took two."},
    }.items():
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            Exchange.objects.filter(pk=row.pk).update(**change)

    exchange.keep(row, by=world.approver, at=NOW)

    assert Exchange.objects.get(pk=row.pk).state == Exchange.State.BOOKED
    assert world.balances() == (600, 600, 600_000, 600_000)
    exchange.request_undo(row, reason="After all.", by=world.treasurer, at=NOW)
    exchange.take_back(row, by=world.approver, at=NOW)
    with pytest.raises(IntegrityError, match="as it was recorded"):
        Exchange.objects.filter(pk=row.pk).update(undo_reason="Another.")


def test_what_one_person_took_back_before_it_took_two_stays(world):
    row = world.done()
    before = {"undone_by": world.treasurer, "undone_at": NOW, "undoing_reason": "Another day."}
    # As it is in a database from then: triggers keep it from being written now.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE donations_exchange DISABLE TRIGGER exchange_steps")
        Exchange.objects.filter(pk=row.pk).update(**before)

    row.refresh_from_db()
    assert row.state == Exchange.State.UNDONE


def test_bank_line_proves_what_is_booked_and_what_one_proves_is_not_taken_back(world):
    row, undone = world.done(), world.done("100", "150000")
    exchange.request_undo(undone, reason="Another day.", by=world.treasurer, at=NOW)
    exchange.take_back(undone, by=world.approver, at=NOW)
    facts = {"confirmed_by": world.treasurer, "confirmed_at": NOW}

    def proved(by, amount=-400):
        line = make_line(str(amount), world.euros)
        return StatementMatch.objects.create(line=line, amount=amount, exchange=by, **facts)

    for wrong in (
        {"by": undone, "amount": -100},
        {"by": row, "amount": -399},
        {"by": row, "amount": 400},
        {"by": world.record()},
    ):
        with pytest.raises(IntegrityError, match="not in the books so"), transaction.atomic():
            proved(**wrong)
    proved(row)
    asked = {"undo_requested_by": world.treasurer, "undo_requested_at": NOW, "undo_reason": "x"}
    with pytest.raises(IntegrityError, match="a bank line proves"), transaction.atomic():
        Exchange.objects.filter(pk=row.pk).update(**asked)


def spend(world, amount):
    ledger.post(
        Posting(
            kind=Entry.Kind.REFUND,
            debit=AccountKey.fund(world.fund, "ARS"),
            credit=AccountKey.bank(world.pesos),
            amount=Decimal(amount),
            booked_on=TODAY,
            source=f"test:{uuid4()}",
        )
    )


@pytest.mark.parametrize(
    "change",
    ["given = 1", "received = 1", "market = 'ccl'", "fund_id = fund_id + 1", "sha256 = 'other'",
     "given_from_id = received_into_id", "exchanged_on = exchanged_on - 1"],
)  # fmt: skip
def test_database_keeps_an_exchange_as_it_was_recorded(world, change):
    row = world.record()

    with (
        pytest.raises(IntegrityError, match="as it was recorded"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE donations_exchange SET {change} WHERE id = %s", [row.pk])
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        Exchange.objects.all().delete()


@pytest.mark.parametrize(
    "change",
    [{}, {"amount": Decimal(401)}, {"source": "exchange:none:out"}, {"leg": "in"}],
)
def test_database_books_no_exchange_that_nobody_decided(world, change):
    """Not even through the ledger's own verb: unapproved, with another amount, of no exchange, or the other leg."""
    row = world.record()
    if change:
        Exchange.objects.filter(pk=row.pk).update(approved_by=world.approver, approved_at=NOW)

    with pytest.raises(IntegrityError, match="nobody decided this"):
        ledger.post(
            Posting(
                kind=Entry.Kind.EXCHANGE,
                debit=AccountKey.fund(world.fund, "EUR"),
                credit=AccountKey.bank(world.euros),
                amount=change.get("amount", Decimal(400)),
                booked_on=TODAY,
                source=change.get("source", row.source(change.get("leg", "out"))),
            )
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("came_later", "refused"), [("5000", "WrongDay"), (None, "NotEnoughMoney")]
)
def test_exchanges_at_once_never_take_a_fund_below_zero_on_their_day(came_later, refused):
    world, later = World(), NOW + timedelta(days=2)
    if came_later:
        factories.give(world.fund, came_later, booked_on=later.date())
    rows = [world.record(world.deal("100", "150000"), at=later) for _i in range(14)]

    ended = in_parallel(
        14, lambda n: exchange.approve(rows[n], by=world.approver, at=later).state.value
    )

    assert sorted(ended) == [refused] * 4 + ["booked"] * 10
    assert ledger.balance_on(AccountKey.fund(world.fund, "EUR"), TODAY) == 0
    assert world.balances()[1:] == (0, 1_500_000, 1_500_000)


@pytest.mark.django_db(transaction=True)
def test_exchange_approved_by_many_at_once_is_booked_once():
    world = World()
    row = world.record()

    ended = in_parallel(7, lambda _n: exchange.approve(row, by=world.approver, at=NOW).state.value)

    assert sorted(ended) == ["WrongState"] * 6 + ["booked"]
    assert world.balances() == (600, 600, 600_000, 600_000)
