"""What a bank line could be: payouts on their way, payments made, gifts announced; with reasons a person can weigh."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..currencies import written
from ..models import (
    CashDeposit,
    CashReceipt,
    Disbursement,
    Payout,
    Pledge,
    RefundRequest,
    StatementLine,
)
from ..models.payee import hash_account
from ..references import Slip, SlipKind, find_references, format_reference, slips, squeeze

# A payout is expected on a day; banks and weekends move it by a few.
NEARBY = timedelta(days=5)
# Gifts announced longer ago than this are not proposed for their amount alone.
RECENT = timedelta(days=90)
# How many announced gifts are looked through for their amounts, the newest first.
SEARCHED = 1000
MOST = 5


class Certainty(IntEnum):
    """How much speaks for a candidate. Even SURE is booked only when a person says so."""

    SURE = 1
    LIKELY = 2
    POSSIBLE = 3


@dataclass(frozen=True)
class Suggestion:
    """One candidate for a line, and why."""

    target: Payout | Disbursement | RefundRequest | CashDeposit | CashReceipt | Pledge
    certainty: Certainty
    reasons: tuple[str, ...]
    days_apart: int = 0

    @property
    def token(self) -> str:
        """Names the target in a form: "payout-12"."""
        return f"{self.target._meta.model_name}-{self.target.pk}"


def suggest(line: StatementLine) -> list[Suggestion]:
    """Candidates for one line, the likeliest first; empty when nothing fits."""
    return suggest_many([line])[line.pk]


def suggest_many(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Candidates by the line's pk, in a fixed number of queries however many lines there are."""
    coming = [line for line in lines if line.amount > 0]
    going = [line for line in lines if line.amount < 0]
    found: dict[int, list[Suggestion]] = {line.pk: [] for line in lines}
    for part in (_payouts(coming), _handed(coming), _pledges(coming), _payments_out(going)):
        for pk, suggestions in part.items():
            found[pk] += suggestions
    for pk, suggestions in found.items():
        ranked = sorted(suggestions, key=lambda s: (s.certainty, s.days_apart, s.target.pk))
        found[pk] = _unsure_if_several(ranked)[:MOST]
    return found


def _unsure_if_several(ranked: list[Suggestion]) -> list[Suggestion]:
    """Where two are sure, neither is."""
    sure = [suggestion for suggestion in ranked if suggestion.certainty is Certainty.SURE]
    if len(sure) < 2:
        return ranked
    doubt = _("Another candidate fits as well.")
    return [
        replace(s, certainty=Certainty.LIKELY, reasons=(*s.reasons, doubt)) if s in sure else s
        for s in ranked
    ]


