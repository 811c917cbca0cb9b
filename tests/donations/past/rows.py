"""A row of the past, the whole way."""

from donations import past
from donations.models import PastRow
from tests.factories import NOW


def make_past_row(fund, bank_account, by, approver) -> PastRow:
    text = (
        "kind,date,amount,currency,fund,place,name,email,note\n"
        f"gift,2025-02-10,5,{bank_account.currency},{fund.code},{bank_account.code},Ana,ana@example.org,sample\n"
    )
    asked = past.request(text, name="past.csv", by=by, at=NOW)
    past.approve(asked, by=approver, at=NOW)
    return PastRow.objects.get(past_import=asked)
