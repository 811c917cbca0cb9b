"""A notification (CAMT.054) says what a line of the statement is made of, whichever of the two comes first; it adds no money."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError

from donations import erasure, ledger
from donations.models import AccountKey, StatementDetail, StatementImport, StatementLine, Supporter
from donations.proofs import prove
from donations.reconciliation import (
    Certainty,
    ImportRefused,
    import_statement,
    match,
    read,
    suggest,
)
from tests.factories import NOW, make_fund, make_pledge, make_user

from .files import make_account

AT = datetime(2026, 3, 5, tzinfo=UTC)
IBAN = "DE02120300000000202051"


def entry(amount, reference="B-1", details="", day="2026-03-04", sign="CRDT"):
    named = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt>'
        f"{named}<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def detail(amount, text, name="Ana Ejemplo"):
    return (
        f'<TxDtls><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<RltdPties><Dbtr><Nm>{name}</Nm></Dbtr></RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    )


ACCOUNT = f"<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"


def balance(code, amount):
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-04</Dt></Dt></Bal>"
    )


def statement(*entries, closing):
    body = ACCOUNT + balance("OPBD", "0") + balance("CLBD", closing) + "".join(entries)
    return f"<Document><BkToCstmrStmt><Stmt>{body}</Stmt></BkToCstmrStmt></Document>".encode()


def notification(*entries):
    body = ACCOUNT + "".join(entries)
    return f"<Document><BkToCstmrDbtCdtNtfctn><Ntfctn>{body}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>".encode()


@pytest.fixture
def account(db):
    return make_account(number=IBAN)


@pytest.fixture
def gifts(account):
    fund = make_fund()
    return [make_pledge(fund=fund, method="transfer", amount=amount) for amount in ("25", "35")]


def both(gifts):
    """The batch of 60 as the statement has it, and as the notification tells it."""
    details = "".join(detail(f"{gift.amount:.2f}", f"gift {gift.reference}") for gift in gifts)
    return statement(entry("60.00"), closing="60"), notification(entry("60.00", details=details))


def take(account, content):
    return import_statement(account=account, name="x.xml", content=content, by=None, at=AT)


@pytest.mark.parametrize("first", ["statement", "notification"])
def test_whichever_comes_first_the_gifts_within_a_line_are_proposed_and_no_money_doubles(
    account, gifts, first
):
    files = both(gifts) if first == "statement" else both(gifts)[::-1]

    results = [take(account, content) for content in files]

    assert sorted((result.new, result.details) for result in results) == [(0, 2), (1, 0)]
    line = StatementLine.objects.get()
    assert (line.amount, line.open_amount) == (60, 60)
    found = {s.target: (s.part, s.certainty) for s in suggest(line)}
    assert found == {
        gifts[0]: (Decimal(25), Certainty.SURE),
        gifts[1]: (Decimal(35), Certainty.SURE),
    }

    for gift in gifts:
        best = suggest(line)[0]
        match(line=line, target=best.target, amount=best.part, by=make_user(), at=NOW)
        line.refresh_from_db()
        assert gift.pk

    assert (line.open_amount, suggest(line) if line.open_amount else []) == (0, [])
    assert ledger.balance(AccountKey.bank(account)) == 60
    assert [proof.name for proof in prove() if not proof.holds] == []


def test_same_notification_again_adds_nothing(account, gifts):
    _statement, told = both(gifts)
    assert take(account, told).details == 2

    again = take(account, told)
    other = take(account, told.replace(b"<Document>", b"<Document >"))

    assert (again.details, again.statement, other.details) == (0, None, 0)
    assert (StatementDetail.objects.count(), StatementImport.objects.count()) == (2, 2)


def test_statement_that_divides_the_batch_itself_needs_no_notification(account, gifts):
    details = "".join(detail(f"{gift.amount:.2f}", f"gift {gift.reference}") for gift in gifts)
    take(account, statement(entry("60.00", details=details), closing="60"))
    told = notification(entry("60.00", details=details))

    [movement] = read(account=account, content=told, at=AT).told
    result = take(account, told)

    assert (movement.is_here, movement.is_split, result.details) == (False, True, 0)
    assert (StatementLine.objects.count(), StatementDetail.objects.count()) == (2, 0)


def test_notification_changes_no_balance_that_the_next_statement_is_held_against(account, gifts):
    whole, told = both(gifts)
    take(account, told)
    take(account, whole)
    take(account, notification(entry("9.00", reference="B-2")))
    following = statement(entry("9.00", reference="B-2", day="2026-03-05"), closing="9")

    with pytest.raises(ImportRefused, match="Something is missing between two statements"):
        take(account, following)

    assert StatementLine.objects.count() == 1


def test_two_equal_batches_are_two(account, gifts):
    details = detail("60.00", f"gift {gifts[0].reference}")
    take(account, statement(entry("60.00"), entry("60.00"), closing="120"))
    take(account, notification(entry("60.00", details=details), entry("60.00", details=details)))

    keys = set(StatementLine.objects.values_list("key", flat=True))

    assert len(keys) == 2
    assert set(StatementDetail.objects.values_list("key", flat=True)) == keys


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (notification(entry("60.00", reference="")), "does not say of which lines of the statement"),
        (notification(), "does not say of which lines of the statement"),
        (
            notification(entry("60.00")).replace(b"DE02120300000000202051", b"DE89370400440532013000"),
            "The file is of the account",
        ),
        (notification(entry("60.00")).replace(b'"EUR"', b'"USD"').replace(b">EUR<", b">USD<"), "The file has lines in USD"),
        (notification(entry("60,00")), "is no amount"),
    ],
)  # fmt: skip
def test_notification_that_cannot_be_used_is_refused_with_a_sentence(account, content, sentence):
    with pytest.raises(ImportRefused, match=sentence):
        take(account, content)

    assert not StatementImport.objects.exists()


def test_entry_without_the_banks_reference_is_named_and_the_others_are_kept(account):
    told = notification(
        entry("60.00", details=detail("60.00", "raffle")),
        entry("0.00", reference="B-0"),
        entry("35.00", reference="", details=detail("20.00", "stall") + detail("15.00", "tombola")),
        entry("9.00", reference="B-2"),
    )

    result = take(account, told)

    assert [(row.line, row.reason, row.text) for row in result.left_out] == [
        (2, "empty", ""),
        (3, "unnamed", "2026-03-04 35.00 EUR stall"),
    ]
    kept = StatementDetail.objects.order_by("pk").values_list("amount", flat=True)
    assert (result.details, list(kept)) == (2, [60, 9])
    assert take(account, told).left_out == result.left_out


def test_entry_without_the_banks_reference_is_of_the_only_line_it_fits(account, gifts):
    details = "".join(detail(f"{gift.amount:.2f}", f"gift {gift.reference}") for gift in gifts)
    told = notification(
        entry("60.00", reference="", details=details), entry("9.00", reference="B-2")
    )
    # Neither the day, the amount nor the side of the others is the same.
    others = (
        entry("60.00", "B-4", day="2026-03-03"), entry("60.01", "B-5"), entry("60.00", "B-6", sign="DBIT"),
    )  # fmt: skip
    before = take(account, told)
    take(account, statement(entry("60.00"), *others, closing="120.01"))

    [fitted, _named] = read(account=account, content=told, at=AT).told
    results = [take(account, told) for _i in range(2)]

    assert [(row.line, row.reason) for row in before.left_out] == [(1, "unnamed")]
    line = StatementLine.objects.get(amount=60, booked_on="2026-03-04")
    assert (fitted.key, fitted.is_here, fitted.is_told, fitted.is_fitted) == (
        line.key,
        True,
        False,
        True,
    )
    assert [(result.details, result.left_out, result.statement is None) for result in results] == [
        (2, (), False), (0, (), True),
    ]  # fmt: skip
    assert {suggestion.target: suggestion.part for suggestion in suggest(line)} == {
        gifts[0]: Decimal(25), gifts[1]: Decimal(35),
    }  # fmt: skip


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("entries", [1, 2])
def test_of_two_equal_lines_or_entries_none_is_guessed(account, lines, entries):
    several = [entry("60.00", f"B-{number}") for number in range(lines)]
    take(account, statement(*several, closing=f"{60 * lines}"))
    unnamed = entry("60.00", reference="", details=detail("60.00", "raffle"))
    other = entry("9.00", "B-9")

    result = take(account, notification(*[unnamed] * entries, other))

    is_sure = lines == entries == 1
    assert [row.reason for row in result.left_out] == ["unnamed"] * (0 if is_sure else entries)
    assert result.details == (2 if is_sure else 1)


def test_of_two_equal_lines_the_one_of_as_many_payments_is_it(account):
    batches = [entry("60.00", f"B-{n}", f"<Btch><NbOfTxs>{n}</NbOfTxs></Btch>") for n in (2, 3)]
    take(account, statement(*batches, closing="120"))

    take(account, notification(entry("60.00", "", detail("20.00", "one") + detail("40.00", "two"))))

    keys = dict(StatementLine.objects.values_list("key", "batch_of"))
    assert [keys[told.key] for told in StatementDetail.objects.all()] == [2, 2]
    assert sorted(keys.values()) == [2, 3]
    with pytest.raises(IntegrityError, match="statement_line_batch_of_several"):
        StatementLine.objects.update(batch_of=1)


def test_line_that_another_entry_names_is_not_taken_for_one_that_names_none(account):
    take(account, statement(entry("60.00", "B-1"), entry("60.00", "B-2"), closing="120"))
    unnamed = entry("60.00", reference="", details=detail("60.00", "raffle"))

    take(account, notification(entry("60.00", "B-1", details=detail("60.00", "stall")), unnamed))
    again = take(account, notification(unnamed, entry("9.00", "B-9")))

    texts = {
        StatementLine.objects.get(key=told.key).pk: told.text
        for told in StatementDetail.objects.filter(amount=60)
    }
    assert [texts[pk] for pk in sorted(texts)] == ["stall", "raffle"]
    # Alone it could be of either.
    assert [(row.line, row.reason) for row in again.left_out] == [(1, "unnamed")]


VALUED = "<ValDt><Dt>2026-03-{}</Dt></ValDt><NtryDtls>"
PAYER = (
    "<RltdPties><Dbtr><Nm>Ana</Nm></Dbtr><DbtrAcct><Id><IBAN>{}</IBAN></Id></DbtrAcct></RltdPties>"
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        # Another day of value.
        (entry("60.00").replace("<NtryDtls>", VALUED.format("05")),
         entry("60.00", "").replace("<NtryDtls>", VALUED.format("06"))),
        # Another reference of ours.
        (entry("60.00", details=detail("60.00", "RF89 CDFG HJKM NPQR")),
         entry("60.00", "", details=detail("60.00", "RF35 CDFG HJKM NPQT"))),
        # A batch, where the statement names who paid.
        (entry("60.00", details=detail("60.00", "stall")),
         entry("60.00", "", details=detail("20.00", "one") + detail("40.00", "two"))),
        (entry("60.00", details=detail("60.00", "stall")),
         entry("60.00", "", details="<Btch><NbOfTxs>2</NbOfTxs></Btch>")),
        # A batch of more.
        (entry("60.00", details="<Btch><NbOfTxs>3</NbOfTxs></Btch>"),
         entry("60.00", "", details=detail("20.00", "one") + detail("40.00", "two"))),
        # Another payer's account.
        (entry("60.00", details=f"<TxDtls>{PAYER.format('DE75512108001245126199')}</TxDtls>"),
         entry("60.00", "", details=f"<TxDtls>{PAYER.format('DE89370400440532013000')}</TxDtls>")),
    ],
)  # fmt: skip
def test_line_that_says_otherwise_is_not_the_entrys(account, said, told):
    take(account, statement(said, closing="60"))

    with pytest.raises(ImportRefused, match="none of its entries fits just one line here"):
        take(account, notification(told))

    assert not StatementDetail.objects.exists()


def test_line_that_an_earlier_notification_divided_otherwise_keeps_what_was_said_first(account):
    several = detail("25.00", "one") + detail("35.00", "two")
    take(account, notification(entry("60.00", details=detail("60.00", "all of it"))))
    other = entry("9.00", reference="B-2", details=detail("9.00", "raffle"))

    result = take(account, notification(entry("60.00", details=several), other))
    with pytest.raises(ImportRefused, match="an earlier one divided the same lines otherwise"):
        take(account, notification(entry("60.00", details=several)))

    assert [(row.line, row.reason) for row in result.left_out] == [(1, "otherwise")]
    kept = StatementDetail.objects.order_by("pk").values_list("amount", "text")
    assert (result.details, list(kept)) == (1, [(60, "all of it"), (9, "raffle")])


def test_what_names_a_supporter_within_a_line_is_erased_with_them(account, gifts):
    supporter = Supporter.objects.of_address("ana@example.org", language="en", at=NOW)
    gifts[0].supporter = supporter
    gifts[0].save()
    for content in both(gifts):
        take(account, content)
    line = StatementLine.objects.get()
    match(line=line, target=gifts[0], amount=Decimal(25), by=make_user(), at=NOW)

    erasure.forget(gifts[0], at=NOW)

    assert [(d.amount, d.counterparty) for d in StatementDetail.objects.order_by("amount")] == [
        (25, ""), (35, "Ana Ejemplo"),
    ]  # fmt: skip
    # The other is still named in the batch; then nobody is.
    assert erasure.forget_payer(line, at=NOW) == 1
    assert not StatementDetail.objects.named().exists()


def test_what_is_told_later_of_somebody_who_was_forgotten_names_nobody(account, gifts):
    said, told = both(gifts)
    take(account, said)
    erasure.forget_payer(StatementLine.objects.get(), at=NOW)

    assert take(account, told).details == 2

    kept = StatementDetail.objects.order_by("amount")
    assert [(each.amount, each.counterparty, each.text) for each in kept] == [
        (25, "", ""),
        (35, "", ""),
    ]
    assert [each.references for each in kept] == [[gift.reference] for gift in gifts]
