"""Cash and cheques: numbered without a gap, booked when they are money, taken back, brought to the bank; tried to be broken."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from donations import cash, ledger, proofs, reconciliation
from donations.admin.cash_forms import DepositForm, RecordForm
from donations.models import AccountKey, CashDeposit, CashReceipt, Donation, Entry
from donations.schedule import schedule_of
from tests import factories
from tests.donations.lying import lying
from tests.donations.reconciliation.files import make_account, make_line
from tests.factories import NOW, TODAY, log_in, make_promise, make_user

BOX = AccountKey.cash("EUR")


def take(amount="50", **fields):
    return cash.record(
        **{
            "key": uuid4(),
            "kind": CashReceipt.Kind.CASH,
            "fund": fields.pop("fund", None) or factories.make_fund(),
            "amount": Decimal(amount),
            "currency": "EUR",
            "received_on": TODAY,
            "by": fields.pop("by", None) or make_user(),
            "at": NOW,
        }
        | fields
    )


def bring(account, amount="50", **fields):
    return cash.deposit(
        **{
            "number": uuid4(),
            "bank_account": account,
            "amount": Decimal(amount),
            "deposited_on": TODAY,
            "by": make_user(),
            "at": NOW,
        }
        | fields
    )


def broken():
    return {p.name: p.examples for p in proofs.prove() if not p.holds}


@pytest.fixture(autouse=True)
def books_hold(request):
    yield
    if "transaction" not in str(request.node.get_closest_marker("django_db")):
        assert broken() == {}


pytestmark = pytest.mark.django_db


def test_cash_is_booked_to_its_fund_with_its_slip():
    receipt = take("50")

    assert receipt.number == "C-2026-0001"
    entry = Entry.objects.select_related("debit", "credit").get()
    assert (entry.kind, entry.debit.code, entry.credit.code, entry.amount, entry.booked_on) == (
        "donation",
        "cash:EUR",
        f"fund:{receipt.fund.code}:EUR",
        50,
        TODAY,
    )
    donation = Donation.objects.get()
    assert (donation.method, donation.amount, donation.fee) == ("cash", 50, 0)
    assert donation == receipt.donation


def test_same_form_sent_twice_is_one_slip():
    key, fund = uuid4(), factories.make_fund()

    assert take(key=key, fund=fund) == take(key=key, fund=fund)
    assert ledger.balance(BOX) == 50


def test_cash_for_a_promise_keeps_it_and_its_receipt_is_sent():
    pledge = make_promise(
        [("2026-03-01", "30")], method="cash", supporter=factories.make_supporter()
    )
    receipt = take("20", pledge=pledge)

    assert receipt.fund == pledge.fund
    assert schedule_of(pledge, at=NOW).due == 10
    assert pledge.letters.get().kind == "receipt"


def test_numbers_begin_anew_each_year():
    new_year = datetime(2027, 1, 1, tzinfo=UTC)

    numbers = [
        take(at=NOW).number,
        take(at=new_year - timedelta(seconds=1)).number,
        take(at=new_year).number,
        take(at=new_year).number,
    ]

    assert numbers == ["C-2026-0001", "C-2026-0002", "C-2027-0001", "C-2027-0002"]


def test_slip_given_up_leaves_no_gap():
    take()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        take()
        raise ZeroDivisionError

    assert take().number == "C-2026-0002"


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(amount=1),
        lambda r: r.update(serial=9),
        lambda r: r.update(year=2020),
        lambda r: r.update(received_on=TODAY - timedelta(days=1)),
        lambda r: r.update(kind="cheque"),
        lambda r: r.delete(),
    ],
)
def test_database_changes_and_deletes_no_slip(change):
    take()

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        change(CashReceipt.objects.all())
    assert refused.value.__cause__.diag.constraint_name == "cash_receipt_is_final"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"amount": "0"}, "no amount"),
        ({"amount": "1.005"}, "no amount"),
        ({"received_on": TODAY + timedelta(days=1)}, "still to come"),
    ],
)
def test_bad_slip_is_refused_with_a_sentence(fields, sentence):
    with pytest.raises(cash.CashError, match=sentence):
        take(**fields)
    assert not CashReceipt.objects.exists()


def test_slip_in_another_currency_than_the_promise_is_refused():
    pledge = make_promise([("2026-03-01", "30")], method="cash")
    with pytest.raises(cash.CashError, match="promised in EUR"):
        take(pledge=pledge, currency="USD")


def test_slip_taken_back_reverses_what_was_booked_and_keeps_its_number():
    receipt = take()
    cash.void(receipt, reason="Counted wrongly", by=make_user(), at=NOW)

    receipt.refresh_from_db()
    assert (receipt.number, receipt.void_reason) == ("C-2026-0001", "Counted wrongly")
    assert ledger.balance(BOX) == 0
    assert receipt.donation.reversed_at == NOW
    with pytest.raises(cash.CashError, match="already"):
        cash.void(receipt, reason="Again", by=make_user(), at=NOW)
    with pytest.raises(cash.CashError, match="why"):
        cash.void(take(), reason=" ", by=make_user(), at=NOW)


def test_cheque_is_no_money_until_the_bank_paid_it():
    receipt = take("50", kind=CashReceipt.Kind.CHEQUE)

    assert receipt.is_pending
    assert not Entry.objects.exists()
    line = make_line("50")
    assert [s.target for s in reconciliation.suggest(line)] == [receipt]
    match = reconciliation.match(line=line, target=receipt, by=make_user(), at=NOW)
    receipt.refresh_from_db()
    assert not receipt.is_pending
    assert (receipt.donation.method, receipt.donation.source[:5]) == ("cheque", "bank:")
    with pytest.raises(cash.CashError, match="match back first"):
        cash.void(receipt, reason="Bounced", by=make_user(), at=NOW)

    reconciliation.unmatch(match=match, reason="Bounced", by=make_user(), at=NOW)
    receipt = CashReceipt.objects.get()
    assert receipt.is_pending
    cash.void(receipt, reason="Bounced", by=make_user(), at=NOW)
    assert not CashReceipt.objects.pending().exists()


def test_cheque_cashed_over_the_counter_counts_as_cash_once():
    receipt = take("50", kind=CashReceipt.Kind.CHEQUE)
    cash.cash_in(receipt, cashed_on=TODAY, by=make_user(), at=NOW)

    assert ledger.balance(BOX) == 50
    with pytest.raises(cash.CashError):
        cash.cash_in(receipt, cashed_on=TODAY, by=make_user(), at=NOW)
    with pytest.raises(reconciliation.AlreadyMatched):
        reconciliation.match(line=make_line("50"), target=receipt, by=make_user(), at=NOW)


def test_cheque_does_not_fit_a_line_of_another_amount():
    receipt = take("50", kind=CashReceipt.Kind.CHEQUE)
    with pytest.raises(reconciliation.DoesNotFit):
        reconciliation.match(line=make_line("49"), target=receipt, by=make_user(), at=NOW)


def test_cash_brought_to_the_bank_is_on_its_way_until_the_line():
    take("80")
    account = make_account()
    deposit = bring(account, "50")
    assert (ledger.balance(BOX), ledger.balance(AccountKey.transit("EUR"))) == (30, 50)
    assert lying(NOW) == {"transit:EUR": [("cash", 50, 50)]}

    line = make_line("50", account=account)
    assert [s.target for s in reconciliation.suggest(line)] == [deposit]
    match = reconciliation.match(line=line, target=deposit, by=make_user(), at=NOW)
    assert ledger.balance(AccountKey.transit("EUR")) == 0
    assert lying(NOW) == {}
    assert ledger.balance(AccountKey.bank(account)) == 50
    with pytest.raises(cash.CashError, match="match back first"):
        cash.void_deposit(deposit, reason="Lost", by=make_user(), at=NOW)
    with pytest.raises(reconciliation.AlreadyMatched):
        again = make_line("50", account=account)
        reconciliation.match(line=again, target=deposit, by=make_user(), at=NOW)

    reconciliation.unmatch(match=match, reason="Another line", by=make_user(), at=NOW)
    cash.void_deposit(deposit, reason="It stayed here", by=make_user(), at=NOW)
    assert ledger.balance(BOX) == 80


def test_no_more_cash_leaves_the_box_than_is_in_it():
    account = make_account()
    with pytest.raises(cash.CashError, match=r"only €0.00"):
        bring(account, "1")
    receipt = take("50")
    with pytest.raises(cash.CashError, match=r"only €50.00"):
        bring(account, "50.01")
    bring(account, "50")
    with pytest.raises(cash.CashError, match=r"only €0.00"):
        cash.void(receipt, reason="Given back", by=make_user(), at=NOW)
    receipt.refresh_from_db()
    assert receipt.voided_at is None
    assert CashDeposit.objects.count() == 1


def at_once(acts):
    gate = threading.Barrier(len(acts))
    said = []

    def run(act):
        try:
            gate.wait()
            act()
            said.append("done")
        except cash.CashError:
            said.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


@pytest.mark.django_db(transaction=True)
def test_slips_written_at_once_are_numbered_without_gap_or_double():
    by = make_user()
    funds = [factories.make_fund(), factories.make_fund()] * 4

    assert at_once([lambda f=f: take(fund=f, by=by) for f in funds]) == ["done"] * 8
    assert sorted(CashReceipt.objects.values_list("serial", flat=True)) == list(range(1, 9))
    assert broken() == {}


@pytest.mark.django_db(transaction=True)
def test_deposits_at_once_never_take_more_than_there_is():
    take("50")
    account = make_account()

    assert at_once([lambda: bring(account, "30")] * 4) == ["done", *["refused"] * 3]
    assert ledger.balance(BOX) == 20


@pytest.mark.django_db(transaction=True)
def test_same_form_at_once_is_one_slip():
    key, fund, by = uuid4(), factories.make_fund(), make_user()

    assert at_once([lambda: take(key=key, fund=fund, by=by)] * 3) == ["done"] * 3
    assert CashReceipt.objects.count() == 1


# --- In the office --------------------------------------------------------------------------------


@pytest.fixture
def treasurer(client):
    return log_in(client, make_user(None, "treasurer"))


def test_treasurer_records_cash_and_prints_the_slip(treasurer):
    pledge = make_promise([("2026-03-01", "30")], method="cash")
    data = {
        "key": uuid4(),
        "kind": "cash",
        "currency": "EUR",
        "amount": "30,00",
        "received_on": "2026-03-09",
        "reference": pledge.reference.lower(),
        "payer": "A. Ejemplo",
    }
    response = treasurer.post("/admin/donations/cashreceipt/record/", data)

    receipt = CashReceipt.objects.get()
    assert response.url == f"/admin/donations/cashreceipt/{receipt.pk}/change/"
    assert receipt.pledge == pledge
    slip = treasurer.get(f"/admin/donations/cashreceipt/{receipt.pk}/print/").content.decode()
    for words in (receipt.number, "€30.00", "A. Ejemplo", "<strong>TEST</strong>", "<dt>For</dt>"):
        assert words in slip
    assert "Slip to print" in treasurer.get(response.url).content.decode()


@pytest.mark.django_db
def test_forms_propose_today():
    before = timezone.now().date()
    proposed = {DepositForm()["deposited_on"].initial, RecordForm()["received_on"].initial}

    assert proposed <= {before, timezone.now().date()}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": "thirty"}, "Write the amount in figures"),
        ({"reference": "RF00"}, "Nothing was promised with this reference."),
        ({}, "Choose the fund the gift is for."),
        ({"received_on": "2999-01-01", "fund": "FUND"}, "still to come"),
    ],
)
def test_form_says_what_is_wrong_and_keeps_nothing(treasurer, changes, sentence):
    data = {
        "key": uuid4(),
        "kind": "cash",
        "currency": "EUR",
        "amount": "30",
        "received_on": "2026-03-09",
    } | changes
    if data.get("fund"):
        data["fund"] = factories.make_fund().pk

    assert sentence in treasurer.post("/admin/donations/cashreceipt/record/", data).content.decode()
    assert not CashReceipt.objects.exists()
