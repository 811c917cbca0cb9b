"""Stripe's transfers to the bank: rows for those not known yet, and what left Stripe or came back to it."""

from collections.abc import Iterable, Sequence

from donations import stripe_facts
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BalanceTransaction,
    Entry,
    MovementExplanation,
    Payout,
    bulk,
)


def book_payouts(payouts: Sequence[stripe_facts.Payout], unplaced: list[str]) -> Iterable[Posting]:
    """Writes the rows, adds to `unplaced` what a person must place; returns what is to be posted.

    What came back is booked by the movement that brought it: `arrival_at` may still be to come, and is no day of the books.
    """
    known = {
        row.stripe_payout_id: row
        for row in Payout.objects.prefetch_related("matches").filter(
            stripe_payout_id__in=[p.id for p in payouts]
        )
    }
    collected = set(
        MovementExplanation.objects.standing()
        .filter(movement__source_id__in=[p.id for p in payouts if p.amount <= 0])
        .values_list("movement__source_id", flat=True)
    )
    ended = [p.id for p in payouts if p.status in {"failed", "canceled"}]
    back_at = dict(
        BalanceTransaction.objects.filter(
            source_id__in=ended, type__in=("payout_failure", "payout_cancel")
        ).values_list("source_id", "created_at")
    )
    new, returned, postings = [], [], []
    for payout in payouts:
        row = known.get(payout.id)
        if payout.amount <= 0:
            # Stripe collects from the bank what refunds took below zero; from which account, people must say.
            if payout.id not in collected:
                unplaced.append(f"{payout.id}: payout of {payout.amount} {payout.currency}")
            continue
        if row is None:
            row = Payout(
                stripe_payout_id=payout.id,
                amount=payout.amount,
                currency=payout.currency,
                created_at=payout.created_at,
                arrives_on=payout.arrival_at.date(),
            )
            new.append(row)
        postings.append(_between(row, Entry.Kind.PAYOUT_LEFT))
        if payout.id not in back_at:
            continue
        if row.pk and any(match.undone_at is None for match in row.matches.all()):
            unplaced.append(f"{payout.id}: came back, but a bank line says it arrived")
            continue
        if row.returned_at is None:
            row.returned_at = back_at[payout.id]
            if row.pk:
                returned.append(row)
        postings.append(_between(row, Entry.Kind.PAYOUT_RETURNED))
    # Two runs at once may both find a payout new: the second keeps the first's row.
    Payout.objects.bulk_create(new, ignore_conflicts=True)
    bulk.write(returned, ["returned_at"])
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
