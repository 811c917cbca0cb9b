"""A notification (CAMT.054) is of the line that it names, whichever of the two comes first; another amount is said, never booked."""

from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.db import IntegrityError, transaction

from donations import differences, erasure
from donations.bank_differences import differences_of
from donations.difference_kinds import Kind
from donations.line_names import Named, Place, place
from donations.models import (
    StatementDetail,
    StatementImport,
    StatementLine,
    Supporter,
)
from donations.reconciliation import import_statement, match, read, suggest, unmatch
from donations.statements import camt053
from tests.factories import NOW, log_in, make_bank_account, make_fund, make_pledge, make_user

from .files import make_account
from .test_notifications import AT, IBAN, detail, entry, notification, statement, take

BATCH = "<Btch><MsgId>M-7</MsgId><PmtInfId>P-1</PmtInfId></Btch>"
REFERENCE = "<NtryRef>2026-0304-17</NtryRef>"
TOLD_IN = "<AddtlInfInd><MsgId>N-2026-77</MsgId></AddtlInfInd>"


@pytest.fixture
def account(db):
    return make_account(number=IBAN)


def named(amount, *, ours="", own="", details="", day="2026-03-04"):
    """An entry with `ours` among its own elements and `details`; without the bank's reference (`own`), if none is given."""
    return entry(amount, own, details, day=day).replace("<CdtDbtInd>", f"{ours}<CdtDbtInd>", 1)


def difference_of(line):
    return differences_of([line]).get(line.pk)


def listed():
    """The differences that a notification says, as the work list has them."""
    return [
        (d.name, d.told, d.booked, d.since, d.subject_id)
        for d in differences.work_list(at=NOW)
        if d.kind == Kind.NOTIFIED
    ]


def message(*entries):
    """A notification with an identification of its own."""
    header = b"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N-2026-77</MsgId></GrpHdr>"
    return notification(*entries).replace(b"<BkToCstmrDbtCdtNtfctn>", header)


PAYMENTS = detail("25.00", "one") + detail("35.00", "two")
# By which names the statement's entry and the notification's can know each other.
WAYS = {
    # The bank dates the two with a weekend between.
    "reference, another day": (
        named("60.00", own="B-1"),
        named("60.00", own="B-1", details=PAYMENTS, day="2026-03-02"),
    ),
    "entry": (named("60.00", ours=REFERENCE), named("60.00", ours=REFERENCE, details=PAYMENTS)),
    # Only the notification has the bank's reference.
    "entry, not reference": (
        named("60.00", ours=REFERENCE),
        named("60.00", ours=REFERENCE, own="B-1", details=PAYMENTS),
    ),
    "batch": (named("60.00", details=BATCH), named("60.00", details=BATCH + PAYMENTS)),
    "message": (named("60.00", ours=TOLD_IN), named("60.00", details=PAYMENTS)),
}


@pytest.mark.parametrize("first", ["statement", "notification"])
@pytest.mark.parametrize("way", WAYS)
def test_details_are_of_the_line_that_both_name(account, way, first):
    said, told = WAYS[way]
    # Of the same day and amount, so that what fits decides nothing.
    files = [statement(said, entry("60.00", "B-9"), closing="120"), message(told)]
    gift = make_pledge(method="transfer", amount="25")
    files[1] = files[1].replace(b">one<", f">{gift.reference}<".encode())

    results = [
        take(account, content) for content in (files if first == "statement" else files[::-1])
    ]
    again = [take(account, content) for content in files]

    line, other = StatementLine.objects.order_by("pk")
    kept = StatementDetail.objects.order_by("position").values_list("key", "amount")
    assert list(kept) == [(line.key, 25), (line.key, 35)]
    assert sorted((result.new, result.details) for result in results) == [(0, 2), (2, 0)]
    assert [(result.new, result.details, result.statement) for result in again] == [
        (0, 0, None)
    ] * 2
    assert {s.target: s.part for s in suggest(line)} == {gift: 25}
    assert (suggest(other), difference_of(line), difference_of(other)) == ([], None, None)


