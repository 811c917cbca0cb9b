"""VERB: a month of the books is verified, reconciled and closed; from then on nothing is booked in it.

A fact that comes to light later is booked on the first open day and keeps its own day beside it (ledger.Posting).
"""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Min, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.templatetags.formats import plain_day

from . import assertions, ledger, proofs
from .assertions import NotStated, end_of
from .exchange_gains import are_awaited, gains_to_keep
from .models import Account, AccountKey, Assertion, DayTotal, Entry, KeptGain, Period
from .models.period import first_day, next_month
from .models.refusals import broken_rule
from .proofs import Proof

# So many are asked for at once: each is held against what banks and Stripe say.
MOST_MONTHS = 24


class PeriodError(Exception):
    """What a month refuses; the message is a sentence for the office."""


class NotYet(PeriodError):
    """The month is not over, an earlier one is open, or an earlier step is not taken."""


class NotVerified(PeriodError):
    """The books do not hold."""


class NotReconciled(PeriodError):
    """What bank or Stripe says is not what the books say, and nothing explains it."""


class Changed(PeriodError):
    """Something was booked in the month since the last step."""


class SamePerson(PeriodError):
    """Who asked to close a month does not close it."""


class AlreadyDone(PeriodError):
    """The month is closed, or closing is asked for already."""


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
    period = _in_turn(period, at=at)
    _prove()
    return _note_verified(period, by=by, at=at)


def _prove() -> None:
    wrong = [proof for proof in proofs.prove() if not proof.holds]
    if wrong:
        raise NotVerified(
            _("The books do not hold. %(proofs)s")
            % {"proofs": " ".join(_contradicted(proof) for proof in wrong)}
        )


def _note_verified(period: Period, *, by: User, at: datetime) -> Period:
    period.verified_at, period.verified_by = at, by
    period.save(update_fields=["verified_at", "verified_by"])
    return period


def _contradicted(proof: Proof) -> str:
    """What does not hold, and the first cases of it by their names."""
    names = ", ".join(proof.examples)
    if (more := proof.contradictions - len(proof.examples)) > 0:
        names = _("%(names)s and %(more)d more") % {"names": names, "more": more}
    return _("%(sentence)s Not so: %(names)s.") % {"sentence": proof.sentence, "names": names}


def reconcile(period: Period, *, by: User, at: datetime) -> list[Assertion]:
    """Holds each balance at Stripe and at a bank against the books, as of the month's last day, and keeps what it found.

    The month is reconciled when all agree. Raises NotYet, AlreadyDone; NotReconciled with a sentence for each balance
    that does not, after what was found is kept.
    """
    with transaction.atomic():
        period = _in_turn(period, at=at)
        if not period.verified_at:
            raise NotYet(_("Verify the totals first."))
        made, missing = _assert_balances(period, by=by, at=at)
        sentences = missing + [why for each in made if (why := assertions.failing(each))]
        done = not sentences
        period.reconciled_at, period.reconciled_by = (at, by) if done else (None, None)
        period.save(update_fields=["reconciled_at", "reconciled_by"])
    if sentences:
        raise NotReconciled(" ".join(sentences))
    return made


def _assert_balances(
    period: Period, *, by: User, at: datetime
) -> tuple[list[Assertion], list[str]]:
    day = period.last_day
    typed = {each.account_id: each for each in _typed(period)}
    accounts = {account.pk: account for account in assertions.accounts_at(day)}
    accounts |= {each.account_id: each.account for each in typed.values()}
    made, missing = [], []
    for account in accounts.values():
        try:
            said = assertions.stated(account, day) if account.place != Account.Place.CASH else None
        except NotStated as nobody:
            said = None
            if account.pk not in typed:
                missing.append(str(nobody))
                continue
        made.append(_keep(period, account, said, typed.get(account.pk), by=by, at=at))
    return made, missing


def _typed(period: Period) -> Iterator[Assertion]:
    of_people = period.assertions.filter(basis=Assertion.Basis.TYPED)
    yield from of_people.select_related("account__bank_account")


