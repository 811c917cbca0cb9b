"""Asked for, approved by another person and above the policy's limit by a third, paid; refused or changed before that."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day
from donations import ledger
from donations.currencies import written
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BankAccount,
    CostDocument,
    Disbursement,
    Entry,
    LegalCost,
    Policy,
)
from donations.models.numbers import new_number

from .checks import (
    account_of,
    check_content,
    check_declared,
    check_emergency,
    check_none_overdue,
    check_payee,
    check_policy,
    check_same_document,
    check_stakes,
    locked,
)
from .errors import (
    AlreadyDone,
    ContentChanged,
    NoReason,
    NotEnoughMoney,
    SamePerson,
    WrongAmount,
    WrongDay,
    WrongState,
)


@transaction.atomic
def request(
    *,
    cost: LegalCost,
    document: CostDocument,
    bank_account: BankAccount,
    amount: Decimal,
    by: User,
    at: datetime,
    number: UUID | None = None,
    emergency_reason: str = "",
    same_document_reason: str = "",
) -> Disbursement:
    """Asks that `amount` be paid to the cost's payee as it is recorded now. Raises DisbursementError's kinds.

    The payee's account may still wait for its second person; it is not approved before.

    With an `emergency_reason` one approval is enough to pay where the policy asks for two, up to its limit; the second
    follows within its hours. A document that is with another cost too, paid or asked for there, needs a
    `same_document_reason`, which the approver approves with the rest. With a `number` the caller made beforehand, the same
    request sent twice is made once (AlreadyDone).
    """
    cost = LegalCost.objects.held(cost)
    if number and Disbursement.objects.filter(number=number).exists():
        raise AlreadyDone(_("This was sent twice: it was asked for once."))
    row = Disbursement(
        number=number or uuid4(),
        cost=cost,
        document=document,
        bank_account=bank_account,
        amount=amount,
        currency=cost.currency,
        emergency_reason=emergency_reason.strip(),
        same_document_reason=same_document_reason.strip(),
        payment_reference=new_number("PAY", 8),
        requested_by=by,
        requested_at=at,
    )
    _check(row, at=at)
    row.save(force_insert=True)
    _read_back(row)
    return row


def _check(row: Disbursement, *, at: datetime) -> None:
    """Whether `row` may be asked for so by who asks for it, apart from itself as it was before; gives it the payee's account.

    Raises DisbursementError's kinds.
    """
    cost, amount = row.cost, row.amount
    check_content(cost, row.document, row.bank_account, amount)
    check_same_document(row.document, row.same_document_reason)
    policy = Policy.objects.in_force(on=at.date())
    check_policy(policy, cost, amount, but=row.pk)
    # Asked for first: what is paid between the two reads is then counted twice, never missed.
    spoken_for = cost.disbursements.open().exclude(pk=row.pk).total()
    free = ledger.free(AccountKey.cost(cost)) - spoken_for
    if amount > free:
        sentence = (
            _("%(amount)s is set aside for this cost: set more aside first.")
            if row.pk
            else _(
                "%(amount)s is set aside for this cost and not asked for yet: set more aside first."
            )
        )
        raise NotEnoughMoney(sentence % {"amount": written(free, cost.currency)})
    row.payee_account = account_of(cost)
    check_emergency(policy, row.emergency_reason, cost, amount, at=at, but=row.pk)
    check_declared(row.requested_by)
    check_stakes(row.payee_account, cost, [row.requested_by])


def _read_back(row: Disbursement) -> None:
    """What the database made of it."""
    row.refresh_from_db(fields=["content_hash", "approvals_needed", "policy"])


@transaction.atomic
def approve(
    disbursement: Disbursement, *, content_hash: str, by: User, at: datetime
) -> Disbursement:
    """Approves exactly what `content_hash` stands for: amount, currency, payee, cost, document, account.

    Where the policy asks for two approvals, the second call is the third person's; of an emergency also after it was
    paid. Raises DisbursementError's kinds.
    """
    row = locked(disbursement)
    is_second = row.lacks_second
    if (
        row.refused_at
        or row.undone_at
        or not (is_second or (row.approved_at is None and row.paid_at is None))
    ):
        raise WrongState(_("This payment is decided already."))
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this payment yourself: another person must approve it."))
    if is_second and row.approved_by_id == by.pk:
        raise SamePerson(
            _("You approved this payment already: a third person must approve it too.")
        )
    if row.content_hash != content_hash:
        raise ContentChanged(
            _("This payment was changed after you opened it. Look at it again, then decide.")
        )
    if row.paid_at is None:
        check_payee(row)
    check_declared(by)
    check_stakes(row.payee_account, row.cost, [by] if row.paid_at else [by, *row.people])
    if is_second:
        row.seconded_by, row.seconded_at, row.seconded_hash = by, at, content_hash
        row.save(update_fields=["seconded_by", "seconded_at", "seconded_hash"])
    else:
        row.approved_by, row.approved_at, row.approved_hash = by, at, content_hash
        row.save(update_fields=["approved_by", "approved_at", "approved_hash"])
    return row


@transaction.atomic
def refuse(disbursement: Disbursement, *, reason: str, by: User, at: datetime) -> Disbursement:
    """Ends the request, by anyone who may approve; also after an approval, until it is paid."""
    row = locked(disbursement)
    if row.refused_at or row.paid_at:
        raise WrongState(_("This payment is decided already."))
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    row.refused_by, row.refused_at, row.refusal_reason = by, at, reason
    row.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return row


@transaction.atomic
def amend(
    disbursement: Disbursement,
    *,
    amount: Decimal,
    document: CostDocument,
    bank_account: BankAccount,
    by: User,
    at: datetime,
    emergency_reason: str = "",
    same_document_reason: str = "",
) -> Disbursement:
    """Changes the request before it is paid, and to the payee as the cost has it now; an approval is void.

    Who changes it has asked for it from then on, so that nobody approves their own change.
    """
    row = locked(disbursement)
    if row.refused_at or row.paid_at:
        raise WrongState(_("This payment is decided already."))
    row.cost = LegalCost.objects.held(row.cost)
    row.amount, row.document, row.bank_account = amount, document, bank_account
    row.emergency_reason = emergency_reason.strip()
    row.same_document_reason = same_document_reason.strip()
    row.requested_by, row.requested_at = by, at
    row.approved_by = row.approved_at = None
    row.approved_hash = ""
    _check(row, at=at)
    row.save(
        update_fields=[
            "amount", "document", "bank_account", "payee_account", "emergency_reason", "same_document_reason", "requested_by",
            "requested_at", "approved_by", "approved_at", "approved_hash",
        ]
    )  # fmt: skip
    _read_back(row)
    return row


@transaction.atomic
def pay(
    disbursement: Disbursement,
    *,
    paid_on: date,
    by: User,
    at: datetime,
    bank_reference: str = "",
    received: Decimal | None = None,
    received_currency: str = "",
) -> Disbursement:
    """Books that the bank was told to pay on `paid_on`. Raises DisbursementError's kinds.

    `received` is what arrived in another currency, as the bank's note says: the rate really obtained follows from it.
    A deposit of bail stays ours and moves to where the court holds it; all else leaves the cost for good.
    """
    row = locked(disbursement)
    if row.paid_at:
        raise WrongState(_("This payment is recorded as paid already."))
    if not row.approved_at or row.refused_at:
        raise WrongState(_("This payment is not approved."))
    if not row.is_approved:
        raise WrongState(_("By the policy a third person must approve this payment too."))
    if paid_on > at.date():
        raise WrongDay(_("The day of payment lies in the future."))
    if paid_on < row.approved_at.date():
        raise WrongDay(
            _("It was approved on %(day)s: a payment is made after that, not before.")
            % {"day": plain_day(row.approved_at.date())}
        )
    check_payee(row)
    check_stakes(row.payee_account, row.cost, [by, *row.people])
    if row.lacks_second:
        check_none_overdue(at=at)
    if received is not None and (received <= 0 or received_currency in {"", row.currency}):
        raise WrongAmount(_("Write what the payee received, and in which other currency."))
    row.paid_by, row.paid_at, row.paid_on = by, at, paid_on
    row.bank_reference, row.received = bank_reference.strip(), received
    row.received_currency = received_currency if received is not None else ""
    row.save(
        update_fields=[
            "paid_by", "paid_at", "paid_on", "bank_reference", "received", "received_currency",
        ]
    )  # fmt: skip
    is_bail = row.cost.kind == LegalCost.Kind.BAIL
    try:
        ledger.post(
            Posting(
                kind=Entry.Kind.BAIL_PAID if is_bail else Entry.Kind.DISBURSEMENT,
                debit=AccountKey.bail(row.cost) if is_bail else AccountKey.cost(row.cost),
                credit=AccountKey.bank(row.bank_account),
                amount=row.amount,
                booked_on=paid_on,
                source=f"disbursement:{row.number}",
            )
        )
    except (ledger.NotEnough, ledger.Frozen) as error:
        raise NotEnoughMoney(
            _("Only %(amount)s is set aside for this cost.")
            % {"amount": written(ledger.free(AccountKey.cost(row.cost)), row.currency)}
        ) from error
    return row
