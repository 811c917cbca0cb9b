"""A person's word that a line, or a part of it, is this thing: checked again under locks, booked once, taken back by reversal."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from .. import ledger
from ..currencies import is_exact, written
from ..ledger import Posting
from ..models import (
    AccountKey,
    BankAccount,
    CashDeposit,
    CashReceipt,
    Disbursement,
    Donation,
    Entry,
    Exchange,
    Fund,
    Letter,
    Payout,
    Pledge,
    RefundRequest,
    StatementLine,
    StatementMatch,
)
from .errors import AlreadyMatched, DoesNotFit, ReconciliationError


@dataclass(frozen=True)
class Charge:
    """The bank's own: money out is a fee that `fund` bears, money in is interest it earns."""

    fund: Fund


@dataclass(frozen=True)
class Returned:
    """The transfer of the line `earlier` went back, by its bank or because nobody knew what it was for."""

    earlier: StatementLine


# A pledge or a fund: the line is a gift, announced or not. A slip: the cheque it was written for.
Target = (
    Payout
    | Disbursement
    | Exchange
    | RefundRequest
    | CashDeposit
    | CashReceipt
    | Pledge
    | Fund
    | Charge
    | Returned
)


@dataclass(frozen=True)
class Part:
    """Of a line, held until the end of the transaction, what a match is to be of: the amount with the line's sign."""

    line: StatementLine
    amount: Decimal
    # The name of the fact in the ledger, where a source is booked once for ever: each match of a line has its own.
    source: str


@transaction.atomic
def match(
    *,
    line: StatementLine,
    target: Target,
    amount: Decimal | None = None,
    by: User,
    at: datetime,
) -> StatementMatch:
    """Records that `line` is `target`, and books what that means.

    `amount`, with the line's sign, is the part of the line that `target` is; without it all that is still open. So a line
    is split over several, one after the other, and stays open until all of it is explained.

    A payout has arrived (in transit → bank). A pledge or fund was given to: a donation is made (fund → bank), and its
    receipt queued when the supporter left an address. A pending cheque was paid: the same, for its slip. Cash brought to
    the bank has arrived (in transit → bank). A disbursement, and a refund by transfer, was booked when it was paid, an
    exchange when it was approved: the line proves it. The bank's own is booked between fund and bank. A transfer that came back: what the earlier line was
    matched with is taken back, and neither line is booked, since one undid the other.
    Raises AlreadyMatched, DoesNotFit; and then nothing is changed.
    """
    if isinstance(target, Returned):
        return _gave_back(line, target.earlier, by=by, at=at)
    part = _open_part(line, amount)
    if isinstance(target, Charge):
        return _charged(part, target.fund, "", by=by, at=at)
    standing = StatementMatch(
        line=part.line, amount=part.amount, source=part.source, confirmed_by=by, confirmed_at=at
    )
    match target:
        case Payout():
            standing.payout = _arrived(part, target)
        case Disbursement():
            standing.disbursement, standing.source = _proved(part, target), None
        case Exchange():
            standing.exchange, standing.source = _exchanged(part, target), None
        case RefundRequest():
            standing.refund_request, standing.source = _proved_refund(part, target), None
        case CashDeposit():
            standing.deposit = _deposited(part, target)
        case CashReceipt():
            standing.donation = _cheque_paid(part, target, at=at)
        case Pledge():
            # No key of it changes: who gives meanwhile does not wait, who books for it does.
            held = Pledge.objects.select_for_update(of=("self",), no_key=True)
            pledge = held.select_related("fund").get(pk=target.pk)
            standing.donation = _given(part, pledge.fund, pledge, at=at)
        case Fund():
            standing.donation = _given(part, target, None, at=at)
    standing.save()
    return standing


@transaction.atomic
def explain(
    *,
    line: StatementLine,
    explanation: str,
    fund: Fund | None = None,
    amount: Decimal | None = None,
    by: User,
    at: datetime,
) -> StatementMatch:
    """Records why the line, or the part `amount` of it, is no gift, payout or payment.

    With `fund` it is booked: money out as a bank fee the fund bears, money in as interest it earns. Without,
    nothing is booked. Raises AlreadyMatched, DoesNotFit.
    """
    part = _open_part(line, amount)
    if not explanation.strip():
        raise DoesNotFit(_("Say in a few words what the line is."))
    if fund:
        return _charged(part, fund, explanation.strip(), by=by, at=at)
    return _noted(part, explanation.strip(), by=by, at=at)


def _charged(part: Part, fund: Fund, explanation: str, *, by: User, at: datetime) -> StatementMatch:
    bank, purpose = AccountKey.bank(part.line.account), AccountKey.fund(fund, part.line.currency)
    is_income = part.amount > 0
    _post(
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
        confirmed_by=by,
        confirmed_at=at,
    )


