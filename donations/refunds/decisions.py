"""People's steps of a refund: asked for, approved by another person or refused, and by bank transfer paid."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.currencies import is_exact, written
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BankAccount,
    Donation,
    Entry,
    Letter,
    Refund,
    RefundRequest,
)
from donations.models.numbers import new_number
from donations.models.payee import hash_payee
from donations.stripe_facts import step

from .errors import (
    AlreadyDone,
    ContentChanged,
    NoReason,
    SamePerson,
    WrongAccount,
    WrongAmount,
    WrongDay,
    WrongPayee,
    WrongState,
)


@transaction.atomic
def request(
    *,
    donation: Donation,
    amount: Decimal,
    reason: str,
    by: User,
    at: datetime,
    note: str = "",
    bank_account: BankAccount | None = None,
    payee_name: str = "",
    payee_account: str = "",
    number: UUID | None = None,
) -> RefundRequest:
    """Asks that `amount` of `donation` be sent back; up to one person's limit that is all it takes.

    By card it goes back to the card; all else is paid from `bank_account` to the payee, and always needs another
    person. So does what the fund has not got any more. `reason` is one of RefundRequest.Reason. Raises RefundError's
    kinds; with a `number` the caller made beforehand, the same request sent twice is made once (AlreadyDone).
    """
    donation = _locked_donation(donation)
    if number and RefundRequest.objects.filter(number=number).exists():
        raise AlreadyDone(_("This was sent twice: it was asked for once."))
    by_card = donation.method == Donation.Method.CARD
    _check_amount(donation, amount, by_card=by_card)
    if by_card:
        way = RefundRequest(payment_reference=None)
    else:
        way = _by_bank(donation, bank_account, payee_name, payee_account)
    way.number = number or uuid4()
    way.donation, way.amount, way.currency = donation, amount, donation.currency
    way.reason, way.note = RefundRequest.Reason(reason), note.strip()
    way.alone_limit = _alone_limit(donation, amount)
    way.requested_by, way.requested_at, way.due_at = by, at, at
    way.save(force_insert=True)
    # The database's own work.
    way.refresh_from_db(fields=["needs_two", "content_hash"])
    return way


def _alone_limit(donation: Donation, amount: Decimal) -> Decimal:
    """What one person may send back of `donation`: nothing once the fund has not got it."""
    if amount > ledger.free(AccountKey.fund(donation.fund, donation.currency)):
        return Decimal(0)
    return settings.REFUND_LIMITS.get(donation.currency, Decimal(0))


def _check_amount(donation: Donation, amount: Decimal, *, by_card: bool) -> None:
    if donation.reversed_at:
        raise WrongState(_("This was found to be no gift: there is nothing to send back."))
    left = donation.refundable()
    if left <= 0:
        raise WrongAmount(
            _("Nothing is left to send back: it went back, was asked back, or is in a dispute.")
        )
    if amount <= 0 or not is_exact(amount, donation.currency):
        raise WrongAmount(_("The amount must be above zero and no finer than the currency."))
    if by_card and amount % step(donation.currency):
        raise WrongAmount(
            _("Cards carry %(currency)s in steps of %(step)s.")
            % {
                "currency": donation.currency,
                "step": written(step(donation.currency), donation.currency),
            }
        )
    if amount > left:
        raise WrongAmount(
            _("Only %(amount)s of this donation can still be sent back.")
            % {"amount": written(left, donation.currency)}
        )


def _by_bank(
    donation: Donation, bank_account: BankAccount | None, name: str, account: str
) -> RefundRequest:
    if bank_account is None:
        raise WrongAccount(_("Choose the account the money is paid from."))
    if bank_account.currency != donation.currency:
        raise WrongAccount(
            _("This was given in %(currency)s: choose the account in that currency.")
            % {"currency": donation.currency}
        )
    if bank_account.closed_on:
        raise WrongAccount(_("This account is closed: choose an open one."))
    name, account = name.strip(), account.strip()
    if not name or not account:
        raise WrongPayee(_("Write whom to pay, and to which account."))
    return RefundRequest(
        bank_account=bank_account,
        payee_name=name,
        payee_account=account,
        payee_hash=hash_payee(name, account),
        payment_reference=new_number("REF", 8),
    )


@transaction.atomic
def approve(request: RefundRequest, *, content_hash: str, by: User, at: datetime) -> RefundRequest:
    """Approves exactly what `content_hash` stands for: donation, amount, reason, payee and account."""
    row = _locked(request)
    if row.refused_at or row.approved_at or not row.needs_two:
        raise WrongState(_("This refund is decided already."))
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this refund yourself: another person must approve it."))
    if row.content_hash != content_hash:
        raise ContentChanged(_("This is not what you opened. Look at it again, then decide."))
    _check_payee(row)
    row.approved_by, row.approved_at, row.approved_hash = by, at, content_hash
    row.due_at = at
    row.save(update_fields=["approved_by", "approved_at", "approved_hash", "due_at"])
    return row


@transaction.atomic
def refuse(request: RefundRequest, *, reason: str, by: User, at: datetime) -> RefundRequest:
    """Ends the request; also after an approval, until Stripe was asked or the bank was told. Also to withdraw one's own."""
    row = _locked(request)
    if row.refused_at:
        raise WrongState(_("This refund is decided already."))
    if row.sent_at or row.paid_at:
        raise WrongState(_("This refund is on its way: it cannot be held back any more."))
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    row.refused_by, row.refused_at, row.refusal_reason = by, at, reason.strip()
    row.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return row


