"""The public figures: what they say, that they add up, what they cost, and what they never say."""

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from django.db import connection

from appeals.models import Appeal, AppealText, Case, CaseText
from donations import allocation, ledger
from donations.ledger import Posting
from donations.models import AccountKey, Donation, Entry
from donations.transparency import (
    ALL_FIGURES,
    CameIn,
    Figures,
    PlaceBalance,
    books,
    came_in_for_appeal,
    came_in_for_case,
)
from tests import factories
from tests.donations.conftest import pay
from tests.factories import NOW, TODAY, give

EUR = Figures(
    received=Decimal(125),
    processing_fees=Decimal("2.38"),
    paid=Decimal(50),
    held=Decimal("72.62"),
    allocated=Decimal(30),
    promised=Decimal(40),
)
CLP = Figures(received=Decimal(9000), processing_fees=Decimal(385), held=Decimal(8615))


def assert_adds_up(shown):
    """The identity of every fund and currency, and every unit held lying somewhere."""
    for f in [*(fund.figures for fund in shown.funds), *(total.figures for total in shown.totals)]:
        assert f.received - f.refunded - f.fees - f.paid - f.passed_on + f.moved == f.held
        assert f.free + f.allocated == f.held
    for total in shown.totals:
        assert total.figures.moved == 0
        assert sum(place.balance for place in total.places) == total.figures.held


def by_code(shown):
    return {fund.code: fund.figures for fund in shown.funds}


def fact(kind, fund, amount, *, source, into_fund=False):
    """A fact from outside that changes a fund's money at Stripe."""
    here, there = AccountKey.fund(fund, "EUR"), AccountKey.stripe("EUR")
    if into_fund:
        here, there = there, here
    ledger.post(Posting(kind, here, there, Decimal(amount), TODAY, source))


def test_books_tell_what_came_in_went_out_and_is_held(busy):
    shown = books(language="en", at=NOW)

    assert [(t.currency, t.figures) for t in shown.totals] == [("CLP", CLP), ("EUR", EUR)]
    assert [(f.code, f.title, f.currency, f.is_frozen, f.figures) for f in shown.funds] == [
        ("case-sample", "Sample case (en)", "CLP", False, CLP),
        ("case-sample", "Sample case (en)", "EUR", False, EUR),
    ]
    assert shown.totals[1].places == (
        PlaceBalance("stripe", "EUR", Decimal("122.62")),
        PlaceBalance("bank", "EUR", Decimal(-50)),
    )
    assert shown.at == NOW
    assert_adds_up(shown)


def test_books_cannot_be_changed_by_who_shows_them(busy):
    with pytest.raises(FrozenInstanceError):
        books(language="en", at=NOW).totals[0].figures.held = Decimal(0)


def test_books_are_read_in_two_queries_with_one_fund_or_many(busy, django_assert_num_queries):
    with django_assert_num_queries(2):
        books(language="en", at=NOW)
    for _i in range(3):
        fund = factories.make_fund("case", case=factories.make_case())
        give(fund, "10")
        cost = factories.make_cost(fund.case)
        allocation.allocate(
            fund=fund, cost=cost, amount=Decimal(5), by=factories.make_user(), at=NOW
        )

    with django_assert_num_queries(2):
        shown = books(language="en", at=NOW)

    assert len(shown.funds) == 5
    assert_adds_up(shown)


def test_empty_books_are_empty(db):
    shown = books(language="en", at=NOW)

    assert (shown.totals, shown.funds) == ((), ())


def test_every_kind_of_fact_counts_to_its_figure(fund):
    give(fund, "100")
    fact(Entry.Kind.FEE, fund, "1", source="a")
    fact(Entry.Kind.REFUND, fund, "10", source="b")
    fact(Entry.Kind.DISPUTE, fund, "20", source="c")
    fact(Entry.Kind.DISPUTE_FEE, fund, "15", source="d")
    fact(Entry.Kind.DISPUTE_WON, fund, "20", source="e", into_fund=True)
    fact(Entry.Kind.BANK_FEE, fund, "2", source="f")
    fact(Entry.Kind.INTEREST, fund, "3", source="g", into_fund=True)

    shown = books(language="en", at=NOW)

    assert by_code(shown) == {
        "case-sample": Figures(
            received=Decimal(103),
            refunded=Decimal(10),
            processing_fees=Decimal(1),
            bank_fees=Decimal(2),
            dispute_fees=Decimal(15),
            held=Decimal(75),
        )
    }
    assert_adds_up(shown)


