"""What Stripe collected from the bank: booked as two people explained it, proved by the bank's line, taken back after that alone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from donations import assertions, differences, ledger, payouts
from donations.admin.match_words import told
from donations.difference_kinds import Kind
from donations.models import Account, AccountKey, MovementExplanation, StatementMatch
from donations.proofs import prove
from donations.reconciliation import AlreadyMatched, Certainty, DoesNotFit, match, suggest, unmatch
from tests.factories import NOW, TODAY, make_balance_transaction, make_bank_account, make_user

from .files import make_account, make_line

pytestmark = pytest.mark.django_db
Meaning = MovementExplanation.Meaning


@pytest.fixture
def bank():
    return make_account()


def explained(bank, amount="12", payout="po_below00001", *, is_approved=True):
    movement = make_balance_transaction(
        type="payout", amount=Decimal(amount), fee=Decimal(0), source_id=payout, currency="EUR"
    )
    row = payouts.request_explanation(
        movement, meaning=Meaning.COLLECTED, bank_account=bank, note="x", by=make_user(), at=NOW
    )
    return payouts.approve_explanation(row, by=make_user(), at=NOW) if is_approved else row


def said(line, target):
    return match(line=line, target=target, by=make_user(), at=NOW)


def unproved():
    return [
        (item.name, item.booked, item.subject)
        for item in differences.listed(at=NOW)
        if item.kind == Kind.UNPROVED
    ]


def test_bank_line_proves_what_stripe_collected(bank):
    collection = explained(bank)
    line = make_line("-12", bank, text="STRIPE PAYMENTS EUROPE")
    assert unproved() == [("stripe:po_below00001:collected", 12, "movementexplanation")]

    [best] = suggest(line)
    assert (best.target, best.certainty, best.reasons) == (
        collection,
        Certainty.SURE,
        (
            "The amount is what Stripe collected.",
            "The text names Stripe.",
            "Stripe collected it on that day.",
        ),
    )
    standing = said(line, best.target)

    assert (standing.collection, standing.source, told(standing)) == (
        collection, None, "collected by Stripe as po_below00001",
    )  # fmt: skip
    assert ledger.balance(AccountKey.bank(bank)) == -12
    assert (unproved(), suggest(make_line("-12", bank, text="STRIPE"))) == ([], [])
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_what_a_line_proves_is_taken_back_only_after_the_match(bank):
    collection = explained(bank)
    standing = said(make_line("-12", bank), collection)

    with pytest.raises(payouts.NotOpen, match="take that match back first"):
        payouts.take_back_explanation(collection, reason="x", by=make_user(), at=NOW)
    with (
        pytest.raises(IntegrityError, match="a bank line proves this"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE donations_movementexplanation SET undone_at = now(), undone_by_id = requested_by_id"
        )

    unmatch(match=standing, reason="x", by=make_user(), at=NOW)
    payouts.take_back_explanation(collection, reason="x", by=make_user(), at=NOW)
    assert ledger.balance(AccountKey.bank(bank)) == 0
    with pytest.raises(DoesNotFit, match="explain its movement first"):
        said(make_line("-12", bank), collection)


def test_month_is_held_against_the_bank_with_what_stripe_collected(bank):
    collection = explained(bank)
    account, later = Account.objects.get(bank_account=bank), TODAY + timedelta(days=2)

    def explaining(day):
        return [(item.what, item.name, item.amount) for item in assertions.items(account, day)]

    # The bank shows it later than Stripe did.
    unseen = [("paid", "stripe:po_below00001:collected", 12)]
    assert explaining(TODAY) == explaining(later) == unseen
    said(make_line("-12", bank, booked_on=later), collection)

    assert (explaining(TODAY), explaining(later)) == (unseen, [])


def test_only_a_line_of_its_account_and_amount_and_once(bank):
    collection = explained(bank)
    other = make_bank_account(code="other")

    with pytest.raises(DoesNotFit, match="from another bank account"):
        said(make_line("-12", other), collection)
    with pytest.raises(DoesNotFit, match="this would be"):
        said(make_line("-13", bank), collection)
    with pytest.raises(DoesNotFit, match="this would be"):
        said(make_line("12", bank), collection)
    said(make_line("-12", bank), collection)
    with pytest.raises(AlreadyMatched, match="on another line already"):
        said(make_line("-12", bank), collection)


def test_nothing_is_proved_before_two_people_explained_it(bank):
    waiting = explained(bank, is_approved=False)

    assert suggest(make_line("-12", bank, text="STRIPE")) == []
    with pytest.raises(DoesNotFit, match="explain its movement first"):
        said(make_line("-12", bank), waiting)


@pytest.mark.parametrize("amount", ["-11", "12"])
def test_database_holds_a_match_to_what_was_collected(bank, amount):
    collection = explained(bank)

    with pytest.raises(IntegrityError, match="did not collect this"), transaction.atomic():
        StatementMatch.objects.create(
            line=make_line(amount, bank), amount=Decimal(amount), collection=collection,
            confirmed_by=make_user(), confirmed_at=NOW,
        )  # fmt: skip
    other = make_bank_account(code="other")
    with pytest.raises(IntegrityError, match="did not collect this"), transaction.atomic():
        StatementMatch.objects.create(
            line=make_line("-12", other), amount=-12, collection=collection,
            confirmed_by=make_user(), confirmed_at=NOW,
        )  # fmt: skip
    assert not StatementMatch.objects.exists()
