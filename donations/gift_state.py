"""READ: where a gift stands, for its private page. Computed from what arrived, never stored."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .models import BankAccount, Condition, Donation, Pledge
from .schedule import Schedule, cover
from .stripe_facts import is_charged, largest
from .transfer_details import TransferDetails, details_of


class Stage(StrEnum):
    READY = "ready"  # to be looked over before the first visit to Stripe's page
    UNPAID = "unpaid"  # the supporter left Stripe's page without paying
    FAILED = "failed"  # the bank said no, at once or days later
    CHECKING = "checking"  # on Stripe's page, or back from it and no word yet of how it ended
    SETTLING = "settling"  # a bank debit confirmed, the money to follow in days
    AWAITED = "awaited"  # a transfer announced
    PARTLY = "partly"  # part of a transfer arrived
    ARRIVED = "arrived"
    PROMISED = "promised"  # a promise in parts: its schedule says more
    PAUSED = "paused"
    CALLED_OFF = "called_off"
    KEPT = "kept"  # on condition: the card lies at Stripe, or is about to
    CHARGING = "charging"  # the condition is met, the charge under way
    UNCHARGED = "uncharged"  # the condition is met, and Stripe could not charge the card
    RELEASED = "released"  # the condition was not met


# When money may be on its way by transfer, or should be.
TO_SEND = frozenset({Stage.AWAITED, Stage.PARTLY, Stage.PROMISED})


@dataclass(frozen=True)
class GiftState:
    """Amounts are in the pledge's currency; `missing` is never below zero; of a promise it is what to pay next.

    `schedule` is there for promises kept in parts, `transfer` while something is to be sent and an account takes it.
    """

    stage: Stage
    currency: str
    received: Decimal
    refunded: Decimal
    # Of what arrived, at the supporter's bank: for now, or for good.
    contested: Decimal
    taken_back: Decimal
    missing: Decimal
    donations: list[Donation]
    is_transfer_awaited: bool
    transfer: TransferDetails | None
    receipt_sent: bool
    schedule: Schedule | None
    # A letter to the gift's address came back, or its mail server does not know it.
    has_bounced: bool

    @property
    def years(self) -> list[int]:
        """The years in which money arrived, the newest first."""
        return sorted({donation.received_at.year for donation in self.donations}, reverse=True)

    @property
    def fits_a_card(self) -> bool:
        """Whether one payment by card can be of what is missing: neither finer nor larger than Stripe takes."""
        currency = self.currency
        return is_charged(self.missing, currency) and self.missing <= largest(currency)

    @property
    def is_payable(self) -> bool:
        """Whether the way to Stripe's page is open; where a payment may be on its way, Stripe is asked first."""
        return self.stage in {Stage.READY, Stage.UNPAID, Stage.FAILED, Stage.CHECKING}

    @property
    def is_without_account(self) -> bool:
        """A transfer is awaited that no account of ours takes at the moment."""
        return self.is_transfer_awaited and self.transfer is None


def state_of(pledge: Pledge, *, at: datetime) -> GiftState:
    donations = list(
        pledge.donations.standing()
        .select_related("receipt", "fund")
        .prefetch_related("refunds", "disputes")
        .order_by("pk")
    )
    received = sum((donation.amount for donation in donations), Decimal(0))
    refunded = sum((r.amount for donation in donations for r in donation.sent_back), Decimal(0))
    disputes = [dispute for donation in donations for dispute in donation.taken_back]
    contested = sum((dispute.amount for dispute in disputes if dispute.is_open), Decimal(0))
    taken_back = sum((dispute.amount for dispute in disputes if not dispute.is_open), Decimal(0))
    parts = list(pledge.instalments.values_list("due_on", "amount")) if pledge.reference else []
    schedule = cover(parts, received, today=at.date()) if parts else None
    stage = _stage(pledge, received, schedule, at=at)
    missing = schedule.to_pay if schedule else max(pledge.total - received, Decimal(0))
    by_transfer = pledge.method == Pledge.Method.TRANSFER
    is_awaited = by_transfer and missing > 0 and stage in TO_SEND
    return GiftState(
        stage=stage,
        currency=pledge.currency,
        received=received,
        refunded=refunded,
        contested=contested,
        taken_back=taken_back,
        missing=missing,
        donations=donations,
        is_transfer_awaited=is_awaited,
        transfer=_transfer(pledge, missing) if is_awaited else None,
        receipt_sent=pledge.letters.filter(kind="receipt", sent_at__isnull=False).exists(),
        schedule=schedule,
        has_bounced=pledge.letters.filter(bounced_at__isnull=False).exists(),
    )


def _transfer(pledge: Pledge, missing: Decimal) -> TransferDetails | None:
    account = BankAccount.objects.open_for_transfers(pledge.currency).first()
    return details_of(pledge, account, amount=missing) if account else None


def _stage(pledge: Pledge, received: Decimal, schedule: Schedule | None, *, at: datetime) -> Stage:
    if schedule:
        return _stage_of_promise(pledge, schedule)
    if received >= pledge.total or (received and pledge.is_monthly_by_card):
        return Stage.ARRIVED
    if pledge.condition and (stage := _stage_of_condition(pledge, pledge.condition)):
        return stage
    if pledge.method == Pledge.Method.TRANSFER:
        return _stage_of_transfer(pledge, received)
    last = pledge.checkouts.order_by("-pk").first()
    if last is None:
        return Stage.READY
    if last.failed_at:
        return Stage.FAILED
    if last.expired_at:
        return Stage.UNPAID
    if last.completed_at:
        # Of a monthly gift the bill follows within seconds.
        return Stage.CHECKING if pledge.is_monthly_by_card else Stage.SETTLING
    # When its time is over the worker asks Stripe; until then nobody can say that nothing was charged.
    return Stage.CHECKING if last.stripe_session_id or at < last.expires_at else Stage.UNPAID


def _stage_of_transfer(pledge: Pledge, received: Decimal) -> Stage:
    if pledge.cancelled_at:
        return Stage.CALLED_OFF
    return Stage.PARTLY if received else Stage.AWAITED


def _stage_of_promise(pledge: Pledge, schedule: Schedule) -> Stage:
    if schedule.is_kept and not pledge.is_open_ended:
        return Stage.ARRIVED
    if pledge.cancelled_at:
        return Stage.CALLED_OFF
    return Stage.PAUSED if pledge.paused_at else Stage.PROMISED


def _stage_of_condition(pledge: Pledge, condition: Condition) -> Stage | None:
    """Where a gift on condition stands; None before its card was left, and while its supporter pays by hand."""
    if pledge.cancelled_at:
        return Stage.CALLED_OFF
    if condition.failed_at:
        return Stage.RELEASED
    last = pledge.checkouts.order_by("-pk").first()
    if last and not last.keeps_card and not last.failed_at and not last.expired_at:
        return None
    charge = pledge.card_charges.order_by("-pk").first()
    if charge and charge.declined_at:
        return Stage.UNCHARGED
    is_left = pledge.checkouts.filter(keeps_card=True, completed_at__isnull=False).exists()
    if not is_left:
        return None
    return Stage.CHARGING if condition.met_at else Stage.KEPT