@pytest.mark.parametrize("kind", ["donation", "fee", "allocation", "disbursement"])
def test_reversed_entry_counts_to_nothing(busy, kind):
    before = books(language="en", at=NOW).totals[1].figures
    entry = Entry.objects.filter(kind=kind, currency="EUR").latest("pk")
    if kind == "allocation":
        # What is paid cannot be given back: the payment goes first.
        ledger.reverse(
            Entry.objects.get(kind="disbursement"),
            by=factories.make_user(),
            reason="Test.",
            at=NOW,
        )

    ledger.reverse(entry, by=factories.make_user(), reason="Test.", at=NOW)

    shown = books(language="en", at=NOW)
    after = shown.totals[1].figures
    assert_adds_up(shown)
    changed = {"received", "processing_fees", "paid", "allocated", "held"} & {
        name
        for name in Figures.__dataclass_fields__
        if getattr(before, name) != getattr(after, name)
    }
    assert (
        changed
        == {
            "donation": {"received", "held"},
            "fee": {"processing_fees", "held"},
            "allocation": {"paid", "allocated", "held"},
            "disbursement": {"paid", "allocated", "held"},
        }[kind]
    )


@pytest.fixture
def shared(db):
    """A cost to which "first" gave 60 and then "second" 40, out of 100 each; and who decides."""
    case = factories.make_case()
    bank = factories.make_bank_account("EUR")
    by = factories.make_user()
    first = factories.make_fund("case", code="first", case=case)
    second = factories.make_fund(code="second")
    cost = factories.make_cost(case, owed="1000", by=by)
    for fund, amount in ((first, 60), (second, 40)):
        give(fund, "100", into=AccountKey.bank(bank))
        allocation.allocate(fund=fund, cost=cost, amount=Decimal(amount), by=by, at=NOW)
    return first, second, cost, bank, by


@pytest.mark.parametrize(
    ("paid", "of_first", "of_second"),
    [
        ("25", (25, 35), (0, 40)),
        ("60", (60, 0), (0, 40)),
        ("70", (60, 0), (10, 30)),
        ("100", (60, 0), (40, 0)),
    ],
)
def test_cost_of_two_funds_is_paid_from_the_one_that_gave_first(shared, paid, of_first, of_second):
    _first, _second, cost, bank, by = shared

    pay(cost, paid, by=by, bank=bank)

    shown = books(language="en", at=NOW)
    assert {code: (f.paid, f.allocated) for code, f in by_code(shown).items()} == {
        "first": of_first,
        "second": of_second,
    }
    assert_adds_up(shown)


def test_release_after_a_payment_still_adds_up(shared):
    first, _second, cost, bank, by = shared
    pay(cost, "70", by=by, bank=bank)

    allocation.release(fund=first, cost=cost, amount=Decimal(30), by=by, at=NOW)

    shown = books(language="en", at=NOW)
    assert {c: (f.paid, f.allocated, f.held) for c, f in by_code(shown).items()} == {
        "first": (30, 0, 70),
        "second": (40, 0, 60),
    }
    assert_adds_up(shown)


def test_bail_stays_held_at_the_court_and_what_the_court_keeps_is_paid(db):
    case = factories.make_case()
    fund = factories.make_fund("case", code="bail-fund", case=case)
    bank = factories.make_bank_account("EUR")
    by = factories.make_user()
    give(fund, "100", into=AccountKey.bank(bank))
    cost = factories.make_cost(case, kind="bail", by=by)
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(80), by=by, at=NOW)
    pay(cost, "80", by=by, bank=bank)

    with_court = books(language="en", at=NOW)
    ledger.post(
        Posting(
            Entry.Kind.BAIL_FORFEITED,
            AccountKey.cost(cost),
            AccountKey.bail(cost),
            Decimal(30),
            TODAY,
            "bail:1",
        )
    )
    kept = books(language="en", at=NOW)

    assert by_code(with_court)["bail-fund"] == Figures(
        received=Decimal(100), held=Decimal(100), allocated=Decimal(80)
    )
    assert [(p.place, p.balance) for p in with_court.totals[0].places] == [
        ("bank", 20),
        ("bail", 80),
    ]
    assert by_code(kept)["bail-fund"] == Figures(
        received=Decimal(100), paid=Decimal(30), held=Decimal(70), allocated=Decimal(50)
    )
    assert_adds_up(with_court)
    assert_adds_up(kept)


def test_fund_below_zero_is_shown_below_zero_until_another_covers_it(fund):
    other = factories.make_fund(code="general")
    give(fund, "10")
    give(other, "100")
    fact(Entry.Kind.REFUND, fund, "30", source="back")

    below = {f.code: (f.figures.held, f.is_frozen) for f in books(language="en", at=NOW).funds}
    cover = allocation.request_cover(
        source=other,
        target=fund,
        amount=Decimal(20),
        currency="EUR",
        reason="Test.",
        by=factories.make_user(),
        at=NOW,
    )
    allocation.approve_cover(cover, by=factories.make_user(), at=NOW)
    covered = books(language="en", at=NOW)

    assert below == {"case-sample": (-20, True), "general": (100, False)}
    assert {f.code: (f.figures.moved, f.figures.held, f.is_frozen) for f in covered.funds} == {
        "case-sample": (20, 0, False),
        "general": (-20, 80, False),
    }
    assert_adds_up(covered)


