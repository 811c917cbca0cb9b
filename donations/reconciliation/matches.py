"""A person's word that a line is this thing: checked again under locks, booked once, taken back by reversal."""

from datetime import UTC, datetime, time
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from .. import ledger
from ..currencies import written
from ..ledger import Posting
from ..models import (
    AccountKey,
    CashDeposit,
    CashReceipt,
    Disbursement,
    Donation,
    Entry,
    Fund,
    Letter,
    Payout,
    Pledge,
    RefundRequest,
    StatementLine,
    StatementMatch,
)
from .errors import AlreadyMatched, DoesNotFit, ReconciliationError

# A pledge or a fund: the line is a gift, announced or not. A slip: the cheque it was written for.
Target = Payout | Disbursement | RefundRequest | CashDeposit | CashReceipt | Pledge | Fund


@transaction.atomic
def match(*, line: StatementLine, target: Target, by: User, at: datetime) -> StatementMatch:
    """Records that `line` is `target`, and books what that means.

    A payout has arrived (in transit → bank). A pledge or fund was given to: a donation is made (fund → bank), and its
    receipt queued when the supporter left an address. A pending cheque was paid: the same, for its slip. Cash brought to
    the bank has arrived (in transit → bank). A disbursement, and a refund by transfer, was booked when it was paid: the
    line proves it.
    Raises AlreadyMatched, DoesNotFit; and then nothing is changed.
    """
    line = _locked(line)
    standing = StatementMatch(line=line, confirmed_by=by, confirmed_at=at)
    match target:
        case Payout():
            standing.payout = _arrived(line, target)
        case Disbursement():
            standing.disbursement = _proved(line, target)
        case RefundRequest():
            standing.refund_request = _proved_refund(line, target)
        case CashDeposit():
            standing.deposit = _deposited(line, target)
        case CashReceipt():
            standing.donation = _cheque_paid(line, target, at=at)
        case Pledge():
            pledge = Pledge.objects.select_related("fund").get(pk=target.pk)
            standing.donation = _given(line, pledge.fund, pledge, at=at)
        case Fund():
            standing.donation = _given(line, target, None, at=at)
    standing.save()
    return standing


@transaction.atomic
def explain(
    *, line: StatementLine, explanation: str, fund: Fund | None = None, by: User, at: datetime
) -> StatementMatch:
    """Records why the line is no gift, payout or payment.

    With `fund` the amount is booked: money out as a bank fee the fund bears, money in as interest it earns. Without,
    nothing is booked. Raises AlreadyMatched.
    """
    line = _locked(line)
    if not explanation.strip():
        raise DoesNotFit(_("Say in a few words what the line is."))
    if fund:
        bank, purpose = AccountKey.bank(line.account), AccountKey.fund(fund, line.currency)
        is_income = line.amount > 0
        _post(
            line,
            Entry.Kind.INTEREST if is_income else Entry.Kind.BANK_FEE,
            debit=bank if is_income else purpose,
            credit=purpose if is_income else bank,
        )
    return StatementMatch.objects.create(
        line=line, explanation=explanation.strip(), confirmed_by=by, confirmed_at=at
    )


@transaction.atomic
def unmatch(*, match: StatementMatch, reason: str, by: User, at: datetime) -> None:
    """Takes a match back: its entry is reversed on the day of `at`, its donation no longer counts, the line is open again.

    Raises ReconciliationError when it was taken back before or `reason` is empty.
    """
    line = StatementLine.objects.select_for_update().get(pk=match.line_id)
    match = StatementMatch.objects.select_for_update().get(pk=match.pk)
    if match.undone_at:
        raise ReconciliationError(_("This match was taken back already."))
    if not reason.strip():
        raise ReconciliationError(_("Say why the match is taken back."))
    source = _source(line, line.matches.filter(pk__lt=match.pk).count())
    if entry := Entry.objects.filter(source=source).first():
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


def _locked(line: StatementLine) -> StatementLine:
    """The line, held until the end of the transaction: of two people who match it, the second finds it matched."""
    line = (
        StatementLine.objects.select_for_update(of=("self",))
        .select_related("account")
        .get(pk=line.pk)
    )
    other = line.matches.standing().select_related("confirmed_by").first()
    if other:
        raise AlreadyMatched(
            _("%(person)s has matched this line already, on %(day)s. Nothing was changed.")
            % {"person": other.confirmed_by.get_username(), "day": other.confirmed_at.date()}
        )
    return line


def _arrived(line: StatementLine, payout: Payout) -> Payout:
    payout = Payout.objects.select_for_update().get(pk=payout.pk)
    _check_amount(line, payout.amount, payout.currency)
    if payout.returned_at:
        raise DoesNotFit(_("The bank sent this payout back to Stripe: it did not arrive."))
    if payout.matches.standing().exists():
        raise AlreadyMatched(_("This payout was found on another line already."))
    _post(
        line,
        Entry.Kind.PAYOUT_ARRIVED,
        debit=AccountKey.bank(line.account),
        credit=AccountKey.transit(line.currency),
    )
    return payout


