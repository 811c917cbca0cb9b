"""What Stripe moved and nothing of ours explains: said by one, approved by another, booked once, taken back by reversal."""

from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from donations import catching_up, differences, ledger, payouts
from donations.difference_kinds import Kind
from donations.models import (
    AccountKey,
    BalanceTransaction,
    Donation,
    Entry,
    MovementExplanation,
    Payout,
)
from donations.payouts import movements
from donations.proofs import prove
from donations.sandbox import acts
from tests import factories
from tests.donations.lying import lying
from tests.factories import NOW, log_in, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
STRIPE = AccountKey.stripe("EUR")
MOVEMENT = "/admin/donations/balancetransaction/"
EXPLANATION = "/admin/donations/movementexplanation/"
Meaning = MovementExplanation.Meaning


@pytest.fixture
def people():
    return make_user("tess", "treasurer"), make_user("abe", "approver")


@pytest.fixture
def fund():
    return factories.make_fund(code="general")


# By a link that somebody made in Stripe's dashboard.
PAID = {
    "type": "charge",
    "amount": Decimal(25),
    "fee": Decimal(1),
    "stripe_payment_intent_id": "pi_elsewhere",
    "created_at": NOW - timedelta(hours=3),
}


def odd(amount="-5", fee="0", **fields):
    told = {"type": "adjustment", "amount": Decimal(amount), "fee": Decimal(fee)}
    return factories.make_balance_transaction(**told | fields)


def explain(movement, people, meaning=Meaning.FEE, *, at=NOW, **fields):
    row = payouts.request_explanation(
        movement, meaning=meaning, note="Stripe's page says so", by=people[0], at=at, **fields
    )
    return payouts.approve_explanation(row, by=people[1], at=at)