@pytest.mark.parametrize("first", ["statement", "notification"])
@pytest.mark.parametrize("way", ["entry, not reference", "batch"])
def test_another_amount_is_said_and_nothing_of_it_proposed(account, way, first):
    said, told = WAYS[way]
    gift = make_pledge(method="transfer", amount="25")
    told = told.replace(">60.00<", ">61.00<").replace(">35.00<", ">36.00<")
    files = [statement(said, closing="60"), message(told.replace(">one<", f">{gift.reference}<"))]
    before, after = files if first == "statement" else files[::-1]
    sentence = (
        "Of the line of March 4, 2026 the statement says €60.00, and a notification (CAMT.054) that names it €61.00. "
        "The statement counts, and the payments that the notification tells of are not proposed: ask the bank which is right."
    )

    earlier = take(account, before)
    shown = read(account=account, content=after, at=AT).differences
    result = take(account, after)

    line = StatementLine.objects.get()
    assert earlier.differences == ()
    assert [str(one) for one in shown] == [str(one) for one in result.differences] == [sentence]
    assert (str(difference_of(line)), suggest(line), line.open_amount) == (sentence, [], 60)
    assert StatementDetail.objects.exclude(key=line.key).count() == 2
    assert listed() == [(f"bank:{account.code}:{line.pk}", 61, 60, date(2026, 3, 4), line.pk)]

    # The bank corrects itself.
    right = take(account, message(WAYS[way][1]))

    assert (right.details, right.differences, difference_of(line)) == (2, (), None)
    assert listed() == []
    assert StatementDetail.objects.filter(key=line.key).count() == 2


def test_another_amount_stays_on_the_lists_until_a_person_said_what_the_line_is(account, client):
    gift = make_pledge(method="transfer", amount="60")
    said = named("60.00", details=BATCH + detail("60.00", gift.reference))
    take(account, statement(said, entry("9.00", "B-9"), closing="69"))
    take(account, message(named("61.00", details=BATCH + detail("61.00", "one"))))
    line, plain = StatementLine.objects.order_by("pk")
    elsewhere = StatementDetail(
        account=make_bank_account("USD"), statement=StatementImport.objects.earliest("pk"), key="x",
        position=1, booked_on=line.booked_on, names=line.names, amount=7, currency="USD",
    )  # fmt: skip
    elsewhere.save()
    sentence, path = str(difference_of(line)), f"statementline/{line.pk}/match/"
    treasurer = log_in(client, make_user(None, "treasurer"))

    def shown(address):
        page = treasurer.get(f"/admin/donations/{address}").content.decode()
        return " ".join(unescape(page).split())

    # The gift matched it by itself: nobody looked.
    assert (line.explained, [row[-1] for row in listed()]) == (60, [line.pk])
    assert path in shown("account/differences/")
    assert sentence in shown(path)
    unmatch(match=line.matches.get(), reason="Look.", by=make_user(), at=NOW)
    assert shown("statementline/open/").count(sentence) == 1
    assert sentence not in shown(f"statementline/{plain.pk}/match/")
    match(line=line, target=make_fund(), by=make_user(), at=NOW)
    assert (listed(), path in shown("account/differences/")) == ([], False)


def test_what_names_a_supporter_in_another_amount_is_erased_with_them(account):
    supporter = Supporter.objects.of_address("ana@example.org", language="en", at=NOW)
    gift = make_pledge(method="transfer", amount="60", supporter=supporter)
    take(account, statement(named("60.00", own="B-1"), closing="60"))
    theirs = detail("25.00", gift.reference)
    take(account, notification(named("61.00", own="B-1", details=theirs + detail("36.00", "two"))))
    match(line=StatementLine.objects.get(), target=gift, by=make_user(), at=NOW)

    erasure.forget(gift, at=NOW)

    kept = StatementDetail.objects.order_by("position")
    assert [(told.amount, told.counterparty) for told in kept] == [(25, ""), (36, "Ana Ejemplo")]


@pytest.mark.parametrize(
    "told",
    [
        # The bank's number of another year, of the tax on it, or of what it took back.
        named("61.00", own="B-1", details=PAYMENTS, day="2027-03-04"),
        named("60.00", own="B-1", details=PAYMENTS).replace("CRDT", "DBIT"),
        # A number that counts the entries of a file.
        named("61.00", ours="<NtryRef>1</NtryRef>", own="B-2"),
        # Another message with a batch of the same number.
        named("61.00", own="B-2", details=BATCH.replace("M-7", "M-8")),
    ],
)
def test_a_name_used_again_says_nothing(account, told):
    said = named("60.00", own="B-1", ours="<NtryRef>1</NtryRef>", details=BATCH)
    take(account, statement(said, closing="60"))

    result = import_statement(
        account=account, name="n.xml", content=notification(told), by=None,
        at=AT.replace(year=2027),
    )  # fmt: skip

    line = StatementLine.objects.get()
    assert (result.differences, result.left_out, difference_of(line)) == ((), (), None)
    assert not StatementDetail.objects.filter(key=line.key).exists()


