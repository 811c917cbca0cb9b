"""The ledger: its verb, and the rules the database keeps whoever asks."""

import random
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from django.db import DataError, Error, IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from donations import currencies, ledger
from donations.ledger import Posting
from donations.models import Account, AccountKey, Entry, Reversal, Total
from donations.proofs import prove
from tests import factories
from tests.factories import NOW, TODAY, give
from tests.threads import in_parallel

EUR = AccountKey.stripe("EUR")


@pytest.fixture
def fund(db):
    return factories.make_fund(code="fund")


def key(fund, currency="EUR"):
    return AccountKey.fund(fund, currency)


def gift(fund, amount, source, *, currency="EUR", on=TODAY):
    return Posting(
        Entry.Kind.DONATION,
        AccountKey.stripe(currency),
        key(fund, currency),
        Decimal(amount),
        on,
        source,
    )


def fact_out(fund, amount, source):
    return Posting(Entry.Kind.REFUND, key(fund), EUR, Decimal(amount), TODAY, source)


def broken():
    return [p.name for p in prove() if not p.holds and p.name in BOOKKEEPING]


# What holds of entries alone, without donations and refunds behind them.
BOOKKEEPING = {"balanced", "totals", "overdrawn", "currencies", "reversals", "guards"}


# --- The verb -----------------------------------------------------------------------------------


def test_post_books_the_fact_and_makes_the_accounts(fund):
    ledger.post(gift(fund, "12.50", "test:1"))

    entry = Entry.objects.select_related("debit", "credit").get()
    assert (entry.kind, entry.debit.code, entry.credit.code, entry.amount, entry.currency) == (
        "donation",
        "stripe:EUR",
        "fund:fund:EUR",
        Decimal("12.50"),
        "EUR",
    )
    assert (entry.booked_on, entry.source, entry.reverses) == (TODAY, "test:1", None)
    assert ledger.balance(EUR) == ledger.balance(key(fund)) == Decimal("12.50")


def test_fact_posted_again_changes_nothing(fund):
    posting = gift(fund, "10", "test:1")

    assert [ledger.post_many([posting]), ledger.post_many([posting, posting])] == [1, 0]

    assert Entry.objects.count() == 1
    assert ledger.balance(EUR) == 10


@pytest.mark.parametrize(
    "other", [{"amount": "11"}, {"on": date(2026, 3, 11)}, {"currency": "USD"}]
)
def test_two_facts_under_one_source_are_refused_and_nothing_is_booked(fund, other):
    ledger.post(gift(fund, "10", "test:1"))

    with pytest.raises(ledger.SourceConflict):
        ledger.post_many(
            [gift(fund, "5", "test:2"), gift(fund, **({"amount": "10"} | other), source="test:1")]
        )

    assert list(Entry.objects.values_list("source", flat=True)) == ["test:1"]


def test_post_many_books_all_or_none(fund):
    with pytest.raises(IntegrityError):
        ledger.post_many([gift(fund, "10", "test:1"), gift(fund, "0.001", "test:2")])

    assert not Entry.objects.exists()
    assert ledger.balance(EUR) == 0


def test_post_many_costs_the_same_for_one_and_a_thousand(fund, django_assert_num_queries):
    give(fund, "1")
    for count in (1, 1000):
        postings = [gift(fund, "1", f"many:{count}:{number}") for number in range(count)]
        with django_assert_num_queries(3):
            assert ledger.post_many(postings) == count


def test_nothing_to_post_asks_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ledger.post_many([]) == 0


def test_reversal_mirrors_the_entry_and_says_who_and_why(fund):
    ledger.post(gift(fund, "10", "test:1"))
    entry, by = Entry.objects.get(), factories.make_user()

    mirror = ledger.reverse(entry, by=by, reason="Booked twice at the bank.", at=NOW)

    assert (mirror.kind, mirror.debit_id, mirror.credit_id, mirror.amount, mirror.source) == (
        "donation",
        entry.credit_id,
        entry.debit_id,
        10,
        "reversal:test:1",
    )
    reversal = Reversal.objects.get()
    assert (reversal.entry, reversal.by, reversal.reason) == (
        mirror,
        by,
        "Booked twice at the bank.",
    )
    assert ledger.balance(EUR) == ledger.balance(key(fund)) == 0
    assert broken() == []


