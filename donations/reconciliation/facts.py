"""What a part of a line can be, each looked at under its lock: does it fit, was it found before, and what does it book."""

from datetime import UTC, datetime, time
from decimal import Decimal

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from .. import ledger
from ..ledger import Posting
from ..models import (
    AccountKey,
    BailOutcome,
    CashDeposit,
    CashReceipt,
    Disbursement,
    Donation,
    Entry,
    Exchange,
    Fund,
    LegalCost,
    Letter,
    MovementExplanation,
    PartnerPayment,
    PastRow,
    Payout,
    Pledge,
    Policy,
    RefundRequest,
)
from ..models.locks import hold
from .errors import AlreadyMatched, DoesNotFit
from .parts import Part, check_amount, post


def arrived(part: Part, payout: Payout) -> Payout:
    payout = Payout.objects.select_for_update().get(pk=payout.pk)
    check_amount(part, payout.amount, payout.currency)
    _check_in_transit(payout)
    post(
        part,
        Entry.Kind.PAYOUT_ARRIVED,
        debit=AccountKey.bank(part.line.account),
        credit=AccountKey.transit(part.line.currency),
    )
    return payout


def arrived_less(part: Part, payout: Payout, fund: Fund, *, at: datetime) -> tuple[Payout, Decimal]:
    """The payout came, less what a bank kept of it on the way, which `fund` bears; gives back both."""
    payout = Payout.objects.select_for_update().get(pk=payout.pk)
    withheld = payout.amount - part.amount
    if payout.currency != part.line.currency or part.amount < 0 or withheld <= 0:
        raise DoesNotFit(_("The line has not less than the payout: no bank kept anything of it."))
    _check_in_transit(payout)
    transit = AccountKey.transit(payout.currency)
    post(part, Entry.Kind.PAYOUT_ARRIVED, debit=AccountKey.bank(part.line.account), credit=transit)
    bear(part, fund, withheld, at=at)
    return payout, withheld


def check_bears(fund: Fund, *, at: datetime) -> None:
    """The policy's word on who bears the banks' fees. The database refuses the same (the migration "fee_order")."""
    policy = Policy.objects.in_force(on=at.date())
    if policy and not policy.lets_bear(fund):
        raise DoesNotFit(
            _(
                "By the policy fees of banks are borne by %(funds)s, and “%(fund)s” is none of these."
            )
            % {"funds": ", ".join(policy.fee_bearers), "fund": fund}
        )


def bear(part: Part, fund: Fund, withheld: Decimal, *, at: datetime) -> None:
    """What a bank kept of money on its way is a fee of the fund."""
    check_bears(fund, at=at)
    ledger.post(
        Posting(
            kind=Entry.Kind.BANK_FEE,
            debit=AccountKey.fund(fund, part.line.currency),
            credit=AccountKey.transit(part.line.currency),
            amount=withheld,
            booked_on=part.line.booked_on,
            source=fee_source(part.source),
        )
    )


def fee_source(source: str) -> str:
    """The name in the ledger of what a bank kept of what arrived as `source`."""
    return f"{source}:fee"


def _check_in_transit(payout: Payout) -> None:
    if payout.returned_at:
        raise DoesNotFit(_("The bank sent this payout back to Stripe: it did not arrive."))
    if payout.matches.standing().exists():
        raise AlreadyMatched(_("This payout was found on another line already."))


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


def said_never_left() -> str:
    """What to do where a line shows a payment that was taken back as one that never left."""
    return _(
        "Two people said that this payment never left. If the bank made it after all, ask for it anew, record it as paid, and "
        "match the line with that one."
    )


def said_not_recorded() -> str:
    """What to do where a line shows a payment before anybody recorded it as paid."""
    return _("This payment is not recorded as paid. Record that first, then match the line.")


def proved[Payment: (Disbursement, PartnerPayment)](part: Part, payment: Payment) -> Payment:
    payment = type(payment).objects.select_for_update().get(pk=payment.pk)
    check_amount(part, -payment.amount, payment.currency)
    if not payment.paid_at:
        raise DoesNotFit(said_not_recorded())
    if payment.undone_at:
        raise DoesNotFit(said_never_left())
    if payment.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This payment was made from another bank account."))
    if payment.matches.standing().same_way(-payment.amount).exists():
        raise AlreadyMatched(_("This payment was found on another line already."))
    return payment


