"""What an import books by itself: only where reference, amount and currency agree, once, and taken back like any other match."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from donations import ledger, proofs
from donations.models import AccountKey, Donation, Entry, Letter, StatementMatch
from donations.reconciliation import import_statement, match, unmatch
from tests.factories import NOW, TODAY, make_bank_account, make_pledge, make_supporter, make_user
from tests.threads import in_parallel

from .files import (
    BARE,
    bank_csv,
    make_account,
    make_line,
    make_paid_disbursement,
    make_payout,
    record_paid,
)

pytestmark = pytest.mark.django_db
PAYOUT = "po_1NXampleOfStripesNames00"
PAYMENT = "PAY-ABCDEF23"


def take(*rows, account=None, at=NOW):
    account = account or make_account(BARE)
    return import_statement(
        account=account, name="march.csv", content=bank_csv(*rows), by=None, at=at
    )


def row(amount, text, day="2026-03-09", currency="EUR"):
    return f"{day};{amount};{currency};Ana;{text}"


def booked_by_themselves():
    return {
        match.line.amount: match.donation or match.payout or match.disbursement
        for match in StatementMatch.objects.filter(confirmed_by=None).select_related("line")
    }


def broken():
    return [proof.name for proof in proofs.prove() if not proof.holds]


def test_import_books_what_leaves_no_doubt():
    account = make_account(BARE)
    pledge = make_pledge(method="transfer", supporter=make_supporter())
    payout = make_payout(stripe_payout_id=PAYOUT)
    paid = record_paid(make_paid_disbursement(account=account, payment_reference=PAYMENT))

    result = take(
        row("25.00", f"gift {pledge.reference.lower()}"),
        row("1218.13", f"STRIPE {PAYOUT}"),
        row("-190.00", f"Transfer {PAYMENT}"),
        row("-5.00", "fee"),
        account=account,
    )

    assert (result.new, result.booked, result.matched, result.open) == (4, 3, 3, 1)
    donation = Donation.objects.get()
    assert booked_by_themselves() == {
        Decimal(25): donation, Decimal("1218.13"): payout, Decimal(-190): paid,
    }  # fmt: skip
    assert (donation.pledge, donation.fund, donation.method, donation.amount, donation.fee) == (
        pledge, pledge.fund, "transfer", Decimal(25), Decimal(0),
    )  # fmt: skip
    assert donation.received_at == datetime(2026, 3, 9, tzinfo=UTC)
    letter = Letter.objects.get()
    assert (letter.kind, letter.donation, letter.due_at) == ("receipt", donation, NOW)
    keys = {line.amount: f"bank:bank-eur:{line.key}" for line in account.lines.all()}
    assert set(Entry.objects.values_list("kind", "amount", "booked_on", "source")) == {
        ("donation", Decimal(25), TODAY - timedelta(days=1), keys[Decimal(25)]),
        ("payout_arrived", Decimal("1218.13"), TODAY - timedelta(days=1), keys[Decimal("1218.13")]),
    }
    assert donation.source == keys[Decimal(25)]
    assert ledger.balance(AccountKey.bank(account)) == Decimal("1243.13")
    assert {line.amount: line.open_amount for line in account.lines.unmatched()} == {
        Decimal(-5): Decimal(-5)
    }
    # The payment and the payout of these tests are booked by nobody.
    assert set(broken()) <= {"clearing", "payments", "payouts", "stripe"}


def test_import_again_books_nothing_more():
    account, pledge = make_account(BARE), make_pledge(method="transfer")
    again = [take(row("25.00", pledge.reference), account=account) for _time in range(2)]

    assert [(r.new, r.booked, r.matched, r.open) for r in again] == [(1, 1, 1, 0), (0, 0, 1, 0)]
    assert Donation.objects.count() == 1


@pytest.mark.parametrize(
    ("pledge", "amount"),
    [
        ({}, "25.01"),
        ({}, "50.00"),
        ({}, "-25.00"),
        ({"cancelled_at": NOW}, "25.00"),
        ({"currency": "USD"}, "25.00"),
    ],
)
def test_import_leaves_to_a_person_what_does_not_agree(pledge, amount):
    announced = make_pledge(method="transfer", **pledge)

    result = take(row(amount, announced.reference))

    assert (result.booked, result.open) == (0, 1)
    assert not Donation.objects.exists()


def test_import_leaves_a_reference_with_a_slip_to_a_person():
    pledge = make_pledge(method="transfer")
    slip = pledge.reference[:-1] + ("C" if pledge.reference[-1] != "C" else "D")

    result = take(row("25.00", slip))

    assert (result.booked, result.slipped, result.open) == (0, 1, 1)


def test_import_leaves_a_line_that_names_two_things_to_a_person():
    one, other = make_pledge(method="transfer"), make_pledge(method="transfer")

    assert take(row("25.00", f"{one.reference} {other.reference}")).booked == 0


def test_import_leaves_a_second_gift_for_one_announcement_to_a_person():
    account, pledge = make_account(BARE), make_pledge(method="transfer")

    both = take(row("25.00", pledge.reference), row("25.00", pledge.reference), account=account)
    later = take(row("25.00", pledge.reference, day="2026-03-10"), account=account)

    assert (both.booked, later.booked, Donation.objects.count()) == (1, 0, 1)


def test_import_books_each_part_of_a_promise_until_it_is_kept():
    account, pledge = make_account(BARE), make_pledge(method="transfer", amount="30")
    for number in range(3):
        pledge.instalments.create(due_on=TODAY + timedelta(days=30 * number), amount=10)
    rows = [row("10.00", pledge.reference, day=f"2026-03-0{day}") for day in range(1, 6)]

    result = take(*rows, account=account)

    assert (result.booked, result.open) == (3, 2)
    assert [line.booked_on.day for line in account.lines.unmatched().order_by("booked_on")] == [
        4,
        5,
    ]


@pytest.mark.parametrize("state", ["not paid", "another account", "returned", "matched"])
def test_import_leaves_what_is_not_waiting_to_a_person(state):
    account = make_account(BARE)
    if state in {"not paid", "another account"}:
        other = make_bank_account("USD") if state == "another account" else account
        payment = make_paid_disbursement(account=other, payment_reference=PAYMENT)
        if state == "another account":
            record_paid(payment)
        line = row("-190.00", PAYMENT)
    else:
        payout = make_payout(
            stripe_payout_id=PAYOUT, returned_at=NOW if state == "returned" else None
        )
        if state == "matched":
            match(line=make_line("1218.13", account), target=payout, by=make_user(), at=NOW)
        line = row("1218.13", PAYOUT)

    assert take(line, account=account).booked == 0


def test_match_made_by_itself_is_taken_back_like_any_other():
    account, pledge, person = make_account(BARE), make_pledge(method="transfer"), make_user()
    take(row("25.00", pledge.reference), account=account)
    made = StatementMatch.objects.get()

    unmatch(match=made, reason="another Ana", by=person, at=NOW)
    line = account.lines.get()
    anew = match(line=line, target=pledge.fund, by=person, at=NOW)

    assert (line.open_amount, anew.source) == (Decimal(25), f"bank:bank-eur:{line.key}:2")
    assert [d.pledge for d in Donation.objects.standing()] == [None]
    assert broken() == []


@pytest.mark.django_db(transaction=True)
def test_import_and_a_person_at_once_book_a_gift_once_between_them():
    """Both name the same gift: whoever comes second sees what arrived, the import by leaving its line open."""
    account, pledge = make_account(BARE), make_pledge(method="transfer")
    lines = [make_line("25.00", account, text=pledge.reference)]

    def act(number):
        if number:
            return take(row("25.00", pledge.reference), account=account).booked
        match(line=lines[0], target=pledge, by=make_user(), at=NOW)
        return -1

    booked = sorted(in_parallel(2, act))

    # A person may book a further gift knowingly; the import may not.
    assert booked in ([-1, 0], [-1, 1])
    assert Donation.objects.count() == 1 + booked[1]
    assert broken() == []
