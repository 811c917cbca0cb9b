"""Candidates for money that came from ourselves: payouts from Stripe, cash and cheques brought to the bank, bail given back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from ..currencies import written
from ..models import BailOutcome, CashDeposit, CashReceipt, Fund, LegalCost, Payout, StatementLine
from ..references import squeeze
from .charges import MOST_KEPT, bearer_of, bearers, obstacle
from .evidence import (
    AMOUNT,
    NAMES_STRIPE,
    REFERENCE,
    Reason,
    Suggestion,
    apart,
    squeezed,
)
from .matches import Less
from .reading import Known, Wanted, related_by, revived, rows_of


def wanted(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    """For lines on which money came: what is on its way, of the amounts that are open; of payouts also what is more."""
    amounts = {line.open_amount for line in lines}
    yield rows_of(
        "payout",
        Payout.objects.in_transit().filter(
            currency__in={line.currency for line in lines}, amount__gte=min(amounts)
        ),
    )
    yield rows_of("deposit", CashDeposit.objects.on_its_way().filter(amount__in=amounts))
    yield rows_of(
        "cheque",
        CashReceipt.objects.pending().filter(amount__in=amounts),
        of_fund=related_by("fund", "id", "name"),
    )
    outcomes = BailOutcome.objects.unproved().filter(
        bank_account__in={line.account_id for line in lines}, amount__in=amounts
    )
    yield rows_of("bail", outcomes, of_cost=related_by("cost", "id", "number"))


def payouts(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Payouts in transit of the amount that is open."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    by_amount: dict[tuple[str, Decimal], list[Payout]] = defaultdict(list)
    for facts in known["payout"]:
        payout = revived(Payout, facts)
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
        reasons.append(Reason(_("The text names Stripe."), NAMES_STRIPE))
    days = abs((line.booked_on - payout.arrives_on).days)
    reasons.append(apart(days, _("It was expected on that day."), payout.arrives_on))
    return Suggestion(payout, tuple(reasons), days)


def payouts_less(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Payouts in transit of a little more than the amount that is open: a bank may have kept its fee. Never sure."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    waiting: dict[str, list[Payout]] = defaultdict(list)
    for facts in known["payout"]:
        waiting[facts["currency"]].append(revived(Payout, facts))
    bearing = bearers(known)
    for line in lines:
        written_there = squeezed(line)
        for payout in waiting[line.currency]:
            kept = payout.amount - line.open_amount
            names_payout = squeeze(payout.stripe_payout_id) in written_there
            is_little = 0 < kept <= payout.amount * MOST_KEPT and "STRIPE" in written_there
            if kept <= 0 or not (names_payout or is_little):
                continue
            if chosen := bearer_of(bearing[line.account_id], kept):
                target = Less(payout, chosen.fund)
                found[line.pk].append(
                    _less(line, target, names_payout, why_not=obstacle(chosen, kept))
                )
    return found


def _less(line: StatementLine, target: Less, names_payout: bool, *, why_not: str) -> Suggestion:
    days = abs((line.booked_on - target.payout.arrives_on).days)
    named = (
        Reason(_("The text names the payout."), REFERENCE)
        if names_payout
        else Reason(_("The text names Stripe."), NAMES_STRIPE)
    )
    amount = written(target.payout.amount - line.open_amount, line.currency)
    reasons = (
        named,
        Reason(
            _("It is %(amount)s less than the payout: a bank kept its fee.") % {"amount": amount},
            is_doubtful=True,
        ),
        apart(days, _("It was expected on that day."), target.payout.arrives_on),
    )
    return Suggestion(target, reasons, days, obstacle=why_not)


def bail(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Bail of which it was recorded that it came back into the line's account, of the open amount, and no line showed it yet."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    for facts in known["bail"]:
        outcome = revived(BailOutcome, facts, cost=revived(LegalCost, facts["of_cost"]))
        for line in lines:
            if (outcome.bank_account_id, outcome.amount) == (line.account_id, line.open_amount):
                on, same = outcome.happened_on, _("The court gave it back on that day.")
                days = abs((line.booked_on - on).days)
                reasons = (Reason(_("The amount is the bail's."), AMOUNT), apart(days, same, on))
                found[line.pk].append(Suggestion(outcome, reasons, days))
    return found


def handed_over(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Cash that was brought to the account, and cheques not paid yet, of the amount that is open."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    deposits = [revived(CashDeposit, facts) for facts in known["deposit"]]
    cheques = [
        revived(CashReceipt, facts, fund=revived(Fund, facts["of_fund"]))
        for facts in known["cheque"]
    ]
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
    """Banks name neither: a person compares."""
    days = abs((line.booked_on - on).days)
    reasons = (Reason(_("The amount is the same."), AMOUNT), apart(days, same, on))
    return Suggestion(target, reasons, days)
