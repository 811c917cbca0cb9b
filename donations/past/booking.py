"""Book what happened before these books began: one person asks, another approves, and all of a file is booked or nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from .. import ledger, openings
from ..ledger import Posting
from ..models import AccountKey, Donation, Entry, LegalCost, PastImport, PastRow, Payee
from ..models.refusals import broken_rule
from .fact import PastFact
from .reading import PastReading, read
from .sums import more_than_stated, names

# What the database's own rules refuse a cost with (migrations/0008_policy.py).
COST_REFUSALS = {"legal_cost_of_a_kind_the_policy_pays", "legal_cost_within_its_cap"}


class PastError(Exception):
    """A step that is refused; the message is a sentence for the office."""


class NotFit(PastError):
    """The file has rows that must be mended first; `problems` are the sentences, row by row."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


class NothingNew(PastError):
    """Every row of the file is booked already."""


class WaitsAlready(PastError):
    """The very file is asked for and not decided."""


class SamePerson(PastError):
    """Who asked for it cannot approve it."""


class WrongState(PastError):
    """It is decided already."""


class NoReason(PastError):
    """A refusal has a reason."""


@transaction.atomic
def request(text: str, *, name: str, by: User, at: datetime) -> PastImport:
    """Asks that the file be booked; nothing is yet. Raises NotFit, NothingNew, WaitsAlready, tables.UnreadableTable."""
    _fit(text, at=at)
    try:
        with transaction.atomic():
            return PastImport.objects.create(
                name=name[:200],
                sha256=sha256(text.encode()).hexdigest(),
                table=text,
                requested_by=by,
                requested_at=at,
            )
    except IntegrityError as error:
        raise WaitsAlready(
            _("This very file waits for another person to approve it already.")
        ) from error


@transaction.atomic
def approve(past: PastImport, *, by: User, at: datetime) -> PastImport:
    """Books every row that is new. What has changed since it was asked for is looked at again: NotFit, NothingNew."""
    with connection.cursor() as cursor:
        # Two files at once would each take the other's rows for new.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('donations.past'))")
    past = _undecided(past)
    if past.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this yourself: another person must approve it."))
    reading = _fit(past.table, at=at)
    past.approved_by, past.approved_at, past.table = by, at, ""
    past.save(update_fields=["approved_by", "approved_at", "table"])
    donations = _donations(reading.new)
    costs = _costs(reading.new, past)
    PastRow.objects.bulk_create(
        _row(fact, past, donations.get(fact.key), costs.get(fact.key)) for fact in reading.new
    )
    # What came in first, so that no payment finds a fund empty that has what it needs.
    for paid in (False, True):
        facts = [fact for fact in reading.new if (fact.kind is PastRow.Kind.PAYMENT) is paid]
        ledger.post_many([posting for fact in facts for posting in _postings(fact)])
    _check_no_place_short(reading.new)
    _check_openings(reading.new)
    return past


@transaction.atomic
def refuse(past: PastImport, *, reason: str, by: User, at: datetime) -> PastImport:
    """Ends the request, by anyone who may approve it; or withdraws it, by who asked. Its rows are not kept."""
    past = _undecided(past)
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    past.refused_by, past.refused_at, past.refusal_reason = by, at, reason.strip()
    past.table = ""
    past.save(update_fields=["refused_by", "refused_at", "refusal_reason", "table"])
    return past


@transaction.atomic
def forget(row: PastRow, *, at: datetime) -> PastRow:
    """Empties who gave and what was noted; the gift stays, and so do all sums."""
    row = PastRow.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if row.forgotten_at:
        raise WrongState(_("This is forgotten already."))
    row.supporter_name = row.supporter_email = row.note = ""
    row.forgotten_at = at
    row.save(update_fields=["supporter_name", "supporter_email", "note", "forgotten_at"])
    return row


def _undecided(past: PastImport) -> PastImport:
    past = PastImport.objects.select_for_update(of=("self",)).get(pk=past.pk)
    if past.approved_at or past.refused_at:
        raise WrongState(_("This is decided already."))
    return past


def _fit(text: str, *, at: datetime) -> PastReading:
    reading = read(text, today=at.date())
    if reading.problems:
        raise NotFit(reading.problems)
    if not reading.new:
        raise NothingNew(_("Every row of this file is booked already: there is nothing to do."))
    return reading


