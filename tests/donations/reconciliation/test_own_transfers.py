"""Money between accounts of ours: two lines of two statements, whichever comes first, one transfer; nothing of a fund moves."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from donations import differences, ledger
from donations.admin.match_words import told
from donations.clearing import clearing
from donations.models import AccountKey, BankAccount, Entry, OwnTransfer, StatementMatch
from donations.proofs import prove
from donations.reconciliation import (
    AlreadyMatched,
    Between,
    BetweenLess,
    Certainty,
    DoesNotFit,
    match,
    suggest,
    unmatch,
)
from tests.donations.lying import lying
from tests.factories import NOW, TODAY, make_bank_account, make_fund, make_user
from tests.threads import in_parallel

from .files import make_account, make_line

SAVINGS = "ES9121000418450200051332"


@pytest.fixture
def current(db):
    return make_account(code="current")


@pytest.fixture
def savings(current):
    return make_bank_account(code="savings", number=SAVINGS, bic="")


def transit():
    return ledger.balance(AccountKey.transit("EUR"))


def said(line, target, **fields):
    return match(line=line, target=target, by=make_user(), at=NOW, **fields)


def waiting():
    lying(NOW)
    return [(d.kind, d.name, d.told, d.since) for d in differences.listed(at=NOW)]


def test_several_open_accounts_in_a_currency_one_of_which_takes_gifts(savings):
    make_bank_account(code="gifts", takes_gifts=True)

    with transaction.atomic(), pytest.raises(IntegrityError, match="taking_gifts_once"):
        make_bank_account(code="more", takes_gifts=True)
    make_bank_account(code="other", currency="USD", takes_gifts=True)
    make_bank_account(code="old", takes_gifts=True, closed_on=TODAY)

    assert BankAccount.objects.taking_gifts_in("EUR").get().code == "gifts"
    assert AccountKey.bank(savings).code == "bank:savings:EUR"


@pytest.mark.parametrize("first", ["out", "in"])
def test_whichever_statement_comes_first_both_sides_are_one_transfer(current, savings, first):
    out, came = make_line("-500", current), make_line("500", savings)
    sides = [(out, savings), (came, current)]
    one, other = sides if first == "out" else sides[::-1]

    said(one[0], Between(one[1]))
    assert transit() == (500 if first == "out" else -500)
    kind = "transfer_out" if first == "out" else "transfer_in"
    assert (kind, "transfer:current:savings", transit(), TODAY) in waiting()

    [best, *_rest] = suggest(other[0])
    assert (best.target, best.certainty) == (OwnTransfer.objects.get(), Certainty.POSSIBLE)
    said(other[0], Between(other[1]))

    assert (OwnTransfer.objects.count(), transit(), waiting()) == (1, 0, [])
    assert [ledger.balance(AccountKey.bank(each)) for each in (current, savings)] == [-500, 500]
    assert sorted(Entry.objects.values_list("kind", "debit__code", "credit__code")) == [
        ("transfer_arrived", "bank:savings:EUR", "transit:EUR"),
        ("transfer_left", "transit:EUR", "bank:current:EUR"),
    ]
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_line_that_names_our_own_account_is_proposed_and_then_sure(current, savings):
    out = make_line("-500", current, counterparty_account="ES91 2100 0418 4502 0005 1332")
    came = make_line("500", savings, counterparty_account=current.number, text="x")

    [first] = suggest(out)
    assert (first.target, first.certainty) == (Between(savings), Certainty.LIKELY)
    said(out, first.target)

    [second] = suggest(came)
    assert (second.target, second.certainty) == (OwnTransfer.objects.get(), Certainty.SURE)
    said(came, second.target)

    assert waiting() == []


def test_transfer_not_seen_at_the_other_bank_is_work_after_five_days(current, savings):
    today = timezone.now().date()
    said(make_line("-500", current, booked_on=today - timedelta(days=6)), Between(savings))

    [late] = differences.work_list(at=timezone.now())

    assert (late.kind, late.told, late.age(timezone.now())) == ("transfer_out", 500, 6)
    assert late.cause
    assert late.next_step
    assert [(c.account.code, c.left) for c in clearing([late])] == [("transit:EUR", 0)]


def test_part_of_a_line_is_a_transfer_and_the_rest_a_fee(current, savings):
    out = make_line("-502", current)

    said(out, Between(savings), amount=Decimal(-500))

    out.refresh_from_db()
    assert (out.open_amount, transit()) == (-2, 500)


def test_match_taken_back_leaves_the_other_side_waiting(current, savings):
    out, came = make_line("-500", current), make_line("500", savings)
    said(out, Between(savings))
    back = said(came, Between(current))

    unmatch(match=back, reason="Another one.", by=make_user(), at=NOW)
    assert [(kind, amount) for kind, _n, amount, _d in waiting()] == [
        ("bank_lines", 500), ("transfer_out", 500),
    ]  # fmt: skip

    said(came, Between(current))
    assert (OwnTransfer.objects.count(), waiting(), transit()) == (1, [], 0)
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_two_equal_transfers_are_two(current, savings):
    for _n in range(2):
        said(make_line("-500", current), Between(savings))
    for _n in range(2):
        said(make_line("500", savings), Between(current))

    assert (OwnTransfer.objects.count(), transit(), waiting()) == (2, 0, [])


@pytest.mark.parametrize("first", ["out", "in"])
@pytest.mark.usefixtures("fees_by_one_person")
def test_transfer_that_arrives_less_a_fee_is_one_act_whichever_statement_comes_first(
    current, savings, first
):
    fund = make_fund()
    said(make_line("600", current), fund)
    out, came = make_line("-500", current), make_line("497", savings)
    one, other = ((out, savings), came) if first == "out" else ((came, current), out)
    transfer = said(one[0], Between(one[1])).own_transfer

    [best] = [s for s in suggest(other) if isinstance(s.target, BetweenLess)]
    assert (best.target, best.certainty, best.obstacle, best.reasons) == (
        BetweenLess(transfer, fund),
        Certainty.POSSIBLE,
        "",
        (
            "It is €3.00 less than what left: a bank kept its fee.",
            "The other account's statement shows it on that day.",
        ),
    )
    standing = said(other, best.target)

    assert (standing.withheld, transit(), waiting()) == (3, 0, [])
    assert [ledger.balance(AccountKey.bank(each)) for each in (current, savings)] == [100, 497]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 597
    fee = Entry.objects.get(kind="bank_fee")
    assert (fee.amount, fee.source, fee.debit.fund) == (3, f"{standing.source}:fee", fund)
    assert told(standing) == (
        "transfer from Sample bank to Sample bank, of which a bank kept €3.00"
    )
    assert [proof.name for proof in prove() if not proof.holds] == []


@pytest.mark.parametrize("first", ["out", "in"])
@pytest.mark.parametrize("undone", ["first", "second"])
@pytest.mark.usefixtures("fees_by_one_person")
def test_either_side_of_a_transfer_less_a_fee_is_taken_back_alone(current, savings, first, undone):
    fund = make_fund()
    said(make_line("600", current), fund)
    out, came = make_line("-500", current), make_line("497", savings)
    one, other = ((out, savings), came) if first == "out" else ((came, current), out)
    begun = said(one[0], Between(one[1]))
    second = said(other, BetweenLess(begun.own_transfer, fund))

    unmatch(match=begun if undone == "first" else second, reason="No.", by=make_user(), at=NOW)

    [(kind, told_amount)] = [
        (kind, amount) for kind, _name, amount, _day in waiting() if kind != "bank_lines"
    ]
    left = (
        ("transfer_out", "transfer_in") if undone == "second" else ("transfer_in", "transfer_out")
    )
    assert kind == left[0 if first == "out" else 1]
    assert told_amount == transit()
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == (600 if undone == "second" else 597)
    assert [proof.name for proof in prove() if not proof.holds] == []

    again = BetweenLess(begun.own_transfer, fund) if undone == "second" else Between(one[1])
    said(other if undone == "second" else one[0], again)
    assert (OwnTransfer.objects.count(), transit(), waiting()) == (1, 0, [])
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_refusal_of_a_short_transfer_says_how_it_is_said(current, savings):
    transfer = said(make_line("-500", current), Between(savings)).own_transfer

    with pytest.raises(
        DoesNotFit, match=r"€3\.00 of this transfer is missing: .* which fund bears"
    ):
        said(make_line("497", savings), transfer)


def test_transfer_less_a_fee_needs_its_other_side_and_less_money(current, savings):
    fund = make_fund()
    begun = said(make_line("-500", current), Between(savings))
    for amount in ("500", "501"):
        with pytest.raises(DoesNotFit, match="no bank kept anything of this transfer"):
            said(make_line(amount, savings), BetweenLess(begun.own_transfer, fund))
    unmatch(match=begun, reason="No.", by=make_user(), at=NOW)

    with pytest.raises(DoesNotFit, match="No line shows the other side of this transfer any more"):
        said(make_line("497", savings), BetweenLess(begun.own_transfer, fund))

    assert transit() == 0


@pytest.mark.parametrize(
    ("amount", "account", "proposed"),
    [("475", "", True), ("474", "", False), ("300", "DE02120300000000202051", True), ("249", "DE02120300000000202051", False)],
)  # fmt: skip
def test_transfer_less_a_fee_is_proposed_where_it_is_little_or_named(
    current, savings, amount, account, proposed
):
    said(make_line("600", current), make_fund())
    said(make_line("-500", current), Between(savings))

    found = suggest(make_line(amount, savings, counterparty_account=account))

    assert any(isinstance(s.target, BetweenLess) for s in found) is proposed


@pytest.mark.parametrize("other", ["itself", "usd"])
def test_not_to_itself_nor_into_another_currency(current, savings, other):
    usd = make_bank_account(code="usd", currency="USD")
    target = Between(current if other == "itself" else usd)

    with pytest.raises(DoesNotFit, match="Choose another account of ours"):
        said(make_line("-500", current), target)

    assert not Entry.objects.exists()


def test_known_transfer_takes_only_its_own_other_side(current, savings):
    third = make_bank_account(code="third")
    transfer = said(make_line("-500", current), Between(savings)).own_transfer

    with pytest.raises(DoesNotFit, match="between two other accounts"):
        said(make_line("500", third), transfer)
    with pytest.raises(DoesNotFit, match="this would be"):
        said(make_line("501", savings), transfer)
    with pytest.raises(AlreadyMatched, match="on another line of this account"):
        said(make_line("-500", current), transfer)

    assert (OwnTransfer.objects.count(), transit()) == (1, 500)


@pytest.mark.usefixtures("fees_by_one_person")
def test_database_holds_a_transfer_to_its_accounts_and_sides(current, savings):
    transfer = said(make_line("-500", current), Between(savings)).own_transfer
    usd = make_bank_account(code="usd", currency="USD")
    fields = {"amount": 1, "currency": "EUR", "begun_by": make_user(), "begun_at": NOW}

    def refused(constraint, work):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            work()
        assert refusal.value.__cause__.diag.constraint_name == constraint

    refused(
        "own_transfer_of_one_currency",
        lambda: OwnTransfer.objects.create(left_from=current, arrives_at=usd, **fields),
    )
    refused(
        "own_transfer_between_two_accounts",
        lambda: OwnTransfer.objects.create(left_from=current, arrives_at=current, **fields),
    )
    refused("own_transfer_stays", lambda: OwnTransfer.objects.update(amount=2))
    refused("own_transfer_stays", lambda: OwnTransfer.objects.all()._raw_delete("default"))
    refused(
        "own_transfer_match_of_its_side",
        lambda: StatementMatch.objects.create(
            line=make_line("499", savings), amount=499, own_transfer=transfer,
            confirmed_by=make_user(), confirmed_at=NOW,
        ),
    )  # fmt: skip
    refused(
        "own_transfer_match_of_its_side",
        lambda: StatementMatch.objects.create(
            line=make_line("499", savings), amount=499, withheld=2, own_transfer=transfer,
            confirmed_by=make_user(), confirmed_at=NOW,
        ),
    )  # fmt: skip
    refused(
        "match_own_transfer_once_out",
        lambda: StatementMatch.objects.create(
            line=make_line("-500", current), amount=-500, own_transfer=transfer,
            confirmed_by=make_user(), confirmed_at=NOW,
        ),
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_two_people_who_match_both_sides_at_once_make_one_transfer():
    current = make_account(code="current")
    savings = make_bank_account(code="savings", number=SAVINGS)
    lines = [
        (make_line("-500", current), Between(savings)),
        (make_line("500", savings), Between(current)),
    ]
    by = [make_user(), make_user()]

    in_parallel(2, lambda n: match(line=lines[n][0], target=lines[n][1], by=by[n], at=NOW).pk)

    assert OwnTransfer.objects.count() == 1
    assert transit() == 0
    connection.close()
