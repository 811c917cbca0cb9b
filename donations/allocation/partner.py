"""The end of the policy's order: what nobody needs is paid to the partner it names. Asked for, approved by others, paid."""

from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day
from donations import ledger, stakes
from donations.cleaning import Cleaned
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BankAccount,
    Entry,
    Fund,
    PartnerPayment,
    Payee,
    PayeeAccount,
    Policy,
    SurplusMove,
)
from donations.models.locks import share
from donations.models.numbers import new_number
from donations.reserves import Reserves

from .errors import (
    AlreadyDone,
    Conflicted,
    ContentChanged,
    Frozen,
    NoReason,
    NotEnoughMoney,
    SamePerson,
    Undeclared,
    WrongAccount,
    WrongDay,
    WrongFund,
    WrongPayee,
    WrongState,
)
from .posting import post
from .purpose import check_cause, check_not_asked, check_nothing_waits


def request_partner_payment(
    *,
    fund: Fund,
    currency: str,
    cause: SurplusMove.Cause,
    payee: Payee,
    bank_account: BankAccount,
    document: Cleaned,
    note: str = "",
    by: User,
    at: datetime,
    number: UUID | None = None,
) -> PartnerPayment:
    """Asks that all that is free of `fund` in `currency`, but a general fund's reserve, be paid to the partner, who is `payee`;
    moves nothing yet.

    The payee's account may still wait for its second person; it is not approved before. With a `number` the caller made
    beforehand, the same request sent twice is made once (AlreadyDone). Raises AllocationError's kinds.
    """
    row = PartnerPayment(
        number=number or uuid4(),
        fund=fund,
        currency=currency,
        cause=cause,
        note=note.strip(),
        bank_account=bank_account,
        content_type=document.content_type,
        size=len(document.content),
        sha256=sha256(document.content).hexdigest(),
        payment_reference=new_number("PAY", 8),
        requested_by=by,
        requested_at=at,
    )
    with ExitStack() as undo:
        with transaction.atomic():
            row.fund = Fund.objects.select_for_update(no_key=True, of=("self",)).get(pk=fund.pk)
            if PartnerPayment.objects.filter(number=row.number).exists():
                raise AlreadyDone(_("This was sent twice: it was asked for once."))
            check_not_asked(row.fund, currency)
            if bank_account.currency != currency or bank_account.closed_on:
                raise WrongAccount(
                    _("Choose an open account in %(currency)s.") % {"currency": currency}
                )
            row.payee_account = _account_of(payee)
            policy = _check_decision(row, on=at.date())
            row.partner = policy.partner
            row.amount = _usable(row, policy)
            if row.amount <= 0:
                raise NotEnoughMoney(
                    _("“%(fund)s” has nothing left in %(currency)s.")
                    % {"fund": fund, "currency": currency}
                )
            _check_frozen(row)
            _check_declared(by)
            _check_stakes(row, [by])
            row.file.save("agreement", ContentFile(document.content), save=False)
            # If the row does not come to be, neither shall the file stay.
            undo.callback(row.file.delete, save=False)
            row.save()
        undo.pop_all()
    # The database's own work.
    row.refresh_from_db(fields=["content_hash", "approvals_needed", "policy"])
    return row


@transaction.atomic
def approve_partner_payment(
    payment: PartnerPayment, *, content_hash: str, by: User, at: datetime
) -> PartnerPayment:
    """Approves exactly what `content_hash` stands for. Where the policy asks for two approvals, the second call is the third
    person's. Nothing moves until it is paid. Raises AllocationError's kinds.
    """
    row = locked(payment)
    is_second = row.lacks_second
    if row.refused_at or row.paid_at or (row.approved_at and not is_second):
        raise WrongState(_("This payment is decided already."))
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this payment yourself: another person must approve it."))
    if is_second and row.approved_by_id == by.pk:
        raise SamePerson(
            _("You approved this payment already: a third person must approve it too.")
        )
    if row.content_hash != content_hash:
        raise ContentChanged(_("This is not what you looked at. Look at it again, then decide."))
    policy = _check_decision(row, on=at.date())
    _check_payee(row)
    if _usable(row, policy) < row.amount:
        raise NotEnoughMoney(
            _("The fund has not so much free any more: refuse this, and ask anew.")
        )
    _check_frozen(row)
    _check_declared(by)
    _check_stakes(row, [by, *row.people])
    if is_second:
        row.seconded_by, row.seconded_at = by, at
        row.save(update_fields=["seconded_by", "seconded_at"])
    else:
        row.approved_by, row.approved_at = by, at
        row.save(update_fields=["approved_by", "approved_at"])
    return row


@transaction.atomic
def refuse_partner_payment(
    payment: PartnerPayment, *, reason: str, by: User, at: datetime
) -> PartnerPayment:
    """Ends the request, by anyone who may approve it, or by who asked for it; also after an approval, until it is paid."""
    row = locked(payment)
    if row.refused_at or row.paid_at:
        raise WrongState(_("This payment is decided already."))
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    row.refused_by, row.refused_at, row.refusal_reason = by, at, reason.strip()
    row.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return row


