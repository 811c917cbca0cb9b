"""A bank's file that reaches back to the days of the past: its lines prove what is booked, and book nothing again."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from donations import erasure, ledger, reconciliation
from donations.admin.match_words import told
from donations.assertions import items
from donations.models import Account, BankAccount, Entry, PastRow, StatementLine, StatementMatch
from donations.reconciliation import Certainty, DoesNotFit, suggest
from tests import factories
from tests.donations.past.test_past import WHOLE, take_over
from tests.donations.reconciliation.files import make_line
from tests.donations.test_check_books import tamper, unguarded, wrong
from tests.factories import NOW, log_in


@pytest.fixture
def past(fund):
    take_over(WHOLE)
    return fund


def line(amount, day, **fields):
    return make_line(
        amount,
        booked_on=day,
        value_on=day,
        **{"account": BankAccount.objects.get(code="bank-eur")} | fields,
    )


def prove_by(line):
    first = suggest(line)[0]
    return reconciliation.match(line=line, target=first.target, by=factories.make_user(), at=NOW)


def test_line_of_the_past_is_proposed_as_what_is_booked_and_books_nothing(past):
    before = ledger.ledger_hash()
    gift, card, paid = (
        line("50", date(2025, 2, 12)),
        line("98.20", date(2025, 2, 10)),
        line("-120", date(2025, 3, 15)),
    )

    found = [suggest(each)[0] for each in (gift, card, paid)]
    assert [(each.score, each.certainty) for each in found] == [(79, Certainty.LIKELY)] * 3
    assert "It is in the books already, from a spreadsheet of the past." in found[0].reasons
    matches = [prove_by(each) for each in (gift, card, paid)]

    assert [told(each) for each in matches] == [
        "row of the past: gift of February 10, 2025",
        "row of the past: gift of February 10, 2025",
        "row of the past: payment of March 15, 2025",
    ]
    assert not StatementLine.objects.unmatched().exists()
    assert ledger.ledger_hash() == before
    assert wrong() == {}

    reconciliation.unmatch(match=matches[0], reason="another", by=factories.make_user(), at=NOW)
    assert ledger.ledger_hash() == before
    assert suggest(gift)[0].target == matches[0].past_row


def test_row_of_the_past_is_proved_once_as_it_moved_its_account(past):
    row = PastRow.objects.get(amount=50)
    other = factories.make_bank_account(code="other", number="2")
    user = factories.make_user()
    day = row.happened_on

    for amount, account, message in (
        ("49", BankAccount.objects.get(code="bank-eur"), "49"),
        ("50", other, "another bank account"),
    ):
        with pytest.raises(DoesNotFit, match=message):
            reconciliation.match(
                line=line(amount, day, account=account), target=row, by=user, at=NOW
            )
    first = line("50", day, account=row.bank_account)
    reconciliation.match(line=first, target=row, by=user, at=NOW)
    with pytest.raises(reconciliation.AlreadyMatched, match="on another line already"):
        reconciliation.match(
            line=line("50", day, account=row.bank_account), target=row, by=user, at=NOW
        )

    # Past the verbs: neither with another amount nor of what never moved a bank account.
    for wrong_row in (PastRow.objects.get(amount=100), PastRow.objects.get(amount=20)):
        stray = line(str(wrong_row.amount), day, account=row.bank_account)
        with pytest.raises(IntegrityError, match="did not move that account so"), transaction.atomic():  # fmt: skip
            StatementMatch.objects.create(
                line=stray, amount=stray.amount, past_row=wrong_row, confirmed_by=user, confirmed_at=NOW
            )  # fmt: skip


def test_check_books_names_a_line_that_proves_a_row_of_another_amount(past):
    match = prove_by(line("50", date(2025, 2, 10)))
    assert wrong() == {}

    tamper(
        unguarded("statementmatch", f"UPDATE donations_statementmatch SET amount = 49 WHERE id = {match.pk}")
    )  # fmt: skip

    assert "matches" in wrong()


def test_bank_line_of_another_month_explains_what_the_books_have_before(past):
    prove_by(line("98.20", date(2025, 2, 13)))
    account = Account.objects.get(place="bank")

    assert [item.amount for item in items(account, date(2025, 2, 11))] == [
        Decimal("-100.00"),
        Decimal("1.80"),
    ]
    assert items(account, date(2025, 2, 13)) == []


def test_office_shows_the_row_and_its_entries_with_the_line(past, client):
    found = line("98.20", date(2025, 2, 10))
    treasurer = log_in(client, factories.make_user(None, "treasurer"))

    listed = treasurer.get("/admin/donations/statementline/open/").content.decode()
    assert "Row of the past: gift of February 10, 2025" in listed

    prove_by(found)
    page = treasurer.get(f"/admin/donations/statementline/{found.pk}/change/").content.decode()
    row = PastRow.objects.get(amount=100)
    assert f"/admin/donations/pastrow/{row.pk}/change/" in page
    for entry in Entry.objects.filter(source__startswith=row.source):
        assert f"/admin/donations/entry/{entry.pk}/change/" in page


def test_who_gave_a_gift_of_the_past_is_forgotten_at_its_line_too(past, client):
    found = line("50", date(2025, 2, 10), counterparty="Ana Ejemplo")
    match = prove_by(found)
    treasurer = log_in(client, factories.make_user(None, "treasurer"))

    treasurer.post(f"/admin/donations/pastrow/{match.past_row_id}/forget/", {})

    found.refresh_from_db()
    assert (found.counterparty, found.is_known) == ("", False)
    assert PastRow.objects.get(amount=50).supporter_name == ""


def test_forgotten_at_its_line_who_gave_is_forgotten_in_the_past_too_and_who_was_paid_is_kept(past):
    names = {"payer_hash": "a" * 64, "counterparty": "Ana Ejemplo"}
    gave, paid = line("50", date(2025, 2, 10), **names), line("-120", date(2025, 3, 15), **names)
    row = prove_by(gave).past_row
    prove_by(paid)
    assert row.supporter_name

    assert erasure.forget_payer(gave, with_others=True, at=NOW) == 1

    row.refresh_from_db()
    assert (row.supporter_name, row.supporter_email, row.forgotten_at) == ("", "", NOW)
    paid.refresh_from_db()
    assert paid.counterparty == "Ana Ejemplo"
    with pytest.raises(erasure.NotAPayer):
        erasure.forget_payer(paid, at=NOW)
