"""Known payers stay known after a new SECRET_KEY: their hashes, computed anew from what the bank said of them."""

from django.db import transaction

from ..models import StatementLine, bulk
from .codes import payer_hash

AT_ONCE = 2_000


@transaction.atomic
def rekey_payers() -> int:
    """Writes the hash of every payer with the present SECRET_KEY; how many lines have one. Lines whose payer was erased
    have none. Raises privacy.Undecipherable, with nothing changed."""
    lines = StatementLine.objects.exclude(payer_hash="").only(
        "counterparty", "counterparty_account", "payer_hash"
    )
    count, last = 0, 0
    while batch := list(lines.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        for line in batch:
            line.payer_hash = payer_hash(line.counterparty_account, line.counterparty)
        bulk.write(batch, ["payer_hash"])
        count, last = count + len(batch), batch[-1].pk
    return count
