"""The steps of a month: begun, verified, asked to be closed, and closed by another person."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Min, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations import ledger, proofs
from donations.exchange_gains import are_awaited, gains_to_keep
from donations.models import AccountKey, DayTotal, Entry, KeptGain, Period
from donations.models.refusals import broken_rule
from donations.month_days import first_day, next_month
from donations.proofs import Proof

from .balances import reconcile
from .errors import (
    AlreadyDone,
    Changed,
    NotReconciled,
    NotVerified,
    NotYet,
    PeriodError,
    SamePerson,
)
from .turns import in_turn, locked, waiting, why_not_yet

# So many are asked for at once: each is held against what banks and Stripe say.
MOST_MONTHS = 24


@transaction.atomic
def begin_due(*, at: datetime) -> list[Period]:
    """Adds each month that has begun since the first entry; returns the new ones."""
    first = DayTotal.objects.aggregate(day=Min("booked_on"))["day"]
    if first is None:
        return []
    known = set(Period.objects.values_list("month", flat=True))
    months = [month for month in _months(first, at.date()) if month not in known]
    return Period.objects.bulk_create(
        [Period(month=month) for month in months], ignore_conflicts=True
    )


def _months(first: date, last: date) -> Iterator[date]:
    month = first_day(first)
    while month <= last:
        yield month
        month = next_month(month)


@transaction.atomic
def verify(period: Period, *, by: User, at: datetime) -> Period:
    """Notes that every invariant of the books held, all totals among them. Raises NotYet, AlreadyDone, NotVerified."""
    period = in_turn(period, at=at)
    _prove()
    return _note_verified(period, by=by, at=at)


def _prove() -> None:
    wrong = [proof for proof in proofs.prove() if not proof.holds]
    if wrong:
        raise NotVerified(
            _("The books do not hold. %(proofs)s")
            % {"proofs": " ".join(_contradicted(proof) for proof in wrong)}
        )


def _contradicted(proof: Proof) -> str:
    """What does not hold, and the first cases of it by their names."""
    names = ", ".join(proof.examples)
    if (more := proof.contradictions - len(proof.examples)) > 0:
        names = _("%(names)s and %(more)d more") % {"names": names, "more": more}
    return _("%(sentence)s Not so: %(names)s.") % {"sentence": proof.sentence, "names": names}


def _note_verified(period: Period, *, by: User, at: datetime) -> Period:
    period.verified_at, period.verified_by = at, by
    period.save(update_fields=["verified_at", "verified_by"])
    return period


@transaction.atomic
def request_close(period: Period, *, by: User, at: datetime) -> Period:
    """Asks another person to close the month as it is now. Raises NotYet, AlreadyDone, Changed."""
    period = in_turn(period, at=at)
    if not period.reconciled_at:
        raise NotYet(_("Reconcile the month first."))
    for each in period.assertions.select_related("account"):
        if each.booked != ledger.balance_on(AccountKey.of(each.account), period.last_day):
            raise Changed(
                _("Something was booked in this month since it was reconciled: reconcile it again.")
            )
    period.sha256, period.entries = _sha256(period.month), _entries(period).count()
    period.requested_at, period.requested_by = at, by
    period.save(update_fields=["sha256", "entries", "requested_at", "requested_by"])
    return period


@transaction.atomic
def withdraw(period: Period, *, by: User, at: datetime) -> Period:
    """Takes the request back, or refuses it: the month is open for postings as before. Raises AlreadyDone, NotYet."""
    period = locked(period)
    if period.closed_at:
        raise AlreadyDone(_("This month is closed: it stays so."))
    if not period.requested_at:
        raise NotYet(_("Nobody asked to close this month."))
    period.requested_at, period.requested_by = None, None
    period.sha256, period.entries = "", None
    period.save(update_fields=["sha256", "entries", "requested_at", "requested_by"])
    return period


REFUSALS: dict[str, tuple[type[PeriodError], Any]] = {
    "period_is_over": (NotYet, gettext_lazy("The month is not over.")),
    "period_closed_in_turn": (NotYet, gettext_lazy("An earlier month is open: close that first.")),
    "period_balances_proved": (
        Changed,
        gettext_lazy("A balance is not proved any more: withdraw the request and reconcile again."),
    ),
    "period_closed_as_requested": (
        Changed,
        gettext_lazy(
            "Something was booked in this month since closing was asked for: withdraw the request and look again."
        ),
    ),
    "period_closed_by_another_person": (
        SamePerson,
        gettext_lazy("You asked for this yourself: another person must close it."),
    ),
}


@transaction.atomic
def close(period: Period, *, by: User, at: datetime) -> Period:
    """Closes the month for good: nothing is booked in it from now on, and its statement stays as it was asked for.

    What its statements say besides entries is kept with it: what exchanges gained, by the rates known now, and, by the
    database itself, whose each cost is. What is being posted at this moment is waited for; what comes after goes to the
    first open day. Raises AlreadyDone, NotYet, SamePerson, Changed.
    """
    period = locked(period)
    if period.closed_at:
        raise AlreadyDone(_("This month is closed already."))
    if not period.requested_at:
        raise NotYet(_("Nobody asked to close this month."))
    if are_awaited(period.month, period.last_day):
        raise NotYet(
            _("Which exchanges paid for this month's costs is still being worked out: try again in a minute.")
        )  # fmt: skip
    KeptGain.objects.bulk_create(gains_to_keep(period))
    period.closed_at, period.closed_by = at, by
    try:
        with transaction.atomic():
            period.save(update_fields=["closed_at", "closed_by"])
    except IntegrityError as error:
        refusal = REFUSALS.get(broken_rule(error))
        if refusal is None:
            raise
        kind, sentence = refusal
        raise kind(why_not_yet(period, at=at) or str(sentence)) from error
    return period


def request_up_to(period: Period, *, by: User, at: datetime) -> tuple[int, str]:
    """As verify, reconcile and request_close of each month that waits up to `period`: the books are proved once, for all.

    Each month is a step of its own: how many are asked for now, and why it went no further, if it did not. Raises
    NotVerified, NotYet.
    """
    asked = 0
    if months := waiting(period):
        _prove()
    for month in months[:MOST_MONTHS]:
        with transaction.atomic():
            _note_verified(in_turn(month, at=at), by=by, at=at)
        try:
            reconcile(month, by=by, at=at)
        except NotReconciled as refusal:
            return asked, f"{month.name}: {refusal}"
        request_close(month, by=by, at=at)
        asked += 1
    return asked, ""


def close_up_to(period: Period, *, by: User, at: datetime) -> tuple[int, str]:
    """As close of each month up to `period` that another person asked to close, each a step of its own: as request_up_to."""
    closed = 0
    for month in Period.objects.requested().filter(month__lte=period.month).order_by("month"):
        try:
            close(month, by=by, at=at)
        except PeriodError as refusal:
            return closed, f"{month.name}: {refusal}"
        closed += 1
    return closed, ""


def adjustments(period: Period) -> list[Entry]:
    """What is booked in this month of facts of months that were closed before they came to light."""
    late = Entry.objects.filter(happened_on__isnull=False).select_related("debit", "credit")
    return list(late.filter(booked_on__range=(period.month, period.last_day)).order_by("pk"))


def _entries(period: Period) -> QuerySet[Entry]:
    return Entry.objects.filter(booked_on__range=(period.month, period.last_day))


def _sha256(month: date) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT donations_period_sha256(%s)", [month])
        return str(cursor.fetchone()[0])