def _noted(part: Part, explanation: str, *, by: User, at: datetime) -> StatementMatch:
    return StatementMatch.objects.create(
        line=part.line,
        amount=part.amount,
        explanation=explanation,
        confirmed_by=by,
        confirmed_at=at,
    )


def _gave_back(
    line: StatementLine, earlier: StatementLine, *, by: User, at: datetime
) -> StatementMatch:
    # Both at once and in one order, so that two people who do the same wait for each other.
    both = {line.pk, earlier.pk}
    held = StatementLine.objects.select_for_update().order_by("pk").in_bulk(both)
    line, earlier = held[line.pk], held[earlier.pk]
    if (line.amount, line.account_id) != (-earlier.amount, earlier.account_id):
        raise DoesNotFit(_("These two lines do not undo each other."))
    if line.explained:
        raise AlreadyMatched(_("Somebody has said already what this line is. Nothing was changed."))
    back = _("Came back on %(day)s") % {"day": line.booked_on.isoformat()}
    for standing in earlier.matches.standing().select_related("donation"):
        if standing.donation_id is None:
            raise AlreadyMatched(_("The earlier line is no gift: take its match back first."))
        unmatch(match=standing, reason=back, by=by, at=at)
    _noted(_open_part(earlier, None), back, by=by, at=at)
    went = _("Gives back the transfer of %(day)s") % {"day": earlier.booked_on.isoformat()}
    return _noted(_open_part(line, None), went, by=by, at=at)


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
    if match.source:
        entry = Entry.objects.get(source=match.source)
        ledger.reverse(entry, by=by, reason=reason.strip(), at=at)
    if match.donation_id:
        _check_nothing_went_back(match.donation_id)
        Donation.objects.filter(pk=match.donation_id).update(reversed_at=at)
        Letter.objects.filter(donation=match.donation_id, sent_at=None).delete()
    match.undone_by, match.undone_at = by, at
    match.save(update_fields=["undone_by", "undone_at"])


def _check_nothing_went_back(donation_id: int) -> None:
    donation = Donation.objects.select_for_update(no_key=True).get(pk=donation_id)
    if donation.refundable() < donation.amount:
        raise ReconciliationError(
            _("Money of this gift was sent back, or is asked back: it cannot be anything else now.")
        )


def _open_part(line: StatementLine, amount: Decimal | None) -> Part:
    """The line, held until the end of the transaction: of two people who match it, the second finds it matched."""
    line = (
        StatementLine.objects.select_for_update(of=("self",))
        .select_related("account")
        .get(pk=line.pk)
    )
    left = line.open_amount
    if not left:
        other = line.matches.standing().select_related("confirmed_by").latest("pk")
        if other.confirmed_by is None:
            raise AlreadyMatched(_("This line was matched by itself at the import."))
        raise AlreadyMatched(
            _("%(person)s has matched this line already, on %(day)s. Nothing was changed.")
            % {"person": other.confirmed_by.get_username(), "day": other.confirmed_at.date()}
        )
    amount = left if amount is None else amount
    if not amount or amount / left < 0 or abs(amount) > abs(left):
        raise DoesNotFit(
            _("Of this line %(open)s is open: a part of it has the same sign and is no more.")
            % {"open": written(left, line.currency)}
        )
    if not is_exact(amount, line.currency):
        raise DoesNotFit(
            _("%(amount)s has more decimals than %(currency)s has.")
            % {"amount": amount, "currency": line.currency}
        )
    return Part(line, amount, source_of(line.account, line.key, line.matches.count()))


def _arrived(part: Part, payout: Payout) -> Payout:
    payout = Payout.objects.select_for_update().get(pk=payout.pk)
    _check_amount(part, payout.amount, payout.currency)
    if payout.returned_at:
        raise DoesNotFit(_("The bank sent this payout back to Stripe: it did not arrive."))
    if payout.matches.standing().exists():
        raise AlreadyMatched(_("This payout was found on another line already."))
    _post(
        part,
        Entry.Kind.PAYOUT_ARRIVED,
        debit=AccountKey.bank(part.line.account),
        credit=AccountKey.transit(part.line.currency),
    )
    return payout


def _deposited(part: Part, deposit: CashDeposit) -> CashDeposit:
    deposit = CashDeposit.objects.select_for_update(no_key=True).get(pk=deposit.pk)
    _check_amount(part, deposit.amount, deposit.currency)
    if deposit.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This cash was brought to another bank account."))
    if deposit.voided_at:
        raise DoesNotFit(_("It was recorded that this cash was not brought to the bank after all."))
    if deposit.matches.standing().exists():
        raise AlreadyMatched(_("This cash was found on another line already."))
    _post(
        part,
        Entry.Kind.DEPOSIT_ARRIVED,
        debit=AccountKey.bank(part.line.account),
        credit=AccountKey.transit(part.line.currency),
    )
    return deposit