@pytest.mark.parametrize(
    ("fields", "arrived", "promised"),
    [
        ({"method": "card", "reference": None}, None, 0),
        ({}, None, 40),
        ({}, "15", 25),
        ({}, "40", 0),
        ({}, "50", 0),
        ({"cancelled_at": NOW}, None, 0),
    ],
)
def test_promised_is_what_announced_transfers_still_lack(fund, fields, arrived, promised):
    give(fund, "1")
    pledge = factories.make_announced(fund.case.appeal, fund, "40", **fields)
    if arrived:
        Donation.objects.create(
            pledge=pledge,
            fund=fund,
            method="transfer",
            amount=Decimal(arrived),
            currency="EUR",
            received_at=NOW,
            source="bank:test",
        )

    [shown] = books(language="en", at=NOW).funds

    assert shown.figures.promised == promised


def test_gift_taken_back_as_a_mistake_is_promised_again(fund):
    pledge = factories.make_announced(fund.case.appeal, fund, "40")
    Donation.objects.create(
        pledge=pledge,
        fund=fund,
        method="transfer",
        amount=Decimal(40),
        currency="EUR",
        received_at=NOW,
        reversed_at=NOW,
        source="bank:test",
    )

    [shown] = books(language="en", at=NOW).funds

    assert shown.figures == Figures(promised=Decimal(40))


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        (
            "en",
            [
                "General fund",
                "A defendant’s fund",
                "Sample appeal (en): where it is needed most",
                "Sample case (en)",
            ],
        ),
        ("es", [None, None, None, "Sample case (es)"]),
    ],
)
def test_funds_are_called_by_public_titles_and_nobody_by_name(db, language, titles):
    appeal = factories.make_appeal()
    case = factories.make_case(appeal)
    defendant = factories.make_defendant("Invented Person", cases=[case])
    for fund in (
        factories.make_fund("case", case=case),
        factories.make_fund("appeal", appeal=appeal),
        factories.make_fund("defendant", defendant=defendant),
        factories.make_fund(),
    ):
        give(fund, "1")

    shown = [fund.title for fund in books(language=language, at=NOW).funds]

    assert len(shown) == 4
    assert [title for title in titles if title] == [
        title for title, wanted in zip(shown, titles, strict=True) if wanted
    ]
    assert "Invented" not in str(shown)


def test_titles_of_what_is_not_public_are_not_told(fund):
    other = factories.make_fund("appeal", appeal=factories.make_appeal())
    give(fund, "1")
    give(other, "1")
    Case.objects.update(published_at=None, published_by=None)
    Appeal.objects.update(published_at=None, published_by=None)

    titles = [shown.title for shown in books(language="en", at=NOW).funds]

    assert sorted(titles) == ["A case that is not public", "An appeal that is not public"]


def test_person_in_a_title_stays_unnamed(fund):
    CaseText.objects.filter(case=fund.case).update(title="Freedom for [[ana]]")
    AppealText.objects.filter(appeal=fund.case.appeal).update(title="Freedom for [[ana]]")
    give(fund, "1")

    assert [f.title for f in books(language="en", at=NOW).funds] == ["Freedom for a person"]


def test_what_came_in_for_an_appeal_counts_its_cases(busy, django_assert_num_queries):
    appeal = busy.case.appeal
    own = factories.make_fund("appeal", code="own", appeal=appeal)
    give(own, "5")
    fact(Entry.Kind.REFUND, own, "2", source="back")
    give(factories.make_fund(code="elsewhere"), "1000")

    with django_assert_num_queries(1):
        of_appeal = came_in_for_appeal(appeal)
    with django_assert_num_queries(1):
        of_case = came_in_for_case(busy.case)

    assert of_appeal == [
        CameIn("CLP", Decimal(9000), Decimal(0)),
        CameIn("EUR", Decimal(128), Decimal(40)),
    ]
    assert of_case == [
        CameIn("CLP", Decimal(9000), Decimal(0)),
        CameIn("EUR", Decimal(125), Decimal(40)),
    ]


def test_books_do_not_read_through_the_gifts(busy):
    """Their cost stays the same however many gifts there are: no plan goes through all entries."""
    ledger.post_many(
        [
            Posting(
                Entry.Kind.DONATION,
                AccountKey.stripe("EUR"),
                AccountKey.fund(busy, "EUR"),
                Decimal(5),
                TODAY,
                f"many:{number}",
            )
            for number in range(5000)
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE donations_entry; ANALYZE donations_allocation")
        cursor.execute(f"EXPLAIN {ALL_FIGURES}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "donations_entry" in plan
    assert "Seq Scan on donations_entry" not in plan
