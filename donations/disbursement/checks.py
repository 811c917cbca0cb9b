"""What is looked at before each step of a payment, and the rows held meanwhile. The database refuses the same; here are
the sentences."""

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.translation import gettext as _

from donations import stakes
from donations.currencies import is_exact, written
from donations.models import (
    BankAccount,
    CostDocument,
    Disbursement,
    LegalCost,
    Payee,
    PayeeAccount,
    Policy,
)
from donations.models.locks import share
from donations.same_documents import elsewhere

from .errors import (
    Conflicted,
    NoEmergency,
    NotByPolicy,
    PayeeNotReady,
    SameDocument,
    Undeclared,
    WrongAccount,
    WrongAmount,
    WrongDocument,
)


def locked(disbursement: Disbursement) -> Disbursement:
    """Its payee is held first, and so cannot be changed meanwhile; whoever changes a payee takes them in the same order."""
    share(Payee.objects.filter(accounts__disbursements=disbursement.pk))
    return (
        Disbursement.objects.select_for_update(of=("self",))
        .select_related(
            "cost",
            "bank_account",
            "payee_account__payee",
            "requested_by",
            "approved_by",
            "seconded_by",
        )
        .get(pk=disbursement.pk)
    )


def account_of(cost: LegalCost) -> PayeeAccount:
    """The account at which the cost's payee is paid now. Raises PayeeNotReady."""
    share(Payee.objects.filter(pk=cost.payee_id))
    payee = Payee.objects.with_account().get(pk=cost.payee_id)
    if payee.account is None:
        raise PayeeNotReady(
            _(
                "Nobody is recorded as the payee of this cost: choose one for it, or record the account."
            )
        )
    if payee.retired_at:
        raise PayeeNotReady(
            _("The payee of this cost is retired: choose another payee for the cost first.")
        )
    return payee.account


def check_content(
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


def check_same_document(document: CostDocument, reason: str) -> None:
    """The database refuses the same (the migration "same_document"); here are the sentences."""
    if reason.strip():
        return
    for also in elsewhere([document]):
        if also.payments:
            raise SameDocument(
                _("This document is with %(cost)s too (%(payments)s): say why it is paid here too.")
                % {
                    "cost": also.cost,
                    "payments": ", ".join(row.payment_reference for row in also.payments),
                }
            )


def why_not_payable(row: Disbursement) -> str:
    """The sentence for a payee who is not, or not any more, the confirmed one; empty when all is well.

    The database refuses the same (the migration "spending").
    """
    account = row.payee_account
    if why := stakes.why_retired(account):
        return why
    if account.payee.account_id != account.pk:
        return _(
            "The payee's account was changed after this payment was asked for. Change the payment, or refuse it."
        )
    if why := stakes.why_unsealed(account):
        return why
    if account.payee_id != row.cost.payee_id:
        return _("The cost has another payee now. Change the payment, or refuse it.")
    return stakes.why_unconfirmed(account)


def check_policy(
    policy: Policy | None, cost: LegalCost, amount: Decimal, *, but: int | None
) -> None:
    """`but` is the key of the payment itself, when it is changed."""
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
    _check_cap(policy, cost, amount, but=but)
    if policy.counts_as_admin(cost.kind):
        left = policy.admin_left(cost.currency, but=but)
        if left is not None and amount > left:
            raise NotByPolicy(
                _(
                    "By the policy no more than %(percent)s %% of what was received in %(currency)s pays for "
                    "administration: %(left)s of it is left."
                )
                % {
                    "percent": f"{(policy.admin_percent or Decimal(0)).normalize():f}",
                    "currency": cost.currency,
                    "left": written(max(left, Decimal(0)), cost.currency),
                }
            )


def _check_cap(policy: Policy, cost: LegalCost, amount: Decimal, *, but: int | None) -> None:
    """By the policy of the request, whatever was agreed before. What the UMA lifts above a cap is paid, by three people."""
    if cost.uma is not None or (cap := policy.cap(cost.kind, cost.currency)) is None:
        return
    left = policy.cap_left(cost, but=but)
    if left is not None and amount > left:
        raise NotByPolicy(
            _(
                "The fund's policy (%(version)s) pays at most %(cap)s for one cost of the kind “%(kind)s”: %(left)s of it is left "
                "for this one. More can be asked for once a version with a higher cap is in force."
            )
            % {
                "version": policy,
                "cap": written(cap, cost.currency),
                "kind": cost.get_kind_display(),
                "left": written(max(left, Decimal(0)), cost.currency),
            }
        )


def check_payee(row: Disbursement) -> None:
    why = why_not_payable(row)
    if why:
        raise PayeeNotReady(why)


def check_stakes(account: PayeeAccount, cost: LegalCost, people: list[User]) -> None:
    if why := stakes.why_staff_account(account):
        raise Conflicted(why)
    check_own_stakes(account, cost, people)


def check_declared(by: User) -> None:
    if why := stakes.why_undeclared(by):
        raise Undeclared(why)


def check_own_stakes(account: PayeeAccount, cost: LegalCost, people: list[User]) -> None:
    """As `check_stakes`, of what takes nothing to the account. The first of `people` is who acts now."""
    subject = (
        Q(payee=account.payee_id)
        | Q(defendant=cost.defendant_id)
        | Q(defendant__in=cost.shares.values("defendant"))
    )
    if why := stakes.why_stake(subject, people):
        raise Conflicted(why)


def check_emergency(
    policy: Policy | None,
    reason: str,
    cost: LegalCost,
    amount: Decimal,
    *,
    at: datetime,
    but: int | None,
) -> None:
    if not reason.strip():
        return
    if policy is None or not _needs_third_person(policy, cost, amount, but=but):
        raise NoEmergency(
            _("One approval is enough for this payment anyway: leave the emergency out.")
        )
    most = policy.emergency_limit(cost.currency)
    if amount > most:
        raise NoEmergency(
            _("In an emergency the policy lets %(amount)s be paid with one approval, not more.")
            % {"amount": written(most, cost.currency)}
        )
    check_none_overdue(at=at)


def _needs_third_person(
    policy: Policy, cost: LegalCost, amount: Decimal, *, but: int | None
) -> bool:
    """As the database decides (the migration "cap_at_request")."""
    left = policy.cap_left(cost, but=but)
    above_cap = left is not None and amount > left
    return above_cap or amount > policy.third_person_above(cost.currency)


def check_none_overdue(*, at: datetime) -> None:
    late = Disbursement.objects.overdue(at=at).first()
    if late is not None:
        raise NoEmergency(
            _(
                "Payment %(reference)s was an emergency and still lacks its second approval: no other before that."
            )
            % {"reference": late.payment_reference}
        )
