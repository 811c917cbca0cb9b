"""Candidates for money that came from ourselves: payouts from Stripe, cash and cheques brought to the bank."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from ..models import CashDeposit, CashReceipt, Payout, StatementLine
from ..references import squeeze
from .evidence import (
    AMOUNT,
    NAMES_SENDER,
    NEARBY,
    REFERENCE,
    Certainty,
    Reason,
    Suggestion,
    apart,
    squeezed,
)


def payouts(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Payouts in transit of the amount that is open."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    by_amount: dict[tuple[str, Decimal], list[Payout]] = defaultdict(list)
    for payout in Payout.objects.in_transit().filter(
        currency__in={line.currency for line in lines},
        amount__in={line.open_amount for line in lines},
    ):
        by_amount[payout.currency, payout.amount].append(payout)
    for line in lines:
        for payout in by_amount[line.currency, line.open_amount]:
            found[line.pk].append(_payout(line, payout))
    return found


def _payout(line: StatementLine, payout: Payout) -> Suggestion:
    reasons = [Reason(_("The amount is the payout's."), AMOUNT)]
    written = squeezed(line)
    names_stripe = "STRIPE" in written
    names_payout = squeeze(payout.stripe_payout_id) in written
    if names_payout:
        reasons.append(Reason(_("The text names the payout."), REFERENCE))
    elif names_stripe:
        reasons.append(Reason(_("The text names Stripe."), NAMES_SENDER))
    days = abs((line.booked_on - payout.arrives_on).days)
    reasons.append(apart(days, _("It was expected on that day."), payout.arrives_on))
    is_near = days <= NEARBY.days
    if names_payout or (names_stripe and is_near):
        certainty = Certainty.SURE
    else:
        certainty = Certainty.LIKELY if is_near else Certainty.POSSIBLE
    return Suggestion(payout, certainty, tuple(reasons), days)


def handed_over(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Cash that was brought to the account, and cheques not paid yet, of the amount that is open."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    amounts = {line.open_amount for line in lines}
    deposits = list(CashDeposit.objects.on_its_way().filter(amount__in=amounts))
    cheques = list(CashReceipt.objects.pending().select_related("fund").filter(amount__in=amounts))
    for line in lines:
        for deposit in deposits:
            if (deposit.bank_account_id, deposit.amount) == (line.account_id, line.open_amount):
                on, same = deposit.deposited_on, _("It was brought on that day.")
                found[line.pk].append(_handed_over(line, deposit, on, same))
        for cheque in cheques:
            if (cheque.currency, cheque.amount) == (line.currency, line.open_amount):
                on, same = cheque.received_on, _("It was handed over on that day.")
                found[line.pk].append(_handed_over(line, cheque, on, same))
    return found


def _handed_over(
    line: StatementLine, target: CashDeposit | CashReceipt, on: date, same: str
) -> Suggestion:
    """Banks name neither: a person compares. Likely when the bank booked it soon afterwards."""
    days = (line.booked_on - on).days
    is_soon = 0 <= days <= 2 * NEARBY.days
    reasons = (Reason(_("The amount is the same."), AMOUNT), apart(abs(days), same, on))
    return Suggestion(
        target, Certainty.LIKELY if is_soon else Certainty.POSSIBLE, reasons, abs(days)
    )
