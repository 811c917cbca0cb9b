from datetime import timedelta
from decimal import Decimal

import pytest

from donations import reconciliation
from donations.models import Pledge
from donations.reconciliation import Certainty, Suggestion, suggest, suggest_many
from donations.reconciliation.codes import payer_hash
from donations.reconciliation.evidence import Reason
from donations.references import ALPHABET, format_reference, new_reference, slips
from tests.factories import (
    NOW,
    TODAY,
    make_bank_account,
    make_fund,
    make_pledge,
    make_promise,
    make_user,
)

from .files import make_line, make_paid_disbursement, make_payout, record_paid

pytestmark = pytest.mark.django_db


def said(line):
    return [(s.target, s.certainty, s.reasons) for s in suggest(line)]


@pytest.mark.parametrize(
    ("points", "certainty"),
    [
        (100, Certainty.SURE),
        (80, Certainty.SURE),
        (79, Certainty.LIKELY),
        (50, Certainty.LIKELY),
        (49, Certainty.POSSIBLE),
        (-30, Certainty.POSSIBLE),
    ],
)
def test_one_score_is_one_word(points, certainty):
    suggestion = Suggestion(make_fund(), (Reason("x", points),))

    assert (suggestion.certainty, suggestion.score) == (certainty, max(points, 0))


def test_suggest_payout_named_by_stripe():
    payout = make_payout(arrives_on=TODAY - timedelta(days=1))
    line = make_line("1218.13", counterparty="STRIPE TECHNOLOGY")

    assert said(line) == [
        (
            payout,
            Certainty.SURE,
            (
                "The amount is the payout's.",
                "The text names Stripe.",
                "It is 1 day from March 9, 2026.",
            ),
        )
    ]


def test_suggest_payout_by_amount_alone():
    near, far = make_payout(), make_payout(arrives_on=TODAY - timedelta(days=20))

    assert [(s.target, s.certainty) for s in suggest(make_line("1218.13"))] == [
        (near, Certainty.POSSIBLE),
        (far, Certainty.POSSIBLE),
    ]


def test_suggest_two_sure_payouts_are_only_likely():
    payouts = [make_payout(), make_payout()]

    suggestions = suggest(make_line("1218.13", text="STRIPE"))

    assert [s.target for s in suggestions] == payouts
    assert {s.certainty for s in suggestions} == {Certainty.LIKELY}
    assert {s.reasons[-1] for s in suggestions} == {"Another candidate fits as well."}


def test_suggest_no_payout_that_does_not_fit():
    make_payout("1218.14")
    make_payout(currency="USD")
    make_payout(returned_at=NOW)

    assert suggest(make_line("1218.13", text="STRIPE")) == []
    assert suggest(make_line("-1218.13", text="STRIPE")) == []


def test_suggest_pledge_by_reference_however_written():
    pledge = make_pledge(method="transfer")
    reference = pledge.reference
    line = make_line("25", text=f"gift {reference[:6].lower()}-{reference[6:]} thanks")

    assert said(line) == [
        (
            pledge,
            Certainty.SURE,
            ("The text has the gift's reference.", "The amount is the one announced."),
        )
    ]


def test_suggest_pledge_with_another_amount_is_not_sure():
    pledge = make_pledge(method="transfer")

    assert said(make_line("20", text=pledge.reference)) == [
        (
            pledge,
            Certainty.LIKELY,
            ("The text has the gift's reference.", "The amount announced was €25.00."),
        )
    ]


def test_suggest_promise_in_parts_says_what_is_still_to_come():
    pledge = make_pledge(method="transfer", amount="90", frequency="monthly")
    for days in (0, 30, 60):
        pledge.instalments.create(due_on=TODAY + timedelta(days=days), amount=30)
    pledge.donations.create(
        fund=pledge.fund, amount=50, currency="EUR", method="transfer", received_at=NOW, source="x"
    )

    [suggestion] = suggest(make_line("40", text=pledge.reference))

    assert suggestion.reasons == (
        "The text has the gift's reference.",
        "Of the €90.00 announced, €40.00 is still to come.",
    )


SLIPS = {
    "wrong": lambda r: r[:-1] + ("C" if r[-1] != "C" else "D"),
    "missing": lambda r: r[:9] + r[10:],
    "too many": lambda r: r[:9] + "0" + r[9:],
    "swapped": lambda r: r[:9] + r[10] + r[9] + r[11:],
}


