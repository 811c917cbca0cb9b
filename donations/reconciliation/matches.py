"""A person's word that a line, or a part of it, is this thing: checked again under locks, booked once, taken back by reversal."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from .. import ledger
from ..models import (
    AccountKey,
    BailOutcome,
    BankAccount,
    CashDeposit,
    CashReceipt,
    Disbursement,
    Donation,
    Entry,
    Exchange,
    Fund,
    LegalCost,
    Letter,
    LineExplanation,
    MovementExplanation,
    OwnTransfer,
    PartnerPayment,
    PastRow,
    Payout,
    Pledge,
    RefundRequest,
    StatementLine,
    StatementMatch,
)
from ..passing_money import unbooked
from . import crossing, facts
from .alone import NeedsAnother, fee_needs_another
from .errors import AlreadyMatched, DoesNotFit, ReconciliationError
from .parts import Part, open_part, post


@dataclass(frozen=True)
class Charge:
    """The bank's own: money out is a fee that `fund` bears, money in is interest it earns."""

    fund: Fund


@dataclass(frozen=True)
class Returned:
    """The transfer of the line `earlier` went back, by its bank or because nobody knew what it was for; or came back, where it
    left by mistake. Of an earlier line that somebody noted and nobody booked, `note` says what."""

    earlier: StatementLine
    note: str = ""


@dataclass(frozen=True)
class Between:
    """A transfer to, or from, another account of ours; whether its statement has shown it is looked up."""

    other: BankAccount


@dataclass(frozen=True)
class BetweenLess:
    """The other side of a transfer between own accounts, of which a bank kept its fee on the way; `fund` bears it."""

    transfer: OwnTransfer
    fund: Fund


# What people paid at the bank: for a cost, or to the partner.
Payment = Disbursement | PartnerPayment


@dataclass(frozen=True)
class CameBack:
    """The payee's bank sent a payment back."""

    payment: Payment


@dataclass(frozen=True)
class GivenBack:
    """A court gave a deposit back, or a part of it, and nobody has recorded that: it is recorded and matched at once, by a verb
    of allocation, and so by none of these."""

    cost: LegalCost


@dataclass(frozen=True)
class Less:
    """A payout that arrived less what a bank kept of it on the way, which `fund` bears."""

    payout: Payout
    fund: Fund


# A pledge or a fund: the line is a gift, announced or not. A slip: the cheque it was written for.
Target = (
    Payout
    | Payment
    | Exchange
    | RefundRequest
    | CashDeposit
    | CashReceipt
    | BailOutcome
    | MovementExplanation
    | PastRow
    | OwnTransfer
    | Between
    | BetweenLess
    | CameBack
    | Less
    | Pledge
    | Fund
    | Charge
    | Returned
)