def test_entry_is_reversed_once_and_for_a_reason(fund):
    ledger.post(gift(fund, "10", "test:1"))
    entry, by = Entry.objects.get(), factories.make_user()

    with pytest.raises(ledger.LedgerError, match="needs a reason"):
        ledger.reverse(entry, by=by, reason="  ", at=NOW)
    ledger.reverse(entry, by=by, reason="Test.", at=NOW)
    with pytest.raises(ledger.AlreadyReversed):
        ledger.reverse(entry, by=by, reason="Again.", at=NOW)

    assert Entry.objects.count() == 2


# --- What the database refuses ------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE donations_entry SET amount = amount + 1",
        "UPDATE donations_entry SET source = source",
        "DELETE FROM donations_entry",
        "TRUNCATE donations_entry CASCADE",
        "TRUNCATE donations_account CASCADE",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica", "local"])
def test_entries_are_append_only_even_for_a_session_that_plays_replica(fund, statement, role):
    give(fund, "10")

    with (
        pytest.raises(IntegrityError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"SET LOCAL session_replication_role = {role}")
        cursor.execute(statement)

    assert Entry.objects.get().amount == 10


def test_totals_are_kept_even_for_a_session_that_plays_replica(fund):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        give(fund, "10")
        cursor.execute("SET LOCAL session_replication_role = origin")

    assert ledger.balance(key(fund)) == 10


def accounts(fund):
    """Accounts of two currencies, by code."""
    give(fund, "1", source="made:EUR")
    give(fund, "1000", currency="CLP", source="made:CLP")
    return {account.code: account for account in Account.objects.all()}


GOOD = {
    "kind": "donation",
    "debit": "stripe:EUR",
    "credit": "fund:fund:EUR",
    "amount": "10",
    "currency": "EUR",
    "source": "test:1",
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"amount": "0"}, "entry_amount_positive"),
        ({"amount": "-1"}, "entry_amount_positive"),
        ({"amount": "0.001"}, "entry_amount_exact"),
        ({"debit": "fund:fund:EUR"}, "entry_between_two_accounts"),
        ({"debit": "stripe:CLP"}, "entry_currency_of_debit"),
        ({"credit": "fund:fund:CLP"}, "entry_currency_of_credit"),
        ({"currency": "CLP"}, "entry_currency_of_"),
        ({"kind": "gift"}, "entry_kind_known"),
        ({"source": "made:EUR"}, "source"),
    ],
)
def test_database_takes_only_whole_and_honest_entries(fund, change, rule):
    by_code = accounts(fund)
    values = GOOD | change

    def insert():
        with transaction.atomic():
            Entry.objects.create(
                kind=values["kind"],
                debit=by_code[values["debit"]],
                credit=by_code[values["credit"]],
                amount=Decimal(values["amount"]),
                currency=values["currency"],
                booked_on=TODAY,
                source=values["source"],
            )

    if rule is None:
        insert()
        return
    with pytest.raises(IntegrityError, match=rule):
        insert()
    assert Entry.objects.count() == 2


@pytest.mark.parametrize(
    ("currency", "amount", "is_exact"),
    [
        ("EUR", "0.01", True),
        ("EUR", "0.001", False),
        ("CLP", "1", True),
        ("CLP", "0.5", False),
        ("KWD", "0.001", True),
        ("ARS", "999999999999999.99", True),
    ],
)
def test_amounts_are_exact_in_their_currency_and_large_sums_fit(fund, currency, amount, is_exact):
    posting = gift(fund, amount, "test:1", currency=currency)
    if is_exact:
        ledger.post(posting)
        assert ledger.balance(key(fund, currency)) == Decimal(amount)
    else:
        with pytest.raises(IntegrityError, match="entry_amount_exact"):
            ledger.post(posting)


