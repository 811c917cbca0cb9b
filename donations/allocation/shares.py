"""Whose money a cost still holds, when several funds share it.

The rule: a cost is paid from its funds in the order in which they first gave, each to the end of what it gave. So what
is left belongs to those who gave last; and what comes back goes back to them first.
"""

from decimal import Decimal

from donations import ledger
from donations.models import AccountKey, Fund, LegalCost
from donations.models.cost_figures import SIGNED

ZERO = Decimal(0)


def unspent(cost: LegalCost) -> list[tuple[Fund, Decimal]]:
    """What of each fund's money the cost still holds, deposits with courts included; who gets back first stands first.

    Adds up to the balance of the cost's account. To be read while the cost's row is held.
    """
    given: dict[int, Decimal] = {}
    rows = cost.allocations.order_by("pk").annotate(net=SIGNED)
    for fund_id, net in rows.values_list("fund", "net"):
        given[fund_id] = given.get(fund_id, ZERO) + net
    funds = Fund.objects.in_bulk(given)
    left = ledger.balance(AccountKey.cost(cost))
    shares = []
    for fund_id in reversed(given):
        part = min(given[fund_id], left)
        left -= part
        if part > 0:
            shares.append((funds[fund_id], part))
    return shares


def first_back(shares: list[tuple[Fund, Decimal]], amount: Decimal) -> list[tuple[Fund, Decimal]]:
    """`amount` parted over `shares`, each to its end before the next."""
    parts = []
    for fund, share in shares:
        part = min(share, amount)
        amount -= part
        if part > 0:
            parts.append((fund, part))
    return parts