@transaction.atomic
def pay_partner(
    payment: PartnerPayment, *, paid_on: date, by: User, at: datetime, bank_reference: str = ""
) -> PartnerPayment:
    """Books that the bank was told to pay on `paid_on`. Raises AllocationError's kinds.

    What is decided is not held to the order of the day of payment; but to the payee, to who takes part, and to the money.
    """
    row = locked(payment)
    if row.paid_at:
        raise WrongState(_("This payment is recorded as paid already."))
    if not row.approved_at or row.refused_at:
        raise WrongState(_("This payment is not approved."))
    if row.lacks_second:
        raise WrongState(_("By the policy a third person must approve this payment too."))
    if paid_on > at.date():
        raise WrongDay(_("The day of payment lies in the future."))
    approved_on = max(each for each in (row.approved_at, row.seconded_at) if each).date()
    if paid_on < approved_on:
        raise WrongDay(
            _("It was approved on %(day)s: a payment is made after that, not before.")
            % {"day": plain_day(approved_on)}
        )
    _check_payee(row)
    _check_stakes(row, [by, *row.people])
    _check_frozen(row)
    key = AccountKey.fund(row.fund, row.currency)
    if ledger.free(key) < row.amount:
        raise NotEnoughMoney(
            _("The fund has not so much free any more: refuse this, and ask anew.")
        )
    if ledger.least_from(key, paid_on) < row.amount:
        raise WrongDay(_("On that day, or on one since, the fund had less: look at the day again."))
    row.paid_by, row.paid_at, row.paid_on = by, at, paid_on
    row.bank_reference = bank_reference.strip()
    row.save(update_fields=["paid_by", "paid_at", "paid_on", "bank_reference"])
    post(
        Posting(
            kind=Entry.Kind.PARTNER_PAYMENT,
            debit=key,
            credit=AccountKey.bank(row.bank_account),
            amount=row.amount,
            booked_on=paid_on,
            source=row.entry_source,
        )
    )
    return row


def why_no_partner(fund: Fund, *, on: date) -> str:
    """What in the policy's order stands against paying the partner what is left of `fund`; "" where nothing does.

    The database refuses the same (the migration "partner_in_any_currency").
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT donations_partner_hindrance(%s, %s)", [fund.pk, on])
        hindrance = cursor.fetchone()[0]
    match hindrance:
        case None:
            return ""
        case "unnamed":
            return _("By the policy nothing that is left over goes to a partner.")
        case "own":
            return _(
                "Costs that this fund is for lack money: set it aside for them, exchanged where they are in another currency, or end "
                "them, first."
            )
        case _whom:
            return _(
                "By the policy it goes first to %(whom)s, and costs of theirs lack money: set it aside for them, exchanged where "
                "they are in another currency, or name a fund of theirs as the fallback."
            ) % {"whom": Policy.Surplus(hindrance).label}


def _check_decision(row: PartnerPayment, *, on: date) -> Policy:
    """That the purpose is over, that the partner's turn has come, and that the payee is the partner. The policy that says so."""
    check_cause(row.fund, row.cause, on=on)
    if why := why_no_partner(row.fund, on=on):
        raise WrongFund(why)
    check_nothing_waits(row.fund, row.currency)
    policy = Policy.objects.in_force(on=on)
    assert policy is not None  # else it named no partner
    if row.partner not in {"", policy.partner}:
        raise WrongPayee(_("The policy names another partner by now: refuse this, and ask anew."))
    if not policy.is_partner(row.payee_account.name):
        raise WrongPayee(
            _("By the policy the partner is %(partner)s: the payee has to have just this name.")
            % {"partner": policy.partner}
        )
    return policy


def _usable(row: PartnerPayment, policy: Policy) -> Decimal:
    """What is free of the fund, but a general one's reserve. The database refuses more (the migration "partner_reserve")."""
    free = ledger.free(AccountKey.fund(row.fund, row.currency))
    return Reserves([row.fund], policy).usable(row.fund, free, row.currency)


def _account_of(payee: Payee) -> PayeeAccount:
    """Held to the end, so that it is not changed meanwhile."""
    share(Payee.objects.filter(pk=payee.pk))
    held = Payee.objects.with_account().get(pk=payee.pk)
    if held.account is None:
        raise WrongPayee(str(Payee.NOBODY_YET))
    if why := stakes.why_retired(held.account):
        raise WrongPayee(why)
    return held.account


def locked(payment: PartnerPayment) -> PartnerPayment:
    """Its payee is held first, as by who changes a payee."""
    share(Payee.objects.filter(accounts__partner_payments=payment.pk))
    return (
        PartnerPayment.objects.select_for_update(of=("self",))
        .select_related(
            "fund", "bank_account", "payee_account__payee", "requested_by", "approved_by", "seconded_by",
        )
        .get(pk=payment.pk)
    )  # fmt: skip


def why_not_payable(row: PartnerPayment) -> str:
    account = row.payee_account
    if account.payee.account_id != account.pk and not account.payee.retired_at:
        return _(
            "The payee's account was changed after this payment was asked for: refuse it, and ask anew."
        )
    return (
        stakes.why_retired(account)
        or stakes.why_unsealed(account)
        or stakes.why_unconfirmed(account)
    )


def _check_payee(row: PartnerPayment) -> None:
    if why := why_not_payable(row):
        raise WrongPayee(why)


def _check_declared(by: User) -> None:
    if why := stakes.why_undeclared(by):
        raise Undeclared(why)


def check_own_stakes(row: PartnerPayment, people: list[User]) -> None:
    """The first of `people` is who acts now."""
    subject = Q(payee=row.payee_account.payee_id)
    if row.fund.defendant_id:
        subject |= Q(defendant=row.fund.defendant_id)
    if why := stakes.why_stake(subject, people):
        raise Conflicted(why)


def _check_stakes(row: PartnerPayment, people: list[User]) -> None:
    if why := stakes.why_staff_account(row.payee_account):
        raise Conflicted(why)
    check_own_stakes(row, people)


def _check_frozen(row: PartnerPayment) -> None:
    if row.fund.accounts.filter(currency=row.currency, frozen_at__isnull=False).exists():
        raise Frozen(_("This money was taken below zero and is frozen until two people free it."))
