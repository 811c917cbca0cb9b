from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from donations import differences, exchange, ledger
from donations.models import AccountKey, Donation, Entry, Exchange, Letter, Pledge, StatementMatch
from donations.reconciliation import (
    AlreadyMatched,
    DoesNotFit,
    ReconciliationError,
    explain,
    match,
    suggest,
    unmatch,
)
from tests.factories import (
    NOW,
    TODAY,
    make_bank_account,
    make_exchange,
    make_fund,
    make_pledge,
    make_supporter,
    make_user,
)
from tests.threads import in_parallel

from .files import make_line, make_paid_disbursement, make_payout, record_paid


def booked():
    return [
        (e.kind, e.debit.code, e.credit.code, e.amount, e.booked_on, e.source)
        for e in Entry.objects.select_related("debit", "credit").order_by("pk")
    ]


def nothing_changed(line) -> bool:
    return (
        not line.matches.exists() and not Entry.objects.exists() and not Donation.objects.exists()
    )


@pytest.mark.django_db
def test_match_payout_posts_its_arrival_once():
    line, payout, person = make_line("1218.13"), make_payout(), make_user()

    standing = match(line=line, target=payout, by=person, at=NOW)

    assert booked() == [
        (
            "payout_arrived",
            "bank:bank-eur:EUR",
            "transit:EUR",
            Decimal("1218.13"),
            TODAY,
            f"bank:bank-eur:{line.key}",
        )
    ]
    assert (standing.line, standing.payout, standing.confirmed_by, standing.confirmed_at) == (
        line,
        payout,
        person,
        NOW,
    )
    with pytest.raises(AlreadyMatched, match="has matched this line already, on March 10, 2026"):
        match(line=line, target=payout, by=make_user(), at=NOW)
    with pytest.raises(AlreadyMatched, match="This payout was found on another line already"):
        match(line=make_line("1218.13"), target=payout, by=person, at=NOW)
    assert (StatementMatch.objects.count(), Entry.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_match_pledge_makes_a_donation_and_queues_its_receipt():
    pledge = make_pledge(method="transfer", supporter=make_supporter())
    line = make_line("20")

    standing = match(line=line, target=pledge, by=make_user(), at=NOW)

    donation = Donation.objects.get()
    assert standing.donation == donation
    assert (
        donation.pledge,
        donation.fund,
        donation.method,
        donation.amount,
        donation.currency,
        donation.fee,
        donation.received_at,
        donation.source,
    ) == (
        pledge,
        pledge.fund,
        "transfer",
        Decimal(20),
        "EUR",
        Decimal(0),
        datetime(2026, 3, 10, tzinfo=UTC),
        f"bank:bank-eur:{line.key}",
    )
    assert booked() == [
        (
            "donation",
            "bank:bank-eur:EUR",
            f"fund:{pledge.fund.code}:EUR",
            Decimal(20),
            TODAY,
            donation.source,
        )
    ]
    letter = Letter.objects.get()
    assert (letter.kind, letter.donation, letter.due_at) == ("receipt", donation, NOW)
    assert Pledge.objects.with_received().get().received == Decimal(20)


@pytest.mark.django_db
def test_match_gift_nobody_announced():
    fund, line = make_fund(), make_line("20")

    standing = match(line=line, target=fund, by=make_user(), at=NOW)

    assert (standing.donation.pledge, standing.donation.fund) == (None, fund)
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal(20)
    assert Letter.objects.count() == 0


@pytest.mark.django_db
def test_match_disbursement_proves_and_books_nothing():
    paid, line = record_paid(make_paid_disbursement()), make_line("-190")

    assert match(line=line, target=paid, by=make_user(), at=NOW).disbursement == paid
    assert booked() == []
    with pytest.raises(AlreadyMatched, match="This payment was found on another line already"):
        match(line=make_line("-190"), target=paid, by=make_user(), at=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("amount", "target", "sentence"),
    [
        ("1218.14", lambda: make_payout(), "The line moves €1,218.14, this would be €1,218.13."),
        ("-1218.13", lambda: make_payout(), "The line moves −€1,218.13, this would be €1,218.13."),
        ("1218.13", lambda: make_payout(currency="USD"), "this would be US\\$1,218.13"),
        ("1218.13", lambda: make_payout(returned_at=NOW), "sent this payout back to Stripe"),
        ("190", lambda: record_paid(make_paid_disbursement()), "this would be −€190.00"),
        ("-190", lambda: make_paid_disbursement(), "not recorded as paid"),
        (
            "-190",
            lambda: record_paid(make_paid_disbursement(account=make_bank_account("USD"))),
            "from another bank account",
        ),
        ("-25", lambda: make_pledge(method="transfer"), "Money went out on this line"),
        ("-25", lambda: make_fund(), "Money went out on this line"),
    ],
)
def test_match_what_does_not_fit_is_refused(amount, target, sentence):
    line = make_line(amount)

    with pytest.raises(DoesNotFit, match=sentence):
        match(line=line, target=target(), by=make_user(), at=NOW)

    assert nothing_changed(line)


@pytest.mark.django_db
def test_explain_note_books_nothing():
    line, person = make_line("5"), make_user()

    standing = explain(line=line, explanation=" between our accounts ", by=person, at=NOW)

    assert (standing.explanation, standing.confirmed_by, booked()) == (
        "between our accounts",
        person,
        [],
    )
    with pytest.raises(AlreadyMatched):
        explain(line=line, explanation="again", by=person, at=NOW)
    with pytest.raises(DoesNotFit, match="Say in a few words what the line is"):
        explain(line=make_line("5"), explanation=" ", by=person, at=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(("amount", "kind"), [("-5", "bank_fee"), ("5", "interest")])
@pytest.mark.usefixtures("fees_by_one_person")
def test_explain_fee_or_interest_is_booked_to_the_fund(amount, kind):
    fund = make_fund()

    explain(line=make_line(amount), explanation="bank", fund=fund, by=make_user(), at=NOW)

    assert [entry[0] for entry in booked()] == [kind]
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == Decimal(amount)


@pytest.mark.django_db
def test_unmatch_takes_everything_back_and_the_line_can_be_matched_anew():
    person, pledge = make_user(), make_pledge(method="transfer", supporter=make_supporter())
    line = make_line("25")
    wrong = match(line=line, target=pledge, by=person, at=NOW)

    unmatch(match=wrong, reason="another Ana", by=person, at=NOW)
    other = make_pledge(method="transfer")
    right = match(line=line, target=other, by=person, at=NOW)

    wrong.refresh_from_db()
    assert (wrong.undone_by, wrong.undone_at) == (person, NOW)
    assert [entry[5] for entry in booked()] == [
        f"bank:bank-eur:{line.key}",
        f"reversal:bank:bank-eur:{line.key}",
        f"bank:bank-eur:{line.key}:2",
    ]
    assert Entry.objects.get(reverses__isnull=False).reversal.reason == "another Ana"
    assert ledger.balance(AccountKey.fund(pledge.fund, "EUR")) == 0
    assert ledger.balance(AccountKey.fund(other.fund, "EUR")) == 25
    assert ledger.balance(AccountKey.bank(line.account)) == 25
    assert Donation.objects.standing().get() == right.donation
    assert Letter.objects.count() == 0
    assert {p.pk: p.received for p in Pledge.objects.with_received()} == {
        pledge.pk: 0,
        other.pk: 25,
    }
    with pytest.raises(ReconciliationError, match="taken back already"):
        unmatch(match=wrong, reason="again", by=person, at=NOW)


@pytest.mark.django_db
def test_unmatch_frees_a_payout_for_another_line():
    person, payout, line = make_user(), make_payout(), make_line("1218.13")
    standing = match(line=line, target=payout, by=person, at=NOW)

    with pytest.raises(ReconciliationError, match="Say why"):
        unmatch(match=standing, reason=" ", by=person, at=NOW)
    unmatch(match=standing, reason="wrong line", by=person, at=NOW)
    match(line=make_line("1218.13"), target=payout, by=person, at=NOW)

    assert ledger.balance(AccountKey.transit("EUR")) == Decimal("-1218.13")


@pytest.mark.django_db
@pytest.mark.parametrize("thing", ["payout", "disbursement", "donation"])
def test_database_refuses_a_second_standing_match(thing):
    person = make_user()
    things = {
        "payout": make_payout,
        "disbursement": lambda: record_paid(make_paid_disbursement()),
        "donation": lambda: match(line=make_line(), target=make_fund(), by=person, at=NOW).donation,
    }
    sign = -1 if thing == "disbursement" else 1
    facts = {"confirmed_by": person, "confirmed_at": NOW, "amount": sign}
    same = {thing: things[thing]()}
    StatementMatch.objects.get_or_create(**same, defaults={"line": make_line(25 * sign), **facts})
    same["line"] = make_line(25 * sign)

    with pytest.raises(IntegrityError, match=f"match_{thing}_once"), transaction.atomic():
        StatementMatch.objects.create(**same, **facts)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shared", ["line", "payout"])
def test_match_by_two_people_at_once_is_booked_once(shared):
    people = [make_user(), make_user()]
    payouts = [make_payout()] * 2 if shared == "payout" else [make_payout(), make_payout()]
    lines = (
        [make_line("1218.13")] * 2
        if shared == "line"
        else [make_line("1218.13"), make_line("1218.13")]
    )

    def click(number):
        match(line=lines[number], target=payouts[number], by=people[number], at=NOW)
        return "matched"

    assert sorted(in_parallel(2, click)) == ["AlreadyMatched", "matched"]
    assert (StatementMatch.objects.count(), Entry.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_match_that_cannot_be_booked_leaves_nothing():
    """The donation, the letter and the match go with the entry, or not at all."""
    pledge, line = make_pledge(method="transfer", supporter=make_supporter()), make_line("25")
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE donations_letter ADD CONSTRAINT no_letters CHECK (id < 0) NOT VALID"
        )
    try:
        with pytest.raises(IntegrityError):
            match(line=line, target=pledge, by=make_user(), at=NOW)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE donations_letter DROP CONSTRAINT no_letters")

    assert nothing_changed(line)


def sides_on_no_statement():
    return [
        (item.name.rpartition(":")[2], item.currency, item.booked)
        for item in differences.listed(at=NOW)
        if item.subject == "exchange"
    ]


@pytest.mark.django_db
def test_match_both_lines_of_an_exchange_proves_it_and_books_nothing():
    person, row = make_user(), make_exchange()
    assert sides_on_no_statement() == []
    Exchange.objects.filter(pk=row.pk).update(approved_by=make_user(), approved_at=NOW)
    row.refresh_from_db()
    lines = [make_line(amount, account, booked_on=on) for account, amount, on in row.bank_sides()]

    found = [suggest(line) for line in lines]
    waiting = [sides_on_no_statement()]
    for line, suggestions in zip(lines, found, strict=True):
        match(line=line, target=suggestions[0].target, by=person, at=NOW)
        waiting.append(sides_on_no_statement())

    out = ("out", row.given_currency, row.given)
    into = ("in", row.received_currency, row.received)
    assert waiting == [[into, out], [into], []]
    assert [[(s.target, s.reasons) for s in suggestions] for suggestions in found] == [
        [(row, ("The amount is the exchange's.", "It was exchanged on that day."))]
    ] * 2
    assert (booked(), row.matches.standing().count()) == ([], 2)
    account, amount, on = row.bank_sides()[0]
    again = make_line(amount, account, booked_on=on)
    assert suggest(again) == []
    with pytest.raises(AlreadyMatched, match="This exchange was found on another line already"):
        match(line=again, target=row, by=person, at=NOW)
    with pytest.raises(exchange.WrongState, match="A bank line proves this exchange"):
        exchange.request_undo(row, reason="other rate", by=person, at=NOW)


@pytest.mark.django_db
def test_match_exchange_that_is_not_in_the_books_is_refused():
    row = make_exchange()
    account, amount, _on = row.bank_sides()[1]

    with pytest.raises(DoesNotFit, match="This exchange is not in the books"):
        match(line=make_line(amount, account), target=row, by=make_user(), at=NOW)
    with pytest.raises(DoesNotFit, match="The line moves"):
        match(line=make_line("1", account), target=row, by=make_user(), at=NOW)
