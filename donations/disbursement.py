"""Pay a legal cost: requested, approved by another person, paid, proved by the bank's line."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from . import ledger
from .currencies import is_exact, written
from .ledger import Posting
from .models import (
    AccountKey,
    BankAccount,
    CostDocument,
    Disbursement,
    Entry,
    LegalCost,
    Payee,
    Policy,
)
from .models.locks import share
from .models.numbers import new_number


class DisbursementError(Exception):
    """A step of a payment that is refused; the message is a sentence for the office."""


class WrongAmount(DisbursementError):
    """Not above zero, or finer than the currency."""


class WrongDocument(DisbursementError):
    """The document belongs to another cost."""


class NotByPolicy(DisbursementError):
    """The policy in force does not pay such costs, or wants documents that are not there."""


class WrongAccount(DisbursementError):
    """The bank account is closed or in another currency."""


class WrongDay(DisbursementError):
    """The day of payment lies in the future."""


class NoReason(DisbursementError):
    """A refusal has a reason."""


class SamePerson(DisbursementError):
    """Who asked for a payment cannot approve it, whatever their rights."""


class ContentChanged(DisbursementError):
    """What is to be approved, or paid, is not what the approver saw."""


class PayeeNotReady(DisbursementError):
    """The payee's account is not confirmed, was changed since, or the payee is retired."""


class WrongState(DisbursementError):
    """The step does not fit: already approved, refused, paid, or not approved yet."""


class NotEnoughMoney(DisbursementError):
    """Less is set aside for the cost than asked for."""


class AlreadyDone(DisbursementError):
    """The same request was sent twice; it was made once."""


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
) -> Disbursement:
    """Asks that `amount` be paid to the cost's payee as it is recorded now. Raises DisbursementError's kinds.

    The payee's account may still wait for its second person; it is not approved before.

    With a `number` the caller made beforehand, the same request sent twice is made once (AlreadyDone).
    """
    cost = _locked_cost(cost)
    if number and Disbursement.objects.filter(number=number).exists():
        raise AlreadyDone(_("This was sent twice: it was asked for once."))
    _check(cost, document, bank_account, amount)
    _check_policy(cost, at=at)
    # Asked for first: what is paid between the two reads is then counted twice, never missed.
    spoken_for = cost.disbursements.open().total()
    free = ledger.free(AccountKey.cost(cost)) - spoken_for
    if amount > free:
        raise NotEnoughMoney(
            _("%(amount)s is set aside for this cost and not asked for yet: set more aside first.")
            % {"amount": written(free, cost.currency)}
        )
    row = Disbursement.objects.create(
        number=number or uuid4(),
        cost=cost,
        document=document,
        bank_account=bank_account,
        amount=amount,
        currency=cost.currency,
        payee_account_id=_account_of(cost),
        payment_reference=new_number("PAY", 8),
        requested_by=by,
        requested_at=at,
    )
    # The database's own work.
    row.refresh_from_db(fields=["content_hash"])
    return row


@transaction.atomic
def approve(
    disbursement: Disbursement, *, content_hash: str, by: User, at: datetime
) -> Disbursement:
    """Approves exactly what `content_hash` stands for: amount, currency, payee, cost, document, account."""
    row = _locked(disbursement)
    if row.refused_at or row.paid_at or row.approved_at:
        raise WrongState(_("This payment is decided already."))
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this payment yourself: another person must approve it."))
    if row.content_hash != content_hash:
        raise ContentChanged(
            _("This payment was changed after you opened it. Look at it again, then decide.")
        )
    _check_payee(row)
    row.approved_by, row.approved_at, row.approved_hash = by, at, content_hash
    row.save(update_fields=["approved_by", "approved_at", "approved_hash"])
    return row


@transaction.atomic
def refuse(disbursement: Disbursement, *, reason: str, by: User, at: datetime) -> Disbursement:
    """Ends the request, by anyone who may approve; also after an approval, until it is paid."""
    row = _locked(disbursement)
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
) -> Disbursement:
    """Changes the request before it is paid, and to the payee as the cost has it now; an approval is void.

    Who changes it has asked for it from then on, so that nobody approves their own change.
    """
    row = _locked(disbursement)
    if row.refused_at or row.paid_at:
        raise WrongState(_("This payment is decided already."))
    cost = _locked_cost(row.cost)
    _check(cost, document, bank_account, amount)
    _check_policy(cost, at=at)
    others = cost.disbursements.open().exclude(pk=row.pk).total()
    free = ledger.free(AccountKey.cost(cost)) - others
    if amount > free:
        raise NotEnoughMoney(
            _("%(amount)s is set aside for this cost: set more aside first.")
            % {"amount": written(free, row.currency)}
        )
    row.amount, row.document, row.bank_account = amount, document, bank_account
    row.payee_account_id = _account_of(cost)
    row.requested_by, row.requested_at = by, at
    row.approved_by = row.approved_at = None
    row.approved_hash = ""
    row.save(
        update_fields=[
            "amount", "document", "bank_account", "payee_account", "requested_by", "requested_at",
            "approved_by", "approved_at", "approved_hash",
        ]
    )  # fmt: skip
    row.refresh_from_db(fields=["content_hash"])
    return row


