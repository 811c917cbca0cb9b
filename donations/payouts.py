"""What Stripe kept, took back and sent to the bank: fees, disputes and payouts, booked from its balance transactions."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q

from . import ledger, stripe_api, stripe_facts
from .ledger import Posting
from .models import AccountKey, Donation, Entry, Payout, StripeEvent
from .stripe_facts import BalanceTransaction

logger = logging.getLogger(__name__)

# Older ones are left to the timetable: what Stripe has not said within an hour it does not say in seconds.
AWAITED = timedelta(hours=1)
# Clocks differ, and Stripe counts in whole seconds.
MARGIN = timedelta(minutes=1)
PAYMENTS = frozenset({"charge", "payment"})
# Booked from their own events and from the list of payouts: not a second time from the balance.
BOOKED_ELSEWHERE = frozenset({"refund", "payment_refund", "payout", "payout_failure"})


@dataclass
class Synced:
    """What a run found: how many entries are new, and each movement on Stripe's balance it could not place."""

    new_entries: int = 0
    unplaced: list[str] = field(default_factory=list)


def awaited_since(*, told_since: datetime, at: datetime) -> datetime | None:
    """From when on Stripe's balance holds something for us that we have not seen; None when there is nothing.

    Gifts of late without their fee, and payouts and disputes told of since `told_since`. So each movement is listed
    once or twice, however many gifts come in, and not again with every one of them.
    """
    without_fee = Donation.objects.filter(
        method=Donation.Method.CARD, fee=None, received_at__gte=at - AWAITED
    ).aggregate(first=Min("received_at"))["first"]
    told = StripeEvent.objects.filter(
        Q(type__startswith="payout.") | Q(type__startswith="charge.dispute."),
        processed_at__gte=told_since,
    ).aggregate(first=Min("created_at"))["first"]
    # A payout is told of when it leaves, and lists by when it was made.
    instants = [without_fee and without_fee - MARGIN, told and told - AWAITED]
    return min((instant for instant in instants if instant), default=None)


def sync(*, since: datetime) -> Synced:
    """Books fees, disputes and payouts of Stripe's balance since an instant; run again it changes nothing.

    Raises stripe_api.StripeUnavailable or StripeRefused, with nothing booked.
    """
    movements = list(stripe_api.balance_transactions(since=since))
    payouts = list(stripe_api.payouts(since=since))
    synced = _book(movements, payouts)
    for item in synced.unplaced:
        logger.warning("unplaced on Stripe's balance: %s", item)
    return synced


@transaction.atomic
def _book(
    movements: Sequence[BalanceTransaction], payouts: Sequence[stripe_facts.Payout]
) -> Synced:
    synced = Synced()
    donations = {
        str(donation.stripe_payment_intent_id): donation
        for donation in Donation.objects.select_related("fund").filter(
            stripe_payment_intent_id__in={m.payment_intent_id for m in movements}
        )
    }
    postings: list[Posting] = []
    changed = []
    for movement in movements:
        if movement.type in BOOKED_ELSEWHERE:
            continue
        is_payment = movement.type in PAYMENTS
        if not is_payment and not movement.is_dispute:
            synced.unplaced.append(f"{movement.id}: {movement.type}")
            continue
        donation = donations.get(movement.payment_intent_id)
        if donation is None or donation.currency != movement.currency:
            what = "dispute" if movement.is_dispute else movement.type
            synced.unplaced.append(f"{movement.id}: {what} without a donation")
            continue
        if not is_payment:
            postings += _dispute(movement, donation)
            continue
        if donation.fee != movement.fee:
            donation.fee = movement.fee
            changed.append(donation)
        if movement.fee:
            postings.append(_out_of_fund(movement, donation, Entry.Kind.FEE, "fee"))
    Donation.objects.bulk_update(changed, ["fee"])
    postings += _payouts(payouts, synced)
    synced.new_entries = ledger.post_many(postings)
    return synced


def _out_of_fund(
    movement: BalanceTransaction, donation: Donation, kind: Entry.Kind, part: str = ""
) -> Posting:
    """The movement's amount, or its fee when `part` is "fee", out of the donation's fund; into it when it came back."""
    amount = movement.fee if part == "fee" else -movement.amount
    fund = AccountKey.fund(donation.fund, movement.currency)
    stripe = AccountKey.stripe(movement.currency)
    return Posting(
        kind=kind,
        debit=fund if amount > 0 else stripe,
        credit=stripe if amount > 0 else fund,
        amount=abs(amount),
        booked_on=movement.created_at.date(),
        source=f"stripe:{movement.id}:{part}" if part else f"stripe:{movement.id}",
    )


def _dispute(movement: BalanceTransaction, donation: Donation) -> Iterable[Posting]:
    """A supporter's bank takes a payment back, for a fee; or returns it, and maybe the fee, when we won."""
    if movement.amount:
        kind = Entry.Kind.DISPUTE if movement.amount < 0 else Entry.Kind.DISPUTE_WON
        yield _out_of_fund(movement, donation, kind)
    if movement.fee:
        yield _out_of_fund(movement, donation, Entry.Kind.DISPUTE_FEE, "fee")


def _payouts(payouts: Sequence[stripe_facts.Payout], synced: Synced) -> Iterable[Posting]:
    """Rows for payouts not known yet, and what left Stripe or came back to it."""
    known = {
        row.stripe_payout_id: row
        for row in Payout.objects.prefetch_related("matches").filter(
            stripe_payout_id__in=[p.id for p in payouts]
        )
    }
    new, returned, postings = [], [], []
    for payout in payouts:
        row = known.get(payout.id)
        if payout.amount <= 0:
            # Stripe collects from the bank what refunds took below zero; which fund owes it, a person must say.
            synced.unplaced.append(f"{payout.id}: payout of {payout.amount} {payout.currency}")
            continue
        came_back = payout.status in {"failed", "canceled"}
        if row is None:
            if payout.status == "canceled":
                continue  # it never left
            row = Payout(
                stripe_payout_id=payout.id,
                amount=payout.amount,
                currency=payout.currency,
                created_at=payout.created_at,
                arrives_on=payout.arrival_at.date(),
            )
            new.append(row)
        postings.append(_between(row, Entry.Kind.PAYOUT_LEFT))
        if not came_back:
            continue
        if row.pk and any(match.undone_at is None for match in row.matches.all()):
            synced.unplaced.append(f"{payout.id}: came back, but a bank line says it arrived")
            continue
        if row.returned_at is None:
            row.returned_at = payout.arrival_at
            if row.pk:
                returned.append(row)
        postings.append(_between(row, Entry.Kind.PAYOUT_RETURNED))
    # Two runs at once may both find a payout new: the second keeps the first's row.
    Payout.objects.bulk_create(new, ignore_conflicts=True)
    Payout.objects.bulk_update(returned, ["returned_at"])
    return postings


def _between(payout: Payout, kind: Entry.Kind) -> Posting:
    stripe, transit = AccountKey.stripe(payout.currency), AccountKey.transit(payout.currency)
    source = f"stripe:{payout.stripe_payout_id}"
    if kind == Entry.Kind.PAYOUT_LEFT:
        return Posting(
            kind=kind,
            debit=transit,
            credit=stripe,
            amount=payout.amount,
            booked_on=payout.created_at.date(),
            source=source,
        )
    assert payout.returned_at is not None
    return Posting(
        kind=kind,
        debit=stripe,
        credit=transit,
        amount=payout.amount,
        booked_on=payout.returned_at.date(),
        source=f"{source}:returned",
    )
