"""No money leaves the bank by one person's word: what is no payment of ours counts when another has approved it."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from donations import ledger
from donations.models import (
    AccountKey,
    Entry,
    LineExplanation,
    StatementLine,
    StatementMatch,
)
from donations.reconciliation import (
    AlreadyMatched,
    Between,
    BetweenLess,
    Charge,
    DoesNotFit,
    Less,
    NeedsAnother,
    ReconciliationError,
    Returned,
    SamePerson,
    approve_explanation,
    explain,
    match,
    refuse_explanation,
    request_explanation,
    unmatch,
)
from tests.factories import (
    NOW,
    give,
    make_bank_account,
    make_fund,
    make_policy,
    make_user,
)
from tests.threads import in_parallel

from .files import make_line, make_payout, said_by_two

pytestmark = pytest.mark.django_db


def ask(line, target=None, explanation="", *, by=None, amount=None):
    return request_explanation(
        line=line, target=target, explanation=explanation, amount=amount, by=by or make_user(), at=NOW
    )  # fmt: skip


def is_open(line):
    return StatementLine.objects.unmatched().filter(pk=line.pk).exists()


def test_note_of_money_that_left_counts_when_another_person_approves_it():
    line, asker, other = make_line("-60", counterparty="Tess"), make_user(), make_user()
    with pytest.raises(NeedsAnother, match="when another person has approved what it was"):
        explain(line=line, explanation="not ours", by=asker, at=NOW)

    asked = ask(line, explanation=" not ours ", by=asker)
    assert (asked.explanation, is_open(line), StatementMatch.objects.count()) == (
        "not ours", True, 0,
    )  # fmt: skip
    with pytest.raises(SamePerson, match="another person must approve it"):
        approve_explanation(asked, by=asker, at=NOW)
    with pytest.raises(AlreadyMatched, match="another person is to decide on that"):
        ask(line, explanation="again")
    made = approve_explanation(asked, by=other, at=NOW)

    assert (made.proposal, made.confirmed_by, made.explanation, made.amount, made.source) == (
        asked, asker, "not ours", -60, None,
    )  # fmt: skip
    assert not is_open(line)
    assert not Entry.objects.exists()
    with pytest.raises(AlreadyMatched, match="decided already"):
        approve_explanation(asked, by=other, at=NOW)

    unmatch(match=made, reason="It was a fee.", by=asker, at=NOW)
    assert is_open(line)
    assert list(LineExplanation.objects.standing()) == []


def test_request_that_is_refused_or_withdrawn_leaves_the_line_open():
    line, asker = make_line("-60"), make_user()
    asked = ask(line, explanation="x", by=asker)
    with pytest.raises(ReconciliationError, match="Say why"):
        refuse_explanation(asked, reason=" ", by=make_user(), at=NOW)

    done = refuse_explanation(asked, reason="Ask the bank.", by=make_user(), at=NOW)
    withdrawn = refuse_explanation(
        ask(line, explanation="y", by=asker), reason="z", by=asker, at=NOW
    )

    assert (done.refusal_reason, withdrawn.refused_by, is_open(line)) == (
        "Ask the bank.",
        asker,
        True,
    )
    with pytest.raises(AlreadyMatched, match="decided already"):
        approve_explanation(asked, by=make_user(), at=NOW)


def test_fee_is_one_persons_word_up_to_the_policys_limit_of_the_whole_line():
    make_policy(limits=[("EUR", "5000", "0", "20")])
    fund, person, line = make_fund(), make_user(), make_line("-60")
    give(fund, "100")
    charge = Charge(fund)

    match(line=line, target=charge, amount=Decimal(-15), by=person, at=NOW)
    # In small parts it is no smaller.
    with pytest.raises(NeedsAnother):
        match(line=line, target=charge, amount=Decimal("-5.01"), by=make_user(), at=NOW)
    explain(line=line, explanation="fee", fund=fund, amount=Decimal(-5), by=person, at=NOW)
    made = said_by_two(line, charge, by=person)

    assert (made.amount, made.explanation, is_open(line)) == (-40, "Bank fee", False)
    fees = Entry.objects.filter(kind="bank_fee").order_by("pk")
    assert list(fees.values_list("amount", flat=True)) == [15, 5, 40]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 40


def test_without_a_limit_every_fee_needs_another_person():
    fund, first = make_fund(), make_line("-1")
    dollars = make_bank_account("USD", code="usd")
    with pytest.raises(NeedsAnother):
        match(line=first, target=Charge(fund), by=make_user(), at=NOW)
    make_policy(limits=[("EUR", "5000", "0", "20"), ("USD", "5000", "0", "0")])

    with pytest.raises(NeedsAnother):
        match(line=make_line("-1", dollars), target=Charge(fund), by=make_user(), at=NOW)
    match(line=first, target=Charge(fund), by=make_user(), at=NOW)
    match(line=make_line("1", dollars), target=Charge(fund), by=make_user(), at=NOW)

    assert list(Entry.objects.order_by("pk").values_list("kind", "currency")) == [
        ("bank_fee", "EUR"), ("interest", "USD"),
    ]  # fmt: skip


def test_what_a_bank_kept_of_money_on_its_way_is_held_to_the_same_limit():
    make_policy(limits=[("EUR", "5000", "0", "20")])
    fund, line, payout = make_fund(), make_line("900"), make_payout("1000")
    savings = make_bank_account(code="savings")
    begun = match(line=make_line("-500"), target=Between(savings), by=make_user(), at=NOW)
    arrived = make_line("100", savings)
    less, between = Less(payout, fund), BetweenLess(begun.own_transfer, fund)
    for where, target in ((line, less), (arrived, between)):
        with pytest.raises(NeedsAnother):
            match(line=where, target=target, by=make_user(), at=NOW)

    made = [said_by_two(line, less), said_by_two(arrived, between)]

    assert [(each.amount, each.withheld) for each in made] == [(900, 100), (100, 400)]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == -500


def test_what_does_not_fit_is_not_asked_for():
    fund, came, went = make_fund(), make_line("25"), make_line("-26")

    for work, sentence in [
        (lambda: ask(came, explanation="x"), "no other person has to approve it"),
        (lambda: ask(came, Charge(fund)), "no other person has to approve it"),
        (lambda: ask(went, explanation=" "), "Say in a few words what the line is"),
        (lambda: ask(went, Returned(came)), "do not undo each other"),
        (lambda: ask(came, Returned(make_line("-25"))), "do not undo each other"),
        (lambda: ask(went, explanation="x", amount=Decimal(-27)), "is open"),
    ]:
        with pytest.raises(DoesNotFit, match=sentence):
            work()
    make_policy(limits=[("EUR", "5000", "0")], fee_order=["case"])
    with pytest.raises(DoesNotFit, match="By the policy fees of banks are borne by"):
        ask(went, Charge(fund))
    assert not LineExplanation.objects.exists()


def test_line_that_was_matched_meanwhile_is_not_explained():
    line, fund = make_line("-60"), make_fund()
    asked = ask(line, Charge(fund))
    savings = make_bank_account(code="savings")
    match(line=line, target=Between(savings), by=make_user(), at=NOW)

    with pytest.raises(AlreadyMatched, match="has matched this line already"):
        approve_explanation(asked, by=make_user(), at=NOW)

    asked.refresh_from_db()
    assert (asked.approved_at, Entry.objects.filter(kind="bank_fee").exists()) == (None, False)


def refused(rule, work):
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        work()
    assert refusal.value.__cause__.diag.constraint_name == rule


def test_database_lets_money_leave_by_nobodys_word_alone():
    person, fund, line, other = make_user(), make_fund(), make_line("-60"), make_line("-60")
    asked = ask(line, explanation="x", by=person)

    def insert(**fields):
        facts = {"line": line, "amount": -60, "explanation": "x", "confirmed_by": person}
        return StatementMatch.objects.create(**facts | {"confirmed_at": NOW} | fields)

    refused("match_by_two", insert)
    refused("match_by_two", lambda: insert(source="bank:x"))
    refused("match_by_two", lambda: insert(proposal=asked))
    refused("match_by_two", lambda: insert(explanation="", payout=make_payout(), amount=60, withheld=1, line=make_line("60")))  # fmt: skip
    refused(
        "line_explanation_approved_by_another_person",
        lambda: LineExplanation.objects.update(approved_by=person, approved_at=NOW),
    )
    LineExplanation.objects.update(approved_by=make_user(), approved_at=NOW)
    for wrong in (
        {"line": other}, {"amount": -59}, {"confirmed_by": make_user()}, {"source": "bank:x"},
        {"explanation": "", "payout": make_payout()},
    ):  # fmt: skip
        refused("match_by_two", lambda wrong=wrong: insert(proposal=asked, **wrong))
    made = insert(proposal=asked)
    unmatch(match=made, reason="y", by=person, at=NOW)
    refused("match_proposal_once", lambda: insert(proposal=asked))
    refused("match_stays", lambda: StatementMatch.objects.update(proposal=None))
    assert fund


def test_database_keeps_what_was_asked_as_it_was_asked():
    line = make_line("-60")
    asked = ask(line, explanation="x")
    facts = {"line": line, "amount": -60, "explanation": "y", "requested_by": make_user()}
    facts |= {"requested_at": NOW}

    for rule, work in [
        ("line_explanation_stays", lambda: LineExplanation.objects.update(amount=-1)),
        ("line_explanation_stays", lambda: LineExplanation.objects.update(explanation="z")),
        ("line_explanation_stays", lambda: LineExplanation.objects.all()._raw_delete("default")),
        ("line_explanation_asked_once", lambda: LineExplanation.objects.create(**facts)),
        (
            "line_explanation_starts_as_request",
            lambda: LineExplanation.objects.create(
                **facts, approved_by=make_user(), approved_at=NOW
            ),
        ),
        (
            "line_explanation_is_one_thing",
            lambda: LineExplanation.objects.create(**facts | {"amount": 60}),
        ),
    ]:
        refused(rule, work)
    refuse_explanation(asked, reason="no", by=make_user(), at=NOW)
    refused("line_explanation_stays", lambda: LineExplanation.objects.update(refusal_reason="w"))


@pytest.mark.django_db(transaction=True)
def test_small_fees_of_one_line_at_once_stay_within_the_limit():
    """The database's own rule, without the verbs' locks before it: two of ten times eight fit into twenty."""
    make_policy(limits=[("EUR", "5000", "0", "20")])
    line, person, fund = make_line("-80"), make_user(), make_fund()
    assert fund

    def claim(number):
        StatementMatch.objects.create(
            line=line, amount=-8, source=f"bank:x:{number}", explanation="fee",
            confirmed_by=person, confirmed_at=NOW,
        )  # fmt: skip
        return "fits"

    assert sorted(in_parallel(10, claim)) == ["IntegrityError"] * 8 + ["fits"] * 2
