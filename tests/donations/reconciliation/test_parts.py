"""One line that is several things: each part booked by itself, never more than the line, whoever tries."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from defensefund.templatetags.formats import plain_day
from donations import differences, ledger, proofs
from donations.models import AccountKey, Donation, Entry, StatementLine, StatementMatch
from donations.reconciliation import (
    AlreadyMatched,
    Certainty,
    DoesNotFit,
    NeedsAnother,
    Returned,
    explain,
    match,
    suggest,
    unmatch,
)
from donations.templatetags.bank import candidate
from tests.factories import (
    NOW,
    TODAY,
    make_bank_account,
    make_donation,
    make_fund,
    make_pledge,
    make_user,
)
from tests.threads import in_parallel

from .files import make_line, make_paid_disbursement, record_paid, said_by_two

pytestmark = pytest.mark.django_db


def test_line_split_over_gifts_and_a_fee_is_open_until_all_is_said():
    fund, person = make_fund(), make_user()
    pledges = [make_pledge(method="transfer"), make_pledge(method="transfer", amount="40")]
    line = make_line("100")

    for pledge in pledges:
        match(line=line, target=pledge, amount=pledge.amount, by=person, at=NOW)
        line.refresh_from_db()
    assert (line.open_amount, list(StatementLine.objects.unmatched())) == (Decimal(35), [line])
    match(line=line, target=fund, by=person, at=NOW)

    line.refresh_from_db()
    assert (line.open_amount, list(StatementLine.objects.unmatched())) == (0, [])
    source = f"bank:bank-eur:{line.key}"
    assert list(Entry.objects.order_by("pk").values_list("amount", "source")) == [
        (Decimal(25), source), (Decimal(40), f"{source}:2"), (Decimal(35), f"{source}:3"),
    ]  # fmt: skip
    assert [donation.amount for donation in Donation.objects.order_by("pk")] == [25, 40, 35]
    assert [proof.name for proof in proofs.prove() if not proof.holds] == []
    with pytest.raises(AlreadyMatched):
        match(line=line, target=fund, by=person, at=NOW)


def test_part_taken_back_opens_that_part_alone():
    fund, person, line = make_fund(), make_user(), make_line("100")
    first = match(line=line, target=fund, amount=Decimal(60), by=person, at=NOW)
    match(line=line, target=fund, by=person, at=NOW)

    unmatch(match=first, reason="less", by=person, at=NOW)

    line.refresh_from_db()
    assert line.open_amount == 60
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 40


@pytest.mark.usefixtures("fees_by_one_person")
def test_payment_of_which_the_bank_took_more_leaves_its_fee_open():
    payment = record_paid(make_paid_disbursement(payment_reference="PAY-ABCDEF23"))
    line = make_line("-193.50", text="PAY-ABCDEF23", references=["PAY-ABCDEF23"])
    fund, person = make_fund(), make_user()

    [suggestion] = suggest(line)
    match(line=line, target=payment, amount=suggestion.part, by=person, at=NOW)
    line.refresh_from_db()
    rest = line.open_amount
    explain(line=line, explanation="fee", fund=fund, by=person, at=NOW)

    assert (suggestion.target, suggestion.part, rest) == (payment, Decimal(-190), Decimal("-3.50"))
    assert suggestion.reasons == (
        "The text has the payment's reference.",
        "It is €190.00 of the line; the rest stays open, as for the bank's fee.",
    )
    assert list(Entry.objects.values_list("kind", "amount")) == [("bank_fee", Decimal("3.50"))]


@pytest.mark.parametrize("amount", ["100.01", "-1", "0", "0.001"])
def test_part_that_is_none_is_refused(amount):
    line = make_line("100")

    with pytest.raises(DoesNotFit):
        match(line=line, target=make_fund(), amount=Decimal(amount), by=make_user(), at=NOW)

    assert not StatementMatch.objects.exists()


@pytest.mark.parametrize("amount", ["100.01", "-0.01"])
def test_database_lets_no_match_exceed_its_line(amount):
    facts = {"explanation": "", "confirmed_by": make_user(), "confirmed_at": NOW}
    facts |= {"donation": make_donation()}
    line = make_line("100")

    with (
        pytest.raises(IntegrityError, match="statement_line_explained_within"),
        transaction.atomic(),
    ):
        StatementMatch.objects.create(line=line, amount=Decimal(amount), **facts)


def test_database_lets_no_line_be_of_another_account_than_its_file():
    line, pesos = make_line(), make_bank_account("ARS")

    with pytest.raises(IntegrityError, match="statement_line_of_its_file"), transaction.atomic():
        StatementLine.objects.create(
            account=pesos,
            statement=line.statement,
            key="k",
            booked_on=TODAY,
            amount=1,
            currency="ARS",
        )
    with pytest.raises(IntegrityError, match="statement_line_of_its_file"), transaction.atomic():
        StatementLine.objects.create(
            account=line.account, statement_id=0, key="k", booked_on=TODAY, amount=1, currency="EUR"
        )


def test_database_lets_nobody_change_a_line_or_a_match():
    line = make_line("100")
    made = explain(line=line, explanation="x", by=make_user(), at=NOW)

    for change, rule in [
        (lambda: StatementLine.objects.update(amount=101), "what the bank said stays"),
        (lambda: StatementLine.objects.update(key="other"), "what the bank said stays"),
        (lambda: StatementMatch.objects.update(amount=99), "a match is taken back, never changed"),
        (
            lambda: StatementMatch.objects.update(confirmed_at=NOW + timedelta(days=1)),
            "never changed",
        ),
    ]:
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            change()
    unmatch(match=made, reason="y", by=make_user(), at=NOW)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        StatementMatch.objects.update(undone_at=None, undone_by=None)


@pytest.mark.django_db(transaction=True)
def test_parts_claimed_by_many_at_once_never_exceed_the_line():
    """The database's own rule, without the verbs' locks before it: five of ten times thirty fit into 150."""
    line, person = make_line("150"), make_user()

    def claim(number):
        StatementMatch.objects.create(
            line=line, amount=30, explanation=str(number), confirmed_by=person, confirmed_at=NOW
        )
        return "fits"

    assert sorted(in_parallel(10, claim)) == ["IntegrityError"] * 5 + ["fits"] * 5
    line.refresh_from_db()
    assert line.open_amount == 0


def test_transfer_that_came_back_undoes_the_gift_it_was():
    person, pledge = make_user(), make_pledge(method="transfer")
    came = make_line("25", payer_hash="a" * 64)
    gift = match(line=came, target=pledge, by=person, at=NOW)
    went = make_line("-25", payer_hash="a" * 64)
    make_line("-25", payer_hash="b" * 64)

    [suggestion] = suggest(went)
    with pytest.raises(NeedsAnother):
        match(line=went, target=suggestion.target, by=person, at=NOW)
    said_by_two(went, suggestion.target, by=person)

    gift.refresh_from_db()
    assert suggestion.target == Returned(came)
    assert gift.undone_at == NOW
    assert not Donation.objects.standing().exists()
    assert not StatementLine.objects.unmatched().filter(pk__in=[came.pk, went.pk]).exists()
    assert ledger.balance(AccountKey.bank(came.account)) == 0
    assert [proof.name for proof in proofs.prove() if not proof.holds] == []


def test_transfer_that_came_back_is_not_what_the_line_undoes():
    person, came, went = make_user(), make_line("25"), make_line("-26")

    with pytest.raises(DoesNotFit, match="do not undo each other"):
        match(line=went, target=Returned(came), by=person, at=NOW)
    explain(line=came, explanation="interest", fund=make_fund(), by=person, at=NOW)
    with pytest.raises(AlreadyMatched, match="The earlier line is no gift"):
        said_by_two(make_line("-25"), Returned(came), by=person)


def listed_as_unbooked():
    return [i.told for i in differences.listed(at=NOW) if i.kind == "unbooked"]


def test_what_left_by_mistake_and_came_back_undoes_the_note_of_it():
    asker = make_user()
    day = TODAY - timedelta(days=200)
    left = make_line("-60", booked_on=day, payer_hash="a" * 64)
    said_by_two(left, None, "Meant for another account", by=asker)
    make_line("60", booked_on=day - timedelta(days=1))
    # Where nobody noted anything, or of another account or amount, nothing is undone.
    others = [
        make_line("59"),
        make_line("60", account=make_bank_account(code="other", takes_gifts=False)),
    ]
    assert [suggest(each) for each in others] == [[], []]
    back = make_line("60", payer_hash="a" * 64)

    [suggestion] = suggest(back)

    assert suggestion.target == Returned(left, "Meant for another account")
    assert candidate(suggestion) == f"Undoes what was noted of the line of {plain_day(day)}"
    assert suggestion.reasons == (
        f"The same amount left on {plain_day(day)}, and is not booked: “Meant for another account”.",
        "The other side is the same.",
        f"It is 200 days from {plain_day(day)}.",
    )
    assert (suggestion.certainty, listed_as_unbooked()) == (Certainty.LIKELY, [-60])
    # Money that came in needs no other person, as all that is noted of it.
    made = match(line=back, target=suggestion.target, by=asker, at=NOW)
    assert (made.is_note, made.explanation) == (True, candidate(suggestion))
    assert listed_as_unbooked() == []
    assert [proof.name for proof in proofs.prove() if not proof.holds] == []
    # It is undone; what comes after is something else.
    assert suggest(make_line("60")) == []


def test_what_was_not_ours_and_went_back_undoes_the_note_of_it_by_two_people():
    asker = make_user()
    came = make_line("60")
    explain(line=came, explanation="Sent to us in error", by=asker, at=NOW)
    went = make_line("-60")

    [suggestion] = suggest(went)
    assert suggestion.target == Returned(came, "Sent to us in error")
    with pytest.raises(NeedsAnother):
        match(line=went, target=suggestion.target, by=asker, at=NOW)
    said_by_two(went, suggestion.target, by=asker)

    assert [each.explanation for each in came.matches.standing()] == ["Sent to us in error"]
    assert listed_as_unbooked() == []
    with pytest.raises(AlreadyMatched, match="Another line undoes what was noted there already"):
        said_by_two(make_line("-60"), suggestion.target, by=asker)
