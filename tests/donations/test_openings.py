"""What was on a bank account before its first statement: said plainly, booked to a fund by two people, once."""

from datetime import date
from decimal import Decimal

import pytest

from donations import assertions, differences, ledger, openings, past, reconciliation
from donations.models import Account, AccountKey, Entry, PastRow
from donations.proofs import prove
from tests import factories
from tests.donations.reconciliation.files import bank_csv, make_account, said_by_two
from tests.factories import NOW, make_user

MARCH = bank_csv(
    "2026-03-03;25.00;EUR;Ana;gift", "2026-03-04;-5.00;EUR;;fee", opening="500", closing="520"
)


@pytest.fixture
def account(db):
    return make_account(code="bank-eur")


def take(account, content=MARCH):
    return reconciliation.import_statement(
        account=account, name="march.csv", content=content, by=None, at=NOW
    )


def book(account, fund, amount, *, by=None):
    asked = past.request_opening(
        account=account, fund=fund, amount=Decimal(amount), by=by or make_user(), at=NOW
    )
    return past.approve(asked, by=make_user(), at=NOW)


def found():
    return [
        (d.kind, d.name, d.told, d.booked, d.since)
        for d in differences.work_list(at=NOW)
        if d.is_wrong
    ]


def test_no_statement_or_one_that_opens_with_nothing_has_no_opening_to_book(account):
    assert openings.opening_of(account) is None

    take(account, bank_csv("2026-03-03;25.00;EUR;Ana;gift", closing="25"))

    assert openings.opening_of(account).missing == 0
    assert found() == []
    with pytest.raises(past.NothingMissing):
        book(account, factories.make_fund(), "1")


def test_spreadsheet_that_has_more_than_the_first_statement_says_is_told_before_it_is_asked_for(
    account,
):
    factories.make_fund(code="general")
    take(account)

    def problems(opening):
        """With 30 before the statement, and 7 after its first day, of which it says nothing."""
        rows = [("opening", "2025-01-01", opening), ("gift", "2025-02-01", "50"), ("payment", "2025-02-02", "20"),
                ("gift", "2026-03-05", "7")]  # fmt: skip
        lines = [f"{kind},{day},{amount},EUR,general,bank-eur" for kind, day, amount in rows]
        text = "\n".join(["kind,date,amount,currency,fund,place", *lines])
        return past.read(text, today=NOW.date()).problems

    assert problems("470") == []
    assert problems("470.01") == [
        f"With this the books would have €500.01 on {account} before its first statement, which says that it was "
        "€500.00. Is a payment missing, or is something in it twice?"
    ]


def test_first_statement_says_what_was_there_until_it_is_booked(account):
    fund = factories.make_fund(code="general")
    take(account)

    assert found() == [
        ("opening", "bank:bank-eur", Decimal(500), Decimal(0), date(2026, 3, 2)),
    ]

    book(account, fund, "500")

    assert found() == []
    entry = Entry.objects.get()
    assert (entry.kind, entry.amount, entry.booked_on) == ("opening", 500, date(2026, 3, 2))
    assert (entry.debit.code, entry.credit.code) == ("bank:bank-eur:EUR", "fund:general:EUR")
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_balance_of_the_bank_is_what_the_books_say_once_all_is_booked(account):
    fund = factories.make_fund(code="general")
    take(account)
    book(account, fund, "500")
    by = make_user()
    for line in account.lines.order_by("amount"):
        if line.amount > 0:
            reconciliation.match(line=line, target=fund, by=by, at=NOW)
        else:
            said_by_two(line, reconciliation.Charge(fund), by=by, at=NOW)

    row = Account.objects.get(bank_account=account)

    assert ledger.balance(AccountKey.bank(account)) == 520
    assert assertions.stated(row, date(2026, 3, 4)).amount == 520
    assert assertions.items(row, date(2026, 3, 4)) == []


def test_money_of_two_purposes_is_booked_to_two_funds(account):
    one, other = factories.make_fund(code="general"), factories.make_fund("appeal", code="strike", appeal=factories.make_appeal())  # fmt: skip
    take(account)

    book(account, one, "300")
    assert openings.opening_of(account).missing == 200
    with pytest.raises(past.TooMuch, match=r"miss €200.00"):
        book(account, other, "200.01")
    book(account, other, "200")

    assert openings.opening_of(account).missing == 0
    assert [ledger.balance(AccountKey.fund(fund, "EUR")) for fund in (one, other)] == [300, 200]


def test_two_wishes_for_the_same_money_are_booked_once(account):
    funds = [
        factories.make_fund(code="general"),
        factories.make_fund("appeal", code="strike", appeal=factories.make_appeal()),
    ]
    take(account)
    asked = [
        past.request_opening(
            account=account, fund=fund, amount=Decimal(500), by=make_user(), at=NOW
        )
        for fund in funds
    ]

    past.approve(asked[0], by=make_user(), at=NOW)
    with pytest.raises(past.NotFit, match=r"the books would have €1,000.00"):
        past.approve(asked[1], by=make_user(), at=NOW)

    assert [PastRow.objects.count(), Entry.objects.count()] == [1, 1]


def test_who_asked_cannot_approve(account):
    fund, by = factories.make_fund(), make_user()
    take(account)
    asked = past.request_opening(account=account, fund=fund, amount=Decimal(500), by=by, at=NOW)

    with pytest.raises(past.SamePerson):
        past.approve(asked, by=by, at=NOW)

    assert not Entry.objects.exists()


def test_earlier_statement_after_the_opening_is_booked_would_count_twice(account):
    fund = factories.make_fund()
    take(account)
    book(account, fund, "500")

    for day in ("2026-02-20", "2026-03-02"):
        with pytest.raises(reconciliation.ImportRefused, match="is booked as its opening balance"):
            take(account, bank_csv(f"{day};100.00;EUR;Ana;gift", opening="400", closing="500"))

    assert account.lines.count() == 2


def test_opening_of_a_spreadsheet_lets_a_statement_of_its_own_day_in(account):
    fund = factories.make_fund(code="general")
    table = "kind,date,amount,currency,fund,place\nopening,2026-03-03,500.00,EUR,general,bank-eur\n"
    past.approve(past.request(table, name="x", by=make_user(), at=NOW), by=make_user(), at=NOW)

    take(account)

    assert (openings.opening_of(account).missing, found()) == (0, [])
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 500


def test_account_that_was_overdrawn_is_told_and_not_booked(account):
    take(account, bank_csv("2026-03-03;25.00;EUR;Ana;gift", opening="-10", closing="15"))

    assert [(kind, told) for kind, _n, told, _b, _s in found()] == [("opening", Decimal(-10))]
    with pytest.raises(past.NothingMissing):
        book(account, factories.make_fund(), "10")
