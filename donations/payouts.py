"""What Stripe kept and what it sent to the bank: fees and payouts, booked from its balance transactions."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from . import ledger, stripe_api
from .ledger import Posting
from .models import AccountKey, Donation, Entry, Payout
from .stripe_api import BalanceTransaction

logger = logging.getLogger(__name__)

PAYMENTS = frozenset({"charge", "payment"})
# Booked from their own events: what they say of the balance is compared, not booked again.
BOOKED_ELSEWHERE = frozenset({"refund", "payment_refund"})
PAYOUTS = frozenset({"payout", "payout_failure"})


@dataclass
class Synced:
    """What a run found: how many entries are new, and each movement on Stripe's balance it could not place."""

    new_entries: int = 0
    unplaced: list[str] = field(default_factory=list)


@transaction.atomic
def sync(*, since: datetime) -> Synced:
    """Books fees and payouts of Stripe's balance since an instant; run again it changes nothing.

    Raises stripe_api.StripeUnavailable or StripeRefused, with nothing booked.
    """
    movements = list(stripe_api.balance_transactions(since=since))
    synced = Synced()
    postings = _fees(movements, synced)
    postings += _payouts(list(stripe_api.payouts(since=since)))
    known = PAYMENTS | BOOKED_ELSEWHERE | PAYOUTS
    synced.unplaced += [f"{m.id}: {m.type}" for m in movements if m.type not in known]
    synced.new_entries = ledger.post_many(postings)
    for item in synced.unplaced:
        logger.warning("unplaced on Stripe's balance: %s", item)
    return synced


def _fees(movements: Iterable[BalanceTransaction], synced: Synced) -> list[Posting]:
    payments = {m.payment_intent_id: m for m in movements if m.type in PAYMENTS}
    donations = {
        str(donation.stripe_payment_intent_id): donation
        for donation in Donation.objects.select_related("fund").filter(
            stripe_payment_intent_id__in=payments
        )
    }
    postings, changed = [], []
    for payment, movement in payments.items():
        donation = donations.get(payment)
        if donation is None:
            synced.unplaced.append(f"{movement.id}: {movement.type} without a donation")
            continue
        if donation.fee != movement.fee:
            donation.fee = movement.fee
            changed.append(donation)
        if movement.fee:
            postings.append(
                Posting(
                    kind=Entry.Kind.FEE,
                    debit=AccountKey.fund(donation.fund, movement.currency),
                    credit=AccountKey.stripe(movement.currency),
                    amount=movement.fee,
                    booked_on=movement.created_at.date(),
                    source=f"stripe:{movement.id}:fee",
                )
            )
    Donation.objects.bulk_update(changed, ["fee"])
    return postings


def _payouts(payouts: Iterable[stripe_api.Payout]) -> list[Posting]:
    postings = []
    for payout in payouts:
        if payout.status == "canceled":
            continue
        row, _is_new = Payout.objects.get_or_create(
            stripe_payout_id=payout.id,
            defaults={
                "amount": payout.amount,
                "currency": payout.currency,
                "created_at": payout.created_at,
                "arrives_on": payout.arrival_at.date(),
            },
        )
        stripe_, transit = AccountKey.stripe(payout.currency), AccountKey.transit(payout.currency)
        postings.append(
            Posting(
                kind=Entry.Kind.PAYOUT_LEFT,
                debit=transit,
                credit=stripe_,
                amount=payout.amount,
                booked_on=payout.created_at.date(),
                source=f"stripe:{payout.id}",
            )
        )
        if payout.status == "failed":
            if row.returned_at is None:
                row.returned_at = payout.arrival_at
                row.save(update_fields=["returned_at"])
            postings.append(
                Posting(
                    kind=Entry.Kind.PAYOUT_RETURNED,
                    debit=stripe_,
                    credit=transit,
                    amount=payout.amount,
                    booked_on=payout.arrival_at.date(),
                    source=f"stripe:{payout.id}:returned",
                )
            )
    return postings