@transaction.atomic
def pay(request: RefundRequest, *, paid_on: date, by: User, at: datetime) -> RefundRequest:
    """Books that the bank was told on `paid_on` to send the money back, out of the donation's fund.

    Raises WrongState, WrongDay, ContentChanged.
    """
    row = _locked(request)
    if row.bank_account is None:
        raise WrongState(_("This goes back to the card: Stripe sends it."))
    if row.paid_at:
        raise WrongState(_("This refund is recorded as paid already."))
    if not row.approved_at or row.refused_at:
        raise WrongState(_("This refund is not approved."))
    if paid_on > at.date():
        raise WrongDay(_("The day of payment lies in the future."))
    _check_payee(row)
    donation = _locked_donation(row.donation)
    row.refund = Refund.objects.create(
        donation=donation,
        amount=row.amount,
        refunded_at=datetime.combine(paid_on, time.min, UTC),
        status=Refund.Status.SUCCEEDED,
        reason="fraudulent" if row.reason == RefundRequest.Reason.FRAUD else "",
        failure_reason="",
        source=row.source,
    )
    row.paid_by, row.paid_at, row.paid_on = by, at, paid_on
    row.save(update_fields=["refund", "paid_by", "paid_at", "paid_on"])
    ledger.post(
        Posting(
            kind=Entry.Kind.REFUND,
            debit=AccountKey.fund(donation.fund, row.currency),
            credit=AccountKey.bank(row.bank_account),
            amount=row.amount,
            booked_on=paid_on,
            source=row.source,
        )
    )
    Letter.objects.bulk_create(row.refund.letters(donation, at=at))
    return row


def _locked(request: RefundRequest) -> RefundRequest:
    return (
        RefundRequest.objects.select_for_update(of=("self",))
        .select_related("bank_account", "donation")
        .get(pk=request.pk)
    )


def _locked_donation(donation: Donation) -> Donation:
    """Held until the end, so that two requests at once cannot both count on the same money."""
    return (
        Donation.objects.select_for_update(no_key=True, of=("self",))
        .select_related("fund", "pledge")
        .get(pk=donation.pk)
    )


def _check_payee(row: RefundRequest) -> None:
    # The database cannot read the payee, only its keyed hash; so the two are compared where it can be read.
    if not row.has_its_payee:
        raise ContentChanged(
            _("The payee is not the one this refund was asked for. Refuse it and ask again.")
        )
