"""A small world of spending for tests: a fund with money, a cost with a bill, three people."""

from decimal import Decimal

from donations import allocation, disbursement, ledger
from donations.ledger import Posting
from donations.models import AccountKey, Entry
from tests import factories
from tests.factories import NOW, TODAY


class Ready:
    """A case with a fund of 1,000 EUR, a cost of 1,000 with a bill, a bank account, and three people."""


def make_ready(owed="1000", kind="fees"):
    r = Ready()
    r.treasurer, r.approver, r.other = (factories.make_user() for _i in range(3))
    r.case = factories.make_case(by=r.treasurer)
    r.fund = factories.make_fund("case", case=r.case)
    r.general = factories.make_fund()
    r.cost = factories.make_cost(r.case, owed=owed, by=r.treasurer, kind=kind)
    r.document = factories.make_document(r.cost, factories.PDF)
    r.bank = factories.make_bank_account("EUR")
    factories.give(r.fund, "1000", into=AccountKey.bank(r.bank))
    return r


def allocate(r, amount, fund=None):
    return allocation.allocate(
        fund=fund or r.fund, cost=r.cost, amount=Decimal(amount), by=r.treasurer, at=NOW
    )


def request(r, amount):
    return disbursement.request(
        cost=r.cost,
        document=r.document,
        bank_account=r.bank,
        amount=Decimal(amount),
        by=r.treasurer,
        at=NOW,
    )


def approve(r, row, by=None):
    return disbursement.approve(row, content_hash=row.content_hash, by=by or r.approver, at=NOW)


def requested(r, amount="400"):
    row = request(r, amount)
    row.refresh_from_db()
    return row


def balances(r):
    return tuple(
        ledger.balance(key)
        for key in (
            AccountKey.bank(r.bank),
            AccountKey.fund(r.fund, "EUR"),
            AccountKey.cost(r.cost),
        )
    )


def refund(r, amount):
    ledger.post(
        Posting(
            Entry.Kind.REFUND,
            AccountKey.fund(r.fund, "EUR"),
            AccountKey.stripe("EUR"),
            Decimal(amount),
            TODAY,
            f"test:refund {amount}",
        )
    )
