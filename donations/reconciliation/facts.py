"""What a part of a line can be, each looked at under its lock: does it fit, was it found before, and what does it book."""

from datetime import UTC, datetime, time
from decimal import Decimal

from django.utils.translation import gettext as _

from ..models import (
    AccountKey,
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
)
from .errors import AlreadyMatched, DoesNotFit
from .parts import Part, check_amount, post


def arrived(part: Part, payout: Payout) -> Payout:
    payout = Payout.objects.select_for_update().get(pk=payout.pk)
    check_amount(part, payout.amount, payout.currency)
    if payout.returned_at:
        raise DoesNotFit(_("The bank sent this payout back to Stripe: it did not arrive."))
    if payout.matches.standing().exists():
        raise AlreadyMatched(_("This payout was found on another line already."))
    post(
        part,
        Entry.Kind.PAYOUT_ARRIVED,
        debit=AccountKey.bank(part.line.account),
        credit=AccountKey.transit(part.line.currency),
    )
    return payout


def deposited(part: Part, deposit: CashDeposit) -> CashDeposit:
    deposit = CashDeposit.objects.select_for_update(no_key=True).get(pk=deposit.pk)
    check_amount(part, deposit.amount, deposit.currency)
    if deposit.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This cash was brought to another bank account."))
    if deposit.voided_at:
        raise DoesNotFit(_("It was recorded that this cash was not brought to the bank after all."))
    if deposit.matches.standing().exists():
        raise AlreadyMatched(_("This cash was found on another line already."))
    post(
        part,
        Entry.Kind.DEPOSIT_ARRIVED,
        debit=AccountKey.bank(part.line.account),
        credit=AccountKey.transit(part.line.currency),
    )
    return deposit


def cheque_paid(part: Part, receipt: CashReceipt, *, at: datetime) -> Donation:
    held = CashReceipt.objects.select_for_update(no_key=True, of=("self",))
    receipt = held.select_related("donation", "fund", "pledge").get(pk=receipt.pk)
    check_amount(part, receipt.amount, receipt.currency)
    if not receipt.is_pending:
        raise AlreadyMatched(_("This is no pending cheque any more."))
    receipt.donation = given(
        part, receipt.fund, receipt.pledge, method=Donation.Method.CHEQUE, at=at
    )
    receipt.save(update_fields=["donation"])
    return receipt.donation


def proved(part: Part, disbursement: Disbursement) -> Disbursement:
    disbursement = Disbursement.objects.select_for_update().get(pk=disbursement.pk)
    check_amount(part, -disbursement.amount, disbursement.currency)
    if not disbursement.paid_at:
        raise DoesNotFit(
            _("This payment is not recorded as paid. Record that first, then match the line.")
        )
    if disbursement.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This payment was made from another bank account."))
    if disbursement.matches.standing().exists():
        raise AlreadyMatched(_("This payment was found on another line already."))
    return disbursement


def proved_refund(part: Part, refund: RefundRequest) -> RefundRequest:
    refund = RefundRequest.objects.select_for_update().get(pk=refund.pk)
    check_amount(part, -refund.amount, refund.currency)
    if not refund.paid_at:
        raise DoesNotFit(
            _("This refund is not recorded as paid. Record that first, then match the line.")
        )
    if refund.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This refund was paid from another bank account."))
    if refund.matches.standing().exists():
        raise AlreadyMatched(_("This refund was found on another line already."))
    return refund


def exchanged(part: Part, exchange: Exchange) -> Exchange:
    exchange = Exchange.objects.select_for_update(no_key=True).get(pk=exchange.pk)
    is_out = part.amount < 0
    account, amount, _day = exchange.bank_sides()[0 if is_out else 1]
    check_amount(part, amount, account.currency)
    if not exchange.approved_at or exchange.undone_at:
        raise DoesNotFit(_("This exchange is not in the books."))
    if account.pk != part.line.account_id:
        raise DoesNotFit(_("This exchange was made with another bank account."))
    ways = exchange.matches.standing()
    if (ways.filter(amount__lt=0) if is_out else ways.filter(amount__gt=0)).exists():
        raise AlreadyMatched(_("This exchange was found on another line already."))
    return exchange


def given(
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
    post(
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
