"""One small fund with a little of everything, for the tests of what is said about the books."""

from datetime import UTC, datetime, time
from decimal import Decimal

import pytest

from donations import allocation, disbursement
from tests import factories
from tests.donations.card_gifts import catch_up, give_by_card
from tests.factories import NOW, TODAY


@pytest.fixture
def fund(db):
    return make_fund()


def make_fund():
    return factories.make_fund("case", code="case-sample", case=factories.make_case())


@pytest.fixture
def fees_by_one_person(db):
    """A policy by which one person says that a line is a bank's fee, up to 1,000."""
    return factories.make_policy(limits=[("EUR", "5000", "0", "1000")])


@pytest.fixture
def busy(fund):
    return make_busy(fund)


@pytest.fixture(scope="module")
def busy_from_the_start(rows_of_a_module):
    """For modules whose tests all read busy books: `busy` of theirs takes this, and each begins with its rows."""
    with rows_of_a_module():
        return make_busy(make_fund())


def make_busy(fund):
    """100 + 25 EUR by card, fees 2.38; 80 set aside, 50 of it paid; 40 EUR promised; 9,000 CLP by card, fee 135."""
    give_by_card(fund, "100")
    give_by_card(fund, "25")
    give_by_card(fund, "9000", currency="CLP")
    factories.make_announced(factories.make_appeal(), fund, "40")
    catch_up()
    treasurer = factories.make_user()
    cost = factories.make_cost(fund.case, owed="300", by=treasurer)
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(80), by=treasurer, at=NOW)
    pay(cost, "50", by=treasurer)
    return fund


def pay(cost, amount, *, by, bank=None, paid_on=TODAY):
    """Asked for by one, approved by another on the day it was paid, if that was before today."""
    at = min(NOW, datetime.combine(paid_on, time(12), UTC))
    row = disbursement.request(
        cost=cost,
        document=factories.make_document(cost, f"%PDF-1.4 bill of {cost} for {amount}".encode()),
        bank_account=bank or factories.make_bank_account(cost.currency),
        amount=Decimal(amount),
        by=by,
        at=at,
    )
    row.refresh_from_db()
    disbursement.approve(row, content_hash=row.content_hash, by=factories.make_user(), at=at)
    return disbursement.pay(row, paid_on=paid_on, by=by, at=NOW)