def _deposited(line: StatementLine, deposit: CashDeposit) -> CashDeposit:
    deposit = CashDeposit.objects.select_for_update(no_key=True).get(pk=deposit.pk)
    _check_amount(line, deposit.amount, deposit.currency)
    if deposit.bank_account_id != line.account_id:
        raise DoesNotFit(_("This cash was brought to another bank account."))
    if deposit.voided_at:
        raise DoesNotFit(_("It was recorded that this cash was not brought to the bank after all."))
    if deposit.matches.standing().exists():
        raise AlreadyMatched(_("This cash was found on another line already."))
    _post(
        line,
        Entry.Kind.DEPOSIT_ARRIVED,
        debit=AccountKey.bank(line.account),
        credit=AccountKey.transit(line.currency),
    )
    return deposit


def _cheque_paid(line: StatementLine, receipt: CashReceipt, *, at: datetime) -> Donation:
    held = CashReceipt.objects.select_for_update(no_key=True, of=("self",))
    receipt = held.select_related("donation", "fund", "pledge").get(pk=receipt.pk)
    _check_amount(line, receipt.amount, receipt.currency)
    if not receipt.is_pending:
        raise AlreadyMatched(_("This is no pending cheque any more."))
    receipt.donation = _given(
        line, receipt.fund, receipt.pledge, method=Donation.Method.CHEQUE, at=at
    )
    receipt.save(update_fields=["donation"])
    return receipt.donation


def _proved(line: StatementLine, disbursement: Disbursement) -> Disbursement:
    disbursement = Disbursement.objects.select_for_update().get(pk=disbursement.pk)
    _check_amount(line, -disbursement.amount, disbursement.currency)
    if not disbursement.paid_at:
        raise DoesNotFit(
            _("This payment is not recorded as paid. Record that first, then match the line.")
        )
    if disbursement.bank_account_id != line.account_id:
        raise DoesNotFit(_("This payment was made from another bank account."))
    if disbursement.matches.standing().exists():
        raise AlreadyMatched(_("This payment was found on another line already."))
    return disbursement


def _proved_refund(line: StatementLine, refund: RefundRequest) -> RefundRequest:
    refund = RefundRequest.objects.select_for_update().get(pk=refund.pk)
    _check_amount(line, -refund.amount, refund.currency)
    if not refund.paid_at:
        raise DoesNotFit(
            _("This refund is not recorded as paid. Record that first, then match the line.")
        )
    if refund.bank_account_id != line.account_id:
        raise DoesNotFit(_("This refund was paid from another bank account."))
    if refund.matches.standing().exists():
        raise AlreadyMatched(_("This refund was found on another line already."))
    return refund


def _given(
    line: StatementLine,
    fund: Fund,
    pledge: Pledge | None,
    *,
    method: Donation.Method = Donation.Method.TRANSFER,
    at: datetime,
) -> Donation:
    if line.amount < 0:
        raise DoesNotFit(_("Money went out on this line: it cannot be a gift."))
    source = _post(
        line,
        Entry.Kind.DONATION,
        debit=AccountKey.bank(line.account),
        credit=AccountKey.fund(fund, line.currency),
    )
    donation = Donation.objects.create(
        pledge=pledge,
        fund=fund,
        method=method,
        amount=line.amount,
        currency=line.currency,
        fee=Decimal(0),
        received_at=datetime.combine(line.booked_on, time.min, UTC),
        source=source,
    )
    if pledge and pledge.supporter_id:
        Letter.objects.create(
            kind=Letter.Kind.RECEIPT, pledge=pledge, donation=donation, created_at=at, due_at=at
        )
    return donation


def _check_amount(line: StatementLine, amount: Decimal, currency: str) -> None:
    if (line.amount, line.currency) != (amount, currency):
        raise DoesNotFit(
            _("The line moves %(line)s, this would be %(amount)s.")
            % {"line": written(line.amount, line.currency), "amount": written(amount, currency)}
        )


def _post(line: StatementLine, kind: Entry.Kind, *, debit: AccountKey, credit: AccountKey) -> str:
    """Books the line's amount on the line's day; returns the entry's source."""
    source = _source(line, line.matches.count())
    ledger.post(
        Posting(
            kind=kind,
            debit=debit,
            credit=credit,
            amount=abs(line.amount),
            booked_on=line.booked_on,
            source=source,
        )
    )
    return source


def _source(line: StatementLine, matches_before: int) -> str:
    """The name of the fact in the ledger, where a source is booked once for ever: a line matched anew gets a new one."""
    again = f":{matches_before + 1}" if matches_before else ""
    return f"bank:{line.account.code}:{line.key}{again}"