@pytest.mark.parametrize(("kind", "slip"), SLIPS.items())
def test_suggest_pledge_with_a_slip_is_never_sure(kind, slip):
    pledge = make_pledge(method="transfer", reference="RF89CDFGHJKMNPQR")
    written = slip(pledge.reference)

    [suggestion] = suggest(make_line("25", text=f"for the {written.lower()} cause"))

    assert (suggestion.target, suggestion.certainty) == (pledge, Certainty.LIKELY)
    assert suggestion.reasons[0].startswith(
        f"The text has {format_reference(written)}: the reference"
    )
    assert kind in suggestion.reasons[0]
    assert suggestion.reasons[1:] == ("The amount is the one announced.",)


CODE_SLIPS = {
    "wrong": "PAYABCDEFG4",
    "one character wrong": "PXYABCDEFG3",
    "missing": "PAYABCDFG3",
    "character missing": "AYABCDEFG3",
    "too many": "PAYABCDEEFG3",
    "one character too many": "PAAYABCDEFG3",
    "swapped": "PAYABCEDFG3",
    "characters swapped": "APYABCDEFG3",
}


@pytest.mark.parametrize(("kind", "written"), CODE_SLIPS.items())
def test_suggest_payment_with_a_slip_is_never_sure(kind, written):
    payment = record_paid(make_paid_disbursement(payment_reference="PAY-ABCDEFG3"))
    record_paid(make_paid_disbursement("150", payment_reference="PAY-ABCDEFH3"))
    payee = payment.payee_account.name
    text = f"{written[:3]}-{written[3:].lower()} {payee}"

    [suggestion] = suggest(make_line("-190", text=text))

    assert (suggestion.target, suggestion.certainty) == (payment, Certainty.LIKELY)
    assert suggestion.score == 79
    [said] = [
        each for each in suggestion.reasons if each.startswith(f"The text has {written}: the")
    ]
    assert kind in said


def test_suggest_payment_with_a_slip_of_another_amount_and_never_beside_a_right_one():
    payment = record_paid(make_paid_disbursement(payment_reference="PAY-ABCDEFG3"))
    other = record_paid(make_paid_disbursement("100", payment_reference="PAY-ABCDEFH3"))

    def found(amount, text):
        return [(s.target, s.part, s.score) for s in suggest(make_line(amount, text=text))]

    assert found("-200", "PAY-ABCDEFG4 and more") == [(payment, -190, 40)]
    # One that is there rightly leaves no room for one that is nearly there.
    assert found("-200", "PAY-ABCDEFH3") == [(other, -100, 60)]
    assert found("-200", "PAY-ABXXEFG3") == []


def test_suggest_what_a_known_payer_gave_for_before():
    """By the account's keyed hash: the fund they gave to, and their promise as long as it waits."""
    fund, known = make_fund(), payer_hash("DE89 3704 0044 0532 0130 00", "Ana")
    promise = make_promise([("2026-03-08", "10"), ("2026-06-08", "15")])
    before = [
        make_line(amount, payer_hash=known, booked_on=TODAY - timedelta(days=days))
        for amount, days in (("25", 9), ("10", 2))
    ]
    by = make_user()
    reconciliation.match(line=before[0], target=fund, by=by, at=NOW)
    gave = "The same payer gave before, last on {}."

    [unannounced] = suggest(make_line("30", payer_hash=payer_hash("DE89370400440532013000", "A.")))
    assert (unannounced.target, unannounced.score, unannounced.reasons) == (
        fund, 30, (gave.format("March 1, 2026"), "It is not announced."),
    )  # fmt: skip

    reconciliation.match(line=before[1], target=promise, by=by, at=NOW)
    waiting, of_fund = suggest(make_line("15", payer_hash=known))
    assert (waiting.target, waiting.score, waiting.reasons) == (
        promise, 60, (gave.format("March 8, 2026"), "The amount is the one announced."),
    )  # fmt: skip
    assert (of_fund.target, of_fund.score) == (promise.fund, 30)
    assert suggest(make_line("30", payer_hash=payer_hash("", "Ana"))) == []
    assert suggest(make_line("30")) == []


def test_suggest_pledge_with_a_slip_and_doubts_is_only_possible():
    pledge = make_pledge(method="transfer", amount="30", cancelled_at=NOW)
    written = SLIPS["wrong"](pledge.reference)

    [suggestion] = suggest(make_line("25", text=written))

    assert (suggestion.target, suggestion.certainty) == (pledge, Certainty.POSSIBLE)
    assert suggestion.reasons[1:] == (
        "The amount announced was €30.00.",
        "The gift was called off.",
    )