def refused(rule, sql):
    with (
        pytest.raises(IntegrityError, match=rule),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def lying_and_listed():
    now = timezone.now()
    lying(now)
    return differences.listed(at=now)


def wrong():
    found = lying_and_listed()
    return [(item.kind, item.name) for item in found if item.is_wrong]


def broken():
    return [proof.name for proof in prove() if not proof.holds]


def words(response):
    return " ".join(unescape(response.content.decode()).split())


@pytest.mark.parametrize(
    ("amount", "fee", "meaning", "booked"),
    [
        ("-5", "0", Meaning.FEE, [("bank_fee", Decimal(5), "")]),
        ("7", "0", Meaning.FUND, [("interest", Decimal(7), "")]),
        ("7", "1", Meaning.FUND, [("bank_fee", Decimal(1), ":fee"), ("interest", Decimal(7), "")]),
        ("0", "2", Meaning.FEE, [("bank_fee", Decimal(2), ":fee")]),
    ],
)
def test_movement_is_booked_to_its_fund_on_stripes_day(people, fund, amount, fee, meaning, booked):
    movement = odd(amount, fee)
    assert wrong() == [(Kind.UNKNOWN, f"stripe:{movement.stripe_id}")] or fee != "0"

    explain(movement, people, meaning, fund=fund)

    entries = Entry.objects.order_by("kind").values_list("kind", "amount", "source", "booked_on")
    source = f"stripe:{movement.stripe_id}"
    day = movement.created_at.date()
    assert list(entries) == [(kind, sum_, source + part, day) for kind, sum_, part in booked]
    net = movement.net
    assert (ledger.balance(STRIPE), ledger.balance(AccountKey.fund(fund, "EUR"))) == (net, net)
    assert wrong() == []
    assert broken() == []


def test_charge_of_stripe_is_borne_by_whom_the_policy_names(people, fund, client):
    case_fund = factories.make_fund("case", case=factories.make_case())
    asked = payouts.request_explanation(
        odd(), meaning=Meaning.FEE, fund=case_fund, note="x", by=people[0], at=NOW
    )
    assert wrong() == [(Kind.ASKED, f"stripe:{asked.movement.stripe_id}")]
    page = words(log_in(client, people[1]).get("/admin/donations/account/differences/"))
    assert "Another person opens it, and approves or refuses it" in page
    assert f'href="/admin/donations/movementexplanation/{asked.pk}/change/"' in page
    assert "press Explain" not in page
    factories.make_policy(
        limits=[("EUR", "5000", "0"), ("USD", "5000", "0")], fee_order=["general"]
    )
    said = f"borne by the general fund, and “{case_fund}” is none of these"

    with pytest.raises(payouts.NotByPolicy, match=said):
        payouts.approve_explanation(asked, by=people[1], at=NOW)
    refused(
        "explanation_fee_by_the_policy|other funds bear",
        f"UPDATE donations_movementexplanation SET approved_by_id = {people[1].pk}, approved_at = now(), source = 'x'",
    )
    for movement in (odd(), odd("7", "1")):
        with pytest.raises(payouts.NotByPolicy, match=said):
            explain(movement, people, fund=case_fund)
    # What Stripe credits is charged to nobody, and money of a fund is that fund's.
    explain(odd("7"), people, fund=case_fund)
    explain(odd("-3"), people, Meaning.FUND, fund=case_fund)
    explain(odd("-2"), people, fund=fund)
    assert ledger.balance(AccountKey.fund(case_fund, "EUR")) == 4

    tess, path = log_in(client, people[0]), f"{MOVEMENT}{odd().pk}/explain/"
    assert "a charge of Stripe's own is borne by the general fund" in words(tess.get(path))
    data = {"meaning": "fee", "fund": case_fund.pk, "note": "x"}
    assert said in tess.post(path, data).context["form"].errors["fund"][0]


def test_payout_below_zero_left_the_bank_account(people):
    bank = factories.make_bank_account("EUR")
    movement = odd("12", type="payout", source_id="po_below")
    assert wrong() == [(Kind.COLLECTED, "stripe:po_below")]

    explain(movement, people, Meaning.COLLECTED, bank_account=bank)

    assert (ledger.balance(STRIPE), ledger.balance(AccountKey.bank(bank))) == (12, -12)
    assert Entry.objects.get().source == "stripe:po_below:collected"
    assert wrong() == []
    assert broken() == []


def test_what_is_not_ours_is_listed_until_it_went_back_and_never_booked(people):
    explain(odd("30"), people, Meaning.NOT_OURS)

    [item] = lying_and_listed()
    assert (item.told, item.count) == (30, 1)
    assert item.is_work(timezone.now())
    assert wrong() == []

    explain(odd("-30"), people, Meaning.NOT_OURS)

    assert lying_and_listed() == []
    assert not Entry.objects.exists()


def test_taken_back_it_is_open_again_and_booked_anew_under_another_name(people, fund):
    movement, other = odd(), factories.make_fund(code="other")
    first = explain(movement, people, fund=fund)

    payouts.take_back_explanation(first, reason="wrong fund", by=people[1], at=NOW)
    assert wrong() == [(Kind.UNKNOWN, f"stripe:{movement.stripe_id}")]
    assert ledger.balance(STRIPE) == 0
    second = explain(movement, people, fund=other)

    assert second.source == f"stripe:{movement.stripe_id}:2"
    funds = [ledger.balance(AccountKey.fund(each, "EUR")) for each in (fund, other)]
    assert (funds, ledger.balance(STRIPE)) == ([0, -5], -5)
    assert wrong() == []
    assert broken() == []
    with pytest.raises(payouts.NotOpen, match="and once"):
        payouts.take_back_explanation(first, reason="again", by=people[1], at=NOW)


def catch_up():
    now = timezone.now()
    catching_up.sync(since=now - timedelta(hours=4), at=now)


def paid_elsewhere():
    """Of three hours ago, as Stripe's balance tells it, and its webhook, which says nothing of a gift of ours."""
    acts.pay_elsewhere("eur", at=timezone.now() - timedelta(hours=3))
    catch_up()
    return BalanceTransaction.objects.get()


def test_payment_by_a_link_of_stripes_own_is_a_gift_when_two_people_say_so(people, fund, client):
    movement = paid_elsewhere()
    name = f"stripe:{movement.stripe_payment_intent_id}"
    [item] = lying_and_listed()
    assert (item.kind, item.name) == (Kind.MISSING, name)
    assert "open it and press Explain" in item.next_step
    tess = log_in(client, people[0])
    path = f"{MOVEMENT}{movement.pk}/explain/"
    form = tess.get(path).context["form"]
    assert [each for each, _label in form.fields["meaning"].choices] == ["gift", "not_ours"]
    data = {"meaning": "gift", "fund": "", "note": "Rosa's stall had the link."}
    assert "Choose the fund" in words(tess.post(path, data))
    tess.post(path, data | {"fund": fund.pk})
    asked = MovementExplanation.objects.get()
    assert wrong() == [(Kind.ASKED, name)]

    page = log_in(client, people[1]).post(f"{EXPLANATION}{asked.pk}/approve/", follow=True)

    assert "Booked as a gift" in words(page)
    gift = Donation.objects.get()
    assert (gift.amount, gift.fee, gift.fund, gift.pledge) == (40, movement.fee, fund, None)
    assert (gift.method, gift.received_at, gift.source) == ("card", movement.created_at, name)
    assert (wrong(), broken()) == ([], [])
    # It is one as all others: read again nothing is new, sent back at Stripe it goes out of its fund, and it is not taken back.
    acts.refund(movement.stripe_payment_intent_id, amount=1000, at=timezone.now())
    catch_up()
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 30 - movement.fee
    assert (wrong(), broken()) == ([], [])
    with pytest.raises(payouts.NotOpen, match="It is a gift by now"):
        payouts.take_back_explanation(asked, reason="x", by=people[1], at=NOW)
    refused(
        "explanation_as_a_gift_stays",
        "UPDATE donations_movementexplanation SET undone_at = now(), undone_by_id = requested_by_id, reason = 'x'",
    )
    assert "It is a gift by now" in words(client.get(f"{EXPLANATION}{asked.pk}/take-back/"))


def test_payment_is_no_gift_while_what_went_back_of_it_stands_as_something_else(people, fund):
    paid = odd(**PAID)
    went_back = odd("-10", type="refund", stripe_payment_intent_id=paid.stripe_payment_intent_id)
    asked = payouts.request_explanation(
        paid, meaning=Meaning.GIFT, fund=fund, note="x", by=people[0], at=NOW
    )
    said = explain(went_back, people, Meaning.NOT_OURS, at=NOW + timedelta(hours=2))

    with pytest.raises(payouts.NotOpen, match="take that back first"):
        payouts.approve_explanation(asked, by=people[1], at=NOW)
    refused(
        "explained as something else",
        f"UPDATE donations_movementexplanation SET approved_by_id = {people[1].pk}, approved_at = now(), source = 'x' "
        f"WHERE id = {asked.pk}",
    )
    payouts.refuse_explanation(asked, reason="later", by=people[1], at=NOW)
    with pytest.raises(payouts.NotOpen, match="take that back first"):
        explain(paid, people, Meaning.GIFT, fund=fund)
    payouts.take_back_explanation(said, reason="of a gift", by=people[1], at=NOW)
    explain(paid, people, Meaning.GIFT, fund=fund)

    assert went_back.is_ours()
    assert ledger.balance(STRIPE) == 24


def test_payment_that_is_not_ours_is_listed_until_it_went_back(people):
    payment = paid_elsewhere()
    explain(payment, people, Meaning.NOT_OURS, at=timezone.now())
    [item] = lying_and_listed()
    assert (item.kind, item.told) == (Kind.NOT_OURS, 40 - payment.fee)

    acts.refund(
        payment.stripe_payment_intent_id, amount=None, at=timezone.now() - timedelta(hours=3)
    )
    catch_up()
    back = BalanceTransaction.objects.get(type="refund")
    assert [kind for kind, _name in wrong()] == [Kind.MISSING]
    explain(back, people, Meaning.NOT_OURS, at=timezone.now())

    # What Stripe keeps of it all the same.
    [item] = lying_and_listed()
    assert (item.kind, item.told, broken()) == (Kind.NOT_OURS, -payment.fee, [])
    assert not Entry.objects.exists()


def test_what_moved_of_a_gift_of_ours_is_not_explained(people, fund):
    movement = factories.make_balance_transaction(**PAID)
    asked = payouts.request_explanation(
        movement, meaning=Meaning.GIFT, fund=fund, note="x", by=people[0], at=NOW
    )
    factories.make_donation(stripe_payment_intent_id="pi_elsewhere")

    with pytest.raises(payouts.NotOpen, match="whose gift it is: refuse this"):
        payouts.approve_explanation(asked, by=people[1], at=NOW)
    refused(
        "explanation_of_no_gift|gift of ours",
        f"UPDATE donations_movementexplanation SET approved_by_id = {people[1].pk}, approved_at = now(), source = 'x'",
    )
    payouts.refuse_explanation(asked, reason="told", by=people[1], at=NOW)
    with pytest.raises(payouts.NotOpen, match="This movement is booked"):
        explain(movement, people, Meaning.NOT_OURS)
    refused(
        "only what somebody paid",
        "INSERT INTO donations_movementexplanation (number, movement_id, meaning, fund_id, note, requested_by_id, requested_at, reason) "
        f"VALUES (gen_random_uuid(), {odd().pk}, 'gift', {fund.pk}, 'x', {people[0].pk}, now(), '')",
    )


def test_two_people_and_one_word_at_a_time(people, fund):
    movement = odd()
    row = payouts.request_explanation(
        movement, meaning=Meaning.FEE, fund=fund, note="x", by=people[0], at=NOW
    )

    with pytest.raises(payouts.SamePerson, match="another person must approve"):
        payouts.approve_explanation(row, by=people[0], at=NOW)
    with pytest.raises(payouts.NotOpen, match="another person is to decide"):
        payouts.request_explanation(
            movement, meaning=Meaning.FEE, fund=fund, note="y", by=people[1], at=NOW
        )
    assert not Entry.objects.exists()

    payouts.refuse_explanation(row, reason="no", by=people[1], at=NOW)
    with pytest.raises(payouts.NotOpen, match="decided already"):
        payouts.approve_explanation(row, by=people[1], at=NOW)
    assert movement.is_unexplained()


@pytest.mark.parametrize(
    ("movement", "said", "error", "sentence"),
    [
        ({"type": "payout"}, {}, payouts.NotOpen, "This movement is booked"),
        ({}, {"meaning": Meaning.GIFT}, payouts.WrongMeaning, "Only what somebody paid is a gift"),
        (PAID, {}, payouts.WrongMeaning, "say whether it is a gift, or not ours"),
        (PAID | {"created_at": NOW}, {}, payouts.TooEarly, "when two hours have passed"),
        ({}, {"note": " "}, payouts.NoReason, "Say how you know"),
        ({}, {"fund": None}, payouts.WrongMeaning, "Choose the fund"),
        ({}, {"meaning": Meaning.COLLECTED}, payouts.WrongMeaning, "Only a payout below zero"),
        ({"type": "payout", "amount": "5"}, {}, payouts.WrongMeaning, "from which account"),
        (
            {"type": "payout", "amount": "5"},
            {"meaning": Meaning.COLLECTED},
            payouts.WrongMeaning,
            "account in EUR",
        ),
    ],
)
def test_what_does_not_fit_gets_a_sentence(people, fund, movement, said, error, sentence):
    row = odd(**{"amount": "-5"} | movement)
    fields = {"meaning": Meaning.FEE, "fund": fund, "note": "x", "by": people[0], "at": NOW} | said

    with pytest.raises(error, match=sentence):
        payouts.request_explanation(row, **fields)

    assert not MovementExplanation.objects.exists()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("note = 'other'", "explanation is approved as it was asked for"),
        ("approved_by_id = requested_by_id, approved_at = now(), source = 's'", "another_person"),
        ("approved_by_id = NULL, approved_at = now()", "approval_complete"),
        ("refused_at = now()", "end_complete"),
    ],
)
def test_database_holds_to_the_steps(people, change, rule):
    factories.make_explanation(by=people[0])

    refused(rule, f"UPDATE donations_movementexplanation SET {change}")


