"""What a bank line could be: payouts on their way, payments made, gifts announced; with reasons a person can weigh."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..currencies import written
from ..models import Disbursement, Payout, Pledge, StatementLine
from ..references import find_references, near, squeeze

# A payout is expected on a day; banks and weekends move it by a few.
NEARBY = timedelta(days=5)
# Gifts announced longer ago than this are not proposed for their amount alone.
RECENT = timedelta(days=90)
# How many announced gifts are searched for a mistyped reference, the newest first.
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

    target: Payout | Disbursement | Pledge
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
    for part in (_payouts(coming), _pledges(coming), _disbursements(going)):
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


def _disbursements(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = defaultdict(list)
    if not lines:
        return found
    paid: dict[tuple[int, Decimal], list[Disbursement]] = defaultdict(list)
    for disbursement in Disbursement.objects.unproved().filter(
        bank_account__in={line.account_id for line in lines},
        amount__in={-line.amount for line in lines},
    ):
        paid[disbursement.bank_account_id, disbursement.amount].append(disbursement)
    for line in lines:
        for disbursement in paid[line.account_id, -line.amount]:
            found[line.pk].append(_disbursement(line, disbursement))
    return found


def _disbursement(line: StatementLine, disbursement: Disbursement) -> Suggestion:
    reasons = [_("The amount is the payment's.")]
    written = _written(line)
    has_reference = squeeze(disbursement.payment_reference) in written
    has_payee = squeeze(disbursement.payee_name) in written or (
        bool(line.counterparty_account)
        and squeeze(line.counterparty_account) == squeeze(disbursement.payee_account)
    )
    if has_reference:
        reasons.append(_("The text has the payment's reference."))
    if has_payee:
        reasons.append(_("The receiver is the payee."))
    assert disbursement.paid_on is not None
    apart = abs((line.booked_on - disbursement.paid_on).days)
    reasons.append(_apart(apart, _("It was paid on that day."), disbursement.paid_on))
    if has_reference:
        certainty = Certainty.SURE
    else:
        certainty = Certainty.LIKELY if has_payee and apart <= NEARBY.days else Certainty.POSSIBLE
    return Suggestion(disbursement, certainty, tuple(reasons), apart)


def _pledges(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = defaultdict(list)
    if not lines:
        return found
    references = {line.pk: find_references(_all_text(line)) for line in lines}
    every = {reference for several in references.values() for reference in several}
    named = {
        pledge.reference: pledge
        for pledge in Pledge.objects.with_received()
        .select_related("fund")
        .filter(reference__in=every)
    }
    promised = list(
        Pledge.objects.promised()
        .select_related("fund")
        .filter(currency__in={line.currency for line in lines})
        .exclude(reference__in=every)
        .order_by("-created_at")[:SEARCHED]
    )
    for line in lines:
        exact = [named[r] for r in references[line.pk] if r in named]
        found[line.pk] += [_named(line, pledge, is_only=len(exact) == 1) for pledge in exact]
        if not exact:
            found[line.pk] += filter(None, (_announced(line, pledge) for pledge in promised))
    return found


def _named(line: StatementLine, pledge: Pledge, *, is_only: bool) -> Suggestion:
    """A pledge whose reference the line carries."""
    reasons = [_("The text has the gift's reference.")]
    fits = line.currency == pledge.currency and line.amount == pledge.amount
    if fits:
        reasons.append(_("The amount is the one announced."))
    else:
        reasons.append(
            _("The amount announced was %(amount)s.")
            % {"amount": written(pledge.amount, pledge.currency)}
        )
    received: Decimal = pledge.received  # type: ignore[attr-defined]  # annotated by with_received
    if received:
        reasons.append(
            _("%(amount)s arrived for it already: is this a further gift?")
            % {"amount": written(received, pledge.currency)}
        )
    if pledge.cancelled_at:
        reasons.append(_("The gift was called off."))
    sure = fits and is_only and not received and not pledge.cancelled_at
    return Suggestion(pledge, Certainty.SURE if sure else Certainty.LIKELY, tuple(reasons))


def _announced(line: StatementLine, pledge: Pledge) -> Suggestion | None:
    """An open pledge whose reference the line nearly carries, or whose amount it has."""
    if pledge.currency != line.currency:
        return None
    announced_on = pledge.created_at.date()
    apart = abs((line.booked_on - announced_on).days)
    fits = line.amount == pledge.amount
    if near(pledge.reference or "", _all_text(line)):
        reasons = [_("The text has the gift's reference with one character wrong.")]
        if fits:
            reasons.append(_("The amount is the one announced."))
        certainty = Certainty.LIKELY if fits else Certainty.POSSIBLE
        return Suggestion(pledge, certainty, tuple(reasons), apart)
    if fits and announced_on <= line.booked_on <= announced_on + RECENT:
        reasons = [
            _("The amount is the one announced, but the reference is missing."),
            _apart(apart, _("It was announced on that day."), announced_on),
        ]
        return Suggestion(pledge, Certainty.POSSIBLE, tuple(reasons), apart)
    return None


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
