"""The work list of the treasury: each difference with cause and next step, each item on its way with its age."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from donations import catching_up, differences, jobs, ledger, payouts, reconciliation
from donations.clearing import clearing
from donations.difference_kinds import Kind
from donations.models import (
    AccountKey,
    BalanceTransaction,
    MovementExplanation,
    Payout,
    StripeBalance,
)
from donations.sandbox import acts
from tests import factories
from tests.donations.card_gifts import give_by_card
from tests.donations.lying import lying
from tests.donations.reconciliation.files import make_account, make_line, said_by_two
from tests.factories import log_in, make_user

AN_HOUR = timedelta(hours=1)


def sync():
    now = timezone.now()
    catching_up.sync(since=now - AN_HOUR, at=now)
    return now


@pytest.fixture
def underway(fund):
    """At Stripe 24.37 of a gift of 25; on its way to the bank 98.25 of a gift of 100."""
    give_by_card(fund, "100")
    acts.pay_out("eur", at=timezone.now())
    give_by_card(fund, "25")
    return sync()


def told(items):
    return [(str(item.kind), item.told, item.age(timezone.now())) for item in items]


def test_what_is_on_its_way_has_an_age_and_makes_up_its_accounts(underway):
    passing = differences.listed(at=underway)

    assert sorted(told(passing)) == [
        ("at_stripe", Decimal("24.37"), 0),
        ("in_transit", Decimal("98.25"), 0),
    ]
    assert [(c.account.code, c.balance, c.left) for c in clearing(passing)] == [
        ("stripe:EUR", Decimal("24.37"), 0),
        ("transit:EUR", Decimal("98.25"), 0),
    ]
    assert lying(underway) == {
        "stripe:EUR": [("at_stripe", Decimal("24.37"), Decimal("24.37"))],
        "transit:EUR": [("in_transit", Decimal("98.25"), Decimal("98.25"))],
    }
    assert differences.work_list(at=underway) == []


@pytest.mark.parametrize(
    ("days", "work"), [(5, []), (6, ["in_transit"]), (15, ["at_stripe", "in_transit"])]
)
def test_what_is_on_its_way_for_too_long_is_work(underway, days, work):
    later = underway + timedelta(days=days)

    assert sorted(item.kind for item in differences.work_list(at=later)) == work


def test_bail_is_never_work_and_open_lines_are_after_a_week(db):
    account = make_account()
    make_line("25", account, booked_on=(timezone.now() - timedelta(days=8)).date())
    make_line("-3", account, booked_on=timezone.now().date())

    [lines] = differences.listed(at=timezone.now())

    assert (lines.kind, lines.told, lines.count, lines.age(timezone.now())) == (
        Kind.BANK_LINES,
        22,
        2,
        8,
    )
    assert lines.is_work(timezone.now())
    assert differences.PATIENCE[Kind.BAIL] is None


def test_lines_that_are_explained_and_not_booked_are_listed_until_another_undoes_them(db):
    account, person, now = make_account(), make_user(), timezone.now()
    day = now.date() - timedelta(days=30)
    fund, gift, ours, back, theirs = (
        factories.make_fund(),
        *(
            make_line(amount, account, booked_on=day + timedelta(days=at))
            for at, amount in enumerate(("100", "60", "-60", "25"))
        ),
    )
    reconciliation.match(line=gift, target=fund, by=person, at=now)
    notes = [
        reconciliation.explain(line=line, explanation="not ours", by=person, at=now)
        for line in (ours, theirs)
    ]

    def unbooked():
        return [
            (item.name, item.told, item.since)
            for item in differences.listed(at=now)
            if item.kind == Kind.UNBOOKED
        ]

    waiting = [
        (f"bank:{account.code}:{line.pk}", line.amount, line.booked_on) for line in (ours, theirs)
    ]
    assert unbooked() == waiting
    # What the bank has is what the books have and what is on the list.
    listed = differences.listed(at=now)
    assert sum(item.amount for item in listed) + ledger.balance(AccountKey.bank(account)) == sum(
        line.amount for line in account.lines.all()
    )
    assert [item.is_work(now) for item in listed] == [True] * 3
    assert all(item.cause and item.next_step for item in listed)

    said_by_two(back, explanation="went back", by=person, at=now)

    assert unbooked() == waiting[1:]
    reconciliation.unmatch(match=notes[1], reason="A gift after all.", by=person, at=now)
    assert unbooked() == []


def test_movement_of_an_unknown_type_is_kept_and_flagged(underway):
    factories.make_balance_transaction(
        stripe_id="txn_odd", type="climate_order_purchase", amount=-5, fee=0
    )

    [odd] = differences.work_list(at=underway)

    assert (odd.kind, odd.name, odd.told, odd.booked, odd.subject) == (
        Kind.UNKNOWN, "stripe:txn_odd", -5, None, "balancetransaction",
    )  # fmt: skip
    assert odd.cause
    assert odd.next_step
    # Nobody booked it: at Stripe are five less than the books have, and that is on the list, once.
    assert lying(underway)["stripe:EUR"] == [
        ("unknown", -5, 0),
        ("at_stripe", Decimal("24.37"), Decimal("24.37")),
    ]


def test_payment_at_stripe_that_no_gift_is_behind_is_missing(underway):
    factories.make_balance_transaction(
        stripe_id="txn_alone", stripe_payment_intent_id="pi_alone", amount=10, fee=1
    )

    [alone] = differences.work_list(at=underway)
    # What Stripe kept of it is part of it.
    assert (alone.kind, alone.name, alone.told) == (Kind.MISSING, "stripe:pi_alone", 9)
    assert lying(underway)["stripe:EUR"][0] == ("missing", 9, 0)


def test_gift_told_of_before_stripes_balance_is_listed_is_awaited_for_two_hours(fund):
    factories.give(fund, "10", source="stripe:pi_young")
    now = timezone.now()

    assert differences.work_list(at=now) == []
    assert lying(now) == {"stripe:EUR": [("announced", 0, 10)]}
    later = now + timedelta(hours=3)
    assert [d.kind for d in differences.work_list(at=later)] == [Kind.EXTRA]
    assert lying(later) == {"stripe:EUR": [("extra", 0, 10)]}


def test_movement_that_was_never_fetched_shows_in_stripes_balance(underway):
    row = StripeBalance.objects.get()
    assert (row.amount, row.moved) == (ledger.balance(AccountKey.stripe("EUR")),) * 2
    StripeBalance.objects.update(moved=row.moved - 5)

    [found] = differences.work_list(at=underway)

    assert (found.kind, found.told - found.booked) == (Kind.BALANCE, 5)


def test_every_kind_has_a_cause_and_a_next_step():
    assert set(differences.ADVICE) == set(Kind)


def test_nightly_check_writes_to_each_treasurer_while_the_list_is_not_empty(underway):
    make_user(None, "treasurer", email="rosa@example.org")
    make_user(None, "treasurer")
    make_user(None, "approver", email="ines@example.org")
    jobs.check_books(timestamp=0)
    assert not ProcrastinateJob.objects.filter(task_name="tell_of_differences").exists()
    Payout.objects.update(created_at=underway - timedelta(days=9))
    for number in range(2):
        factories.make_balance_transaction(
            type="odd", amount=-5, fee=0, created_at=underway - timedelta(days=number)
        )

    jobs.check_books(timestamp=0)

    [job] = ProcrastinateJob.objects.filter(task_name="tell_of_differences")
    for kind, age in zip(job.args["kinds"], (1, 9), strict=True):
        # It may have become midnight meanwhile.
        assert kind["age"] in {age, age + 1}
        kind["age"] = age
    jobs.tell_of_differences(**job.args)
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == (["rosa@example.org"], "3 things to look at in the books")
    assert letter.body.splitlines() == [
        "Last night's check of the books found 3 things to look at: two sides that do not say the same, or money on its way "
        "for longer than usual.",
        "",
        "Of an unknown type: 2",
        "The oldest is 1 day old. There: −€10.00. In the books: –.",
        "Stripe moved money in a way this program does not know; it is kept, and not booked.",
        "Next step: Look it up at Stripe, then open it here and press Explain: another person approves, and it is booked.",
        "",
        "On its way to the bank: 1",
        "The oldest is 9 days old. Amount: €98.25.",
        "Stripe has sent it, and no bank line shows it.",
        "Next step: Import the bank's statement and match the line. If the bank has none, ask Stripe by the payout's name.",
        "",
        "Each case stands here:",
        f"{settings.SITE_URL}/admin/donations/account/differences/",
        "",
        "You get this letter every morning until the list is empty.",
        "",
    ]


@pytest.fixture
def office(client, db):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    log_in(client, make_user(None, "treasurer"))
    client.get("/admin/")
    return client


def test_page_is_empty_in_words(office):
    shown = office.get("/admin/donations/account/differences/").content.decode()

    assert "Nothing: Stripe, the banks and the books say the same." in shown
    assert "Nothing is on its way." in shown


@pytest.mark.parametrize("many", [1, 60])
def test_page_lists_each_kind_with_its_next_step_at_a_cost_that_stays(
    office, underway, many, django_assert_num_queries
):
    for n in range(many):
        factories.make_balance_transaction(
            stripe_id=f"txn_odd_{n:03}", type="odd", amount=-5, fee=0
        )

    with django_assert_num_queries(18):
        shown = office.get("/admin/donations/account/differences/").content.decode()

    assert "Of an unknown type" in shown
    assert "Look it up at Stripe, then open it here and press Explain" in shown
    assert "stripe:txn_odd_000" in shown
    assert "Not listed" not in shown
    assert ("and 10 more" in shown) == (many == 60)
    assert f"/admin/donations/payout/{Payout.objects.get().pk}/change/" in shown
    assert BalanceTransaction.objects.count() == many + 3


@pytest.fixture
def explained(fund):
    """Says of the charge that nobody knows what it is, by two people."""
    asker, approver = make_user(None, "treasurer"), make_user(None, "approver")

    def ask():
        now = timezone.now()
        movement = BalanceTransaction.objects.get(type="adjustment", is_dispute=False)
        said = {"meaning": MovementExplanation.Meaning.FEE, "fund": fund, "note": "a fee"}
        return payouts.request_explanation(movement, **said, by=asker, at=now)

    def act(name, row, **fields):
        verb = getattr(payouts, f"{name}_explanation")
        return verb(row, **fields, by=approver, at=timezone.now())

    return ask, act


def d(*amounts):
    return tuple(Decimal(amount) for amount in amounts)


def at_stripe():
    return lying(sync()).get("stripe:EUR", [])


def test_charge_nobody_knows_is_listed_once_in_whatever_state_it_is(fund, explained):
    """And the account at Stripe is the sum of its cases, from the gift to the payout that the bank refuses."""
    ask, act = explained
    give_by_card(fund, "100")
    gift = ("at_stripe", *d("98.25", "98.25"))
    acts.charge("eur", at=timezone.now())
    assert at_stripe() == [("unknown", *d("-5", "0")), gift]

    row = ask()
    assert at_stripe() == [("asked", *d("-5", "0")), gift]
    act("refuse", row, reason="no")
    assert at_stripe() == [("unknown", *d("-5", "0")), gift]
    row = act("approve", ask())
    assert at_stripe() == [gift, ("explained", *d("-5", "-5"))]
    act("take_back", row, reason="wrong")
    assert at_stripe() == [("unknown", *d("-5", "0")), gift]

    # With a payout it leaves Stripe, and the books have that much too much there until it is explained.
    payout = acts.pay_out("eur", at=timezone.now())
    assert at_stripe() == [("unknown", *d("0", "5"))]
    act("approve", ask())
    assert at_stripe() == []
    acts.fail_payout(payout["id"], at=timezone.now())
    assert at_stripe() == [("payout_back", *d("93.25", "93.25"))]
    acts.pay_out("eur", at=timezone.now())
    assert at_stripe() == []
    assert Payout.objects.filter(itemised_at=None).count() == 0


def test_refund_dispute_and_payout_by_hand_have_each_their_own_words(fund):
    session = give_by_card(fund, "100")
    acts.refund(session["payment_intent"], amount=1000, at=timezone.now())
    other = give_by_card(fund, "25")
    acts.open_dispute(other["payment_intent"], at=timezone.now())

    assert at_stripe() == [
        ("at_stripe", *d("122.62", "122.62")),
        ("disputed", *d("-45", "-45")),
        ("refunded", *d("-10", "-10")),
    ]

    # A payout by hand is never the sum of movements: nothing is left over of it, and what comes after stands by itself.
    acts.pay_out("eur", at=timezone.now(), is_automatic=False)
    assert at_stripe() == []
    Payout.objects.update(created_at=timezone.now() + AN_HOUR)
    give_by_card(fund, "25")
    assert at_stripe() == [("left_over", *d("24.37", "24.37"))]
