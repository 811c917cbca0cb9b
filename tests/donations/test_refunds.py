"""Who decides about sending money back, and what neither people nor SQL can do to it; and refunds by bank transfer."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from donations import erasure, ledger, reconciliation, refunds
from donations.models import (
    AccountKey,
    Dispute,
    Donation,
    Entry,
    Fund,
    Letter,
    Refund,
    RefundRequest,
    StatementLine,
)
from donations.reconciliation import Certainty
from tests import factories
from tests.donations.card_gifts import broken, catch_up, give_by_card
from tests.donations.conftest import make_fund
from tests.donations.reconciliation.files import make_account, make_line
from tests.factories import NOW, TODAY

State = RefundRequest.State


@pytest.fixture(scope="module")
def fund_with_gifts(rows_of_a_module):
    """Two gifts of 100 EUR by card in one fund; with the fees it holds 196.50. And two people of the office."""
    with rows_of_a_module():
        factories.make_user("tess")
        factories.make_user("abel")
        fund = make_fund()
        give_by_card(fund, "100")
        give_by_card(fund, "100")
        catch_up()
        return fund.pk


@pytest.fixture
def fund(fund_with_gifts, db):
    return Fund.objects.get(pk=fund_with_gifts)


@pytest.fixture
def people(fund):
    return User.objects.get(username="tess"), User.objects.get(username="abel")


@pytest.fixture
def gift(fund):
    return Donation.objects.select_related("fund").earliest("pk")


def ask(gift, amount, by, **fields):
    return refunds.request(
        **{"donation": gift, "amount": Decimal(amount), "reason": "asked", "by": by, "at": NOW}
        | fields
    )


def approve(row, by):
    return refunds.approve(row, content_hash=row.content_hash, by=by, at=NOW)


# --- One person or two --------------------------------------------------------------------------


def test_one_person_decides_up_to_the_limit_and_two_above_it(gift, people, settings):
    settings.REFUND_LIMITS = {"EUR": Decimal(50)}
    tess, abel = people

    small = ask(gift, "50", tess)
    large = ask(gift, "0.01", tess)

    # Together they are above it: several small ones are one large one.
    assert (small.needs_two, small.state()) == (False, State.TO_SEND)
    assert (large.needs_two, large.state()) == (True, State.TO_APPROVE)
    with pytest.raises(refunds.SamePerson, match="another person"):
        approve(large, tess)
    assert approve(large, abel).state() == State.TO_SEND
    assert ask(gift, "49.99", tess).needs_two is True


def test_currency_without_a_limit_needs_two(gift, people, settings):
    settings.REFUND_LIMITS = {}

    assert ask(gift, "1", people[0]).needs_two is True


def test_refund_that_takes_the_fund_below_zero_needs_two(gift, people, settings):
    settings.REFUND_LIMITS = {"EUR": Decimal(1000)}
    ledger.post(
        ledger.Posting(
            Entry.Kind.BANK_FEE, AccountKey.fund(gift.fund, "EUR"), AccountKey.stripe("EUR"),
            Decimal("150"), TODAY, "bank:test:1",
        )
    )  # fmt: skip

    assert ask(gift, "46.50", people[0]).needs_two is False
    assert ask(gift, "46.51", people[0]).needs_two is True


@pytest.mark.parametrize(
    ("amount", "error", "sentence"),
    [
        ("0", refunds.WrongAmount, "above zero"),
        ("-1", refunds.WrongAmount, "above zero"),
        ("0.001", refunds.WrongAmount, "no finer than the currency"),
        ("100.01", refunds.WrongAmount, r"Only €100\.00 of this donation"),
    ],
)
def test_amount_that_cannot_go_back_is_refused_in_a_sentence(gift, people, amount, error, sentence):
    with pytest.raises(error, match=sentence):
        ask(gift, amount, people[0])
    assert not RefundRequest.objects.exists()


def test_three_decimal_currency_goes_back_in_steps_that_cards_carry(people, fund):
    give_by_card(fund, "25", currency="KWD")
    catch_up()

    with pytest.raises(refunds.WrongAmount, match="in steps of"):
        ask(Donation.objects.latest("pk"), "1.005", people[0])


def test_what_is_in_a_dispute_cannot_be_refunded_and_what_is_asked_about_can(gift, people):
    dispute = factories.make_dispute(gift, amount=60)
    with pytest.raises(refunds.WrongAmount, match=r"Only €40\.00"):
        ask(gift, "41", people[0])

    Dispute.objects.filter(pk=dispute.pk).update(status="warning_needs_response")

    assert ask(gift, "100", people[0]).amount == 100


def test_database_and_python_agree_which_disputes_hold_the_money(gift):
    dispute = factories.make_dispute(gift, amount=60)
    for status in Dispute.Status:
        Dispute.objects.filter(pk=dispute.pk).update(status=status)
        assert (gift.refundable() == 40) == (status in Dispute.TAKING), status


def test_same_form_sent_twice_asks_once(gift, people):
    first = ask(gift, "10", people[0])

    with pytest.raises(refunds.AlreadyDone):
        ask(gift, "10", people[0], number=first.number)

    assert RefundRequest.objects.count() == 1


def test_refused_or_withdrawn_request_frees_the_money_and_is_never_sent(gift, people):
    tess, abel = people
    row = ask(gift, "100", tess)
    with pytest.raises(refunds.NoReason):
        refunds.refuse(row, reason=" ", by=abel, at=NOW)

    refunds.refuse(row, reason="Not ours to give back.", by=abel, at=NOW)

    assert gift.refundable() == 100
    for step in (
        lambda: approve(row, abel),
        lambda: refunds.refuse(row, reason="Again.", by=abel, at=NOW),
    ):
        with pytest.raises(refunds.WrongState):
            step()
    assert refunds.send_due(at=timezone.now()) == 0


def test_what_stripe_was_asked_for_cannot_be_held_back(gift, people):
    row = ask(gift, "10", people[0])
    refunds.send_due(at=timezone.now())

    with pytest.raises(refunds.WrongState, match="on its way"):
        refunds.refuse(row, reason="Too late.", by=people[1], at=NOW)


def test_approval_of_something_else_than_was_seen_is_refused(gift, people, settings):
    settings.REFUND_LIMITS = {}
    row = ask(gift, "100", people[0], reason="duplicate")

    with pytest.raises(refunds.ContentChanged):
        refunds.approve(row, content_hash="0" * 64, by=people[1], at=NOW)


# --- What the database refuses ------------------------------------------------------------------


def refused(statement, *params):
    """The name of the rule that a statement meets."""
    with (
        pytest.raises(IntegrityError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, params)
    return caught.value.__cause__.diag.constraint_name


UPDATE = "UPDATE donations_refundrequest SET "


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("amount = 1", "refund_request_stays"),
        ("reason = 'fraud'", "refund_request_stays"),
        ("needs_two = false", "refund_request_stays"),
        ("alone_limit = 1000", "refund_request_stays"),
        ("content_hash = 'x'", "refund_request_stays"),
        ("requested_by_id = NULL", "refund_request_stays"),
        ("sent_at = now()", "refund_request_carried_out_only_when_decided"),
        ("approved_by_id = requested_by_id, approved_at = now(), approved_hash = content_hash",
         "refund_request_approved_by_another_person"),
        ("approved_by_id = %(abel)s, approved_at = now(), approved_hash = 'x'",
         "refund_request_approval_complete_and_of_this_content"),
        ("approved_at = now()", "refund_request_approval_complete_and_of_this_content"),
        ("refused_by_id = %(abel)s, refused_at = now()", "refund_request_refusal_complete"),
        ("failed_at = now()", "refund_request_failed_with_error"),
        ("paid_at = now()", "refund_request_carried_out_only_when_decided"),
    ],
)  # fmt: skip
def test_undecided_request_cannot_be_changed_or_carried_out(gift, people, settings, change, rule):
    settings.REFUND_LIMITS = {}
    ask(gift, "100", people[0], note="x")
    settled = (UPDATE + change).replace("%(abel)s", str(people[1].pk))

    assert refused(settled) == rule


def test_request_is_never_deleted_and_starts_undecided(gift, people):
    row = ask(gift, "10", people[0])
    assert refused("DELETE FROM donations_refundrequest") == "refund_request_stays"

    row.pk, row.number, row.approved_by, row.approved_at = None, gift.pledge.uuid, people[1], NOW
    with pytest.raises(IntegrityError, match="starts as a request"), transaction.atomic():
        row.save(force_insert=True)


def test_request_above_what_is_left_is_refused_by_the_database_too(gift, people):
    ask(gift, "60", people[0])
    with pytest.raises(IntegrityError, match="not so much is left"), transaction.atomic():
        RefundRequest.objects.create(
            donation=gift, amount=41, currency="EUR", reason="asked", alone_limit=1000,
            requested_by=people[0], requested_at=NOW, due_at=NOW,
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="currency"), transaction.atomic():
        RefundRequest.objects.create(
            donation=gift, amount=1, currency="USD", reason="asked", alone_limit=1000,
            requested_by=people[0], requested_at=NOW, due_at=NOW,
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="only_for_fraud"), transaction.atomic():
        RefundRequest.objects.create(
            donation=gift, amount=1, currency="EUR", reason="asked", alone_limit=1000,
            requested_at=NOW, due_at=NOW,
        )  # fmt: skip


def test_more_cannot_go_back_than_was_given_nor_a_refund_change(gift):
    def went_back(amount, name):
        return Refund.objects.create(
            donation=gift, amount=amount, refunded_at=NOW, stripe_refund_id=name,
            status="succeeded", reason="", failure_reason="",
        )  # fmt: skip

    went_back(70, "re_1")
    with pytest.raises(IntegrityError, match="more went back"), transaction.atomic():
        went_back(31, "re_2")
    Refund.objects.update(status="failed")
    went_back(100, "re_3")

    assert refused("UPDATE donations_refund SET amount = 1") == "refund_stays"
    assert (
        refused("UPDATE donations_refund SET status = 'succeeded' WHERE stripe_refund_id = 're_1'")
        == "refund_stays"
    )
    assert refused("DELETE FROM donations_refund") == "refund_stays"
    assert refused("UPDATE donations_balancetransaction SET fee = 0") == "balance_transaction_stays"


# --- By bank transfer ---------------------------------------------------------------------------


@pytest.fixture
def transfer(fund, people):
    """100 EUR that came by bank transfer from somebody with an address."""
    account = make_account()
    pledge = factories.make_pledge(
        factories.make_appeal(), fund, amount="100", method="transfer",
        supporter=factories.make_supporter(),
    )  # fmt: skip
    reconciliation.match(line=make_line("100", account), target=pledge, by=people[0], at=NOW)
    return Donation.objects.select_related("fund").get(method="transfer")


def ask_by_bank(transfer, by, amount="40", **fields):
    account = transfer.matches.get().line.account
    return ask(
        transfer, amount, by,
        **{"bank_account": account, "payee_name": "Ana Ejemplo", "payee_account": "ES91 2100"} | fields,
    )  # fmt: skip


def test_refund_by_transfer_goes_from_request_to_the_banks_line(transfer, people):
    tess, abel = people
    row = ask_by_bank(transfer, tess, amount="0.50")
    assert row.needs_two is True  # however small: a person wrote where it goes
    with pytest.raises(refunds.WrongState, match="not approved"):
        refunds.pay(row, paid_on=TODAY, by=tess, at=NOW)
    row = approve(row, abel)
    with pytest.raises(refunds.WrongDay):
        refunds.pay(row, paid_on=TODAY + timedelta(days=1), by=tess, at=NOW)
    assert refunds.send_due(at=timezone.now()) == 0

    row = refunds.pay(row, paid_on=TODAY, by=tess, at=NOW)

    assert row.state() == State.TO_PROVE
    entry = Entry.objects.get(kind="refund")
    assert (entry.source, entry.amount, entry.credit.place) == (
        f"refund:{row.number}",
        Decimal("0.50"),
        "bank",
    )
    assert transfer.refundable() == Decimal("99.50")
    assert Letter.objects.get(kind="refund").donation == transfer
    line = make_line("-0.50", row.bank_account, text=f"Return {row.payment_reference}")
    [suggestion] = reconciliation.suggest(line)
    assert (suggestion.target, suggestion.certainty) == (row, Certainty.SURE)
    mistyped = make_line("-0.75", row.bank_account, text=f"R{row.payment_reference[2:]}")
    [near] = reconciliation.suggest(mistyped)
    assert (near.target, near.part, near.certainty) == (row, Decimal("-0.50"), Certainty.POSSIBLE)
    reconciliation.match(line=line, target=row, by=tess, at=NOW)
    assert row.state(is_proved=True) == State.DONE
    assert RefundRequest.objects.in_state(State.DONE).get() == row
    assert broken() == {}
    with pytest.raises(reconciliation.AlreadyMatched):
        reconciliation.match(line=make_line("-0.50", row.bank_account), target=row, by=tess, at=NOW)


def test_line_of_another_amount_account_or_before_it_was_paid_is_not_the_refund(transfer, people):
    tess, abel = people
    row = approve(ask_by_bank(transfer, tess), abel)
    line = make_line("-40", row.bank_account)
    with pytest.raises(reconciliation.DoesNotFit, match="not recorded as paid"):
        reconciliation.match(line=line, target=row, by=tess, at=NOW)
    refunds.pay(row, paid_on=TODAY, by=tess, at=NOW)

    for other in (
        make_line("-41", row.bank_account),
        make_line("-40", make_account(code="another", closed_on=TODAY)),
    ):
        with pytest.raises(reconciliation.DoesNotFit):
            reconciliation.match(line=other, target=row, by=tess, at=NOW)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"bank_account": None}, refunds.WrongAccount),
        ({"payee_name": " "}, refunds.WrongPayee),
        ({"payee_account": ""}, refunds.WrongPayee),
    ],
)
def test_transfer_without_account_or_payee_is_refused(transfer, people, fields, error):
    with pytest.raises(error):
        ask_by_bank(transfer, people[0], **fields)


@pytest.mark.parametrize("account", [{"currency": "USD"}, {"closed_on": TODAY}])
def test_transfer_from_a_wrong_account_is_refused(transfer, people, account):
    other = factories.make_bank_account(**{"code": "another"} | account)

    with pytest.raises(refunds.WrongAccount):
        ask_by_bank(transfer, people[0], bank_account=other)


def test_payee_exchanged_after_the_approval_is_not_paid(transfer, people):
    tess, abel = people
    row = approve(ask_by_bank(transfer, tess), abel)
    RefundRequest.objects.filter(pk=row.pk).update(payee_account="DE00 0000")

    with pytest.raises(refunds.ContentChanged):
        refunds.pay(row, paid_on=TODAY, by=tess, at=NOW)


def test_card_gift_goes_back_to_the_card_alone(gift, transfer, people):
    with pytest.raises(IntegrityError, match="back to the card"), transaction.atomic():
        RefundRequest.objects.create(
            donation=gift, amount=1, currency="EUR", reason="asked", alone_limit=0,
            bank_account=transfer.matches.get().line.account, payee_hash="x", payment_reference="R",
            requested_by=people[0], requested_at=NOW, due_at=NOW,
        )  # fmt: skip
    row = ask(gift, "10", people[0])
    with pytest.raises(refunds.WrongState, match="back to the card"):
        refunds.pay(row, paid_on=TODAY, by=people[0], at=NOW)


def test_gift_of_which_money_went_back_cannot_turn_out_to_be_something_else(transfer, people):
    tess, _abel = people
    ask_by_bank(transfer, tess)

    with pytest.raises(reconciliation.ReconciliationError, match="sent back, or is asked back"):
        reconciliation.unmatch(match=transfer.matches.get(), reason="Wrong.", by=tess, at=NOW)

    assert (
        refused("UPDATE donations_donation SET reversed_at = now() WHERE method = 'transfer'")
        == "donation_with_refund_stays"
    )


def test_forgetting_waits_for_a_refund_and_then_forgets_who_got_it(transfer, people):
    tess, abel = people
    row = approve(ask_by_bank(transfer, tess), abel)
    with pytest.raises(erasure.StillGiving, match="being sent back"):
        erasure.forget(transfer.pledge, at=NOW)
    row = refunds.pay(row, paid_on=TODAY, by=tess, at=NOW)
    line = make_line("-40", row.bank_account, text="Ana Ejemplo")
    reconciliation.match(line=line, target=row, by=tess, at=NOW)

    erasure.forget(transfer.pledge, at=NOW)

    row.refresh_from_db()
    assert (row.payee_name, row.payee_account, row.has_its_payee) == ("", "", True)
    assert StatementLine.objects.get(pk=line.pk).text == ""
    assert broken() == {}