def test_database_keeps_what_was_said(people, fund):
    explain(odd(), people, fund=fund)

    for sql in (
        "DELETE FROM donations_movementexplanation",
        "UPDATE donations_movementexplanation SET approved_at = now()",
    ):
        refused("explanation", sql)


@pytest.mark.django_db(transaction=True)
def test_approved_at_once_by_many_it_is_booked_once():
    asker, fund = make_user(), factories.make_fund()
    row = payouts.request_explanation(
        odd(), meaning=Meaning.FEE, fund=fund, note="x", by=asker, at=NOW
    )
    approvers = [make_user() for _each in range(4)]

    def approve(number):
        payouts.approve_explanation(row, by=approvers[number], at=NOW)

    ended = in_parallel(4, approve)
    assert sorted(map(str, ended)) == ["None", "NotOpen", "NotOpen", "NotOpen"]
    assert Entry.objects.count() == 1


def test_sync_does_not_name_what_is_explained(people, fund):
    movement = odd()
    booking = movements.Booking({}, explained={movement.stripe_id}, read_at=NOW)
    told = type("Told", (), {"id": movement.stripe_id, "type": "adjustment", "is_dispute": False})

    booking.place(told)

    assert booking.unplaced == []


def test_payout_that_stripe_never_itemises_is_flagged_after_a_week(db):
    now = timezone.now()
    for name, days, done in (("po_old", 8, None), ("po_new", 6, None), ("po_told", 8, now)):
        Payout.objects.create(
            stripe_payout_id=name,
            amount=10,
            currency="EUR",
            created_at=now - timedelta(days=days),
            arrives_on=now.date(),
            itemised_at=done,
        )

    flagged = [found for found in differences.listed(at=now) if found.kind == Kind.NOT_ITEMISED]

    assert [found.name for found in flagged] == ["po_old"]
    assert "automatic" in flagged[0].next_step


