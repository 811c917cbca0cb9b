"""A month is verified, reconciled and closed by two people; then nothing is booked in it, and its reports stay to the byte."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import pytest
from django.db import IntegrityError, connection, transaction

from donations import (
    allocation,
    assertions,
    catching_up,
    disbursement,
    ledger,
    openings,
    past,
    periods,
    reconciliation,
    reports,
)
from donations.admin.exchange_forms import ApproveForm
from donations.models import (
    Account,
    AccountKey,
    Assertion,
    Donation,
    Entry,
    Exchange,
    Period,
    StripeBalance,
)
from donations.proofs import prove
from donations.sandbox import acts
from donations.sandbox.models import SandboxObject
from tests import factories
from tests.donations.card_gifts import give_by_card
from tests.donations.conftest import pay
from tests.donations.reconciliation.files import bank_csv, make_account, make_line, said_by_two
from tests.factories import make_user
from tests.threads import in_parallel

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST_LINES = ("2026-01-05;100.00;EUR;Ana;gift;a1", "2026-01-20;-4.00;EUR;;fee;a2")


@pytest.fixture
def people(db):
    return make_user(), make_user()


@pytest.fixture
def bank(people):
    """January at the bank: a gift of 100, and a fee of 4; the statement of February reaches to its end."""
    account = make_account()
    take(account, *FIRST_LINES, closing="96")
    take(
        account,
        "2026-02-03;50.00;EUR;Ana;gift;b1",
        "2026-02-28;1.00;EUR;;x;b2",
        opening="96",
        closing="147",
    )
    return account


def take(account, *rows, opening="0", closing="0"):
    reconciliation.import_statement(
        account=account,
        name="s.csv",
        content=bank_csv(*rows, opening=opening, closing=closing),
        by=None,
        at=AT,
    )


def match_all(account, by, fund=None):
    fund = fund or factories.make_fund(code="general")
    for line in account.lines.unmatched().order_by("pk"):
        if line.amount > 0:
            reconciliation.match(line=line, target=fund, by=by, at=AT)
        else:
            said_by_two(line, reconciliation.Charge(fund), by=by, at=AT)
    return fund


def close(month, people, *, at=AT):
    by, other = people
    period = Period.objects.get(month=month)
    periods.verify(period, by=by, at=at)
    periods.reconcile(period, by=by, at=at)
    periods.request_close(period, by=by, at=at)
    return periods.close(period, by=other, at=at)


@pytest.fixture
def closed(bank, people):
    """January is closed."""
    fund = match_all(bank, people[0])
    periods.begin_due(at=AT)
    close(JANUARY, people)
    return fund


def gift(fund, amount="10", *, day, source):
    factories.give(
        fund,
        amount,
        booked_on=day,
        source=source,
        into=AccountKey.bank(Account.objects.get(place="bank").bank_account),
    )


def test_months_begin_with_the_first_entry_and_once(bank, people):
    match_all(bank, people[0])

    assert [p.month for p in periods.begin_due(at=AT)] == [JANUARY, FEBRUARY, MARCH]
    assert periods.begin_due(at=AT) == []


def test_without_entries_there_is_no_month(db):
    assert periods.begin_due(at=AT) == []


def test_month_goes_from_step_to_step_and_keeps_who_and_what(bank, people):
    by, other = people
    match_all(bank, by)
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    states = [period.state]

    states.append(periods.verify(period, by=by, at=AT).state)
    periods.reconcile(period, by=by, at=AT)
    period.refresh_from_db()
    states.append(period.state)
    states.append(periods.request_close(period, by=by, at=AT).state)
    period = periods.close(period, by=other, at=AT)

    assert [*states, period.state] == ["open", "verified", "reconciled", "requested", "closed"]
    assert (period.requested_by, period.closed_by, period.entries) == (by, other, 2)
    [proved] = Assertion.objects.all()
    assert (proved.account.code, proved.basis, proved.stated, proved.booked, proved.explained, proved.items) == (
        "bank:bank-eur:EUR", "statement", 96, 96, 0, [],
    )  # fmt: skip
    statement = "".join(reports.canonical(JANUARY))
    assert sha256(statement.encode()).hexdigest() == period.sha256
    assert statement.splitlines() == [
        "month|2026-01",
        "account|bank:bank-eur:EUR|EUR|0|100|4|96",
        "account|fund:general:EUR|EUR|0|4|100|96",
        f"entry|2026-01-05||{source('donation')}|donation|bank:bank-eur:EUR|fund:general:EUR|100|EUR",
        f"entry|2026-01-20||{source('bank_fee')}|bank_fee|fund:general:EUR|bank:bank-eur:EUR|4|EUR",
    ]


def source(kind):
    return Entry.objects.get(kind=kind, booked_on__lt=FEBRUARY).source


@pytest.mark.parametrize("step", ["verify", "reconcile", "request_close", "close"])
def test_steps_are_taken_in_turn(bank, people, step):
    match_all(bank, people[0])
    periods.begin_due(at=AT)
    before = {
        "verify": [],
        "reconcile": [],
        "request_close": ["verify"],
        "close": ["verify", "reconcile"],
    }
    period = Period.objects.get(month=FEBRUARY if step == "verify" else JANUARY)
    for earlier in before[step]:
        getattr(periods, earlier)(period, by=people[0], at=AT)

    with pytest.raises(periods.NotYet) as refused:
        getattr(periods, step)(period, by=people[1], at=AT)

    assert (
        str(refused.value)
        == {
            "verify": "January 2026 is open: close that first.",
            "reconcile": "Verify the totals first.",
            "request_close": "Reconcile the month first.",
            "close": "Nobody asked to close this month.",
        }[step]
    )


def test_month_that_is_not_over_is_not_closed(closed, people):
    close(FEBRUARY, people)

    with pytest.raises(
        periods.NotYet, match=r"The month is not over: it can be closed from April 1, 2026 on\."
    ):
        periods.verify(Period.objects.get(month=MARCH), by=people[0], at=AT)


def test_month_is_not_closed_by_who_asked(bank, people):
    by, other = people
    match_all(bank, by)
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=by, at=AT)
    periods.reconcile(period, by=by, at=AT)
    periods.request_close(period, by=by, at=AT)

    with pytest.raises(periods.SamePerson, match="another person must close it"):
        periods.close(period, by=by, at=AT)
    with pytest.raises(periods.AlreadyDone, match="withdraw that first"):
        periods.reconcile(period, by=other, at=AT)

    assert periods.withdraw(period, by=other, at=AT).state == "reconciled"


def test_books_that_do_not_hold_are_not_verified(bank, people):
    match_all(bank, people[0])
    periods.begin_due(at=AT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE donations_total SET debit = debit + 1 WHERE kind = 'bank_fee'")

    with pytest.raises(periods.NotVerified) as refused:
        periods.verify(Period.objects.get(month=JANUARY), by=people[0], at=AT)

    assert (
        "The books do not hold. Stored totals equal what the entries add up to. Not so: bank:bank-eur:EUR bank_fee,"
        " fund:general:EUR bank_fee." in str(refused.value)
    )
    assert Period.objects.get(month=JANUARY).state == "open"


def test_month_with_an_open_bank_line_is_not_reconciled_and_the_sentence_says_which(bank, people):
    fund = factories.make_fund(code="general")
    first = bank.lines.order_by("booked_on").first()
    reconciliation.match(line=first, target=fund, by=people[0], at=AT)
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=people[0], at=AT)

    with pytest.raises(periods.NotReconciled) as refused:
        periods.reconcile(period, by=people[0], at=AT)

    assert str(refused.value) == (
        "Sample bank (EUR): bank statement says €96.00, the books say €100.00; −€4.00 of it is not explained. "
        "Bank lines that nobody has matched: 1."
    )
    # What was found is kept, and the month is not reconciled.
    assert [(a.stated, a.booked, a.holds) for a in period.assertions.all()] == [(96, 100, False)]
    period.refresh_from_db()
    assert period.state == "verified"


def test_statement_that_does_not_reach_the_months_end_is_asked_for(people):
    account = make_account()
    take(account, *FIRST_LINES, closing="96")
    match_all(account, people[0])
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=people[0], at=AT)

    with pytest.raises(
        periods.NotReconciled,
        match=r"its statements end on January 20, 2026\. Import the one that reaches to January 31",
    ):
        periods.reconcile(period, by=people[0], at=AT)

    typed = periods.state_balance(
        period,
        account=Account.objects.get(place="bank"),
        stated=Decimal("95.99"),
        by=people[0],
        at=AT,
    )
    assert (typed.basis, typed.holds) == ("typed", False)
    with pytest.raises(
        periods.NotReconciled,
        match=r"read by a person says €95\.99, the books say €96\.00; −€0\.01",
    ):
        periods.reconcile(period, by=people[0], at=AT)
    periods.state_balance(period, account=typed.account, stated=Decimal(96), by=people[1], at=AT)
    assert [a.holds for a in periods.reconcile(period, by=people[0], at=AT)] == [True]


def test_balance_the_bank_states_is_not_typed(bank, people):
    match_all(bank, people[0])
    periods.begin_due(at=AT)

    with pytest.raises(periods.PeriodError, match="own statement says the balance"):
        periods.state_balance(
            Period.objects.get(month=JANUARY),
            account=Account.objects.get(place="bank"),
            stated=Decimal(1),
            by=people[0],
            at=AT,
        )


def test_closed_month_takes_no_entry_whoever_writes_it(closed):
    account = Account.objects.get(place="bank")
    fund = Account.objects.get(kind="fund")
    row = {"kind": "donation", "debit": account, "credit": fund, "amount": 1, "currency": "EUR"}

    for day in (date(2025, 12, 31), date(2026, 1, 31)):
        with pytest.raises(IntegrityError, match="this month is closed"), transaction.atomic():
            Entry.objects.create(booked_on=day, source=f"test:{day}", **row)
    Entry.objects.create(booked_on=FEBRUARY, source="test:february", **row)


def test_later_fact_of_a_closed_month_is_booked_on_the_first_open_day_and_keeps_its_own(closed):
    before = ledger.balance_on(AccountKey.fund(closed, "EUR"), date(2026, 1, 31))

    gift(closed, day=date(2026, 1, 9), source="stripe:pi_late")
    gift(closed, day=date(2026, 1, 9), source="stripe:pi_late")
    gift(closed, day=date(2026, 2, 9), source="stripe:pi_in_time")

    assert list(
        Entry.objects.filter(source__startswith="stripe:")
        .order_by("source")
        .values_list("source", "booked_on", "happened_on")
    ) == [
        ("stripe:pi_in_time", date(2026, 2, 9), None),
        ("stripe:pi_late", FEBRUARY, date(2026, 1, 9)),
    ]
    assert ledger.balance_on(AccountKey.fund(closed, "EUR"), date(2026, 1, 31)) == before
    assert [e.source for e in periods.adjustments(Period.objects.get(month=FEBRUARY))] == [
        "stripe:pi_late"
    ]
    with pytest.raises(ledger.SourceConflict):
        gift(closed, day=date(2026, 1, 10), source="stripe:pi_late")


def test_hash_of_the_ledger_does_not_tell_whether_a_fact_came_before_its_month_was_closed(
    bank, people
):
    fund = match_all(bank, people[0])
    periods.begin_due(at=AT)
    with transaction.atomic():
        gift(fund, day=date(2026, 1, 9), source="stripe:pi_late")
        in_time = ledger.ledger_hash()
        transaction.set_rollback(True)
    close(JANUARY, people)

    gift(fund, day=date(2026, 1, 9), source="stripe:pi_late")

    assert ledger.ledger_hash() == in_time


def test_reversal_dated_in_a_closed_month_is_booked_in_the_open_one(closed, people):
    entry = Entry.objects.get(kind="bank_fee")

    mirror = ledger.reverse(
        entry, by=people[0], reason="Not ours.", at=datetime(2026, 1, 31, 12, tzinfo=UTC)
    )

    assert (mirror.booked_on, mirror.happened_on) == (FEBRUARY, date(2026, 1, 31))


def reports_of(month):
    span = reports.month_of(month)
    return {
        "statement": "".join(reports.canonical(month)).encode(),
        "csv": reports.as_csv(reports.of_books(span)),
    }


def test_who_approves_an_exchange_of_a_closed_month_is_told_when_it_is_booked(closed):
    warnings = [
        ApproveForm(Exchange(exchanged_on=day)).warning for day in (date(2026, 1, 31), FEBRUARY)
    ]

    assert warnings == [
        "The month of January 31, 2026 is closed: both ways are booked on February 1, 2026, and keep their own day"
        " beside it.",
        "",
    ]


def test_any_report_of_a_closed_month_is_the_same_to_the_byte_after_later_bookings(
    closed, people, bank
):
    before = reports_of(JANUARY)

    gift(closed, "7", day=date(2026, 1, 9), source="stripe:pi_late")
    ledger.reverse(Entry.objects.get(kind="bank_fee"), by=people[0], reason="Mistake.", at=AT)
    other = factories.make_fund(code="another")
    gift(other, "9", day=date(2026, 1, 2), source="stripe:pi_other")

    assert reports_of(JANUARY) == before
    assert sha256(before["statement"]).hexdigest() == Period.objects.get(month=JANUARY).sha256


def test_closed_month_and_what_proved_it_are_never_changed(closed):
    for act in (
        lambda: Period.objects.filter(month=JANUARY).update(closed_at=None, closed_by=None),
        lambda: Period.objects.filter(month=MARCH)._raw_delete("default"),
        lambda: Period.objects.filter(month=FEBRUARY).update(month=date(2026, 7, 1)),
        lambda: Assertion.objects.update(stated=1),
        lambda: Assertion.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match=r"never|stays"), transaction.atomic():
            act()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"closed_by": "requester"}, "period_closed_by_another_person"),
        ({"sha256": "0" * 64}, "period_closed_as_requested"),
        ({"closed_at": datetime(2026, 1, 31, tzinfo=UTC)}, "period_is_over"),
        ({"reconciled_at": None, "reconciled_by": None}, "period_steps_in_turn"),
        ({"closed_by": None}, "period_closed_by_somebody"),
    ],
)
def test_database_itself_insists_on_how_a_month_is_closed(bank, people, change, constraint):
    by, other = people
    match_all(bank, by)
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=by, at=AT)
    periods.reconcile(period, by=by, at=AT)
    periods.request_close(period, by=by, at=AT)
    change = {name: by if value == "requester" else value for name, value in change.items()}

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Period.objects.filter(pk=period.pk).update(**{"closed_at": AT, "closed_by": other} | change)

    assert refused.value.__cause__.diag.constraint_name == constraint


def test_database_closes_no_month_while_a_balance_fails_or_an_earlier_one_is_open(bank, people):
    by, other = people
    match_all(bank, by)
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=by, at=AT)
    periods.reconcile(period, by=by, at=AT)
    periods.request_close(period, by=by, at=AT)
    closing = {"closed_at": AT, "closed_by": other}
    Period.objects.filter(month=FEBRUARY).update(
        **{
            f"{step}_{what}": value
            for step in ("verified", "reconciled", "requested")
            for what, value in (("at", AT), ("by", by))
        },
        sha256=period.sha256 or "0" * 64,
        entries=0,
    )

    def refused(month):
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            Period.objects.filter(month=month).update(**closing)
        return error.value.__cause__.diag.constraint_name

    assert refused(FEBRUARY) == "period_closed_in_turn"
    for stated in (Decimal(95), None):
        with transaction.atomic():
            if stated is None:
                Assertion.objects.all().delete()
            else:
                Assertion.objects.update(stated=stated)
            assert refused(JANUARY) == "period_balances_proved"
            transaction.set_rollback(True)


def test_what_is_booked_after_the_request_voids_it(bank, people):
    by, other = people
    fund = match_all(bank, by)
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=by, at=AT)
    periods.reconcile(period, by=by, at=AT)
    with transaction.atomic():
        gift(fund, "1", day=date(2026, 1, 30), source="test:1")
        with pytest.raises(periods.Changed, match="since it was reconciled"):
            periods.request_close(period, by=by, at=AT)
        transaction.set_rollback(True)
    periods.request_close(period, by=by, at=AT)
    gift(fund, "1", day=date(2026, 1, 30), source="test:1")

    with pytest.raises(periods.Changed):
        periods.close(period, by=other, at=AT)

    period.refresh_from_db()
    assert period.state == "requested"


def test_payment_on_a_later_statement_explains_the_difference(bank, people):
    match_all(bank, people[0])
    cost, general = factories.make_cost(owed="60", by=people[0]), factories.make_fund()
    gift(general, "60", day=date(2026, 3, 3), source="bank:bank-eur:x")
    allocation.allocate(fund=general, cost=cost, amount=Decimal(60), by=people[0], at=AT)
    payment = pay(cost, "60", by=people[0], bank=bank)
    account, paid_on = Account.objects.get(place="bank"), payment.paid_on

    def explained(day):
        return [(item.what, item.name, item.amount) for item in assertions.items(account, day)]

    unseen = [("paid", f"disbursement:{payment.number}", 60)]
    assert explained(paid_on) == unseen
    assert explained(paid_on - timedelta(days=1)) == []
    seen_on = paid_on + timedelta(days=2)
    line = make_line("-60", bank, booked_on=seen_on)
    reconciliation.match(line=line, target=payment, by=people[0], at=AT)
    assert [explained(paid_on), explained(seen_on)] == [unseen, []]


def test_match_taken_back_and_line_that_is_not_booked_explain_the_difference(bank, people):
    fund = match_all(bank, people[0])
    account, day = Account.objects.get(place="bank"), date(2026, 2, 28)
    line = bank.lines.get(booked_on=date(2026, 2, 3))
    reconciliation.unmatch(match=line.matches.get(), reason="Not ours.", by=people[0], at=AT)
    reconciliation.explain(line=line, explanation="Sent to us by mistake.", by=people[0], at=AT)

    found = [(item.what, item.amount) for item in assertions.items(account, day)]

    # Booked in February and taken back in March: until then the books had it, and so has the bank.
    assert found == [("late", -50), ("unbooked", 50)]
    assert ledger.balance_on(AccountKey.of(account), day) == 147
    assert [(i.what, i.amount) for i in assertions.items(account, AT.date())] == [("unbooked", 50)]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 97


@pytest.mark.django_db(transaction=True)
def test_posting_and_closing_at_once_leave_no_entry_in_the_closed_month():
    people = make_user(), make_user()
    account = make_account()
    take(account, *FIRST_LINES, closing="96")
    take(account, "2026-02-28;1.00;EUR;;x;b2", opening="96", closing="97")
    fund = match_all(account, people[0])
    periods.begin_due(at=AT)
    period = Period.objects.get(month=JANUARY)
    periods.verify(period, by=people[0], at=AT)
    periods.reconcile(period, by=people[0], at=AT)
    periods.request_close(period, by=people[0], at=AT)

    def work(number):
        if number == 3:
            return periods.close(period, by=people[1], at=AT).state
        ledger.post(
            ledger.Posting(
                kind=Entry.Kind.INTEREST,
                debit=AccountKey.bank(account),
                credit=AccountKey.fund(fund, "EUR"),
                amount=Decimal(1),
                # Those of January void the request, or come too late for it: either way none is lost.
                booked_on=date(2026, 1, 30) if number % 2 else date(2026, 2, 2),
                source=f"bank:test:{number}",
            )
        )
        return "posted"

    ended = in_parallel(21, work)

    assert set(ended) <= {"posted", "closed", "Changed"}
    assert Entry.objects.filter(source__startswith="bank:test:").count() == 20
    period.refresh_from_db()
    late = Entry.objects.filter(happened_on__isnull=False)
    if period.closed_at:
        assert sha256("".join(reports.canonical(JANUARY)).encode()).hexdigest() == period.sha256
        assert set(late.values_list("booked_on", flat=True)) <= {FEBRUARY}
    else:
        assert not late.exists()


def test_webhook_about_a_closed_month_is_booked_in_the_open_one(fund, people, deliver):
    """The whole way: a card gift of last month told of after that month was closed."""
    now = datetime.now(UTC)
    last_month = (now.replace(day=1) - timedelta(days=1)).date().replace(day=1)
    catching_up.sync(since=now - timedelta(hours=1), at=now)
    Period.objects.create(month=last_month)
    for step in ("verify", "reconcile", "request_close"):
        getattr(periods, step)(Period.objects.get(), by=people[0], at=now)
    periods.close(Period.objects.get(), by=people[1], at=now)

    session = give_by_card(fund, "100")
    for row in SandboxObject.objects.all():
        created = datetime(last_month.year, last_month.month, 15, tzinfo=UTC)
        data = row.data | ({"created": int(created.timestamp())} if "created" in row.data else {})
        SandboxObject.objects.filter(pk=row.pk).update(created_at=created, data=data)
    catching_up.sync(since=now - timedelta(days=60), at=now)

    assert Donation.objects.get().received_at.date() == last_month.replace(day=15)
    first_open = now.date().replace(day=1)
    assert set(Entry.objects.values_list("kind", "booked_on", "happened_on")) == {
        ("donation", first_open, last_month.replace(day=15)),
        ("fee", first_open, last_month.replace(day=15)),
    }
    assert session["payment_intent"] in Entry.objects.get(kind="donation").source


def test_stripes_own_balance_is_held_against_the_books(fund, people):
    now = datetime.now(UTC)
    give_by_card(fund, "100")
    acts.pay_out("eur", at=now)
    give_by_card(fund, "25")
    catching_up.sync(since=now - timedelta(hours=1), at=now)

    [read] = StripeBalance.objects.all()

    assert (read.currency, read.amount, read.moved) == ("EUR", Decimal("24.37"), Decimal("24.37"))
    assert ledger.balance(AccountKey.stripe("EUR")) == Decimal("24.37")


def test_opening_of_a_bank_account_in_a_closed_month_comes_on_the_first_open_day(closed):
    account = make_account(code="bank-usd", currency="USD", number="1234567890")
    content = bank_csv("2026-02-01;25.00;USD;Ana;gift", opening="500", closing="525")
    reconciliation.import_statement(account=account, name="s.csv", content=content, by=None, at=AT)

    asked = past.request_opening(
        account=account, fund=closed, amount=Decimal(500), by=make_user(), at=AT
    )
    past.approve(asked, by=make_user(), at=AT)

    entry = Entry.objects.get(kind="opening")
    assert (entry.booked_on, entry.happened_on) == (date(2026, 2, 1), None)
    assert openings.opening_of(account).missing == 0


def test_payment_of_a_closed_month_that_never_left_is_adjusted_in_the_first_open_one(bank, people):
    by, other = people
    fund = match_all(bank, by)
    cost = factories.make_cost(factories.make_case(by=by), owed="30", by=by)
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(30), by=by, at=AT)
    row = pay(cost, "30", by=by, bank=bank, paid_on=date(2026, 1, 25))
    periods.begin_due(at=AT)
    close(JANUARY, people)
    kept = Period.objects.get(month=JANUARY).sha256
    account = Account.objects.get(place="bank")
    before = [i.name for i in assertions.items(account, date(2026, 1, 31))]

    disbursement.doubt(row, reason="Never sent", by=by, at=AT)
    disbursement.take_back(row, by=other, at=AT)

    entry = Entry.objects.get(source=f"reversal:disbursement:{row.number}")
    assert (entry.booked_on, entry.happened_on) == (FEBRUARY, date(2026, 1, 25))
    assert before == [f"disbursement:{row.number}"]
    assert [i.name for i in assertions.items(account, date(2026, 1, 31))] == before
    assert assertions.items(account, date(2026, 2, 28)) == []
    close(FEBRUARY, people)
    assert Period.objects.get(month=JANUARY).sha256 == kept
    assert [p.name for p in prove() if not p.holds] == []