def _cheque_paid(part: Part, receipt: CashReceipt, *, at: datetime) -> Donation:
    held = CashReceipt.objects.select_for_update(no_key=True, of=("self",))
    receipt = held.select_related("donation", "fund", "pledge").get(pk=receipt.pk)
    _check_amount(part, receipt.amount, receipt.currency)
    if not receipt.is_pending:
        raise AlreadyMatched(_("This is no pending cheque any more."))
    receipt.donation = _given(
        part, receipt.fund, receipt.pledge, method=Donation.Method.CHEQUE, at=at
    )
    receipt.save(update_fields=["donation"])
    return receipt.donation


def _proved(part: Part, disbursement: Disbursement) -> Disbursement:
    disbursement = Disbursement.objects.select_for_update().get(pk=disbursement.pk)
    _check_amount(part, -disbursement.amount, disbursement.currency)
    if not disbursement.paid_at:
        raise DoesNotFit(
            _("This payment is not recorded as paid. Record that first, then match the line.")
        )
    if disbursement.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This payment was made from another bank account."))
    if disbursement.matches.standing().exists():
        raise AlreadyMatched(_("This payment was found on another line already."))
    return disbursement


def _proved_refund(part: Part, refund: RefundRequest) -> RefundRequest:
    refund = RefundRequest.objects.select_for_update().get(pk=refund.pk)
    _check_amount(part, -refund.amount, refund.currency)
    if not refund.paid_at:
        raise DoesNotFit(
            _("This refund is not recorded as paid. Record that first, then match the line.")
        )
    if refund.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This refund was paid from another bank account."))
    if refund.matches.standing().exists():
        raise AlreadyMatched(_("This refund was found on another line already."))
    return refund


def _exchanged(part: Part, exchange: Exchange) -> Exchange:
    exchange = Exchange.objects.select_for_update(no_key=True).get(pk=exchange.pk)
    is_out = part.amount < 0
    account, amount, _day = exchange.bank_sides()[0 if is_out else 1]
    _check_amount(part, amount, account.currency)
    if not exchange.approved_at or exchange.undone_at:
        raise DoesNotFit(_("This exchange is not in the books."))
    if account.pk != part.line.account_id:
        raise DoesNotFit(_("This exchange was made with another bank account."))
    ways = exchange.matches.standing()
    if (ways.filter(amount__lt=0) if is_out else ways.filter(amount__gt=0)).exists():
        raise AlreadyMatched(_("This exchange was found on another line already."))
    return exchange


def _given(
    part: Part,
    fund: Fund,
    pledge: Pledge | None,
    *,
    method: Donation.Method = Donation.Method.TRANSFER,
    at: datetime,
) -> Donation:
    line = part.line
    if part.amount < 0:
        raise DoesNotFit(_("Money went out on this line: it cannot be a gift."))
    _post(
        part,
        Entry.Kind.DONATION,
        debit=AccountKey.bank(line.account),
        credit=AccountKey.fund(fund, line.currency),
    )
    donation = Donation.objects.create(
        pledge=pledge,
        fund=fund,
        method=method,
        amount=part.amount,
        currency=line.currency,
        fee=Decimal(0),
        received_at=datetime.combine(line.booked_on, time.min, UTC),
        source=part.source,
    )
    if pledge and pledge.supporter_id:
        Letter.objects.create(
            kind=Letter.Kind.RECEIPT, pledge=pledge, donation=donation, created_at=at, due_at=at
        )
    return donation


def _check_amount(part: Part, amount: Decimal, currency: str) -> None:
    if (part.amount, part.line.currency) != (amount, currency):
        raise DoesNotFit(
            _("The line moves %(line)s, this would be %(amount)s.")
            % {
                "line": written(part.amount, part.line.currency),
                "amount": written(amount, currency),
            }
        )


def _post(part: Part, kind: Entry.Kind, *, debit: AccountKey, credit: AccountKey) -> None:
    """Books the part on the line's day."""
    ledger.post(
        Posting(
            kind=kind,
            debit=debit,
            credit=credit,
            amount=abs(part.amount),
            booked_on=part.line.booked_on,
            source=part.source,
        )
    )


def source_of(account: BankAccount, key: str, matches_before: int = 0) -> str:
    """The name of the fact in the ledger: of each match of a line another."""
    again = f":{matches_before + 1}" if matches_before else ""
    return f"bank:{account.code}:{key}{again}"
