"""The bank's own fees: proposed for a fund that has the money, else only named, with what to do."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from donations import ledger, reconciliation
from donations.models import AccountKey, Entry, StatementMatch
from donations.reconciliation import (
    Between,
    BetweenLess,
    Certainty,
    Charge,
    DoesNotFit,
    suggest,
)
from tests.factories import (
    NOW,
    TODAY,
    give,
    make_bank_account,
    make_case,
    make_fund,
    make_policy,
    make_user,
)

from .files import make_line

pytestmark = pytest.mark.django_db


def fee(amount="-4.50", text="Comisión de mantenimiento"):
    return make_line(amount, text=text)


def bear(fund, amount="-1"):
    """The fund has borne a fee of the account before."""
    line = make_line(amount)
    reconciliation.explain(line=line, explanation="fee", fund=fund, by=make_user(), at=NOW)


def match(line, target):
    return reconciliation.match(line=line, target=target, by=make_user(), at=NOW)


def proposed(line):
    return [(s.target, s.certainty, s.obstacle) for s in suggest(line)]


@pytest.mark.usefixtures("fees_by_one_person")
def test_fee_is_proposed_for_the_fund_that_bore_the_last_one():
    make_fund()
    case_fund = make_fund("case", case=make_case())
    give(case_fund, "10")
    bear(case_fund)

    assert proposed(fee()) == [(Charge(case_fund), Certainty.LIKELY, "")]
    # As German banks write it where their files have no umlauts.
    for text in ("Kontofuehrung", "Gebuehren 11/2026", "Kontoführung"):
        assert [target for target, *_rest in proposed(fee(text=text))] == [Charge(case_fund)]


@pytest.mark.usefixtures("fees_by_one_person")
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


@pytest.mark.usefixtures("fees_by_one_person")
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


def by_policy(*kinds):
    limits = [("EUR", "5000", "0"), ("USD", "5000", "0")]
    return make_policy(limits=limits, fee_order=list(kinds))


@pytest.mark.usefixtures("fees_by_one_person")
def test_policy_says_which_funds_bear_fees():
    general, case_fund = make_fund(), make_fund("case", case=make_case())
    give(general, "10")
    give(case_fund, "10")
    bear(case_fund)
    assert suggest(fee())[0].target == Charge(case_fund)

    rules = by_policy("general", "appeal")

    assert proposed(fee()) == [(Charge(general), Certainty.POSSIBLE, "")]
    assert rules.fee_bearers == ["the general fund", "the fund of the appeal"]
    said = f"borne by the general fund, the fund of the appeal, and “{case_fund}” is none of these"
    with pytest.raises(DoesNotFit, match=said):
        bear(case_fund)
    bear(general)
    assert ledger.balance(AccountKey.fund(general, "EUR")) == 9


@pytest.mark.parametrize(
    ("order", "first"),
    [(["general", "case"], "general"), (["case", "general"], "case"), ([], "case")],
)
@pytest.mark.usefixtures("fees_by_one_person")
def test_first_of_the_policys_order_that_has_the_money_is_proposed(order, first):
    funds = {"general": make_fund(), "case": make_fund("case", case=make_case())}
    for fund in funds.values():
        give(fund, "10")
    bear(funds["case"])
    by_policy(*order)

    assert suggest(fee())[0].target == Charge(funds[first])
    assert suggest(fee("-9.50"))[0].target == Charge(funds["general"])


def test_what_a_bank_kept_on_the_way_is_borne_by_the_policy_too():
    case_fund = make_fund("case", case=make_case())
    current, savings = make_line("500").account, make_bank_account(code="savings")
    begun = match(make_line("-500", current), Between(savings))
    by_policy("general")

    with pytest.raises(
        DoesNotFit, match="By the policy fees of banks are borne by the general fund"
    ):
        match(make_line("497", savings), BetweenLess(begun.own_transfer, case_fund))

    assert ledger.balance(AccountKey.transit("EUR")) == 500


def test_interest_and_policies_that_say_nothing_leave_the_fund_free():
    case_fund = make_fund("case", case=make_case())
    by_policy("general")
    bear(case_fund, "7")
    by_policy()
    bear(case_fund, "-2")

    assert ledger.balance(AccountKey.fund(case_fund, "EUR")) == 5


def test_database_refuses_a_fee_of_another_fund():
    case_fund, line = make_fund("case", case=make_case()), make_line("-3")
    by_policy("general")
    source = f"bank:{line.account.code}:{line.key}"
    ledger.post(
        ledger.Posting(
            Entry.Kind.BANK_FEE, AccountKey.fund(case_fund, "EUR"), AccountKey.bank(line.account),
            Decimal(3), TODAY, source,
        )
    )  # fmt: skip

    with pytest.raises(IntegrityError, match="other funds bear the fees"), transaction.atomic():
        StatementMatch.objects.create(
            line=line, amount=-3, source=source, explanation="fee", confirmed_by=make_user(),
            confirmed_at=NOW,
        )  # fmt: skip