def _donations(facts: Iterable[PastFact]) -> dict[str, Donation]:
    """A donation for each gift; from nobody we know, as nobody announced it here."""
    rows = {
        fact.key: Donation(
            fund=fact.fund,
            method=Donation.Method.TRANSFER if fact.bank_account else Donation.Method.CASH,
            amount=fact.amount,
            currency=fact.currency,
            fee=fact.fee,
            received_at=datetime.combine(fact.happened_on, time.min, UTC),
            source=f"past:{fact.key}",
        )
        for fact in facts
        if fact.kind is PastRow.Kind.GIFT
    }
    Donation.objects.bulk_create(rows.values())
    return rows


def _costs(facts: Iterable[PastFact], past: PastImport) -> dict[str, LegalCost]:
    """What is still owed, each a cost like any other; whom it is owed to is recorded in the register of payees afterwards."""
    owed = [fact for fact in facts if fact.kind is PastRow.Kind.COST]
    if not owed:
        return {}
    by, at = past.requested_by, past.requested_at
    payee = Payee.objects.create(kind=Payee.Kind.OTHER, recorded_by=by, recorded_at=at)
    rows = {}
    for fact in owed:
        assert fact.case is not None and fact.defendant is not None
        try:
            with transaction.atomic():
                rows[fact.key] = LegalCost.objects.create(
                    case=fact.case,
                    defendant=fact.defendant,
                    kind=fact.cost_kind,
                    description=_("Taken over from before these books began."),
                    owed=fact.amount,
                    currency=fact.currency,
                    due_on=fact.due_on,
                    payee=payee,
                    recorded_by=by,
                    recorded_at=datetime.combine(fact.happened_on, time.min, UTC),
                )
        except IntegrityError as error:
            if broken_rule(error) not in COST_REFUSALS:
                raise
            why = _(
                "Row %(row)d: the policy in force on %(day)s does not pay such a cost, or not that much."
            )
            row = {"row": fact.row, "day": plain_day(fact.happened_on)}
            raise NotFit([why % row]) from error
    return rows


def _row(
    fact: PastFact, past: PastImport, donation: Donation | None, cost: LegalCost | None
) -> PastRow:
    return PastRow(
        past_import=past,
        row=fact.row,
        key=fact.key,
        kind=fact.kind,
        happened_on=fact.happened_on,
        amount=fact.amount,
        fee=fact.fee,
        currency=fact.currency,
        fund=fact.fund,
        bank_account=fact.bank_account,
        case=fact.case,
        defendant=fact.defendant,
        cost_kind=fact.cost_kind,
        donation=donation,
        cost=cost,
        supporter_name=fact.name,
        supporter_email=fact.email,
        note=fact.note,
    )


def _postings(fact: PastFact) -> Iterable[Posting]:
    if fact.fund is None:
        return
    fund, place = AccountKey.fund(fact.fund, fact.currency), fact.place
    source, day = f"past:{fact.key}", fact.happened_on
    match fact.kind:
        case PastRow.Kind.GIFT:
            yield Posting(Entry.Kind.DONATION, place, fund, fact.amount, day, source)
            if fact.fee:
                yield Posting(Entry.Kind.FEE, fund, place, fact.fee, day, f"{source}:fee")
        case PastRow.Kind.OPENING:
            yield Posting(Entry.Kind.OPENING, place, fund, fact.amount, day, source)
        case PastRow.Kind.PAYMENT:
            yield Posting(Entry.Kind.PAST_PAYMENT, fund, place, fact.amount, day, source)


def _check_no_place_short(facts: Iterable[PastFact]) -> None:
    """Posting holds the funds; what others took from a place or a fund meanwhile is seen here, and all is taken back."""
    short = sorted(name for key, name in names(facts).items() if ledger.balance(key) < 0)
    if short:
        raise NotFit([_("There is not enough in %(places)s any more.") % {"places": ", ".join(short)}])  # fmt: skip


def _check_openings(facts: Iterable[PastFact]) -> None:
    """What two people ask for one after the other, or a spreadsheet beside a form, is not booked twice."""
    accounts = {fact.bank_account for fact in facts if fact.is_opening and fact.bank_account}
    problems = [
        more_than_stated(opening, opening.booked)
        for account in sorted(accounts, key=lambda account: account.code)
        if (opening := openings.opening_of(account)) and opening.missing < 0
    ]
    if problems:
        raise NotFit(problems)