@transaction.atomic
def match(
    *,
    line: StatementLine,
    target: Target,
    amount: Decimal | None = None,
    by: User,
    at: datetime,
    proposal: LineExplanation | None = None,
) -> StatementMatch:
    """Records that `line` is `target`, and books what that means.

    `amount`, with the line's sign, is the part of the line that `target` is; without it all that is still open. So a line
    is split over several, one after the other, and stays open until all of it is explained.

    A payout has arrived (in transit → bank). A pledge or fund was given to: a donation is made (fund → bank), and its
    receipt queued when the supporter left an address. A pending cheque was paid: the same, for its slip. Cash brought to
    the bank has arrived (in transit → bank). A disbursement, and a refund by transfer, was booked when it was paid, an
    exchange, what Stripe collected from the bank, and a row of the past, when it was approved: the line proves it. A transfer between own accounts leaves the one and arrives at the
    other, each by its own line, whichever comes first. Of a payment that came back the entry is reversed. Of a payout, or a
    transfer between own accounts, that came less than it was, a fund bears the rest as a bank fee. The bank's own is booked
    between fund and bank. A transfer that came back: what the earlier line was matched with is taken back, and neither line
    is booked, since one undid the other. What was noted of the earlier line stays.
    What lets money go without a payment of ours needs the `proposal` that another person approved (explaining.py).
    Raises AlreadyMatched, DoesNotFit and its NeedsAnother; and then nothing is changed.
    """
    if isinstance(target, Returned):
        return _gave_back(line, target.earlier, proposal, by=by, at=at)
    part = open_part(line, amount)
    if isinstance(target, Charge):
        return _charged(part, target.fund, "", proposal, by=by, at=at)
    standing = StatementMatch(
        line=part.line,
        amount=part.amount,
        source=part.source,
        proposal=proposal,
        confirmed_by=by,
        confirmed_at=at,
    )
    match target:
        case Payout():
            standing.payout = facts.arrived(part, target)
        case Less(payout, fund):
            standing.payout, standing.withheld = facts.arrived_less(part, payout, fund, at=at)
        case CameBack(PartnerPayment() as payment):
            standing.partner_payment = payment
            standing.source = facts.came_back_from_partner(part, payment, by=by, at=at)
        case PartnerPayment():
            standing.partner_payment, standing.source = facts.proved(part, target), None
        case CameBack(Disbursement() as payment):
            standing.disbursement = payment
            standing.source = facts.came_back(part, payment, by=by, at=at)
        case Disbursement():
            standing.disbursement, standing.source = facts.proved(part, target), None
        case BailOutcome():
            standing.bail_outcome, standing.source = facts.proved_bail(part, target), None
        case MovementExplanation():
            standing.collection, standing.source = facts.proved_collection(part, target), None
        case PastRow():
            standing.past_row, standing.source = facts.proved_past(part, target), None
        case Exchange():
            standing.exchange, standing.source = facts.exchanged(part, target), None
        case RefundRequest():
            standing.refund_request, standing.source = facts.proved_refund(part, target), None
        case CashDeposit():
            standing.deposit = facts.deposited(part, target)
        case OwnTransfer():
            standing.own_transfer = crossing.moved(part, target, by=by, at=at)
        case Between(other):
            standing.own_transfer = crossing.moved(part, other, by=by, at=at)
        case BetweenLess(transfer, fund):
            standing.own_transfer, standing.withheld = crossing.moved_less(
                part, transfer, fund, at=at
            )
        case CashReceipt():
            standing.donation = facts.cheque_paid(part, target, at=at)
        case Pledge():
            # No key of it changes: who gives meanwhile does not wait, who books for it does.
            held = Pledge.objects.select_for_update(of=("self",), no_key=True)
            pledge = held.select_related("fund").get(pk=target.pk)
            standing.donation = facts.given(part, pledge.fund, pledge, at=at)
        case Fund():
            standing.donation = facts.given(part, target, None, at=at)
    if proposal is None and fee_needs_another(part.line, standing.withheld, at=at):
        raise NeedsAnother
    standing.save()
    return standing


@transaction.atomic
def explain(
    *,
    line: StatementLine,
    explanation: str = "",
    fund: Fund | None = None,
    amount: Decimal | None = None,
    by: User,
    at: datetime,
    proposal: LineExplanation | None = None,
) -> StatementMatch:
    """Records why the line, or the part `amount` of it, is no gift, payout or payment.

    With `fund` it is booked: money out as a bank fee the fund bears, money in as interest it earns. Without,
    nothing is booked, and an `explanation` is needed. Money that went out, but for small fees, needs the `proposal` that another person approved.
    Raises AlreadyMatched, DoesNotFit and its NeedsAnother.
    """
    part = open_part(line, amount)
    if fund:
        return _charged(part, fund, explanation.strip(), proposal, by=by, at=at)
    if not explanation.strip():
        raise DoesNotFit(_("Say in a few words what the line is."))
    return _noted(part, explanation.strip(), proposal, by=by, at=at)


def _charged(
    part: Part,
    fund: Fund,
    explanation: str,
    proposal: LineExplanation | None,
    *,
    by: User,
    at: datetime,
) -> StatementMatch:
    bank, purpose = AccountKey.bank(part.line.account), AccountKey.fund(fund, part.line.currency)
    is_income = part.amount > 0
    if not is_income:
        facts.check_bears(fund, at=at)
    if proposal is None and fee_needs_another(part.line, -part.amount, at=at):
        raise NeedsAnother
    post(
        part,
        Entry.Kind.INTEREST if is_income else Entry.Kind.BANK_FEE,
        debit=bank if is_income else purpose,
        credit=purpose if is_income else bank,
    )
    return StatementMatch.objects.create(
        line=part.line,
        amount=part.amount,
        source=part.source,
        explanation=explanation or (_("Interest") if is_income else _("Bank fee")),
        proposal=proposal,
        confirmed_by=by,
        confirmed_at=at,
    )


def _noted(
    part: Part, explanation: str, proposal: LineExplanation | None, *, by: User, at: datetime
) -> StatementMatch:
    if part.amount < 0 and proposal is None:
        raise NeedsAnother
    return StatementMatch.objects.create(
        line=part.line,
        amount=part.amount,
        explanation=explanation,
        proposal=proposal,
        confirmed_by=by,
        confirmed_at=at,
    )


