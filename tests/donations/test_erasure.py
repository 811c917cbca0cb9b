"""Forgetting who gave: identity goes wherever it was kept, the books stay to the last digit."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from donations import correspondence, emails, erasure, reconciliation, refunds
from donations.models import (
    CashReceipt,
    Letter,
    Pledge,
    PublicGift,
    Receipt,
    StatementLine,
    Supporter,
)
from donations.reconciliation.codes import payer_hash
from donations.tokens import InvalidToken, gift_token, pledge_of
from donations.transparency import books
from tests import factories
from tests.donations.reconciliation.files import (
    bank_csv,
    make_account,
    make_line,
    make_paid_disbursement,
    record_paid,
)
from tests.factories import NOW

pytestmark = pytest.mark.django_db
CANARY = "Zoraida Canary"


def ledger_hash():
    out = StringIO()
    call_command("ledger_hash", stdout=out)
    return out.getvalue()


def everything():
    """All rows of all tables as text, as a thief of the database would search them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'donations_%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(f"SELECT string_agg(t::text, E'\\n') FROM {table} t")
            found[table] = cursor.fetchone()[0] or ""
    return found


@pytest.fixture
def gift(inbox):
    """A transfer found at the bank, of somebody who left all there is to leave."""
    supporter = factories.make_supporter("zoraida@example.org")
    pledge = factories.make_pledge(
        supporter=supporter,
        method="transfer",
        visibility="name",
        public_name=CANARY,
        receipt_name=CANARY,
        country="ES",
        language="en",
    )
    line = make_line(amount=pledge.amount)
    StatementLine.objects.filter(pk=line.pk).update(
        counterparty=CANARY, counterparty_account="DE02120300000000202051", text=CANARY
    )
    reconciliation.match(line=line, target=pledge, by=factories.make_user(), at=NOW)
    emails.send_due(at=NOW)
    return Pledge.objects.get(pk=pledge.pk)


def test_forgetting_changes_no_figure(gift):
    factories.give(gift.fund, Decimal(10))
    before = ledger_hash(), books(language="en", at=NOW)

    erasure.forget(gift, at=NOW)

    assert (ledger_hash(), books(language="en", at=NOW)) == before


def test_forgetting_removes_the_person_everywhere(gift):
    hash_ = gift.supporter.email_hash
    other = factories.make_pledge(supporter=gift.supporter, receipt_name=CANARY)
    correspondence.resend(gift.donations.get(), at=NOW)

    assert erasure.forget(gift, at=NOW) == 2

    assert not Supporter.objects.exists()
    assert hash_ not in "".join(everything().values())
    for pledge in Pledge.objects.all():
        assert (pledge.supporter, pledge.public_name, pledge.receipt_name) == (None, "", "")
        assert (pledge.visibility, pledge.country, pledge.erased_at) == ("secret", "", NOW)
    line = StatementLine.objects.get()
    assert (line.counterparty, line.counterparty_account, line.text) == ("", "", "")
    assert not PublicGift.objects.exists()
    assert not Letter.objects.filter(sent_at=None).exists()
    assert Receipt.objects.get().country == ""
    for link in (gift_token(gift), gift_token(other)):
        with pytest.raises(InvalidToken):
            pledge_of(link, at=NOW)


def test_letter_on_its_way_when_its_reader_is_forgotten_goes_nowhere(gift, inbox):
    before = len(inbox.messages)
    correspondence.resend(gift.donations.get(), at=NOW)
    erasure.forget(gift, at=NOW)

    assert emails.send_due(at=NOW + timedelta(days=1)) == 0
    assert len(inbox.messages) == before


def test_slip_for_cash_keeps_its_number_and_no_name():
    pledge = factories.make_promise([(NOW.date(), "25")], method="cash")
    gift = factories.make_arrival(pledge, "25")
    CashReceipt.objects.create(
        kind="cash",
        fund=pledge.fund,
        pledge=pledge,
        amount=25,
        currency="EUR",
        received_on=NOW.date(),
        payer=CANARY,
        donation=gift,
        recorded_by=factories.make_user(),
        recorded_at=NOW,
    )

    erasure.forget(pledge, at=NOW)

    slip = CashReceipt.objects.get()
    assert (slip.payer, slip.serial) == ("", 1)