def test_suggest_one_with_a_slip_among_many_of_the_same_amount():
    """Long ago announced, and behind thousands of others: found all the same, by the index."""
    meant = make_pledge(method="transfer", created_at=NOW - timedelta(days=400))
    others = [
        Pledge(
            appeal=meant.appeal,
            fund=meant.fund,
            amount=25,
            currency="EUR",
            method="transfer",
            reference=new_reference(),
            frequency="once",
            language="es",
            created_at=NOW,
        )
        for _i in range(3000)
    ]
    Pledge.objects.bulk_create(others)

    found = suggest(make_line("25", text=SLIPS["wrong"](meant.reference)))

    assert [(s.target == meant, s.certainty) for s in found] == [
        (True, Certainty.LIKELY),
        *[(False, Certainty.POSSIBLE)] * 4,
    ]


def test_suggest_neighbouring_references_are_both_shown():
    """Two gifts' references may both be one slip away: neither is taken."""
    one, other = "RF89CDFGHJKMNPQR", "RF89CDFGHJKMNPQR"
    for letter in ALPHABET:
        for at in (14, 15):
            for slip in slips(one[:at] + letter + one[at + 1 :]):
                if slip.reference != one and slip.kind == "wrong":
                    other, between = slip.reference, slip.written
    pledges = [make_pledge(method="transfer", reference=r) for r in (one, other)]

    found = suggest(make_line("25", text=between))

    assert {s.target for s in found} == set(pledges)
    assert {s.certainty for s in found} == {Certainty.LIKELY}


def test_suggest_pledge_by_amount_alone_only_when_recent():
    recent = make_pledge(method="transfer", created_at=NOW - timedelta(days=3))
    make_pledge(method="transfer", created_at=NOW - timedelta(days=200))
    make_pledge(method="transfer", amount="26")
    make_pledge(method="transfer", currency="USD")
    make_pledge(method="transfer", cancelled_at=NOW)
    make_pledge(method="card")

    assert said(make_line("25")) == [
        (
            recent,
            Certainty.POSSIBLE,
            (
                "The amount is the one announced, but the reference is missing.",
                "It is 3 days from March 7, 2026.",
            ),
        )
    ]


def test_suggest_called_off_pledge_by_reference_says_so():
    pledge = make_pledge(method="transfer", cancelled_at=NOW)

    [suggestion] = suggest(make_line("25", text=pledge.reference))

    assert suggestion.certainty is Certainty.LIKELY
    assert suggestion.reasons[-1] == "The gift was called off."


def test_suggest_disbursement_by_reference():
    paid = record_paid(make_paid_disbursement())
    line = make_line("-190", text=f"Honorarios {paid.payment_reference}")

    assert said(line) == [
        (
            paid,
            Certainty.SURE,
            (
                "The amount is the payment's.",
                "The text has the payment's reference.",
                "It was paid on that day.",
            ),
        )
    ]


def test_suggest_disbursement_the_bank_made_before_it_was_recorded():
    approved = make_paid_disbursement()
    approved.refresh_from_db()
    approved.approved_by, approved.approved_at = make_user(), NOW
    approved.approved_hash = approved.content_hash
    approved.save()
    line = make_line("-190", text=approved.payment_reference)

    [suggestion] = suggest(line)

    assert (suggestion.target, suggestion.obstacle) == (
        approved,
        "This payment is not recorded as paid. Record that first, then match the line.",
    )


def test_suggest_disbursement_by_payee():
    paid = record_paid(make_paid_disbursement())

    by_name = suggest(make_line("-190", counterparty="SAMPLE LAW OFFICE"))
    by_account = suggest(make_line("-190", counterparty_account="DE02 1203 0000 0000 2020 51"))

    assert [(s.target, s.certainty) for s in by_name + by_account] == [
        (paid, Certainty.LIKELY),
        (paid, Certainty.LIKELY),
    ]


def test_suggest_no_disbursement_unpaid_or_from_another_account():
    line = make_line("-190")
    make_paid_disbursement()
    record_paid(make_paid_disbursement(account=make_bank_account("USD")))
    record_paid(make_paid_disbursement("191"))

    assert suggest(line) == []


@pytest.mark.parametrize("count", [1, 3])
def test_suggest_many_asks_a_fixed_number_of_queries(count, django_assert_num_queries):
    make_fund()
    lines = [make_line("25", text=make_pledge(method="transfer").reference) for _i in range(count)]
    lines += [make_line("-190") for _i in range(count)]
    for _i in range(count):
        record_paid(make_paid_disbursement())
        make_payout("25")

    with django_assert_num_queries(1):
        found = suggest_many(lines)

    assert [len(found[line.pk]) for line in lines] == [
        *[min(count + 1, 5)] * count,
        *[count] * count,
    ]
    assert found[lines[0].pk][0].target.amount == Decimal(25)
