"""The bank's own fees: proposed for a fund that has the money, else only named, with what to do."""

from decimal import Decimal

import pytest

from donations import ledger, reconciliation
from donations.models import AccountKey
from donations.reconciliation import Certainty, Charge, suggest
from tests.factories import NOW, give, make_case, make_fund, make_user

from .files import make_line

pytestmark = pytest.mark.django_db


def fee(amount="-4.50"):
    return make_line(amount, text="Comisión de mantenimiento")


def bear(fund, amount="-1"):
    """The fund has borne a fee of the account before."""
    line = make_line(amount)
    reconciliation.explain(line=line, explanation="fee", fund=fund, by=make_user(), at=NOW)


def proposed(line):
    return [(s.target, s.certainty, s.obstacle) for s in suggest(line)]


def test_fee_is_proposed_for_the_fund_that_bore_the_last_one():
    make_fund()
    case_fund = make_fund("case", case=make_case())
    give(case_fund, "10")
    bear(case_fund)

    assert proposed(fee()) == [(Charge(case_fund), Certainty.LIKELY, "")]


def test_fund_that_lacks_the_money_is_passed_over_for_the_general_one():
    general, case_fund = make_fund(), make_fund("case", case=make_case())
    give(general, "4.50")
    give(case_fund, "5.49")
    bear(case_fund)

    [suggestion] = suggest(fee())

    assert (suggestion.target, suggestion.obstacle) == (Charge(general), "")
    assert suggestion.reasons[-1] == "Nobody has said yet which fund has those of this account."


def test_fee_no_fund_can_bear_is_named_with_the_next_step():
    general = make_fund()
    give(general, "4.49")
    give(general, "100", currency="USD")

    [suggestion] = suggest(fee())

    assert suggestion.target == Charge(general)
    assert suggestion.obstacle == (
        f"{general} has €4.49, less than the fee of €4.50. Say by hand which fund bears it; if it is to be this one, it "
        "goes below zero until two people cover it."
    )


def test_each_fee_is_held_against_what_those_before_it_left():
    general = make_fund()
    give(general, "5")
    first, second = fee(), fee()

    assert [bool(suggest(line)[0].obstacle) for line in (first, second)] == [False, False]
    reconciliation.match(line=first, target=suggest(first)[0].target, by=make_user(), at=NOW)

    assert suggest(second)[0].obstacle
    assert ledger.balance(AccountKey.fund(general, "EUR")) == Decimal("0.50")


def test_fee_without_any_fund_to_bear_it_is_not_proposed():
    make_fund("case", case=make_case())

    assert suggest(fee()) == []