def test_anonymous_gift_is_forgotten_alone():
    mine = factories.make_pledge(visibility="name", public_name=CANARY)
    another = factories.make_pledge(visibility="name", public_name="Another")

    assert erasure.forget(mine, at=NOW) == 1

    another.refresh_from_db()
    assert another.public_name == "Another"


def test_forgetting_twice_says_so(gift):
    erasure.forget(gift, at=NOW)

    with pytest.raises(erasure.AlreadyForgotten):
        erasure.forget(gift, at=NOW)


def test_old_address_waiting_for_its_notice_is_forgotten_too(gift):
    """The address changed, the notice to the old one is not sent yet: it goes with the rest."""
    correspondence.readdress(gift, email="new@example.org", at=NOW)
    assert Supporter.objects.count() == 2

    erasure.forget(gift, at=NOW)

    assert not Supporter.objects.exists()


def test_who_gives_again_afterwards_is_somebody_new(gift):
    erasure.forget(gift, at=NOW)

    again = Supporter.objects.of_address("zoraida@example.org", language="en", at=NOW)

    assert list(again.pledges.all()) == []


def test_monthly_gift_has_to_be_stopped_first(gift):
    monthly = factories.make_pledge(supporter=gift.supporter, frequency="monthly")
    factories.make_subscription(monthly)

    with pytest.raises(erasure.StillGiving):
        erasure.forget(gift, at=NOW)

    gift.refresh_from_db()
    assert gift.supporter


@pytest.mark.parametrize(
    "left", [{"receipt_name": "x"}, {"country": "ES"}, {"visibility": "amount"}]
)
def test_database_keeps_nothing_of_who_was_forgotten(left):
    pledge = factories.make_pledge(erased_at=NOW)

    with pytest.raises(IntegrityError, match="pledge_erased_names_nobody"), transaction.atomic():
        Pledge.objects.filter(pk=pledge.pk).update(**left)


# --- Lines that nobody announced ---------------------------------------------------------------------------

ACCOUNT = "DE89370400440532013000"


def paid_by(canary=CANARY, account=ACCOUNT, amount="25", **fields):
    return make_line(
        amount,
        counterparty=canary,
        counterparty_account=account,
        text=f"gracias, {canary}",
        payer_hash=payer_hash(account, canary),
        **fields,
    )


def state(line):
    line = StatementLine.objects.get(pk=line.pk)
    return (
        line.counterparty,
        line.counterparty_account,
        line.text,
        line.payer_hash,
        line.forgotten_at,
    )


GONE = ("", "", "", "", NOW)


def test_payer_of_a_line_without_a_gift_is_forgotten_and_the_books_stay(fund):
    gift, noted, still_open = (paid_by(amount=each) for each in ("25", "30", "40"))
    another = paid_by("Ana Another", "", "25")
    by = factories.make_user()
    donation = reconciliation.match(line=gift, target=fund, by=by, at=NOW).donation
    reconciliation.explain(line=noted, explanation="not ours", by=by, at=NOW)
    before = ledger_hash(), books(language="en", at=NOW), state(another)
    assert list(erasure.others_of(still_open).order_by("pk")) == [gift, noted]

    assert erasure.forget_payer(noted, at=NOW) == 1
    assert erasure.forget_payer(still_open, with_others=True, at=NOW) == 2

    assert [state(line) for line in (gift, noted, still_open)] == [GONE] * 3
    assert (ledger_hash(), books(language="en", at=NOW), state(another)) == before
    assert donation.pledge is None
    with pytest.raises(erasure.AlreadyForgotten):
        erasure.forget_payer(gift, at=NOW)


def test_same_file_again_adds_nothing_and_brings_nobody_back():
    account = make_account()
    content = bank_csv(
        f"2026-01-05;100.00;EUR;{CANARY};for {CANARY};a1", "2026-01-06;5.00;EUR;Ana;x;a2",
        opening="0", closing="105",
    )  # fmt: skip

    def take(name):
        return reconciliation.import_statement(
            account=account, name=name, content=content, by=None, at=NOW
        )

    assert take("january.csv").new == 2
    line = account.lines.get(amount=100)

    erasure.forget_payer(line, at=NOW)

    content += b"\n"
    again = take("again.csv")
    assert (again.new, again.known, account.lines.count()) == (0, 2, 2)
    assert state(line) == GONE
    assert state(account.lines.get(amount=5))[0] == "Ana"


