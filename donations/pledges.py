"""VERB: promises to give later: made, changed, paused, taken up again, called off by their supporter, and reminded of.

Whether a part is due, late or paid is computed from payments (donations/schedule.py); nothing here marks one as paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from appeals.models import Appeal

from .models import Fund, Instalment, Letter, Pledge, Supporter
from .month_days import months_later
from .references import new_reference
from .schedule import (
    HORIZON_MONTHS,
    OWED,
    Part,
    monthly,
    moved,
    schedule_of,
    to_remind_of,
)

# As many as somebody can look through before promising: ten years of months.
MOST_PARTS = 120
# A part missing this long is not asked for any more.
LAPSE = timedelta(days=180)


class PromiseError(Exception):
    """Nothing was changed; the message is a code that the page has a sentence for."""


class NothingToChange(PromiseError):
    """The promise is called off, or not of the kind that is kept in parts."""


class BadParts(PromiseError):
    """The days and amounts are no promise: none or too many, a day twice, a day that is behind, or nothing in it."""


@dataclass(frozen=True)
class Promise:
    """What the form says, checked: `parts` in order; `without_end` repeats the one amount of the parts each month."""

    appeal: Appeal
    fund: Fund
    method: Pledge.Method
    frequency: Pledge.Frequency
    parts: tuple[Part, ...]
    without_end: bool
    currency: str
    email: str
    language: str


@transaction.atomic(durable=True)
def promise(wanted: Promise, *, uuid: UUID, at: datetime) -> Pledge:
    """Keeps the promise under the form's own `uuid`: sending the form twice gives the same one. Raises BadParts."""
    parts = _checked(wanted.parts, after=at.date() - timedelta(days=1))
    supporter = (
        Supporter.objects.of_address(wanted.email, language=wanted.language, at=at)
        if wanted.email
        else None
    )
    pledge, is_new = Pledge.objects.get_or_create(
        uuid=uuid,
        defaults={
            "appeal": wanted.appeal,
            "fund": wanted.fund,
            "supporter": supporter,
            "method": wanted.method,
            "frequency": wanted.frequency,
            "is_open_ended": wanted.without_end,
            "amount": _total(parts, without_end=wanted.without_end),
            "currency": wanted.currency,
            "language": wanted.language,
            "reference": new_reference(),
            "created_at": at,
        },
    )
    if is_new:
        _write(pledge, parts)
        if supporter:
            Letter.objects.create(kind=Letter.Kind.PROMISE, pledge=pledge, created_at=at, due_at=at)
    return pledge


@transaction.atomic
def change(
    pledge: Pledge,
    *,
    parts: Sequence[Part],
    frequency: Pledge.Frequency,
    without_end: bool,
    at: datetime,
) -> Pledge:
    """Puts `parts`, all of them after today, in the place of those that are neither due nor paid, wholly or partly.

    What was due or is paid stays as it was promised. Raises NothingToChange, BadParts.
    """
    pledge = _held(pledge)
    today = at.date()
    schedule = schedule_of(pledge, at=at)
    open_days = [p.due_on for p in schedule.parts if p.due_on > today and not p.paid]
    pledge.instalments.filter(due_on__in=open_days).delete()
    kept = [(p.due_on, p.amount) for p in schedule.parts if p.due_on not in open_days]
    parts = _checked(parts, after=max([today, *(day for day, _amount in kept)]))
    if len(kept) + len(parts) > 2 * MOST_PARTS:
        raise BadParts("too_many")
    _write(pledge, parts)
    pledge.is_open_ended = without_end
    pledge.frequency = frequency
    pledge.amount = _total(parts if without_end else [*kept, *parts], without_end=without_end)
    pledge.save(update_fields=["amount", "is_open_ended", "frequency"])
    return pledge


@transaction.atomic
def pause(pledge: Pledge, *, at: datetime) -> Pledge:
    """From now on nothing is due and nobody is reminded, until `resume`. Again is the same."""
    pledge = _held(pledge)
    if not pledge.paused_at:
        pledge.paused_at = at
        pledge.save(update_fields=["paused_at"])
    return pledge


@transaction.atomic
def cancel(pledge: Pledge, *, at: datetime) -> Pledge:
    """Calls off what has not arrived, also of a transfer that was announced; what has stays given. `resume` takes it back."""
    pledge = _held(pledge, called_off_too=True, announced_too=True)
    if not pledge.cancelled_at:
        pledge.cancelled_at = at
        pledge.save(update_fields=["cancelled_at"])
    return pledge


@transaction.atomic
def resume(pledge: Pledge, *, at: datetime) -> Pledge:
    """Takes up a promise that was paused or called off: what fell due meanwhile moves on, in the same steps.

    A part that was late before stays as long overdue as it was. Also of a transfer that was announced.
    """
    pledge = _held(pledge, called_off_too=True, announced_too=True)
    stopped_at = min(filter(None, [pledge.paused_at, pledge.cancelled_at]), default=None)
    if stopped_at is None:
        return pledge
    late = schedule_of(pledge, at=stopped_at)
    waiting = [p.due_on for p in late.parts if p.open and p.state not in OWED]
    days = moved(waiting, pledge.frequency, to=at.date())
    # The last first, so that no two ever share a day.
    for before, after in reversed(list(zip(waiting, days, strict=True))):
        pledge.instalments.filter(due_on=before).update(due_on=after)
    pledge.paused_at = pledge.cancelled_at = None
    pledge.save(update_fields=["paused_at", "cancelled_at"])
    return pledge