def test_entries_of_one_message_are_each_of_their_own_line(account):
    """The message names all of them: only the amounts tell them apart, and where they do not, nothing is said."""
    lines = [named(amount, ours=TOLD_IN) for amount in ("60.00", "9.00", "7.00")]
    take(account, statement(*lines, closing="76"))

    result = take(
        account, message(*(named(amount, details=PAYMENTS) for amount in ("9.00", "60.00", "8.00")))
    )

    kept = dict(StatementDetail.objects.values_list("key", "statement"))
    here = {line.key: line.amount for line in StatementLine.objects.all()}
    assert sorted(here[key] for key in kept if key in here) == [9, 60]
    assert [str(one.told) for one in result.differences] == ["8.00"]


def test_statement_that_divides_what_a_notification_names_otherwise_keeps_its_lines(account):
    """By the name it is seen, though the notification has the payments in another order."""
    other_way = detail("35.00", "two") + detail("25.00", "one")
    take(account, statement(named("60.00", own="B-1", details=PAYMENTS), closing="60"))
    told = notification(named("60.00", own="B-1", details=other_way))

    [movement] = read(account=account, content=told, at=AT).told
    result = take(account, told)

    assert (movement.is_split, movement.difference, result.details) == (True, None, 0)
    assert not StatementDetail.objects.exists()


def test_two_that_could_be_one_line_wait(account):
    """A name that two could mean decides nothing."""
    one = Named(date(2026, 3, 4), Decimal(60), ("a",))
    lines = [one._replace(key="1"), one._replace(key="2")]

    assert place([one], lines) == [Place()]
    assert place([one, one], lines[:1]) == [Place(key="1"), Place()]
    nine = one._replace(amount=Decimal(9))
    assert place([nine], lines) == [Place()]
    assert place([nine, nine], lines[:1]) == [Place(), Place()]
    assert place([nine], lines[:1]) == [Place(other=lines[0])]
    assert place([one._replace(amount=Decimal(120))], lines) == [Place(is_split=True)]
    # The surer name counts.
    both = one._replace(names=("b", "a"))
    assert place([both], [lines[0], lines[1]._replace(names=("b",))]) == [Place(key="2")]


def test_names_say_nothing_without_the_accounts_secret(account):
    other = make_account(code="other", number=IBAN)
    for each in (account, other):
        take(each, statement(named("60.00", own="B-1", ours=REFERENCE), closing="60"))

    ours, theirs = StatementLine.objects.order_by("pk").values_list("names", flat=True)

    assert (len(ours), len(theirs)) == (2, 2)
    assert not {*ours} & {*theirs}
    assert not any(word in name for name in ours for word in ("B-1", "2026"))


def test_lines_and_details_from_before_names_were_kept_stay_as_they_were(account):
    take(account, statement(named("60.00", own="B-1"), closing="60"))
    StatementLine.objects.update(names=None)
    take(account, notification(named("60.00", own="B-1", details=PAYMENTS)))

    line = StatementLine.objects.get()
    assert StatementDetail.objects.filter(key=line.key).count() == 2
    assert difference_of(line) is None
    with (
        pytest.raises(IntegrityError, match="statement_detail_named_of_a_day"),
        transaction.atomic(),
    ):
        StatementDetail.objects.update(booked_on=None)
    StatementDetail.objects.update(names=[], booked_on=None)
    assert StatementImport.objects.count() == 2


def test_names_of_an_entry():
    whole = named("60.00", own="B-1", ours=REFERENCE + TOLD_IN, details=BATCH + PAYMENTS)
    none = named(
        "9.00", own="NOTPROVIDED", ours="<NtryRef>12345</NtryRef>",
        details="<TxDtls><Refs><PmtInfId>P-1</PmtInfId></Refs></TxDtls><TxDtls><Refs><PmtInfId>P-2</PmtInfId></Refs></TxDtls>",
    )  # fmt: skip
    [found] = camt053.read(statement(whole, none, closing="69") + b"")

    names = ("AcctSvcrRef B-1", "NtryRef 2026-0304-17", "batch P-1 M-7", "message N-2026-77")
    assert [row.names for row in found.rows] == [names, names, ()]
    [told] = camt053.read(message(named("9.00")))
    assert [row.names for row in told.rows] == [("message N-2026-77",)]