def _keep(
    period: Period,
    account: Account,
    said: assertions.Stated | None,
    typed: Assertion | None,
    *,
    by: User,
    at: datetime,
) -> Assertion:
    """What a statement says counts before what a person read."""
    found = assertions.items(account, period.last_day)
    values = {
        "booked": ledger.balance_on(AccountKey.of(account), period.last_day),
        "explained": sum((item.amount for item in found), Decimal(0)),
        "items": [
            {"what": item.what, "name": item.name, "amount": f"{item.amount.normalize():f}"}
            for item in found
        ],
    }
    if said:
        values |= {"stated": said.amount, "basis": said.basis, "statement": said.statement}
        values |= {"made_by": by, "made_at": at}
    elif typed is None:
        raise NotYet(_("Type the balance first."))
    made, _is_new = Assertion.objects.update_or_create(
        period=period, account=account, defaults=values
    )
    return made


@transaction.atomic
def state_balance(
    period: Period, *, account: Account, stated: Decimal, by: User, at: datetime
) -> Assertion:
    """A person read the balance of a bank account, or counted the cash, at the end of the month; reconcile again after it.

    Raises NotYet, AlreadyDone; PeriodError when the bank's own statements say it.
    """
    period = _in_turn(period, at=at)
    if account.place not in {Account.Place.BANK, Account.Place.CASH}:
        raise PeriodError(_("Only the balance of a bank account or of the cash box is typed."))
    try:
        if account.place == Account.Place.BANK and assertions.stated(account, period.last_day):
            raise PeriodError(_("The bank's own statement says the balance: it is not typed."))
    except NotStated:
        pass
    typed = Assertion(
        period=period,
        account=account,
        basis=Assertion.Basis.TYPED,
        stated=stated,
        made_by=by,
        made_at=at,
    )
    Assertion.objects.filter(period=period, account=account).delete()
    typed.booked, typed.explained = Decimal(0), Decimal(0)
    typed.save()
    period.reconciled_at, period.reconciled_by = None, None
    period.save(update_fields=["reconciled_at", "reconciled_by"])
    return _keep(period, account, None, typed, by=by, at=at)


@transaction.atomic
def request_close(period: Period, *, by: User, at: datetime) -> Period:
    """Asks another person to close the month as it is now. Raises NotYet, AlreadyDone, Changed."""
    period = _in_turn(period, at=at)
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
    period = _locked(period)
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
    period = _locked(period)
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


def waiting(period: Period) -> list[Period]:
    """The open months up to `period` that nobody asked to close yet, the oldest first."""
    months = Period.objects.open().filter(requested_at=None, month__lte=period.month)
    return list(months.order_by("month"))


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
            _note_verified(_in_turn(month, at=at), by=by, at=at)
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


def _locked(period: Period) -> Period:
    return Period.objects.select_for_update(no_key=True).get(pk=period.pk)


def why_not_yet(period: Period, *, at: datetime) -> str:
    """Why an open month cannot be closed for now, in a sentence; empty when it can."""
    if at < end_of(period.last_day):
        return _("The month is not over: it can be closed from %(day)s on.") % {
            "day": plain_day(next_month(period.month))
        }
    # One that is only to be closed by another person holds nobody up; months are closed in turn all the same.
    earlier = [month for month in waiting(period) if month.month < period.month]
    return _("%(month)s is open: close that first.") % {"month": earlier[0].name} if earlier else ""


def _in_turn(period: Period, *, at: datetime) -> Period:
    """Held until the end of the transaction. Raises NotYet, AlreadyDone."""
    period = _locked(period)
    if period.closed_at:
        raise AlreadyDone(_("This month is closed: it stays so."))
    if period.requested_at:
        raise AlreadyDone(_("Closing is asked for: withdraw that first."))
    if why := why_not_yet(period, at=at):
        raise NotYet(why)
    return period