def came_back(part: Part, disbursement: Disbursement, *, by: User, at: datetime) -> str:
    """The payee's bank sent the payment back: its entry is reversed on the line's day, and the money is the cost's again.

    Gives back the name of the reversing entry.
    """
    # Before the payment, as by who ends it.
    cost = LegalCost.objects.select_for_update().get(pk=disbursement.cost_id)
    disbursement = Disbursement.objects.select_for_update().get(pk=disbursement.pk)
    _check_left_here(part, disbursement)
    if cost.kind == LegalCost.Kind.BAIL:
        raise DoesNotFit(
            _("This was a deposit of bail: say that bail came back, and of which cost.")
        )
    if cost.ended_on:
        raise DoesNotFit(_("This cost has ended: open it again first."))
    return _given_back(part, disbursement, f"disbursement:{disbursement.number}", by=by, at=at)


def came_back_from_partner(part: Part, payment: PartnerPayment, *, by: User, at: datetime) -> str:
    """As `came_back`: the money is the fund's again."""
    held = PartnerPayment.objects.select_for_update(of=("self",)).select_related("fund")
    payment = held.get(pk=payment.pk)
    _check_left_here(part, payment)
    if payment.fund.closed_on:
        raise DoesNotFit(_("“%(fund)s” is closed: open it again first.") % {"fund": payment.fund})
    return _given_back(part, payment, payment.entry_source, by=by, at=at)


def _check_left_here(part: Part, payment: Disbursement | PartnerPayment) -> None:
    check_amount(part, payment.amount, payment.currency)
    if payment.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This payment was made from another bank account."))


def _given_back(
    part: Part, payment: Disbursement | PartnerPayment, source: str, *, by: User, at: datetime
) -> str:
    if payment.came_back_on:
        raise AlreadyMatched(_("Another line says already that this payment came back."))
    if not payment.matches.standing().same_way(-payment.amount).exists():
        raise DoesNotFit(_("No line shows yet that this payment left. Match that line first."))
    # It may have come back, and been taken for something else, before.
    entry = ledger.latest(source)
    reason = _("Came back from the payee's bank on %(day)s") % {
        "day": plain_day(part.line.booked_on)
    }
    return ledger.reverse(entry, by=by, reason=reason, at=at, on=part.line.booked_on).source


def proved_bail(part: Part, outcome: BailOutcome) -> BailOutcome:
    # Its rows are only added to: a name stands for it.
    hold([f"bail {outcome.number}"])
    check_amount(part, outcome.amount, outcome.currency)
    outcome.refresh_from_db(fields=["undone_at"])
    if outcome.undone_at:
        raise DoesNotFit(_("This was recorded wrongly, and taken back."))
    if outcome.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This bail came back into another bank account."))
    if outcome.matches.standing().exists():
        raise AlreadyMatched(_("This bail was found on another line already."))
    return outcome


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


def proved_collection(part: Part, explanation: MovementExplanation) -> MovementExplanation:
    held = MovementExplanation.objects.select_for_update(of=("self",), no_key=True)
    explanation = held.select_related("movement").get(pk=explanation.pk)
    check_amount(part, -explanation.movement.amount, explanation.movement.currency)
    is_booked = explanation.approved_at and not explanation.undone_at
    if explanation.meaning != MovementExplanation.Meaning.COLLECTED or not is_booked:
        raise DoesNotFit(
            _("It is not in the books that Stripe collected this: explain its movement first.")
        )
    if explanation.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("Stripe collected this from another bank account."))
    if explanation.matches.standing().exists():
        raise AlreadyMatched(_("What Stripe collected was found on another line already."))
    return explanation


def proved_past(part: Part, row: PastRow) -> PastRow:
    row = PastRow.objects.select_for_update(no_key=True).get(pk=row.pk)
    check_amount(part, row.moved, row.currency)
    if row.bank_account_id != part.line.account_id:
        raise DoesNotFit(_("This row of the past is of another bank account."))
    if row.matches.standing().exists():
        raise AlreadyMatched(_("This row of the past was found on another line already."))
    return row


def exchanged(part: Part, exchange: Exchange) -> Exchange:
    exchange = Exchange.objects.select_for_update(no_key=True).get(pk=exchange.pk)
    account, amount, _day = exchange.bank_sides()[0 if part.amount < 0 else 1]
    check_amount(part, amount, account.currency)
    if not exchange.approved_at or exchange.undone_at:
        raise DoesNotFit(_("This exchange is not in the books."))
    if account.pk != part.line.account_id:
        raise DoesNotFit(_("This exchange was made with another bank account."))
    if exchange.matches.standing().same_way(part.amount).exists():
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
