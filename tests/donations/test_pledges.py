"""Promises: made once, changed only where they are open, paused, called off, taken up, reminded of within limits."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from donations import emails, pledges
from donations.models import Instalment, Letter, Pledge
from donations.schedule import monthly, schedule_of
from donations.transparency import came_in_for_appeal
from tests import factories
from tests.factories import NOW, make_arrival, make_promise
from tests.threads import in_parallel

TODAY = NOW.date()
LATER = TODAY + timedelta(days=20)


def days_of(pledge):
    return [(str(i.due_on), i.amount) for i in pledge.instalments.all()]


def wanted(appeal=None, **changes):
    appeal = appeal or factories.make_appeal()
    return pledges.Promise(
        **{
            "appeal": appeal,
            "fund": factories.make_fund(),
            "method": Pledge.Method.TRANSFER,
            "frequency": Pledge.Frequency.MONTHLY,
            "parts": tuple(monthly(LATER, Decimal(20), 3)),
            "without_end": False,
            "currency": "EUR",
            "email": "ana@example.org",
            "language": "en",
        }
        | changes
    )


@pytest.mark.django_db(transaction=True)
def test_promise_is_kept_once_with_its_parts_and_one_letter():
    promise, uuid = wanted(), uuid4()

    first = pledges.promise(promise, uuid=uuid, at=NOW)
    again = pledges.promise(promise, uuid=uuid, at=NOW)

    assert first == again
    assert (first.amount, first.frequency, first.is_open_ended) == (60, "monthly", False)
    assert first.reference.startswith("RF")
    assert days_of(first) == [("2026-03-30", 20), ("2026-04-30", 20), ("2026-05-30", 20)]
    assert [(x.kind, x.pledge) for x in Letter.objects.all()] == [("promise", first)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((), "none"),
        (((TODAY - timedelta(days=1), Decimal(5)),), "behind"),
        (((LATER, Decimal(5)), (LATER, Decimal(6))), "twice"),
        (((LATER, Decimal(0)),), "amount"),
        (tuple(monthly(LATER, Decimal(5), 121)), "too_many"),
    ],
)
def test_promise_refuses_bad_parts_and_keeps_nothing(parts, code):
    with pytest.raises(pledges.BadParts, match=code):
        pledges.promise(wanted(parts=parts), uuid=uuid4(), at=NOW)

    assert not Pledge.objects.exists()
    assert not Letter.objects.exists()


# --- What the database refuses, whoever writes ---------------------------------------------------


def fails(constraint, change):
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        change()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert refused.value.__cause__.diag.constraint_name == constraint


@pytest.mark.django_db
def test_database_keeps_parts_and_promise_together():
    pledge = make_promise([("2026-04-01", "10"), ("2026-05-01", "10")])
    part = pledge.instalments.first()

    fails("promise_adds_up", lambda: pledge.instalments.filter(pk=part.pk).delete())
    fails("promise_adds_up", lambda: Instalment.objects.filter(pk=part.pk).update(amount=11))
    fails("promise_adds_up", lambda: Pledge.objects.filter(pk=pledge.pk).update(amount=21))
    fails(
        "instalment_once_a_day",
        lambda: Instalment.objects.create(pledge=pledge, due_on=part.due_on, amount=1),
    )
    fails(
        "instalment_amount_positive",
        lambda: Instalment.objects.create(pledge=pledge, due_on=LATER, amount=0),
    )


@pytest.mark.django_db
def test_database_refuses_a_promise_without_parts_and_parts_without_a_promise():
    fails("promise_has_parts", lambda: factories.make_pledge(method="cash"))
    fails("promise_has_parts", lambda: factories.make_pledge(method="card_later"))
    card = factories.make_pledge(method="card")
    fails(
        "promise_kept_in_parts",
        lambda: Instalment.objects.create(pledge=card, due_on=LATER, amount=card.amount),
    )
    fails(
        "pledge_without_end_is_monthly",
        lambda: factories.make_pledge(method="transfer", is_open_ended=True),
    )
    fails(
        "pledge_reference_when_promised",
        lambda: Pledge.objects.filter(pk=card.pk).update(method="cash"),
    )
    fine = [("2026-04-01", "10.001"), ("2026-05-01", "9.999")]
    fails("instalment_amount_exact", lambda: make_promise(fine))


# --- Changed, paused, called off, taken up --------------------------------------------------------


@pytest.mark.django_db
def test_change_touches_neither_what_is_due_nor_what_is_paid():
    pledge = make_promise(
        [("2026-02-01", "10"), ("2026-03-10", "10"), ("2026-04-01", "10"), ("2026-05-01", "10")],
        received=["25"],
    )

    pledges.change(
        pledge,
        parts=[(date(2026, 6, 1), Decimal(7))],
        frequency=Pledge.Frequency.ONCE,
        without_end=False,
        at=NOW,
    )

    pledge.refresh_from_db()
    assert days_of(pledge) == [
        ("2026-02-01", 10),
        ("2026-03-10", 10),
        ("2026-04-01", 10),
        ("2026-06-01", 7),
    ]
    assert pledge.amount == 37
    with pytest.raises(pledges.BadParts, match="behind"):
        pledges.change(
            pledge,
            parts=[(date(2026, 3, 20), Decimal(7))],
            frequency=Pledge.Frequency.ONCE,
            without_end=False,
            at=NOW,
        )


@pytest.mark.django_db
def test_paused_promise_moves_on_in_its_steps_when_taken_up():
    pledge = make_promise(
        [("2026-02-15", "10"), ("2026-03-15", "10"), ("2026-04-15", "10")], frequency="monthly"
    )

    pledges.pause(pledge, at=NOW)
    assert not Pledge.objects.reminded().exists()
    pledges.resume(pledge, at=NOW + timedelta(days=40))

    # Late before the pause stays late; what fell due meanwhile (15 March, 15 April) moves.
    assert days_of(pledge) == [("2026-02-15", 10), ("2026-05-15", 10), ("2026-06-15", 10)]
    pledge.refresh_from_db()
    assert pledge.paused_at is None


@pytest.mark.django_db
def test_called_off_promise_can_only_be_taken_up_again():
    pledge = make_promise([("2026-04-15", "10")])
    pledges.cancel(pledge, at=NOW)

    with pytest.raises(pledges.NothingToChange):
        pledges.pause(pledge, at=NOW)
    with pytest.raises(pledges.NothingToChange):
        pledges.change(
            pledge,
            parts=[(LATER, Decimal(5))],
            frequency=Pledge.Frequency.ONCE,
            without_end=False,
            at=NOW,
        )
    pledges.resume(pledge, at=NOW)

    pledge.refresh_from_db()
    assert pledge.cancelled_at is None
    assert days_of(pledge) == [("2026-04-15", 10)]


@pytest.mark.django_db
def test_verbs_of_promises_refuse_a_card_gift():
    card = factories.make_pledge()
    for verb in (pledges.pause, pledges.cancel, pledges.resume):
        with pytest.raises(pledges.NothingToChange):
            verb(card, at=NOW)


@pytest.mark.django_db
def test_promise_without_end_is_written_down_to_the_horizon_once():
    pledge = make_promise(
        [("2026-01-31", "10"), ("2026-02-28", "10")],
        amount=10,
        is_open_ended=True,
        frequency="monthly",
    )

    assert pledges.extend(at=NOW) == 12
    assert pledges.extend(at=NOW) == 0

    days = [day for day, _amount in days_of(pledge)]
    assert (days[2], days[3], days[-1]) == ("2026-03-31", "2026-04-30", "2027-02-28")
    assert pledges.extend(at=NOW + timedelta(days=31)) == 1
    pledges.cancel(pledge, at=NOW)
    assert pledges.extend(at=NOW + timedelta(days=90)) == 0


# --- Reminders ------------------------------------------------------------------------------------


def reminders(pledge):
    return [x.occasion for x in pledge.letters.filter(kind="reminder").order_by("pk")]


def remind_daily(days, start=NOW):
    return [n for n in range(days) if pledges.remind_due(at=start + timedelta(days=n))]


@pytest.fixture
def due(db):
    """10 EUR due on 15 March, promised on 1 March, by somebody with an address."""
    return make_promise(
        [("2026-03-15", "10")],
        supporter=factories.make_supporter(),
        at=NOW - timedelta(days=9),
    )


def test_reminders_come_before_the_day_then_in_steps_then_stop(due):
    # NOW is 10 March: three days before the 15th, then every fourteen, three in all.
    assert remind_daily(90) == [2, 16, 30]
    assert reminders(due) == ["2026-03-15:1", "2026-03-15:2", "2026-03-15:3"]


def test_reminder_setting_is_obeyed(due, settings):
    settings.PLEDGE_REMINDERS = settings.PLEDGE_REMINDERS._replace(first=0, every=7, at_most=2)

    assert remind_daily(90) == [5, 12]


@pytest.mark.parametrize(
    "stop",
    [
        lambda p: pledges.pause(p, at=NOW),
        lambda p: pledges.cancel(p, at=NOW),
        lambda p: pledges.stop_reminders(p, at=NOW),
        lambda p: make_arrival(p, "10"),
        lambda p: Pledge.objects.filter(pk=p.pk).update(supporter=None),
        # Another gift of the same person to the same appeal since: paid otherwise.
        lambda p: factories.make_donation(
            factories.make_pledge(p.appeal, supporter=p.supporter, amount="10")
        ),
    ],
)
def test_nobody_is_reminded_who_paid_stopped_paused_or_called_off(due, stop):
    stop(due)

    assert remind_daily(60) == []


def test_smaller_gift_or_one_elsewhere_does_not_end_reminders(due):
    factories.make_donation(factories.make_pledge(due.appeal, supporter=due.supporter, amount="9"))
    factories.make_donation(factories.make_pledge(supporter=due.supporter, amount="50"))

    assert remind_daily(5) == [2]


def test_part_payment_reduces_what_is_asked_for(due):
    make_arrival(due, "4")
    pledges.remind_due(at=NOW + timedelta(days=6))

    letter = due.letters.get(kind="reminder")
    words = emails.word(letter, at=NOW + timedelta(days=6))

    assert "6,00" in words.body
    assert "10,00" not in words.body


def test_reminder_overtaken_by_the_payment_is_not_sent(due, inbox):
    pledges.remind_due(at=NOW + timedelta(days=2))
    make_arrival(due, "10")

    assert emails.send_due(at=NOW + timedelta(days=2)) == 0
    assert inbox.messages == []
    assert due.letters.get(kind="reminder").error == "not due any more"


def test_reminder_carries_the_stop_link_in_text_and_headers(due, inbox):
    pledges.remind_due(at=NOW + timedelta(days=2))

    assert emails.send_due(at=NOW + timedelta(days=2)) == 1

    text = inbox.messages[0][1]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in text
    [link] = [x for x in text.split("\r\n") if x.startswith("List-Unsubscribe: ")]
    path = link.split("<http://127.0.0.1:8000")[1].rstrip(">")
    assert path in emails.word(due.letters.get(kind="reminder"), at=NOW).body


def test_reminders_cost_a_fixed_number_of_queries_when_nothing_is_due(
    db, django_assert_num_queries
):
    for number in range(3):
        make_promise(
            [("2026-09-15", "10")], supporter=factories.make_supporter(f"a{number}@example.org")
        )

    with django_assert_num_queries(1):
        assert pledges.remind_due(at=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_remind_once():
    pledge = make_promise(
        [("2026-03-11", "10")], supporter=factories.make_supporter(), at=NOW - timedelta(days=9)
    )
    reminded = in_parallel(4, lambda _number: pledges.remind_due(at=NOW))

    assert sorted(reminded) == [0, 0, 0, 1]
    assert reminders(pledge) == ["2026-03-11:1"]


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_leave_one_whole_schedule():
    pledge = make_promise([("2026-04-01", "10"), ("2026-05-01", "10")])

    def change(number):
        pledges.change(
            pledge,
            parts=monthly(LATER, Decimal(7 + 2 * number), 3),
            frequency=Pledge.Frequency.MONTHLY,
            without_end=False,
            at=NOW,
        )

    assert "Error" not in str(in_parallel(3, change))
    pledge.refresh_from_db()
    parts = {amount for _day, amount in days_of(pledge)}
    assert len(parts) == 1
    assert pledge.amount == 3 * parts.pop()


# --- Public figures -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_promised_counts_open_parts_of_the_horizon_alone_and_never_as_received():
    today = date.today()
    appeal = factories.make_appeal()
    fund = factories.make_fund("appeal", appeal=appeal)

    def days_on(days):
        return today + timedelta(days=days)

    make_promise(
        # Long overdue, overdue, to come, beyond the horizon.
        [(days_on(-200), "1"), (days_on(-30), "20"), (days_on(30), "300"), (days_on(800), "4000")],
        appeal=appeal,
        fund=fund,
    )
    make_promise([(days_on(30), "50")], appeal=appeal, fund=fund, received=["20"])
    for field in ("paused_at", "cancelled_at"):
        make_promise([(days_on(30), "700")], appeal=appeal, fund=fund, **{field: NOW})
    factories.make_announced(appeal, fund, "8")
    factories.make_announced(appeal, fund, "16", created_at=timezone.now() - timedelta(days=181))

    [shown] = came_in_for_appeal(appeal)

    assert (shown.currency, shown.arrived, shown.promised) == ("EUR", 0, 20 + 300 + 30 + 8)


@pytest.mark.django_db
def test_schedule_counts_no_reversed_gift():
    pledge = make_promise([("2026-03-15", "10")], received=["10"])
    pledge.donations.update(reversed_at=NOW)

    assert schedule_of(pledge, at=NOW).open == 10