@transaction.atomic
def pay(disbursement: Disbursement, *, paid_on: date, by: User, at: datetime) -> Disbursement:
    """Books that the bank was told to pay on `paid_on`. Raises WrongState, WrongDay, ContentChanged, NotEnoughMoney.

    A deposit of bail stays ours and moves to where the court holds it; all else leaves the cost for good.
    """
    row = _locked(disbursement)
    if row.paid_at:
        raise WrongState(_("This payment is recorded as paid already."))
    if not row.approved_at or row.refused_at:
        raise WrongState(_("This payment is not approved."))
    if paid_on > at.date():
        raise WrongDay(_("The day of payment lies in the future."))
    _check_payee(row)
    row.paid_by, row.paid_at, row.paid_on = by, at, paid_on
    row.save(update_fields=["paid_by", "paid_at", "paid_on"])
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


def _locked(disbursement: Disbursement) -> Disbursement:
    """Its payee is held first, and so cannot be changed meanwhile; whoever changes a payee takes them in the same order."""
    share(Payee.objects.filter(accounts__disbursements=disbursement.pk))
    return (
        Disbursement.objects.select_for_update(of=("self",))
        .select_related("cost", "bank_account", "payee_account__payee")
        .get(pk=disbursement.pk)
    )


def _locked_cost(cost: LegalCost) -> LegalCost:
    """Held until the end, so that two requests at once cannot both count on the same money."""
    return LegalCost.objects.select_for_update(no_key=True).get(pk=cost.pk)


def _account_of(cost: LegalCost) -> int:
    """The key of the account at which the cost's payee is paid now. Raises PayeeNotReady."""
    payee = Payee.objects.get(pk=cost.payee_id)
    if payee.account_id is None or payee.retired_at:
        raise PayeeNotReady(
            _("The payee of this cost is retired: choose another payee for the cost first.")
        )
    return payee.account_id


def _check(
    cost: LegalCost, document: CostDocument, bank_account: BankAccount, amount: Decimal
) -> None:
    if document.cost_id != cost.pk:
        raise WrongDocument(_("This document belongs to another cost."))
    if bank_account.currency != cost.currency:
        raise WrongAccount(
            _("This cost is owed in %(currency)s: choose the account in that currency.")
            % {"currency": cost.currency}
        )
    if bank_account.closed_on:
        raise WrongAccount(_("This account is closed: choose an open one."))
    if amount <= 0 or not is_exact(amount, cost.currency):
        raise WrongAmount(_("The amount must be above zero and no finer than the currency."))


def why_not_payable(row: Disbursement) -> str:
    """The sentence for a payee who is not, or not any more, the confirmed one; empty when all is well.

    The database refuses the same (the migration "payee_rules").
    """
    payee = row.payee_account.payee
    if payee.retired_at:
        return _("This payee is retired: refuse the payment.")
    if payee.account_id != row.payee_account_id:
        return _(
            "The payee's account was changed after this payment was asked for. Change the payment, or refuse it."
        )
    if not row.payee_account.sealed:
        return _(
            "This payee's account is not sealed yet: a treasurer registers a sealing key, and another person confirms it."
        )
    if payee.pk != row.cost.payee_id:
        return _("The cost has another payee now. Change the payment, or refuse it.")
    if not row.payee_account.confirmed_at:
        return _(
            "Nobody has confirmed this payee's account yet: a second person does, in the register of payees."
        )
    return ""


def _check_policy(cost: LegalCost, *, at: datetime) -> None:
    """The database refuses the same (the migration "policy_of_requests"); here are the sentences."""
    policy = Policy.objects.in_force(on=at.date())
    if policy is None:
        return
    if not policy.pays(cost.kind):
        raise NotByPolicy(
            _("The fund's policy (%(version)s) does not pay “%(kind)s”.")
            % {"version": policy, "kind": cost.get_kind_display()}
        )
    lacking = policy.lacking(cost.kind, set(cost.documents.values_list("kind", flat=True)))
    if lacking:
        raise NotByPolicy(
            _("The policy wants documents before this payment is asked for: %(kinds)s.")
            % {"kinds": ", ".join(str(CostDocument.Kind(each).label) for each in lacking)}
        )


def _check_payee(row: Disbursement) -> None:
    why = why_not_payable(row)
    if why:
        raise PayeeNotReady(why)