def stop_reminders(pledge: Pledge, *, at: datetime) -> None:
    """No reminder goes out any more, those that wait included; the promise stays. Again is the same."""
    with transaction.atomic():
        Pledge.objects.filter(pk=pledge.pk, reminders_stopped_at=None).update(
            reminders_stopped_at=at
        )
        pledge.letters.filter(kind=Letter.Kind.REMINDER, sent_at=None).delete()


def allow_reminders(pledge: Pledge) -> None:
    Pledge.objects.filter(pk=pledge.pk).update(reminders_stopped_at=None)


def extend(*, at: datetime) -> int:
    """Writes down what promises without end bring until the horizon; returns how many parts were added."""
    horizon = months_later(at.date(), HORIZON_MONTHS)
    added = 0
    without_end = Pledge.objects.filter(is_open_ended=True, cancelled_at=None, paused_at=None)
    for pk in without_end.values_list("pk", flat=True):
        with transaction.atomic():
            pledge = _held(Pledge(pk=pk), called_off_too=True)
            if pledge.is_open_ended and not pledge.cancelled_at and not pledge.paused_at:
                added += _extend(pledge, horizon)
    return added


def _extend(pledge: Pledge, horizon: date) -> int:
    newest = list(pledge.instalments.order_by("-due_on").values_list("due_on", flat=True)[:3])
    # Of three months in a row one is long enough to show that the day was the 31st.
    first = max(newest, key=lambda day: day.day)
    parts = [
        part
        for part in monthly(first, pledge.amount, 2 * MOST_PARTS)
        if newest[0] < part[0] <= horizon
    ]
    _write(pledge, parts)
    return len(parts)


def remind_due(*, at: datetime) -> int:
    """Queues a letter for each promise with a part due soon, or late, as settings.PLEDGE_REMINDERS has it.

    One letter tells of all that is due. None for who stopped them, paused, called off, paid, or gave otherwise to the
    same appeal since; none twice, however often this runs. Returns how many were queued.
    """
    policy = settings.PLEDGE_REMINDERS
    today = at.date()
    soon = today + timedelta(days=policy.first)
    candidates = (
        Pledge.objects.reminded()
        .with_received()
        .with_due(soon)
        .filter(
            Exists(
                Instalment.objects.filter(
                    pledge=OuterRef("pk"), due_on__range=(today - LAPSE, soon)
                )
            ),
            received__lt=F("due"),  # type: ignore[misc]  # annotated by with_received
        )
    )
    return sum(_remind(pk, at=at) for pk in list(candidates.values_list("pk", flat=True)))


def _remind(pk: int, *, at: datetime) -> bool:
    policy = settings.PLEDGE_REMINDERS
    with transaction.atomic():
        # Held, so that of two runs at once the second finds the first one's letter.
        held = Pledge.objects.reminded().select_for_update(no_key=True).filter(pk=pk)
        pledge = held.first()
        oldest = schedule_of(pledge, at=at).next if pledge else None
        if pledge is None or oldest is None or oldest.due_on < at.date() - LAPSE:
            return False
        reminders = pledge.letters.filter(kind=Letter.Kind.REMINDER)
        of_this_part = reminders.filter(occasion__startswith=f"{oldest.due_on}:").count()
        last = reminders.order_by("created_at").last()
        pause = timedelta(days=policy.every if last else policy.first)
        told_on = (last.created_at if last else pledge.created_at).date()
        if of_this_part >= policy.at_most or at.date() < told_on + pause:
            return False
        if not to_remind_of(pledge, at=at):
            return False
        Letter.objects.create(
            kind=Letter.Kind.REMINDER,
            pledge=pledge,
            occasion=f"{oldest.due_on}:{of_this_part + 1}",
            created_at=at,
            due_at=at,
        )
        return True


def _held(pledge: Pledge, *, called_off_too: bool = False, announced_too: bool = False) -> Pledge:
    """The promise as it is now, its row held until the end of the transaction; raises NothingToChange."""
    held = Pledge.objects.select_for_update(no_key=True).get(pk=pledge.pk)
    is_promise = held.method in Pledge.PROMISED_METHODS and held.instalments.exists()
    if not is_promise and not (announced_too and held.is_announced_transfer):
        raise NothingToChange("no_promise")
    if held.cancelled_at and not called_off_too:
        raise NothingToChange("called_off")
    return held


def _checked(parts: Sequence[Part], *, after: date) -> list[Part]:
    if not parts:
        raise BadParts("none")
    if len(parts) > MOST_PARTS:
        raise BadParts("too_many")
    if len({day for day, _amount in parts}) < len(parts):
        raise BadParts("twice")
    if min(day for day, _amount in parts) <= after:
        raise BadParts("behind")
    if min(amount for _day, amount in parts) <= 0:
        raise BadParts("amount")
    return sorted(parts)


def _total(parts: Sequence[Part], *, without_end: bool) -> Decimal:
    return parts[0][1] if without_end else sum((amount for _day, amount in parts), Decimal(0))


def _write(pledge: Pledge, parts: Sequence[Part]) -> None:
    Instalment.objects.bulk_create(
        [Instalment(pledge=pledge, due_on=day, amount=amount) for day, amount in parts]
    )