@pytest.fixture
def by_hand(db):
    """A payout that somebody made by hand ten days ago: Stripe never says what it is the sum of."""
    then = timezone.now() - timedelta(days=10)
    return Payout.objects.create(
        stripe_payout_id="po_hand", amount=10, currency="EUR", created_at=then,
        arrives_on=then.date(),
    )  # fmt: skip


def test_payout_made_by_hand_leaves_the_differences_when_somebody_says_why(people, by_hand):
    assert wrong() == [(Kind.NOT_ITEMISED, "po_hand")]

    with pytest.raises(payouts.NoReason):
        payouts.accept(by_hand, reason=" ", by=people[0], at=NOW)
    row = payouts.accept(by_hand, reason="Made by hand for the rent.", by=people[0], at=NOW)
    with pytest.raises(payouts.NotOpen, match="has accepted this payout already"):
        payouts.accept(by_hand, reason="x", by=people[1], at=NOW)

    assert (row.accepted_by, row.accepted_at, row.accepted_reason) == (
        people[0], NOW, "Made by hand for the rent.",
    )  # fmt: skip
    assert wrong() == []


def test_payout_with_its_movements_or_that_came_back_is_not_accepted(people, by_hand):
    Payout.objects.filter(pk=by_hand.pk).update(itemised_at=NOW)
    with pytest.raises(payouts.NotOpen, match="Stripe has said"):
        payouts.accept(by_hand, reason="x", by=people[0], at=NOW)
    accepted = "accepted_at = now(), accepted_by_id = 1, accepted_reason = 'x'"
    refused("without its movements", f"UPDATE donations_payout SET {accepted}")
    Payout.objects.filter(pk=by_hand.pk).update(itemised_at=None, returned_at=NOW)
    with pytest.raises(payouts.NotOpen, match="came back"):
        payouts.accept(by_hand, reason="x", by=people[0], at=NOW)


