"""VERB: gifts in cash and by cheque, and cash brought to the bank.

Cash is money when it is in the hand: it is booked with its slip. A cheque is a piece of paper until the bank pays: its slip
is pending, and it is booked when a bank line is matched with it, or when somebody cashed it over the counter.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from . import ledger
from .currencies import is_exact, written
from .ledger import Posting
from .models import (
    AccountKey,
    BankAccount,
    CashDeposit,
    CashReceipt,
    Donation,
    Entry,
    Fund,
    Letter,
    Pledge,
)
from .models.refusals import broken_rule


class CashError(Exception):
    """Nothing was changed; the message is a sentence for who did it."""


@transaction.atomic
def record(
    *,
    key: UUID,
    kind: CashReceipt.Kind,
    fund: Fund,
    amount: Decimal,
    currency: str,
    received_on: date,
    pledge: Pledge | None = None,
    payer: str = "",
    by: User,
    at: datetime,
) -> CashReceipt:
    """Writes the slip for a gift handed over, and books it when it is cash; the same `key` again gives the same slip.

    `pledge` is the promise it keeps, in the same currency; its fund is the promise's. Raises CashError.
    """
    # Held, so that of the same form sent twice at once the second finds the first one's slip.
    fund = Fund.objects.select_for_update(no_key=True).get(pk=fund.pk)
    if known := CashReceipt.objects.filter(key=key).first():
        return known
    if amount <= 0 or not is_exact(amount, currency):
        raise CashError(_("This is no amount of %(currency)s.") % {"currency": currency})
    if received_on > at.date():
        raise CashError(_("This day is still to come. Write the day it was handed over."))
    if pledge and pledge.currency != currency:
        raise CashError(
            _(
                "This was promised in %(promised)s. Record it without the promise, or in that currency."
            )
            % {"promised": pledge.currency}
        )
    receipt = CashReceipt(
        key=key,
        kind=kind,
        fund=pledge.fund if pledge else fund,
        pledge=pledge,
        amount=amount,
        currency=currency,
        received_on=received_on,
        payer=payer,
        recorded_by=by,
        recorded_at=at,
    )
    if kind == CashReceipt.Kind.CASH:
        receipt.donation = _book(receipt, Donation.Method.CASH, received_on, at=at)
    receipt.save()
    receipt.refresh_from_db(fields=["year", "serial"])
    return receipt


@transaction.atomic
def cash_in(receipt: CashReceipt, *, cashed_on: date, by: User, at: datetime) -> CashReceipt:
    """A pending cheque was paid out over the counter: it counts as cash from that day. Raises CashError."""
    receipt = _held(receipt)
    if not receipt.is_pending:
        raise CashError(_("This is no pending cheque any more. Nothing was changed."))
    if not receipt.received_on <= cashed_on <= at.date():
        raise CashError(_("Write a day from when it was handed over until today."))
    receipt.donation = _book(receipt, Donation.Method.CHEQUE, cashed_on, at=at)
    receipt.save(update_fields=["donation"])
    return receipt


@transaction.atomic
def void(receipt: CashReceipt, *, reason: str, by: User, at: datetime) -> CashReceipt:
    """Takes a slip back, which keeps its number: written by mistake, money given back, or a cheque that bounced.

    What was booked is reversed. Raises CashError: the cash is at the bank already, or a bank line proves the cheque.
    """
    receipt = _held(receipt)
    if receipt.voided_at:
        raise CashError(_("This slip was taken back already."))
    if not reason.strip():
        raise CashError(_("Say why it is taken back."))
    booked = receipt.donation
    if booked and booked.reversed_at:
        booked = None
    if booked and booked.source.startswith("bank:"):
        raise CashError(_("A bank line proves this cheque. Take that match back first."))
    receipt.voided_by, receipt.voided_at, receipt.void_reason = by, at, reason.strip()
    _save_if_cash_is_there(receipt, ["voided_by", "voided_at", "void_reason"])
    if booked:
        entry = Entry.objects.get(source=booked.source)
        ledger.reverse(entry, by=by, reason=receipt.void_reason, at=at)
        Donation.objects.filter(pk=booked.pk).update(reversed_at=at)
        Letter.objects.filter(donation=booked, sent_at=None).delete()
    return receipt


@transaction.atomic
def deposit(
    *,
    number: UUID,
    bank_account: BankAccount,
    amount: Decimal,
    deposited_on: date,
    by: User,
    at: datetime,
) -> CashDeposit:
    """Cash is brought to our own account: out of the cash box, on its way until a bank line is matched with it.

    The same `number` again is the same deposit. Raises CashError when the cash box has not that much.
    """
    bank_account = BankAccount.objects.select_for_update(no_key=True).get(pk=bank_account.pk)
    if known := CashDeposit.objects.filter(number=number).first():
        return known
    currency = bank_account.currency
    if amount <= 0 or not is_exact(amount, currency):
        raise CashError(_("This is no amount of %(currency)s.") % {"currency": currency})
    if deposited_on > at.date():
        raise CashError(_("This day is still to come. Write the day it was brought to the bank."))
    row = CashDeposit(
        number=number,
        bank_account=bank_account,
        amount=amount,
        currency=currency,
        deposited_on=deposited_on,
        deposited_by=by,
        deposited_at=at,
    )
    _save_if_cash_is_there(row)
    ledger.post(
        Posting(
            kind=Entry.Kind.DEPOSIT_LEFT,
            debit=AccountKey.transit(currency),
            credit=AccountKey.cash(currency),
            amount=amount,
            booked_on=deposited_on,
            source=f"deposit:{number}",
        )
    )
    return row


@transaction.atomic
def void_deposit(row: CashDeposit, *, reason: str, by: User, at: datetime) -> CashDeposit:
    """The cash is in the box after all: its entry is reversed. Raises CashError when a bank line proves it arrived."""
    row = CashDeposit.objects.select_for_update(no_key=True).get(pk=row.pk)
    if row.voided_at:
        raise CashError(_("This was taken back already."))
    if not reason.strip():
        raise CashError(_("Say why it is taken back."))
    if row.matches.standing().exists():
        raise CashError(_("A bank line proves that it arrived. Take that match back first."))
    ledger.reverse(
        Entry.objects.get(source=f"deposit:{row.number}"), by=by, reason=reason.strip(), at=at
    )
    row.voided_by, row.voided_at = by, at
    row.save(update_fields=["voided_by", "voided_at"])
    return row


def _held(receipt: CashReceipt) -> CashReceipt:
    held = CashReceipt.objects.select_for_update(no_key=True, of=("self",))
    return held.select_related("donation", "fund", "pledge").get(pk=receipt.pk)


def _book(receipt: CashReceipt, method: Donation.Method, day: date, *, at: datetime) -> Donation:
    source = f"cash:{receipt.key}"
    again = Entry.objects.filter(source__startswith=source, reverses=None).count()
    # A cheque cashed, taken for a bank line by mistake and cashed anew is a new fact.
    source += f":{again + 1}" if again else ""
    ledger.post(
        Posting(
            kind=Entry.Kind.DONATION,
            debit=AccountKey.cash(receipt.currency),
            credit=AccountKey.fund(receipt.fund, receipt.currency),
            amount=receipt.amount,
            booked_on=day,
            source=source,
        )
    )
    donation = Donation.objects.create(
        pledge=receipt.pledge,
        fund=receipt.fund,
        method=method,
        amount=receipt.amount,
        currency=receipt.currency,
        fee=Decimal(0),
        received_at=datetime.combine(day, time.min, UTC),
        source=source,
    )
    if receipt.pledge and receipt.pledge.supporter_id:
        Letter.objects.create(
            kind=Letter.Kind.RECEIPT,
            pledge=receipt.pledge,
            donation=donation,
            created_at=at,
            due_at=at,
        )
    return donation


def _save_if_cash_is_there(row: CashReceipt | CashDeposit, fields: list[str] | None = None) -> None:
    """Saves; CashError when the database finds less in the cash box than leaves it."""
    try:
        with transaction.atomic():
            row.save(update_fields=fields)
    except IntegrityError as error:
        if broken_rule(error) == "cash_not_overdrawn":
            has = ledger.balance(AccountKey.cash(row.currency))
            raise CashError(
                _("There is only %(amount)s in the cash box.")
                % {"amount": written(has, row.currency)}
            ) from error
        raise