def test_refund_of_an_unannounced_gift_is_forgotten_with_it(fund):
    tess, abel = factories.make_user(), factories.make_user()
    line = paid_by(amount="100")
    gift = reconciliation.match(line=line, target=fund, by=tess, at=NOW).donation
    row = refunds.request(
        donation=gift, amount=Decimal(60), reason="asked", by=tess, at=NOW, bank_account=line.account,
        payee_name=CANARY, payee_account=ACCOUNT,
    )  # fmt: skip
    with pytest.raises(erasure.StillGiving, match="being sent back"):
        erasure.forget_payer(line, at=NOW)
    row = refunds.approve(row, content_hash=row.content_hash, by=abel, at=NOW)
    row = refunds.pay(row, paid_on=NOW.date(), by=tess, at=NOW)
    back = paid_by("Zoraida", "", "-60")
    reconciliation.match(line=back, target=row, by=tess, at=NOW)
    before = ledger_hash()

    assert erasure.forget_payer(line, at=NOW) == 2

    row.refresh_from_db()
    assert (row.payee_name, row.payee_account, ledger_hash()) == ("", "", before)
    assert state(line) == state(back) == GONE


def test_payments_of_ours_keep_who_was_paid(fund):
    factories.give(fund, "100")
    payment = make_paid_disbursement("20")
    factories.prove(record_paid(payment), by=factories.make_user())
    paid = StatementLine.objects.get()
    StatementLine.objects.filter(pk=paid.pk).update(
        payer_hash="a" * 64, counterparty="Sample office"
    )
    came = make_line("5", paid.account, payer_hash="a" * 64, counterparty="Sample office")

    with pytest.raises(erasure.NotAPayer):
        erasure.forget_payer(paid, at=NOW)
    assert erasure.forget_payer(came, with_others=True, at=NOW) == 1

    assert state(paid)[0] == "Sample office"


def test_gift_that_is_forgotten_takes_its_line_along_for_good(gift):
    erasure.forget(gift, at=NOW)

    line = StatementLine.objects.get()
    assert state(line) == GONE
    for left in ({"counterparty": CANARY}, {"payer_hash": "0" * 64}):
        with pytest.raises(IntegrityError, match="forgotten_names_nobody"), transaction.atomic():
            StatementLine.objects.filter(pk=line.pk).update(**left)
    with pytest.raises(IntegrityError, match="stays forgotten"), transaction.atomic():
        StatementLine.objects.filter(pk=line.pk).update(forgotten_at=None)


def test_gift_that_is_forgotten_takes_along_all_that_is_surely_of_the_same_payer(gift, fund):
    by = factories.make_user()
    iban = "DE02 1203 0000 0000 2020 51"
    # As a new file brings lines: known again by the account, else by the name.
    match = gift.donations.get().matches.get()
    own = payer_hash(iban, CANARY)
    StatementLine.objects.filter(pk=match.line_id).update(payer_hash=own)
    still_open, noted, unannounced = (paid_by(CANARY, iban, each) for each in ("7", "8", "9"))
    named = make_line("11", references=[gift.reference], counterparty=CANARY)
    reconciliation.explain(line=noted, explanation="not ours", by=by, at=NOW)
    reconciliation.match(line=unannounced, target=fund, by=by, at=NOW)
    # A namesake; and who shares the account, with a gift of their own.
    namesake = paid_by(CANARY, "", "7")
    shared = paid_by("Ana Another", iban, "12")
    reconciliation.match(
        line=shared, target=factories.make_pledge(method="transfer", amount="12"), by=by, at=NOW
    )
    before = ledger_hash(), books(language="en", at=NOW), state(namesake), state(shared)
    amounts = list(StatementLine.objects.order_by("pk").values_list("amount", "explained"))

    assert erasure.forget(gift, at=NOW) == 1

    for line in (match.line, still_open, noted, unannounced, named):
        assert state(line) == GONE
    assert (ledger_hash(), books(language="en", at=NOW), state(namesake), state(shared)) == before
    assert list(StatementLine.objects.order_by("pk").values_list("amount", "explained")) == amounts
    assert StatementLine.objects.unmatched().filter(pk=still_open.pk).exists()
