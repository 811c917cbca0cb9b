"""That the list of differences has each unit of money once, held against what Stripe moved and what is booked, added up here."""

from decimal import Decimal

from donations import differences
from donations.clearing import PLACES, clearing
from donations.models import BalanceTransaction, Entry


def lying(at):
    """What of which kind lies on which clearing account: told, and booked. Fails where it is not all, or not once."""
    return lying_of(differences.listed(at=at))


def lying_of(listed):
    """As `lying`, of what was listed already."""
    names = [(item.kind, item.name, item.currency) for item in listed]
    assert sorted(set(names)) == sorted(names)
    facts = [
        (lies.place, lies.currency, item.subject, item.subject_id, item.name)
        for item in listed
        for lies in item.lies
    ]
    assert sorted(set(facts)) == sorted(facts)
    booked, told = _booked(), _told()
    accounts = clearing(listed)
    for each in accounts:
        own = {each.account.place, each.account.code}
        rows = [
            lies
            for item in listed
            for lies in item.lies
            if lies.place in own and lies.currency == each.account.currency
        ]
        assert each.listed == sum(lies.booked for lies in rows) == booked.get(each.account.code, 0)
        assert each.told == sum(lies.told for lies in rows)
        if each.account.place == "stripe":
            assert each.told == told.get(each.account.currency, 0)
    assert {code for code, amount in booked.items() if amount} <= {
        each.account.code for each in accounts
    }
    return {
        each.account.code: [(str(part.kind), part.told, part.booked) for part in each.parts]
        for each in accounts
    }


def _booked():
    balances = {}
    for entry in Entry.objects.select_related("debit", "credit"):
        for account, amount in ((entry.debit, entry.amount), (entry.credit, -entry.amount)):
            if account.place in PLACES:
                balances[account.code] = balances.get(account.code, Decimal(0)) + amount
    return balances


def _told():
    balances = {}
    for movement in BalanceTransaction.objects.all():
        so_far = balances.get(movement.currency, Decimal(0))
        balances[movement.currency] = so_far + movement.net
    return balances