def test_database_keeps_who_accepted_a_payout_and_why(people, by_hand):
    refused("acceptance_complete", "UPDATE donations_payout SET accepted_reason = 'x'")
    payouts.accept(by_hand, reason="By hand.", by=people[0], at=NOW)

    for change in (
        "accepted_reason = 'other'",
        "accepted_at = now()",
        "accepted_by_id = NULL, accepted_at = NULL, accepted_reason = ''",
    ):
        refused("is never changed", f"UPDATE donations_payout SET {change}")
    # What Stripe says later is still taken.
    Payout.objects.filter(pk=by_hand.pk).update(itemised_at=NOW)


# --- In the office -----------------------------------------------------------------------------------------


def test_treasurer_explains_and_approver_books_from_the_differences(people, fund, client):
    movement = odd()
    tess = log_in(client, people[0])
    page = tess.get("/admin/donations/account/differences/")
    assert f"{MOVEMENT}{movement.pk}/change/" in page.content.decode()
    assert "Explain" in words(tess.get(f"{MOVEMENT}{movement.pk}/change/"))
    # Whoever opens a payment too early reads there why it has no button yet.
    fresh = odd(**PAID | {"created_at": timezone.now()})
    early = words(tess.get(f"{MOVEMENT}{fresh.pk}/change/"))
    assert "explain it when two hours have passed" in early
    assert f"{MOVEMENT}{fresh.pk}/explain/" not in early
    assert "two hours" not in words(tess.get(f"{MOVEMENT}{movement.pk}/change/"))

    form = {"meaning": "fee", "fund": "", "note": "a fee"}
    assert "Choose the fund" in words(tess.post(f"{MOVEMENT}{movement.pk}/explain/", form))
    said = tess.post(f"{MOVEMENT}{movement.pk}/explain/", form | {"fund": fund.pk}, follow=True)
    assert "another person approves it" in words(said)

    row = MovementExplanation.objects.get()
    assert tess.post(f"{EXPLANATION}{row.pk}/approve/").status_code == 403
    abe = log_in(client, people[1])
    assert f'href="{EXPLANATION}?state=approve"' in abe.get("/admin/").content.decode()
    assert "it goes below zero, and is frozen" in words(abe.get(f"{EXPLANATION}{row.pk}/change/"))

    def in_state():
        states = ("approve", "booked", "refused", "undone")
        lists = {each: abe.get(f"{EXPLANATION}?state={each}").context["cl"] for each in states}
        return [each for each in states if row in lists[each].result_list]

    assert in_state() == ["approve"]
    assert "Booked." in words(abe.post(f"{EXPLANATION}{row.pk}/approve/", follow=True))
    assert (ledger.balance(STRIPE), in_state()) == (-5, ["booked"])
    said = abe.post(f"{EXPLANATION}{row.pk}/take-back/", {"reason": "wrong"}, follow=True)
    assert "is open again" in words(said)
    assert (ledger.balance(STRIPE), in_state()) == (0, ["undone"])


