"""Which movements on Stripe's balance each payout brought to the bank, once Stripe has said so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from donations import stripe_api, stripe_facts
from donations.currencies import quantize
from donations.models import BalanceTransaction, Payout

type Items = Mapping[str, Sequence[stripe_facts.BalanceTransaction]]


def fetch_items(payouts: Sequence[stripe_facts.Payout]) -> Items:
    """The movements of each payout that can be itemised and is not yet, by Stripe's name of the payout.

    Stripe itemises automatic payouts alone, and only after payout.reconciliation_completed
    (docs.stripe.com/payouts/reconciliation).
    """
    told = {p.id for p in payouts if p.is_automatic and p.is_reconciled and p.amount > 0}
    done = Payout.objects.filter(stripe_payout_id__in=told, itemised_at__isnull=False)
    waiting = told - set(done.values_list("stripe_payout_id", flat=True))
    return {
        payout: [
            movement
            for movement in stripe_api.balance_transactions(payout=payout)
            # Its own is listed among them; of an earlier one that came back it may bring the money.
            if movement.source_id != payout
        ]
        for payout in sorted(waiting)
    }


def keep_items(items: Items, unplaced: list[str], *, at: datetime) -> None:
    """Ties the movements to their payouts; adds to `unplaced` each payout that is not the sum of its movements."""
    if not items:
        return
    # Held: of two runs at once the second finds it done.
    waiting = Payout.objects.select_for_update().filter(
        stripe_payout_id__in=items, itemised_at=None
    )
    for payout in waiting.order_by("pk"):
        movements = items[payout.stripe_payout_id]
        total = sum((movement.net for movement in movements), Decimal(0))
        if total != payout.amount:
            unplaced.append(
                f"{payout}: its movements come to {total} {payout.currency}, it is "
                f"{quantize(payout.amount, payout.currency)}"
            )
            continue
        names = [movement.id for movement in movements]
        BalanceTransaction.objects.filter(stripe_id__in=names).update(payout=payout)
        payout.itemised_at = at
        payout.save(update_fields=["itemised_at"])