def test_amount_beyond_the_columns_is_refused_not_cut(fund):
    with pytest.raises(DataError):
        ledger.post(gift(fund, "1e18", "test:1"))


def test_decimals_of_currencies_are_the_same_in_code_and_database(db):
    codes = {*currencies.ZERO_DECIMALS, *currencies.THREE_DECIMALS, *currencies.GIVING}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c, donations_exponent(c) FROM unnest(%s::text[]) AS c", [sorted(codes)]
        )
        assert dict(cursor.fetchall()) == {code: currencies.exponent(code) for code in codes}


def test_every_kind_of_entry_is_either_a_decision_or_a_fact_in_code_and_database(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'donations_entry_post'")
        [sql] = cursor.fetchone()
    listed = sql.split("decisions constant text[] := ARRAY[")[1].split("]")[0]

    assert {name.strip(" \n'") for name in listed.split(",")} == set(Entry.DECISIONS)


# --- Decisions and facts ------------------------------------------------------------------------


def cover(source, target, amount, name):
    return Posting(Entry.Kind.COVER, key(source), key(target), Decimal(amount), TODAY, name)


def test_decision_takes_what_is_there_and_no_unit_more(fund):
    other = factories.make_fund(code="other")
    give(fund, "10")

    with pytest.raises(ledger.NotEnough):
        ledger.post(cover(fund, other, "10.01", "cover:1"))
    ledger.post(cover(fund, other, "10", "cover:2"))

    assert ledger.balance(key(fund)) == 0
    assert list(Entry.objects.filter(kind="cover").values_list("source", flat=True)) == ["cover:2"]


def test_fact_is_booked_below_zero_and_freezes_the_fund_for_decisions(fund):
    other = factories.make_fund(code="other")
    give(fund, "10")

    ledger.post(fact_out(fund, "30", "refund:1"))
    give(fund, "100")

    assert ledger.balance(key(fund)) == 80
    assert Account.objects.get(code=key(fund).code).frozen_at is not None
    with pytest.raises(ledger.Frozen):
        ledger.post(cover(fund, other, "1", "cover:1"))
    ledger.post(fact_out(fund, "5", "refund:2"))
    assert ledger.balance(key(fund)) == 75
    assert broken() == []


def test_fund_is_free_again_when_what_took_it_below_zero_is_undone(fund):
    give(fund, "10")

    ledger.post(fact_out(fund, "30", "refund:1"))
    assert Account.objects.frozen().get().code == key(fund).code
    entry = Entry.objects.get(source="refund:1")
    ledger.reverse(entry, by=factories.make_user(), reason="wrong", at=factories.NOW)
    assert not Account.objects.frozen().exists()

    ledger.post(fact_out(fund, "30", "dispute:1"))
    won = Posting(
        Entry.Kind.DISPUTE_WON, AccountKey.stripe("EUR"), key(fund), Decimal(15), TODAY, "won:1"
    )
    ledger.post(won)
    assert Account.objects.frozen().exists(), "five are missing still"
    ledger.post(won._replace(amount=Decimal(5), source="won:2"))
    assert (ledger.balance(key(fund)), Account.objects.frozen().count()) == (0, 0)
    assert broken() == []


@pytest.mark.parametrize("into", [AccountKey.stripe("EUR"), AccountKey.cash("EUR")])
def test_bail_goes_nowhere_but_to_a_court_for_a_cost_that_has_money_set_aside(fund, into):
    give(fund, "10", into=AccountKey.transit("EUR"))

    with pytest.raises(ledger.NotEnough, match="nothing is set aside for this bail"):
        ledger.post(
            Posting(Entry.Kind.BAIL_PAID, into, AccountKey.transit("EUR"), Decimal(5), TODAY, "b:1")
        )

    assert Entry.objects.count() == 1


def test_every_rule_is_kept_of_each_of_many_posted_together(fund):
    """One entry in the midst of honest ones: the rules look at all of a statement."""
    other = factories.make_fund(code="other")
    give(fund, "10")
    give(other, "10")
    honest = [gift(fund, "1", f"test:{number}") for number in range(20)]

    for wrong, refusal in [
        (cover(fund, other, "40", "cover:1"), ledger.NotEnough),
        (
            Posting(Entry.Kind.SURPLUS, key(fund), key(other), Decimal(1), TODAY, "s"),
            IntegrityError,
        ),
        (Posting(Entry.Kind.REFUND, key(fund), key(other), Decimal(1), TODAY, "r"), IntegrityError),
        (fact_out(fund, "0.001", "refund:1"), IntegrityError),
    ]:
        with pytest.raises(refusal):
            ledger.post_many([*honest[:10], wrong, *honest[10:]])
        assert Entry.objects.count() == 2

    ledger.post_many([*honest[:10], fact_out(fund, "31", "refund:2"), *honest[10:]])
    assert ledger.balance(key(fund)) == -1
    assert Account.objects.frozen().get().code == key(fund).code


# --- The hash -----------------------------------------------------------------------------------


def test_hash_is_the_same_whatever_order_facts_arrived_in(fund):
    postings = [gift(fund, amount, f"test:{amount}") for amount in range(1, 30)]
    hashes = set()
    for seed in range(5):
        order = random.Random(seed).sample(postings, len(postings))
        with transaction.atomic():
            for posting in order:
                ledger.post(posting)
            hashes.add(ledger.ledger_hash())
            transaction.set_rollback(True)

    assert len(hashes) == 1


@pytest.mark.parametrize(
    "change",
    [{"amount": "11"}, {"source": "test:2"}, {"on": date(2026, 3, 11)}, {"currency": "USD"}],
)
def test_hash_tells_any_difference(fund, change):
    hashes = set()
    for fields in ({}, change):
        with transaction.atomic():
            ledger.post(gift(fund, **({"amount": "10", "source": "test:1"} | fields)))
            hashes.add(ledger.ledger_hash())
            transaction.set_rollback(True)

    assert len(hashes) == 2


def test_hash_of_nothing_is_that_of_no_lines(db):
    assert ledger.ledger_hash() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


# --- Many at once -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_posting_at_once_lose_and_double_nothing():
    """Each of eight posts 40 gifts of its own and 40 that all post, in an order of its own, and takes 20 refunds."""
    fund = factories.make_fund(code="fund")

    def work(each):
        shared = [gift(fund, "1", f"shared:{number}") for number in range(40)]
        own = [gift(fund, "2", f"own:{each}:{number}") for number in range(40)]
        back = [fact_out(fund, "0.50", f"back:{each}:{number}") for number in range(20)]
        mixed = random.Random(each).sample([*shared, *own, *back], 100)
        for at in range(0, 100, 5):
            ledger.post_many(mixed[at : at + 5])

    assert in_parallel(8, work) == [None] * 8
    assert Entry.objects.count() == 40 + 8 * 40 + 8 * 20
    assert ledger.balance(key(fund)) == ledger.balance(EUR) == 40 + 640 - 80
    assert broken() == []


@pytest.mark.django_db(transaction=True)
def test_many_deciding_over_one_fund_never_overdraw_it():
    fund, other = factories.make_fund(code="fund"), factories.make_fund(code="other")
    give(fund, "20")
    give(other, "1")

    def work(each):
        taken = 0
        for number in range(5):
            try:
                ledger.post(cover(fund, other, "1", f"cover:{each}:{number}"))
                taken += 1
            except ledger.NotEnough:
                pass
        return taken

    assert sum(in_parallel(8, work)) == 20
    assert ledger.balance(key(fund)) == 0
    assert broken() == []


# --- Any life whatever --------------------------------------------------------------------------

FUNDS = ("a", "b")
# Those that need a court, or a row that two people decided, have tests of their own.
KINDS = [
    kind
    for kind in Entry.Kind
    if not kind.startswith("bail")
    and kind
    not in {
        Entry.Kind.EXCHANGE,
        Entry.Kind.SURPLUS,
        Entry.Kind.PARTNER_PAYMENT,
        Entry.Kind.OPENING,
        Entry.Kind.PAST_PAYMENT,
    }
]
CURRENCIES = ("EUR", "CLP", "KWD")

steps = st.lists(
    st.tuples(
        st.sampled_from([*KINDS, "reverse"]),
        st.sampled_from(FUNDS),
        st.sampled_from(CURRENCIES),
        st.integers(1, 5_000),
        st.integers(0, 40),  # few sources, so that facts are told twice
    ),
    max_size=40,
)


def between(kind, fund, other, cost, currency):
    """The accounts that an entry of this kind moves money between, as (debit, credit)."""
    stripe, transit = AccountKey.stripe(currency), AccountKey.transit(currency)
    purpose = key(fund, currency)
    match kind:
        case "donation" | "dispute_won" | "interest":
            return stripe, purpose
        case "fee" | "refund" | "dispute" | "dispute_fee" | "bank_fee":
            return purpose, stripe
        case "payout_left":
            return transit, stripe
        case "deposit_left":
            return transit, AccountKey.cash(currency)
        case "deposit_arrived" | "transfer_arrived":
            return stripe, transit
        case "transfer_left":
            return transit, stripe
        case "refund_returned":
            return stripe, purpose
        case "payout_returned":
            return stripe, transit
        case "payout_arrived":
            return AccountKey.cash(currency), transit
        case "allocation":
            return purpose, AccountKey.cost(cost)
        case "release":
            return AccountKey.cost(cost), purpose
        case "disbursement":
            return AccountKey.cost(cost), stripe
        case "cover":
            return purpose, key(other, currency)
    raise AssertionError(kind)


@pytest.fixture
def world(db):
    case, by = factories.make_case(), factories.make_user()
    funds = {name: factories.make_fund(code=name) for name in FUNDS}
    costs = {c: factories.make_cost(case, currency=c, by=by) for c in CURRENCIES}
    return funds, costs, by


@settings(max_examples=60)
@given(steps=steps)
def test_any_sequence_of_postings_keeps_the_books_whole(world, steps):
    """Per currency assets equal funds and costs, totals equal entries, and only facts go below zero."""
    with transaction.atomic():
        live(world, steps)
        balances = defaultdict(Decimal)
        for account in Account.objects.with_balance():
            sign = 1 if account.kind == "asset" else -1
            balances[account.currency] += sign * account.balance
            if account.balance < 0 and account.kind != "asset":
                assert account.frozen_at is not None
        assert set(balances.values()) <= {0}
        assert broken() == []
        transaction.set_rollback(True)


def live(world, steps):
    funds, costs, by = world
    for kind, name, currency, units, number in steps:
        source = f"{kind}:{number}"
        fund, other = funds[name], funds["b" if name == "a" else "a"]
        try:
            if kind == "reverse":
                entry = Entry.objects.filter(reverses=None).order_by("pk")[number : number + 1]
                for one in entry:
                    ledger.reverse(one, by=by, reason="Test.", at=NOW)
                continue
            debit, credit = between(kind, fund, other, costs[currency], currency)
            amount = Decimal(units).scaleb(-currencies.exponent(currency))
            ledger.post(Posting(Entry.Kind(kind), debit, credit, amount, TODAY, source))
        except ledger.LedgerError:
            # Refused with a named error, and nothing else: what was refused left no trace.
            continue


def test_totals_are_the_databases_alone(fund):
    """Whoever adds rows to the totals by the ORM is found out by the proof; no code of ours does."""
    give(fund, "10")
    Total.objects.create(
        account=Account.objects.first(), kind="fee", slot=0, debit=Decimal(1), credit=Decimal(0)
    )

    assert broken() == ["totals"]


def test_error_in_a_transaction_leaves_it_usable(fund):
    give(fund, "1")
    with transaction.atomic():
        for _i in range(2):
            with pytest.raises(Error):
                ledger.post(gift(fund, "-1", "test:1"))
        ledger.post(gift(fund, "1", "test:2"))

    assert ledger.balance(key(fund)) == 2
