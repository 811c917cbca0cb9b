"""What Stripe moved and nothing of ours explains: one person says what it is, another approves, and only then it is booked."""

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BalanceTransaction,
    BankAccount,
    Entry,
    Fund,
    MovementExplanation,
    Policy,
)

Meaning = MovementExplanation.Meaning


class ExplanationError(Exception):
    """A word on a movement that is refused; the message is a sentence for the office."""


class NotOpen(ExplanationError):
    """The movement is booked, or its explanation is decided or asked for already."""


class WrongMeaning(ExplanationError):
    """What was said does not fit the movement, or names no fund or bank account of it."""


class NotByPolicy(ExplanationError):
    """By the policy in force another fund bears such charges."""


class SamePerson(ExplanationError):
    """Who asked for it does not approve it."""


class NoReason(ExplanationError):
    """Refused and taken back with a reason, explained with a note."""


@transaction.atomic
def request_explanation(
    movement: BalanceTransaction,
    *,
    meaning: Meaning,
    fund: Fund | None = None,
    bank_account: BankAccount | None = None,
    note: str,
    by: User,
    at: datetime,
) -> MovementExplanation:
    """Asks that `movement` be taken for `meaning`; books nothing yet. Raises ExplanationError's kinds.

    A fee and a fund's money name the `fund` that bears or gets it; what Stripe collected from the bank, which it does when
    refunds took its balance below zero, names the `bank_account` it left.
    """
    movement = _locked(movement)
    if not note.strip():
        raise NoReason(_("Say how you know: what Stripe's page says of it."))
    if not movement.is_unexplained():
        raise NotOpen(_("This movement is booked, or another person is to decide on it already."))
    _check_fits(movement, meaning, fund, bank_account)
    _check_bears(movement, meaning, fund, at=at)
    return MovementExplanation.objects.create(
        movement=movement,
        meaning=meaning,
        fund=fund,
        bank_account=bank_account,
        note=note.strip(),
        requested_by=by,
        requested_at=at,
    )


@transaction.atomic
def approve_explanation(
    explanation: MovementExplanation, *, by: User, at: datetime
) -> MovementExplanation:
    """Books the movement as it was explained, on Stripe's own day; nothing where it is not ours. Raises SamePerson, NotOpen,
    NotByPolicy."""
    movement = _locked(explanation.movement)
    row = _undecided(explanation)
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You explained this yourself: another person must approve it."))
    _check_bears(movement, Meaning(row.meaning), row.fund, at=at)
    row.approved_by, row.approved_at = by, at
    if row.meaning != Meaning.NOT_OURS:
        row.source = _new_source(row, movement)
    row.save(update_fields=["approved_by", "approved_at", "source"])
    if row.source:
        ledger.post_many(_postings(row, movement, row.source))
    return row


@transaction.atomic
def refuse_explanation(
    explanation: MovementExplanation, *, reason: str, by: User, at: datetime
) -> MovementExplanation:
    """Ends the request, by anyone who may approve it; or withdraws it, by who asked for it."""
    row = _undecided(explanation)
    if not reason.strip():
        raise NoReason(_("Say why: who explained it will want to know."))
    row.refused_by, row.refused_at, row.reason = by, at, reason.strip()
    row.save(update_fields=["refused_by", "refused_at", "reason"])
    return row


@transaction.atomic
def take_back_explanation(
    explanation: MovementExplanation, *, reason: str, by: User, at: datetime
) -> MovementExplanation:
    """Reverses what it booked, on the day of `at`; the movement is open again. Raises NotOpen, NoReason."""
    _locked(explanation.movement)
    row = MovementExplanation.objects.select_for_update().get(pk=explanation.pk)
    if not row.approved_at or row.undone_at:
        raise NotOpen(_("Only what is booked is taken back, and once."))
    if row.matches.standing().exists():
        raise NotOpen(_("A bank line proves it: take that match back first, where the line is."))
    if not reason.strip():
        raise NoReason(_("Say why it is taken back."))
    if row.source:
        for entry in Entry.objects.filter(source__in=[row.source, f"{row.source}:fee"]):
            ledger.reverse(entry, by=by, reason=reason.strip(), at=at)
    row.undone_by, row.undone_at, row.reason = by, at, reason.strip()
    row.save(update_fields=["undone_by", "undone_at", "reason"])
    return row


