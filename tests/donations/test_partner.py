"""What is left is paid to the partner whom the policy names, by two or three people, when nobody else needs it. Tried to break."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from donations import allocation, conflicts, ledger
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    Conflict,
    Entry,
    PartnerPayment,
    Scheme,
    StaffAccount,
    SurplusMove,
)
from donations.transparency import books
from tests import factories
from tests.donations.conftest import pay as spend
from tests.donations.partner import LIMITS, ORDER, PARTNER, approve, ask, make_over, make_paid, pay
from tests.donations.spending import refund
from tests.donations.test_tracing import World, proved, told
from tests.donations.test_transparency import assert_adds_up
from tests.factories import NOW, TODAY
from tests.threads import in_parallel

Cause = SurplusMove.Cause


@pytest.fixture
def over(db):
    return make_over()


@pytest.fixture
def paid(db):
    return make_paid()


def free(r):
    return ledger.balance(AccountKey.fund(r.fund, "EUR"))


def at_bank(r):
    return ledger.balance(AccountKey.bank(r.bank))


def by_hand(statement, row):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE donations_partnerpayment SET {statement} WHERE id = %s", [row.pk])


def refused(r, rule):
    """The database refuses the same request, and the same approval, written past the verbs."""
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        factories.make_partner_payment(r)


def refused_approval(row, r, rule):
    with pytest.raises(IntegrityError, match=rule):
        by_hand(f"approved_at = '{NOW}', approved_by_id = {r.approver.pk}", row)


def test_rest_is_paid_to_the_partner_by_two_people(over):
    row = ask(over, note="As agreed")
    assert (row.amount, row.partner, row.approvals_needed, free(over)) == (1000, PARTNER, 1, 1000)
    assert row.payment_reference.startswith("PAY-")
    with default_storage.open(row.file.name) as kept:
        assert kept.read() == factories.PDF

    approve(over, row)
    assert free(over) == 1000
    pay(over, row, bank_reference=" 77 ")

    assert (free(over), at_bank(over)) == (0, 0)
    entry = Entry.objects.get(kind="partner_payment")
    assert (entry.source, entry.amount, entry.booked_on, entry.debit.fund, entry.credit.bank_account) == (
        f"partner_payment:{row.number}", 1000, TODAY, over.fund, over.bank,
    )  # fmt: skip
    for act in (lambda: pay(over, row), lambda: approve(over, row), lambda: ask(over)):
        with pytest.raises((allocation.WrongState, allocation.NotEnoughMoney)):
            act()


def test_above_the_limit_a_third_person_approves_too(db):
    r = make_over(third_person_above="999")
    row = approve(r, ask(r))
    assert row.approvals_needed == 2

    with pytest.raises(allocation.WrongState, match="third person"):
        pay(r, row)
    with pytest.raises(IntegrityError, match="a third person has not approved"):
        by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {r.treasurer.pk}", row)
    for by, match in ((r.approver, "already"), (r.treasurer, "yourself")):
        with pytest.raises(allocation.SamePerson, match=match):
            approve(r, row, by=by)
        with pytest.raises(IntegrityError, match="partner_third_person_is_a_third"):
            by_hand(f"seconded_at = '{NOW}', seconded_by_id = {by.pk}", row)
    approve(r, row, by=r.other)
    pay(r, row)

    assert free(r) == 0


def test_who_asked_does_not_approve_and_nobody_approves_what_they_did_not_see(over):
    row = ask(over)

    with pytest.raises(allocation.SamePerson):
        approve(over, row, by=over.treasurer)
    with pytest.raises(IntegrityError, match="partner_approved_by_another_person"):
        by_hand(f"approved_at = '{NOW}', approved_by_id = requested_by_id", row)
    with pytest.raises(allocation.ContentChanged):
        allocation.approve_partner_payment(row, content_hash="0" * 64, by=over.approver, at=NOW)
    with pytest.raises(allocation.WrongState, match="not approved"):
        pay(over, row)
    with pytest.raises(IntegrityError, match="partner_paid_only_when_approved"):
        by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    with pytest.raises(allocation.WrongState, match="asked for already"):
        ask(over)
    with pytest.raises(allocation.WrongState, match="asked for already"):
        allocation.request_surplus(
            fund=over.fund, currency="EUR", cause=Cause.CASE_ENDED, by=over.treasurer, at=NOW
        )
    with pytest.raises(allocation.NoReason):
        allocation.refuse_partner_payment(row, reason=" ", by=over.approver, at=NOW)
    allocation.refuse_partner_payment(row, reason="Another was named.", by=over.approver, at=NOW)
    with pytest.raises(allocation.WrongState):
        approve(over, row)

    assert ask(over).amount == 1000


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"surplus_order": ["appeal", "others"]}, "nothing that is left over goes to a partner"),
        ({"partner": "Another house"}, "the partner is Another house"),
    ],
)
def test_only_the_partner_whom_the_policy_names_is_paid(db, policy, words):
    r = make_over(**policy)

    with pytest.raises((allocation.WrongFund, allocation.WrongPayee), match=words):
        ask(r)
    refused(r, "to the partner it names")


def test_partner_named_since_voids_the_request(over):
    row = ask(over)
    later = NOW + timedelta(days=1)
    factories.make_policy(limits=LIMITS, surplus_order=ORDER, partner="Another house", at=later)

    with pytest.raises(allocation.WrongPayee, match="names another partner by now"):
        approve(over, row, at=later)
    with pytest.raises(IntegrityError, match="to the partner it names"):
        by_hand(f"approved_at = '{later}', approved_by_id = {over.approver.pk}", row)


@pytest.mark.parametrize(
    ("whose", "in_currency"), [("own", "EUR"), ("own", "ARS"), ("appeal", "EUR"), ("others", "ARS")]
)
def test_whoever_comes_before_and_lacks_money_gets_it_first(over, whose, in_currency):
    row = ask(over)
    case = (
        over.case
        if whose == "own"
        else factories.make_case(over.case.appeal if whose == "appeal" else None)
    )
    # In whichever currency: money can be exchanged, and what the partner has is gone.
    factories.make_cost(case, owed="50", by=over.treasurer, currency=in_currency)
    words = {
        "own": "Costs that this fund is for",
        "appeal": "same appeal",
        "others": "other cases",
    }[whose]

    with pytest.raises(allocation.WrongFund, match=words):
        approve(over, row)
    refused_approval(row, over, "by the order of the policy")
    allocation.refuse_partner_payment(row, reason="They need it.", by=over.approver, at=NOW)
    with pytest.raises(allocation.WrongFund, match=words):
        ask(over)
    refused(over, "by the order of the policy")
    # Who comes after the partner waits for nothing.
    if whose == "others":
        later = NOW + timedelta(days=1)
        factories.make_policy(
            limits=LIMITS, surplus_order=["appeal", "partner", "others"], partner=PARTNER, at=later
        )
        assert ask(over, at=later).amount == 1000


def test_general_fund_serves_all_and_so_waits_for_all(over):
    factories.give(over.general, "70", into=AccountKey.bank(over.bank))
    cost = factories.make_cost(factories.make_case(), owed="50", by=over.treasurer)

    with pytest.raises(allocation.WrongFund, match="Costs that this fund is for lack money"):
        ask(over, fund=over.general, cause=Cause.NOT_NEEDED)
    allocation.end_cost(cost, ending="covered", by=over.treasurer, at=NOW)

    assert ask(over, fund=over.general, cause=Cause.NOT_NEEDED).amount == 70


def test_general_fund_keeps_its_reserve_however_often_it_pays(db):
    r = make_over(reserve_percent=Decimal(10))
    r.fund = r.general
    factories.give(r.general, "70.05", into=AccountKey.bank(r.bank))
    with pytest.raises(IntegrityError, match="not leave the reserve"), transaction.atomic():
        factories.make_partner_payment(r, amount=Decimal("63.05"))
    row = ask(r)
    # A tenth of 70.05 stays, to the cent and above.
    assert row.amount == Decimal("63.04")
    refund(r, "1")
    with pytest.raises(allocation.NotEnoughMoney, match="not so much free any more"):
        approve(r, row)
    refused_approval(row, r, "not leave the reserve")
    allocation.refuse_partner_payment(row, reason="Less now.", by=r.approver, at=NOW)
    row = pay(r, approve(r, ask(r)))
    assert (row.amount, free(r)) == (Decimal("62.14"), Decimal("6.91"))
    # What went to the partner is of what it received: the reserve is not paid out bit by bit.
    with pytest.raises(allocation.NotEnoughMoney, match="nothing left"):
        ask(r)
    r.cost = factories.make_cost(r.case, owed="5", by=r.treasurer)
    with pytest.raises(allocation.NotEnoughMoney, match="in reserve"):
        allocation.allocate(
            fund=r.general, cost=r.cost, amount=Decimal("0.01"), by=r.treasurer, at=NOW
        )
    factories.give(r.general, "1", into=AccountKey.bank(r.bank))
    assert allocation.allocate(
        fund=r.general, cost=r.cost, amount=Decimal("0.90"), by=r.treasurer, at=NOW
    )


def test_nothing_is_paid_while_money_of_the_fund_is_set_aside(over):
    row = ask(over)
    cost = factories.make_cost(over.case, owed="100", by=over.treasurer)
    allocation.allocate(fund=over.fund, cost=cost, amount=Decimal(100), by=over.treasurer, at=NOW)

    with pytest.raises(allocation.WrongState, match=r"€100\.00 of this fund is still set aside"):
        approve(over, row)
    refused_approval(row, over, "set aside for a cost, or lies with a court")
    allocation.release(fund=over.fund, cost=cost, amount=Decimal(100), by=over.treasurer, at=NOW)
    allocation.end_cost(cost, ending="covered", by=over.treasurer, at=NOW)
    refused(over, "partner_asked_once")
    approve(over, row)


def waits(fund, currency="EUR"):
    with connection.cursor() as cursor:
        cursor.execute("SELECT donations_fund_waits(%s, %s)", [fund.pk, currency])
        return cursor.fetchone()[0]


def test_of_a_cost_of_two_funds_the_money_of_the_one_that_gave_last_waits(over):
    factories.give(over.general, "500", into=AccountKey.bank(over.bank))
    cost = factories.make_cost(over.case, owed="100", by=over.treasurer)
    for fund, amount in ((over.general, 60), (over.fund, 40)):
        allocation.allocate(fund=fund, cost=cost, amount=Decimal(amount), by=over.treasurer, at=NOW)
    assert (waits(over.general), waits(over.fund), waits(over.fund, "USD")) == (True, True, False)
    spend(cost, "60", by=over.treasurer, bank=over.bank)
    assert (waits(over.general), waits(over.fund)) == (False, True)
    spend(cost, "40", by=over.treasurer, bank=over.bank)
    assert (waits(over.general), waits(over.fund)) == (False, False)


def test_cause_is_true(over):
    for cause, error, rule in (
        (Cause.COSTS_PAID, allocation.CostsOpen, "not all costs of this fund are paid"),
        (Cause.DORMANT, allocation.NotDormant, "not dormant by the policy"),
    ):
        if cause == Cause.COSTS_PAID:
            # Its money is set aside, so that nobody lacks any.
            pesos = factories.make_bank_account("ARS", "pesos")
            factories.give(over.general, "900", currency="ARS", into=AccountKey.bank(pesos))
            cost = factories.make_cost(over.case, owed="900", currency="ARS", by=over.treasurer)
            allocation.allocate(
                fund=over.general, cost=cost, amount=Decimal(900), by=over.treasurer, at=NOW
            )
        with pytest.raises(error):
            ask(over, cause=cause)
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            factories.make_partner_payment(over, cause=cause)


def test_money_is_there_when_it_is_asked_for_approved_and_paid(over):
    row = ask(over)
    refund(over, "1")
    with pytest.raises(allocation.NotEnoughMoney, match="not so much free any more"):
        approve(over, row)
    refused_approval(row, over, "has not so much free")
    allocation.refuse_partner_payment(row, reason="Less now.", by=over.approver, at=NOW)
    with pytest.raises(IntegrityError, match="has not so much free"), transaction.atomic():
        factories.make_partner_payment(over, amount=Decimal(1000))
    row = approve(over, ask(over))
    assert row.amount == 999
    refund(over, "9")
    with pytest.raises(allocation.NotEnoughMoney):
        pay(over, row)
    with pytest.raises(IntegrityError, match="has not so much free"):
        by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    # A fact takes it below zero: frozen until two people free it.
    refund(over, "2000")
    with pytest.raises(allocation.Frozen):
        pay(over, row)


def test_payment_is_not_dated_back(over):
    row = approve(over, ask(over), at=NOW)
    later = NOW + timedelta(days=9)

    with pytest.raises(allocation.WrongDay, match="after that, not before"):
        pay(over, row, paid_on=TODAY - timedelta(days=1))
    with pytest.raises(IntegrityError, match="after it was approved"):
        by_hand(f"paid_at = '{NOW}', paid_on = '2026-03-09', paid_by_id = {over.treasurer.pk}", row)
    with pytest.raises(allocation.WrongDay, match="future"):
        pay(over, row, paid_on=TODAY + timedelta(days=1))
    # In between the fund had less.
    key = AccountKey.fund(over.fund, "EUR")
    ledger.post(
        Posting(
            Entry.Kind.REFUND,
            key,
            AccountKey.bank(over.bank),
            Decimal(5),
            TODAY + timedelta(days=2),
            "t:1",
        )
    )
    factories.give(
        over.fund, "5", into=AccountKey.bank(over.bank), booked_on=TODAY + timedelta(days=4)
    )
    with pytest.raises(allocation.WrongDay, match="had less"):
        pay(over, row, at=later)
    with pytest.raises(IntegrityError, match="has not so much free"):
        by_hand(f"paid_at = '{later}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    pay(over, row, at=later, paid_on=TODAY + timedelta(days=4))

    assert free(over) == 0


def test_payee_is_confirmed_and_still_the_same(over):
    over.partner = factories.make_payee(PARTNER, "FR1420041010050500013M02606", is_confirmed=False)
    row = ask(over)
    with pytest.raises(allocation.WrongPayee, match="Nobody has confirmed"):
        approve(over, row)
    refused_approval(row, over, "the payee is not confirmed")
    account = over.partner.account
    account.confirmed_by, account.confirmed_at = over.other, NOW
    account.save(update_fields=["confirmed_by", "confirmed_at"])
    approve(over, row)
    over.partner.retired_by, over.partner.retired_at = over.other, NOW
    over.partner.save(update_fields=["retired_by", "retired_at"])

    with pytest.raises(allocation.WrongPayee, match="retired"):
        pay(over, row)
    with pytest.raises(IntegrityError, match="the payee is not confirmed"):
        by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    allocation.refuse_partner_payment(row, reason="Closed.", by=over.treasurer, at=NOW)
    with pytest.raises(allocation.WrongPayee, match="retired"):
        ask(over)
    refused(over, "the payee is not confirmed")


def test_who_has_a_stake_or_said_nothing_of_accounts_keeps_out(over):
    silent = factories.make_user(is_declared=False)
    with pytest.raises(allocation.Undeclared):
        ask(over, by=silent)
    with (
        pytest.raises(IntegrityError, match="has said which account is theirs"),
        transaction.atomic(),
    ):
        factories.make_partner_payment(over, requested_by=silent)
    row = ask(over)
    with pytest.raises(allocation.Undeclared):
        approve(over, row, by=silent)
    approve(over, row)
    conflicts.record(
        user=over.approver, payee=over.partner, defendant=None, relation=Conflict.Relation.BUSINESS, by=over.other, at=NOW,
    )  # fmt: skip
    with pytest.raises(allocation.Conflicted, match="keeps out of it"):
        pay(over, row)
    with pytest.raises(IntegrityError, match="keeps out of it"):
        by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    allocation.refuse_partner_payment(row, reason="A stake.", by=over.other, at=NOW)
    row = ask(over)
    with pytest.raises(allocation.Conflicted, match="You have a stake"):
        approve(over, row)
    assert not PartnerPayment.objects.to_approve_by(over.approver).exists()
    assert PartnerPayment.objects.to_approve_by(over.other).get() == row
    approve(over, row, by=over.other)
    conflicts.declare_account(
        account="ES91 2100 0418 4502 0005 1332", scheme=Scheme.IBAN, by=silent, at=NOW
    )
    with pytest.raises(allocation.Conflicted, match="one of a member of staff"):
        pay(over, row)
    with pytest.raises(IntegrityError, match="nothing is paid to an account of staff"):
        by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    assert StaffAccount.objects.filter(user=silent).count() == 1


@pytest.mark.parametrize(
    "change",
    ["amount = 1", "currency = 'USD'", "partner = 'Another'", "fund_id = fund_id + 1", "sha256 = repeat('0', 64)",
     "payee_account_id = payee_account_id - 1", "content_hash = repeat('0', 64)", "approvals_needed = 1 - approvals_needed",
     "requested_by_id = requested_by_id + 1", "policy_id = NULL", "payment_reference = 'PAY-X'", "note = 'other'",
     "approved_at = NULL, approved_by_id = NULL", "approved_at = now()", "paid_on = paid_on - 1", "bank_reference = 'x'",
     "seconded_at = now(), seconded_by_id = paid_by_id + 9"],
)  # fmt: skip
def test_what_is_decided_stays(paid, change):
    with pytest.raises(IntegrityError, match="as it was asked for, once"):
        by_hand(change, paid.row)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        PartnerPayment.objects.all().delete()


def test_request_starts_as_one_in_the_accounts_currency(over):
    for fields, rule in (
        ({"approved_at": NOW, "approved_by": over.approver}, "starts as a request"),
        ({"bank_account": factories.make_bank_account("USD")}, "an account in its currency"),
    ):
        with pytest.raises(IntegrityError, match=rule), transaction.atomic():
            factories.make_partner_payment(over, **fields)
    with pytest.raises(allocation.WrongAccount):
        ask(over, bank_account=factories.make_bank_account("USD", code="other"))


def test_entry_is_booked_only_as_two_people_decided(over):
    """By no posting past the verb: not before it is paid, not of another amount, account or direction, and not reversed."""
    row = approve(over, ask(over))
    fund, bank = AccountKey.fund(over.fund, "EUR"), AccountKey.bank(over.bank)

    def entry(debit=fund, credit=bank, amount="1000", source=row.entry_source):
        return Posting(Entry.Kind.PARTNER_PAYMENT, debit, credit, Decimal(amount), TODAY, source)

    with pytest.raises(IntegrityError, match="nobody decided this"):
        ledger.post(entry())
    by_hand(f"paid_at = '{NOW}', paid_on = '{TODAY}', paid_by_id = {over.treasurer.pk}", row)
    general = AccountKey.fund(over.general, "EUR")
    factories.give(over.general, "2000", into=bank)
    for wrong in (
        entry(amount="999"),
        entry(debit=general),
        entry(credit=AccountKey.stripe("EUR")),
        entry(debit=bank, credit=fund),
        entry(source="partner_payment:other"),
    ):
        with pytest.raises(IntegrityError, match="nobody decided this"):
            ledger.post(wrong)
    ledger.post(entry())
    with pytest.raises(IntegrityError, match="nobody decided this"):
        ledger.reverse(Entry.objects.get(kind="partner_payment"), by=over.other, reason="x", at=NOW)

    assert free(over) == 0


# --- What everybody sees ------------------------------------------------------------------------------------------------


def test_books_tell_it_apart_from_costs_paid_and_add_up(paid, client):
    shown = books(language="en", at=NOW)

    [figures] = [f.figures for f in shown.funds if f.code == paid.fund.code]
    assert (figures.received, figures.paid, figures.passed_on, figures.held) == (1000, 0, 1000, 0)
    assert_adds_up(shown)
    told = client.get("/en/books.json").json()
    assert told["totals"]["EUR"]["passed_on"] == "1000.00"
    [row] = told["partner_payments"]
    assert (row["partner"], row["amount"], row["cause"], row["paid_on"], row["came_back_on"]) == (
        PARTNER, "1000.00", "the case has ended", "2026-03-10", None,
    )  # fmt: skip
    page = client.get("/en/books/").content.decode()
    assert "Passed on to the partner" in page
    assert f"to {PARTNER}, since the case has ended." in page
    assert "− paid − passed on + exchanged = held" in page
    for language, because, held in (
        ("es", "porque la causa terminó", "= saldo, en"),
        ("pt", "porque o processo terminou", "= em caixa, em"),
        ("fr", "car l’affaire est terminée", "= détenu, dans"),
    ):
        page = client.get(f"/{language}/books/").content.decode()
        assert f"{PARTNER}, {because}." in page
        assert held in page
    assert client.get("/en/books.csv").content.decode().splitlines()[0].count("passed_on") == 1
    paid.row.refresh_from_db()
    assert allocation.request_partner_undo(paid.row, reason="x", by=paid.treasurer, at=NOW)
    undo(paid)
    assert client.get("/en/books.json").json()["partner_payments"] == []
    assert_adds_up(books(language="en", at=NOW))


def test_gift_says_to_whom_it_was_passed_on_and_that_it_is_there_again(db):
    world = World()
    own, general = world.give("100"), world.give("10", fund=world.general)
    world.spend("60")
    factories.make_policy(limits=LIMITS, surplus_order=ORDER, partner=PARTNER)
    world.treasurer, world.approver = world.by, world.other
    world.partner = factories.make_payee(PARTNER)

    world.row = pay(world, approve(world, ask(world)))

    label = f"Passed on to {PARTNER}, the partner whom the rules name"
    assert told(own) == ({"Lawyers' fees": 60, label: 40}, 0)
    assert told(general) == ({}, 10)
    assert proved() == {"lots": (), "gifts": ()}
    doubt(world)
    undo(world)
    assert told(own) == ({"Lawyers' fees": 60}, 40)
    assert proved() == {"lots": (), "gifts": ()}


# --- It never left --------------------------------------------------------------------------------------------------------


def doubt(r, reason="The bank refused it.", by=None):
    return allocation.request_partner_undo(r.row, reason=reason, by=by or r.treasurer, at=NOW)


def undo(r, by=None):
    return allocation.undo_partner_payment(r.row, by=by or r.approver, at=NOW)


def test_what_never_left_is_the_funds_again_by_two_people(paid):
    with pytest.raises(allocation.WrongState, match="Nobody asked"):
        undo(paid)
    with pytest.raises(allocation.NoReason):
        doubt(paid, reason=" ")
    doubt(paid)
    with pytest.raises(allocation.SamePerson):
        undo(paid, by=paid.treasurer)
    allocation.keep_partner_payment(paid.row, by=paid.approver, at=NOW)
    assert free(paid) == 0
    with pytest.raises(IntegrityError, match="partner_undone_by_another_person"):
        by_hand(
            f"undone_at = '{NOW}', undone_by_id = {paid.approver.pk}, came_back_on = paid_on",
            paid.row,
        )
    doubt(paid)
    undo(paid)

    assert (free(paid), at_bank(paid)) == (1000, 1000)
    assert Entry.objects.get(reverses__isnull=False).reversal.reason == "The bank refused it."
    assert PartnerPayment.objects.in_state(PartnerPayment.State.NEVER_LEFT).get() == paid.row
    for change in (
        "undone_at = NULL, undone_by_id = NULL, came_back_on = NULL",
        "undo_reason = 'other'",
    ):
        with pytest.raises(IntegrityError, match=r"once"):
            by_hand(change, paid.row)
    with pytest.raises(allocation.WrongState):
        doubt(paid)
    again = pay(paid, approve(paid, ask(paid)))
    assert (again.amount, free(paid)) == (1000, 0)


def test_closed_fund_takes_no_money_back(paid):
    doubt(paid)
    paid.fund.closed_on = TODAY
    paid.fund.save()

    with pytest.raises(allocation.WrongFund, match="is closed: open it again first"):
        undo(paid)
    with pytest.raises(IntegrityError, match="a closed fund takes no money back"):
        by_hand(
            f"undone_at = '{NOW}', undone_by_id = {paid.approver.pk}, came_back_on = paid_on",
            paid.row,
        )


# --- At once --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_at_once_ask_once_and_pay_once():
    r = make_over()

    ended = in_parallel(6, lambda _n: ask(r) and "asked")
    assert sorted(ended) == ["WrongState"] * 5 + ["asked"]
    row = PartnerPayment.objects.get()
    # Of all files that came, one is kept.
    assert [f"partner/{name}" for name in default_storage.listdir("partner")[1]].count(
        row.file.name
    ) == 1
    ended = in_parallel(6, lambda _n: approve(r, row) and "approved")
    assert sorted(ended) == ["WrongState"] * 5 + ["approved"]
    ended = in_parallel(6, lambda _n: pay(r, row) and "paid")
    assert sorted(ended) == ["WrongState"] * 5 + ["paid"]
    assert Entry.objects.filter(kind="partner_payment").count() == 1
    r.row = row
    doubt(r)
    ended = in_parallel(6, lambda _n: undo(r) and "back")
    assert sorted(ended) == ["WrongState"] * 5 + ["back"]
    assert free(r) == 1000


@pytest.mark.django_db(transaction=True)
def test_payment_and_allocations_at_once_never_take_a_fund_below_zero():
    r = make_over()
    row = approve(r, ask(r))
    cost = factories.make_cost(r.case, owed="1000", by=r.treasurer)

    def act(number):
        if number == 3:
            return pay(r, row) and "paid"
        allocation.allocate(fund=r.fund, cost=cost, amount=Decimal(100), by=r.treasurer, at=NOW)
        return "set aside"

    ended = in_parallel(7, act)

    assert free(r) >= 0
    assert (free(r) == 0) == (ended[3] == "paid") or ended.count("set aside") == 6
    assert ended.count("set aside") == ledger.balance(AccountKey.cost(cost)) / 100
    assert free(r) + ledger.balance(AccountKey.cost(cost)) + 1000 * ended.count("paid") == 1000
