"""From an entry to the fact it records, and from a fact to its entries: the links by which money is followed by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, Q, QuerySet

from defensefund.addresses import office_url

from ..models import (
    Allocation,
    BailOutcome,
    BalanceTransaction,
    CashDeposit,
    Disbursement,
    Donation,
    Entry,
    Exchange,
    FundCover,
    MovementExplanation,
    PartnerPayment,
    PastRow,
    Payout,
    RefundRequest,
    StatementMatch,
    SurplusMove,
)

REVERSAL = "reversal:"
NUMBERED: dict[str, type[Model]] = {
    "disbursement": Disbursement,
    "deposit": CashDeposit,
    "exchange": Exchange,
    "refund": RefundRequest,
    "cover": FundCover,
    "surplus": SurplusMove,
    "partner_payment": PartnerPayment,
}


@dataclass(frozen=True)
class Step:
    """A row on the way of the money: what it is, what it is called, and its page, "" for whoever may not see it."""

    kind: str
    name: str
    url: str


def step(row: Model, *, by: User | AnonymousUser) -> Step:
    return Step(str(row._meta.verbose_name), str(row), office_url(row, by))


def facts_of(entry: Entry) -> list[Model]:
    """The rows behind an entry, or behind the one it reverses: what was given or paid, then the bank line that showed it.

    Read from the entry's source, whose names are given in `models` and where entries are posted.
    """
    source = entry.source
    while source.startswith(REVERSAL):
        source = source.removeprefix(REVERSAL)
    found: list[Model] = list(Donation.objects.filter(source=source).select_related("receipt"))
    found += MovementExplanation.objects.filter(source=source)
    head, _colon, rest = source.partition(":")
    name = rest.split(":")[0]
    if head == "bank":
        matches = StatementMatch.objects.filter(source=source.removesuffix(":fee"))
        found += [match.line for match in matches.select_related("line__account")]
    elif head == "stripe":
        found += Payout.objects.filter(stripe_payout_id=name)
        found += BalanceTransaction.objects.filter(stripe_id=name)
    elif head == "past":
        found += PastRow.objects.filter(key=name)
    elif _is_number(name):
        if model := NUMBERED.get(head):
            found += model._default_manager.filter(number=name)
        elif head == "allocation":
            rows = Allocation.objects.filter(number=name).select_related("cost")
            found += [row.cost for row in rows]
        elif head == "bail":
            found += [
                row.cost for row in BailOutcome.objects.filter(number=name).select_related("cost")
            ]
    return found


def thing_of(match: StatementMatch) -> Model | None:
    """What a match says its line is, where that has a page."""
    outcome = match.bail_outcome
    return (
        match.donation or match.payout or match.disbursement or match.partner_payment or match.refund_request
        or match.exchange or match.deposit or match.past_row or (outcome.cost if outcome else None)
    )  # fmt: skip


def entries_of_line(matches: Iterable[StatementMatch]) -> QuerySet[Entry]:
    """What was booked by a line, and what it only proves."""
    sources: list[str] = []
    for match in matches:
        if match.source:
            sources += [match.source, f"{match.source}:fee"]
        if match.disbursement:
            sources.append(f"disbursement:{match.disbursement.number}")
        if match.partner_payment:
            sources.append(match.partner_payment.entry_source)
        if match.refund_request:
            sources.append(match.refund_request.source)
        if match.exchange:
            sources += [match.exchange.source("out"), match.exchange.source("in")]
        if match.bail_outcome:
            sources.append(match.bail_outcome.source)
        if match.past_row:
            sources += [match.past_row.source, f"{match.past_row.source}:fee"]
    return entries_named(sources)


def entries_named(sources: Iterable[str | None]) -> QuerySet[Entry]:
    """The entries of these sources and those that reverse them, in the order in which they were booked."""
    names = [source for source in sources if source]
    return (
        Entry.objects.filter(
            Q(source__in=names) | Q(source__in=[REVERSAL + name for name in names])
        )
        .select_related(*Entry.SIDES)
        .order_by("pk")
    )


def entries_of_gift(donation: Donation) -> QuerySet[Entry]:
    """What was booked of a gift: its arrival, its fee, what went back of it and what a bank took back or returned."""
    sources: list[Any] = [donation.source]
    for refund in donation.refunds.all():
        sources += [refund.source, refund.return_source]
    sources += [row.source for row in donation.refund_requests.all()]
    if donation.stripe_payment_intent_id:
        for movement in BalanceTransaction.objects.filter(
            stripe_payment_intent_id=donation.stripe_payment_intent_id
        ):
            sources += movement.sources
    return entries_named(sources)


def gifts_of(movements: Iterable[BalanceTransaction]) -> dict[str, Donation]:
    """The gifts that movements at Stripe are of, by the payment's name there."""
    payments = {each.stripe_payment_intent_id for each in movements} - {""}
    found = Donation.objects.filter(stripe_payment_intent_id__in=payments)
    return {str(each.stripe_payment_intent_id): each for each in found.select_related("receipt")}


def _is_number(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