def _locked(movement: BalanceTransaction) -> BalanceTransaction:
    return BalanceTransaction.objects.select_for_update(of=("self",)).get(pk=movement.pk)


def _undecided(explanation: MovementExplanation) -> MovementExplanation:
    held = MovementExplanation.objects.select_for_update(of=("self",))
    row = held.select_related("fund", "bank_account").get(pk=explanation.pk)
    if row.approved_at or row.refused_at:
        raise NotOpen(_("This is decided already."))
    return row


def _check_fits(
    movement: BalanceTransaction, meaning: Meaning, fund: Fund | None, bank: BankAccount | None
) -> None:
    if movement.is_collected != (meaning == Meaning.COLLECTED):
        raise WrongMeaning(
            _("Stripe took this from the bank: say from which account.")
            if movement.is_collected
            else _("Only a payout below zero is money that Stripe collected from the bank.")
        )
    if meaning in {Meaning.FEE, Meaning.FUND} and fund is None:
        raise WrongMeaning(_("Choose the fund that bears or gets it."))
    if meaning == Meaning.COLLECTED and (bank is None or bank.currency != movement.currency):
        raise WrongMeaning(
            _("Choose the account in %(currency)s it left.") % {"currency": movement.currency}
        )


def _check_bears(
    movement: BalanceTransaction, meaning: Meaning, fund: Fund | None, *, at: datetime
) -> None:
    """As of the banks' fees; what Stripe credits is charged to nobody. The database refuses the same (the migration "stripe_fees")."""
    if meaning != Meaning.FEE or fund is None or not movement.is_charge:
        return
    policy = Policy.objects.in_force(on=at.date())
    if policy and not policy.lets_bear(fund):
        raise NotByPolicy(
            _(
                "By the policy charges that belong to no single gift are borne by %(funds)s, and “%(fund)s” is none of these."
            )
            % {"funds": ", ".join(policy.fee_bearers), "fund": fund}
        )


def _new_source(row: MovementExplanation, movement: BalanceTransaction) -> str:
    """A fact is booked under a name once; explained anew, it has the next number."""
    if row.meaning == Meaning.COLLECTED:
        name = f"stripe:{movement.source_id}:collected"
    else:
        name = f"stripe:{movement.stripe_id}"
    earlier = movement.explanations.filter(source__isnull=False).count()
    return f"{name}:{earlier + 1}" if earlier else name


def _postings(row: MovementExplanation, movement: BalanceTransaction, source: str) -> list[Posting]:
    stripe = AccountKey.stripe(movement.currency)
    if row.bank_account:
        parts = [(movement.amount, AccountKey.bank(row.bank_account), source)]
    else:
        assert row.fund is not None
        purpose = AccountKey.fund(row.fund, movement.currency)
        parts = [(movement.amount, purpose, source), (-movement.fee, purpose, f"{source}:fee")]
    return [
        Posting(
            kind=_kind(row, amount),
            debit=stripe if amount > 0 else other,
            credit=other if amount > 0 else stripe,
            amount=abs(amount),
            booked_on=movement.created_at.date(),
            source=name,
        )
        for amount, other, name in parts
        if amount
    ]


def _kind(row: MovementExplanation, amount: Decimal) -> Entry.Kind:
    if row.bank_account_id:
        return Entry.Kind.PAYOUT_RETURNED
    return Entry.Kind.INTEREST if amount > 0 else Entry.Kind.BANK_FEE