def _gave_back(
    line: StatementLine,
    earlier: StatementLine,
    proposal: LineExplanation | None,
    *,
    by: User,
    at: datetime,
) -> StatementMatch:
    # Both at once and in one order, so that two people who do the same wait for each other.
    both = {line.pk, earlier.pk}
    held = StatementLine.objects.select_for_update().order_by("pk").in_bulk(both)
    line, earlier = held[line.pk], held[earlier.pk]
    check_undoes(line, earlier)
    if proposal is None and line.amount < 0:
        raise NeedsAnother
    words = undoing(earlier)
    if note_of(earlier):
        return _noted(open_part(line, None), words, proposal, by=by, at=at)
    back = _("Came back on %(day)s") % {"day": plain_day(line.booked_on)}
    for standing in earlier.matches.standing().select_related("donation"):
        if standing.donation_id is None:
            raise AlreadyMatched(_("The earlier line is no gift: take its match back first."))
        unmatch(match=standing, reason=back, by=by, at=at)
    _noted(open_part(earlier, None), back, None, by=by, at=at)
    return _noted(open_part(line, None), words, proposal, by=by, at=at)


def note_of(line: StatementLine) -> StatementMatch | None:
    """What somebody said of all of `line` and nobody booked; None where it is something else, or open."""
    standing = list(line.matches.standing().filter(amount=line.amount))
    return next((each for each in standing if each.is_note), None)


def undoing(earlier: StatementLine) -> str:
    """What is said of a line that undoes `earlier`."""
    day = {"day": plain_day(earlier.booked_on)}
    if note_of(earlier):
        return _("Undoes what was noted of the line of %(day)s") % day
    return _("Gives back the transfer of %(day)s") % day


def check_undoes(line: StatementLine, earlier: StatementLine) -> None:
    """Whether `line`, of which nothing is said yet, sent back what came on `earlier`, or brought back what left on it and was
    noted, and no other line has yet. Raises DoesNotFit, AlreadyMatched."""
    is_other_half = (line.amount, line.account_id) == (-earlier.amount, earlier.account_id)
    if not is_other_half or (line.amount > 0 and not note_of(earlier)):
        raise DoesNotFit(_("These two lines do not undo each other."))
    if line.explained:
        raise AlreadyMatched(_("Somebody has said already what this line is. Nothing was changed."))
    if note_of(earlier) and not _is_unbooked(earlier):
        raise AlreadyMatched(_("Another line undoes what was noted there already."))


def _is_unbooked(noted: StatementLine) -> bool:
    """Whether no other line has undone `noted`, or one with the same note: of which of these it was is not kept."""
    notes = unbooked("l.account_id = %s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM ({notes}) n WHERE n.amount = %s)",  # noqa: S608  our own SQL
            [noted.account_id, noted.amount],
        )
        return bool(cursor.fetchone()[0])


@transaction.atomic
def unmatch(*, match: StatementMatch, reason: str, by: User, at: datetime) -> None:
    """Takes a match back: its entry is reversed on the day of `at`, its donation no longer counts, the line is open again.

    Raises ReconciliationError when it was taken back before or `reason` is empty.
    """
    StatementLine.objects.select_for_update().get(pk=match.line_id)
    match = StatementMatch.objects.select_for_update().get(pk=match.pk)
    if match.undone_at:
        raise ReconciliationError(_("This match was taken back already."))
    if not reason.strip():
        raise ReconciliationError(_("Say why the match is taken back."))
    payment = match.disbursement or match.partner_payment
    if match.amount < 0 and payment and payment.came_back_on:
        raise ReconciliationError(
            _("Another line says that this payment came back: take that match back first.")
        )
    for source in _sources(match):
        _reverse(source, reason.strip(), by=by, at=at)
    if match.donation_id:
        _check_nothing_went_back(match.donation_id)
        Donation.objects.filter(pk=match.donation_id).update(reversed_at=at)
        Letter.objects.filter(donation=match.donation_id, sent_at=None).delete()
    match.undone_by, match.undone_at = by, at
    match.save(update_fields=["undone_by", "undone_at"])


def _sources(match: StatementMatch) -> list[str]:
    if not match.source:
        return []
    return [match.source, facts.fee_source(match.source)] if match.withheld else [match.source]


def _reverse(source: str, reason: str, *, by: User, at: datetime) -> None:
    try:
        ledger.reverse(Entry.objects.get(source=source), by=by, reason=reason, at=at)
    except (ledger.NotEnough, ledger.Frozen) as error:
        raise ReconciliationError(
            _("What came back is spoken for by now: there is not enough left to take it back.")
        ) from error


def _check_nothing_went_back(donation_id: int) -> None:
    donation = Donation.objects.select_for_update(no_key=True).get(pk=donation_id)
    if donation.refundable() < donation.amount:
        raise ReconciliationError(
            _("Money of this gift was sent back, or is asked back: it cannot be anything else now.")
        )