def _payouts(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = defaultdict(list)
    if not lines:
        return found
    payouts: dict[tuple[str, Decimal], list[Payout]] = defaultdict(list)
    for payout in Payout.objects.in_transit().filter(
        currency__in={line.currency for line in lines}, amount__in={line.amount for line in lines}
    ):
        payouts[payout.currency, payout.amount].append(payout)
    for line in lines:
        for payout in payouts[line.currency, line.amount]:
            found[line.pk].append(_payout(line, payout))
    return found


def _payout(line: StatementLine, payout: Payout) -> Suggestion:
    reasons = [_("The amount is the payout's.")]
    written = _written(line)
    names_stripe = "STRIPE" in written
    names_payout = squeeze(payout.stripe_payout_id) in written
    if names_payout:
        reasons.append(_("The text names the payout."))
    elif names_stripe:
        reasons.append(_("The text names Stripe."))
    apart = abs((line.booked_on - payout.arrives_on).days)
    reasons.append(_apart(apart, _("It was expected on that day."), payout.arrives_on))
    is_near = apart <= NEARBY.days
    if names_payout or (names_stripe and is_near):
        certainty = Certainty.SURE
    else:
        certainty = Certainty.LIKELY if is_near else Certainty.POSSIBLE
    return Suggestion(payout, certainty, tuple(reasons), apart)


def _handed(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Cash that was brought to the account, and cheques not paid yet, of the line's amount."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    if not lines:
        return found
    amounts = {line.amount for line in lines}
    deposits = list(CashDeposit.objects.on_its_way().filter(amount__in=amounts))
    cheques = list(CashReceipt.objects.pending().select_related("fund").filter(amount__in=amounts))
    for line in lines:
        for deposit in deposits:
            if (deposit.bank_account_id, deposit.amount) == (line.account_id, line.amount):
                on, same = deposit.deposited_on, _("It was brought on that day.")
                found[line.pk].append(_handed_over(line, deposit, on, same))
        for cheque in cheques:
            if (cheque.currency, cheque.amount) == (line.currency, line.amount):
                on, same = cheque.received_on, _("It was handed over on that day.")
                found[line.pk].append(_handed_over(line, cheque, on, same))
    return found


def _handed_over(
    line: StatementLine, target: CashDeposit | CashReceipt, on: date, same: str
) -> Suggestion:
    """Banks name neither: a person compares. Likely when the bank booked it soon afterwards."""
    days = (line.booked_on - on).days
    is_soon = 0 <= days <= 2 * NEARBY.days
    reasons = (_("The amount is the same."), _apart(abs(days), same, on))
    return Suggestion(
        target, Certainty.LIKELY if is_soon else Certainty.POSSIBLE, reasons, abs(days)
    )


def _payments_out(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = defaultdict(list)
    if not lines:
        return found
    paid: dict[tuple[int | None, Decimal], list[Disbursement | RefundRequest]] = defaultdict(list)
    theirs = {
        "bank_account__in": {line.account_id for line in lines},
        "amount__in": {-line.amount for line in lines},
    }
    costs = Disbursement.objects.unproved().select_related("payee_account")
    refunds = RefundRequest.objects.unproved().select_related("donation__receipt")
    for payment in (*costs.filter(**theirs), *refunds.filter(**theirs)):
        paid[payment.bank_account_id, payment.amount].append(payment)
    for line in lines:
        for payment in paid[line.account_id, -line.amount]:
            found[line.pk].append(_payment(line, payment))
    return found


def _payment(line: StatementLine, payment: Disbursement | RefundRequest) -> Suggestion:
    reasons = [_("The amount is the payment's.")]
    written = _written(line)
    has_reference = squeeze(payment.payment_reference or "") in written
    has_payee = _is_payee(line, payment, written)
    if has_reference:
        reasons.append(_("The text has the payment's reference."))
    if has_payee:
        reasons.append(_("The receiver is the payee."))
    assert payment.paid_on is not None
    apart = abs((line.booked_on - payment.paid_on).days)
    reasons.append(_apart(apart, _("It was paid on that day."), payment.paid_on))
    if has_reference:
        certainty = Certainty.SURE
    else:
        certainty = Certainty.LIKELY if has_payee and apart <= NEARBY.days else Certainty.POSSIBLE
    return Suggestion(payment, certainty, tuple(reasons), apart)


def _is_payee(line: StatementLine, payment: Disbursement | RefundRequest, written: str) -> bool:
    """By name, or by account: a cost's payee is known by the account's keyed hash alone."""
    if isinstance(payment, RefundRequest):
        name, account = payment.payee_name, squeeze(payment.payee_account)
        is_theirs = account == squeeze(line.counterparty_account)
    else:
        name = payment.payee_account.name
        is_theirs = payment.payee_account.account_hash == hash_account(line.counterparty_account)
    return squeeze(name) in written or (bool(line.counterparty_account) and is_theirs)


def _pledges(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = defaultdict(list)
    if not lines:
        return found
    texts = {line.pk: _all_text(line) for line in lines}
    right = {pk: find_references(text) for pk, text in texts.items()}
    slipped = {pk: slips(text) for pk, text in texts.items()}
    known = _known({r for several in right.values() for r in several} | _repaired(slipped.values()))
    announced = _announced(lines)
    for line in lines:
        exact = [known[r] for r in right[line.pk] if r in known]
        found[line.pk] += [_named(line, pledge, is_only=len(exact) == 1) for pledge in exact]
        if exact:
            continue
        close = [slip for slip in slipped[line.pk] if slip.reference in known]
        found[line.pk] += [_misnamed(line, known[slip.reference], slip) for slip in close]
        named = {slip.reference for slip in close}
        same_amount = announced[line.currency, line.amount]
        found[line.pk] += filter(
            None, (_unnamed(line, p) for p in same_amount if p.reference not in named)
        )
    return found


def slipped_lines(lines: Sequence[StatementLine]) -> int:
    """How many of the lines have the reference of an announced gift with one slip, and none rightly; two queries."""
    texts = [_all_text(line) for line in lines if line.amount > 0]
    right = [find_references(text) for text in texts]
    named = _known({reference for several in right for reference in several})
    unnamed = [
        text
        for text, several in zip(texts, right, strict=True)
        if not any(reference in named for reference in several)
    ]
    slipped = [slips(text) for text in unnamed]
    known = _known(_repaired(slipped))
    return sum(any(slip.reference in known for slip in several) for several in slipped)


def _repaired(found: Iterable[Sequence[Slip]]) -> set[str]:
    return {slip.reference for several in found for slip in several}


def _known(references: set[str]) -> dict[str, Pledge]:
    """The announced gifts among these references, in one query by the index, however many gifts there are."""
    pledges = Pledge.objects.with_received().select_related("fund").prefetch_related("instalments")
    return {str(p.reference): p for p in pledges.filter(reference__in=references)}


def _announced(lines: Sequence[StatementLine]) -> dict[tuple[str, Decimal], list[Pledge]]:
    """Gifts still to come of the lines' amounts, by currency and amount."""
    days = [line.booked_on for line in lines]
    promised = (
        Pledge.objects.promised()
        .select_related("fund")
        .filter(
            currency__in={line.currency for line in lines},
            amount__in={line.amount for line in lines},
            created_at__date__range=(min(days) - RECENT, max(days)),
        )
        .order_by("-created_at")[:SEARCHED]
    )
    found: dict[tuple[str, Decimal], list[Pledge]] = defaultdict(list)
    for pledge in promised:
        found[pledge.currency, pledge.amount].append(pledge)
    return found


def _named(line: StatementLine, pledge: Pledge, *, is_only: bool) -> Suggestion:
    """A pledge whose reference the line carries."""
    doubts = _doubts(pledge)
    fits = _fits(line, pledge)
    reasons = [_("The text has the gift's reference."), _about_amount(line, pledge), *doubts]
    sure = fits and is_only and not doubts
    return Suggestion(pledge, Certainty.SURE if sure else Certainty.LIKELY, tuple(reasons))


def _misnamed(line: StatementLine, pledge: Pledge, slip: Slip) -> Suggestion:
    """A pledge whose reference the line nearly carries. Never sure: a person compares the two."""
    said = {
        SlipKind.WRONG: _(
            "The text has %(written)s: the gift's reference with one character wrong."
        ),
        SlipKind.MISSING: _(
            "The text has %(written)s: the gift's reference with one character missing."
        ),
        SlipKind.EXTRA: _(
            "The text has %(written)s: the gift's reference with one character too many."
        ),
        SlipKind.SWAPPED: _(
            "The text has %(written)s: the gift's reference with two characters swapped."
        ),
    }[slip.kind] % {"written": format_reference(slip.written)}
    doubts = _doubts(pledge)
    certainty = Certainty.LIKELY if _fits(line, pledge) and not doubts else Certainty.POSSIBLE
    return Suggestion(pledge, certainty, (said, _about_amount(line, pledge), *doubts))


def _fits(line: StatementLine, pledge: Pledge) -> bool:
    """Whether the line has the whole amount, or that of one part of a promise."""
    amounts = {pledge.amount, *(part.amount for part in pledge.instalments.all())}
    return line.currency == pledge.currency and line.amount in amounts


def _about_amount(line: StatementLine, pledge: Pledge) -> str:
    if _fits(line, pledge):
        return _("The amount is the one announced.")
    announced = written(pledge.amount, pledge.currency)
    return _("The amount announced was %(amount)s.") % {"amount": announced}


def _doubts(pledge: Pledge) -> list[str]:
    """Why a gift may be meant and yet not be waiting for this line."""
    doubts = []
    received: Decimal = pledge.received  # type: ignore[attr-defined]  # annotated by with_received
    is_kept_in_parts = bool(pledge.instalments.all()) and (
        pledge.is_open_ended or received < pledge.amount
    )
    if received and not is_kept_in_parts:
        doubts.append(
            _("%(amount)s arrived for it already: is this a further gift?")
            % {"amount": written(received, pledge.currency)}
        )
    if pledge.cancelled_at:
        doubts.append(_("The gift was called off."))
    return doubts


def _unnamed(line: StatementLine, pledge: Pledge) -> Suggestion | None:
    """An open pledge of the line's amount, when it was announced before and not long ago."""
    announced_on = pledge.created_at.date()
    if not announced_on <= line.booked_on <= announced_on + RECENT:
        return None
    apart = (line.booked_on - announced_on).days
    reasons = (
        _("The amount is the one announced, but the reference is missing."),
        _apart(apart, _("It was announced on that day."), announced_on),
    )
    return Suggestion(pledge, Certainty.POSSIBLE, reasons, apart)


def _apart(days: int, same: str, on: date) -> str:
    if not days:
        return same
    return ngettext("It is %(days)d day from %(on)s.", "It is %(days)d days from %(on)s.", days) % {
        "days": days,
        "on": on.isoformat(),
    }


def _all_text(line: StatementLine) -> str:
    return " ".join([line.text, *line.references, line.counterparty])


def _written(line: StatementLine) -> str:
    return squeeze(_all_text(line))