def test_collected_asks_for_the_account_alone(people, client):
    bank = factories.make_bank_account("EUR")
    movement = odd("12", type="payout", source_id="po_below")

    tess = log_in(client, people[0])
    form = tess.get(f"{MOVEMENT}{movement.pk}/explain/").context["form"]

    assert list(form.fields) == ["meaning", "bank_account", "note"]
    assert form.fields["bank_account"].initial == bank


def test_what_the_program_books_itself_has_no_button(people, client):
    gift = factories.make_donation()
    movement = factories.make_balance_transaction(
        stripe_payment_intent_id=gift.stripe_payment_intent_id
    )

    tess = log_in(client, people[0])

    assert "by itself" in words(tess.get(f"{MOVEMENT}{movement.pk}/explain/"))


def test_treasurer_accepts_a_payout_and_its_page_keeps_why(people, by_hand, client):
    page = f"/admin/donations/payout/{by_hand.pk}/"
    tess = log_in(client, people[0])
    before = words(tess.get(f"{page}change/"))
    empty = words(tess.post(f"{page}accept/", {"reason": ""}))
    done = words(tess.post(f"{page}accept/", {"reason": "By hand, for the rent"}, follow=True))
    again = words(tess.get(f"{page}accept/"))

    assert "Stripe has not said yet which movements it is the sum of" in before
    assert "Accept" in before
    assert "Say why Stripe does not tell its movements." in empty
    assert "Accepted: it is no difference any more" in done
    assert "Accepted by tess" in done
    assert "By hand, for the rent" in done
    assert "Somebody has accepted this payout already." in again
    assert wrong() == []
