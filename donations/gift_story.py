"""READ: the way of one gift, for the office: form, payment pages, what Stripe said, entries, payout, bank line, letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.db.models import Model, Prefetch
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .models import (
    BalanceTransaction,
    Donation,
    Entry,
    Pledge,
    StatementLine,
    StatementMatch,
    StripeEvent,
)


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `state` is done, waiting or failed; `row` is where the office can look closer."""

    at: datetime
    what: str
    name: str = ""
    amount: Decimal | None = None
    state: str = "done"
    note: str = ""
    row: Model | None = None
    # Of the day alone is known, as a bank tells it.
    is_day: bool = False


def story_of(pledge: Pledge) -> list[Moment]:
    """Everything known of one gift, in the order it happened; the same number of queries however much that is."""
    donations = list(
        pledge.donations.select_related("fund", "receipt")
        .prefetch_related(
            "refunds",
            "disputes",
            Prefetch("matches", StatementMatch.objects.standing().select_related("line__account")),
        )
        .order_by("pk")
    )
    movements = _movements(donations)
    moments = [
        Moment(pledge.created_at, _("Form sent"), name=str(pledge.uuid), amount=pledge.total),
        *_pages(pledge),
        *_declines(pledge),
        *_events(pledge, donations, movements),
        *_donations(donations, pledge.created_at),
        *_entries(donations, movements),
        *_to_the_bank(movements),
        *_letters(pledge),
    ]
    # Stripe knows the second alone. Within one, things stand above in the order in which one leads to the next.
    return sorted(moments, key=lambda moment: moment.at.replace(microsecond=0))


def _movements(donations: list[Donation]) -> list[BalanceTransaction]:
    payments = [d.stripe_payment_intent_id for d in donations if d.stripe_payment_intent_id]
    if not payments:
        return []
    arrivals = StatementMatch.objects.standing().select_related("line__account")
    return list(
        BalanceTransaction.objects.filter(stripe_payment_intent_id__in=payments)
        .select_related("payout")
        .prefetch_related(Prefetch("payout__matches", arrivals))
    )


def _pages(pledge: Pledge) -> Iterator[Moment]:
    for page in pledge.checkouts.all():
        name = page.stripe_session_id or ""
        state = "done" if page.is_over else "waiting"
        yield Moment(page.created_at, _("Payment page asked for"), name, page.amount, state)
        if page.failed_at:
            yield Moment(page.failed_at, _("Payment did not come through"), name, state="failed")
        if page.expired_at:
            yield Moment(page.expired_at, _("Payment page expired"), name, state="failed")


def _declines(pledge: Pledge) -> Iterator[Moment]:
    for decline in pledge.declines.all():
        yield Moment(decline.declined_at, _("Card declined"), decline.code, state="failed")


def _events(
    pledge: Pledge, donations: list[Donation], movements: list[BalanceTransaction]
) -> Iterator[Moment]:
    names = {page.stripe_session_id for page in pledge.checkouts.all()}
    for donation in donations:
        names.add(donation.stripe_payment_intent_id)
        names |= {refund.stripe_refund_id for refund in donation.refunds.all()}
        names |= {dispute.stripe_dispute_id for dispute in donation.disputes.all()}
    names |= {movement.source_id for movement in movements}
    if hasattr(pledge, "subscription"):
        names.add(pledge.subscription.stripe_subscription_id)
        names |= {charge.stripe_invoice_id for charge in pledge.subscription.charges.all()}
    events = StripeEvent.objects.filter(object_id__in=names - {None, ""})
    for event in events.order_by("created_at", "pk"):
        state = "failed" if event.error else "done" if event.processed_at else "waiting"
        note = event.error
        if event.attempts:
            note = f"{note} ({_('tries')}: {event.attempts})"
        yield Moment(event.created_at, event.type, event.object_id, None, state, note, event)


def _donations(donations: list[Donation], announced: datetime) -> Iterator[Moment]:
    for donation in donations:
        number = donation.receipt_number
        is_day = donation.is_known_by_day
        at = _on(donation.received_at.date(), announced) if is_day else donation.received_at
        yield Moment(at, _("Money received"), number, donation.amount, row=donation, is_day=is_day)
        if donation.reversed_at:
            yield Moment(donation.reversed_at, _("Taken back"), state="failed", row=donation)
        for match in donation.matches.all():
            yield _bank_line(match.line, announced)


def _entries(donations: list[Donation], movements: list[BalanceTransaction]) -> Iterator[Moment]:
    sources = [donation.source for donation in donations]
    for movement in movements:
        sources += movement.sources
    for entry in Entry.objects.filter(source__in=sources).select_related(*Entry.SIDES):
        accounts = f"{entry.debit.title} ← {entry.credit.title}"
        what = capfirst(entry.get_kind_display())
        yield Moment(entry.posted_at, what, accounts, entry.amount, row=entry)


def _to_the_bank(movements: list[BalanceTransaction]) -> Iterator[Moment]:
    payouts = {movement.payout for movement in movements if movement.payout}
    for payout in payouts:
        arrived = list(payout.matches.all())
        state = "failed" if payout.returned_at else "done" if arrived else "waiting"
        yield Moment(
            payout.created_at, _("Paid out with"), str(payout), payout.amount, state, row=payout
        )
        for match in arrived:
            yield _bank_line(match.line, payout.created_at)


def _letters(pledge: Pledge) -> Iterator[Moment]:
    for letter in pledge.letters.all():
        state = (
            "failed"
            if letter.error or letter.bounced_at
            else "done"
            if letter.sent_at
            else "waiting"
        )
        what = _("Letter: %(kind)s") % {"kind": letter.get_kind_display()}
        yield Moment(
            letter.sent_at or letter.created_at, what, state=state, note=letter.error, row=letter
        )


def _bank_line(line: StatementLine, cause: datetime) -> Moment:
    return Moment(_on(line.booked_on, cause), _("Bank line"), str(line), row=line, is_day=True)


def _on(day: date, cause: datetime) -> datetime:
    """Where a fact of a day stands among what is known to the second: never before its cause of that same day."""
    start = datetime.combine(day, time(), UTC)
    return max(start, cause) if day == cause.date() else start
