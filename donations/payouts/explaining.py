"""What Stripe moved and nothing of ours explains: one person says what it is, another approves, and only then it is booked."""

from datetime import datetime, timedelta
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
    Donation,
    Entry,
    Fund,
    MovementExplanation,
    Policy,
)

Meaning = MovementExplanation.Meaning
# Until then Stripe may still tell whose payment it is: its word is fetched every ten minutes where a webhook was lost.
TOLD_WITHIN = timedelta(hours=2)


class ExplanationError(Exception):
    """A word on a movement that is refused; the message is a sentence for the office."""


class NotOpen(ExplanationError):
    """The movement is booked, or its explanation is decided or asked for already."""


class WrongMeaning(ExplanationError):
    """What was said does not fit the movement, or names no fund or bank account of it."""


class TooEarly(ExplanationError):
    """Stripe may still tell whose gift it is."""


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

    A fee, a gift and a fund's money name the `fund` that bears or gets it; what Stripe collected from the bank, which it does when
    refunds took its balance below zero, names the `bank_account` it left.
    """
    movement = _locked(movement)
    if not note.strip():
        raise NoReason(_("Say how you know: what Stripe's page says of it."))
    if not movement.is_unexplained():
        raise NotOpen(_("This movement is booked, or another person is to decide on it already."))
    check_told(movement, at=at)
    _check_fits(movement, meaning, fund, bank_account)
    _check_whole(movement, meaning)
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
    if movement.is_ours():
        raise NotOpen(_("Stripe has told meanwhile whose gift it is: refuse this."))
    _check_whole(movement, Meaning(row.meaning))
    row.approved_by, row.approved_at = by, at
    if row.meaning != Meaning.NOT_OURS:
        row.source = _new_source(row, movement)
    row.save(update_fields=["approved_by", "approved_at", "source"])
    if row.meaning == Meaning.GIFT:
        _give(row, movement)
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
    if row.meaning == Meaning.GIFT:
        raise NotOpen(_("It is a gift by now: send it back there, if it is none."))
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


def check_told(movement: BalanceTransaction, *, at: datetime) -> None:
    """Raises TooEarly where Stripe may still tell whose payment, refund or dispute it is."""
    is_of_payment = movement.is_dispute or movement.type in BalanceTransaction.OF_PAYMENTS
    if is_of_payment and at < movement.created_at + TOLD_WITHIN:
        raise TooEarly(
            _(
                "Stripe may still tell whose gift it is: press “Ask Stripe again” on Differences, and explain it when two hours "
                "have passed since it moved."
            )
        )


def _give(row: MovementExplanation, movement: BalanceTransaction) -> None:
    """A donation that nobody announced; what Stripe moves of it from now on is booked by itself."""
    assert row.fund and row.source
    Donation.objects.create(
        fund=row.fund,
        method=Donation.Method.CARD,
        amount=movement.amount,
        currency=movement.currency,
        fee=movement.fee,
        received_at=movement.created_at,
        source=row.source,
        stripe_payment_intent_id=movement.stripe_payment_intent_id,
    )


def _check_fits(
    movement: BalanceTransaction, meaning: Meaning, fund: Fund | None, bank: BankAccount | None
) -> None:
    if movement.is_collected != (meaning == Meaning.COLLECTED):
        raise WrongMeaning(
            _("Stripe took this from the bank: say from which account.")
            if movement.is_collected
            else _("Only a payout below zero is money that Stripe collected from the bank.")
        )
    if movement.is_payment != (meaning == Meaning.GIFT) and meaning != Meaning.NOT_OURS:
        raise WrongMeaning(
            _("Somebody paid this: say whether it is a gift, or not ours.")
            if movement.is_payment
            else _("Only what somebody paid is a gift.")
        )
    if meaning in {Meaning.FEE, Meaning.FUND, Meaning.GIFT} and fund is None:
        raise WrongMeaning(_("Choose the fund that bears or gets it."))
    if meaning == Meaning.COLLECTED and (bank is None or bank.currency != movement.currency):
        raise WrongMeaning(
            _("Choose the account in %(currency)s it left.") % {"currency": movement.currency}
        )


def _check_whole(movement: BalanceTransaction, meaning: Meaning) -> None:
    """What went back of a gift is booked by itself, and so not while it stands as something else."""
    others = MovementExplanation.objects.standing().filter(
        movement__stripe_payment_intent_id=movement.stripe_payment_intent_id
    )
    if meaning == Meaning.GIFT and others.exists():
        raise NotOpen(
            _(
                "What went back of this payment is explained already, as something else: take that back first. Then it is booked "
                "with the gift."
            )
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
    """A fact is booked under a name once; explained anew, it has the next number. A gift has the name all gifts by card have."""
    if row.meaning == Meaning.GIFT:
        return f"stripe:{movement.stripe_payment_intent_id}"
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
        fee = f"stripe:{movement.stripe_id}" if row.meaning == Meaning.GIFT else source
        parts = [(movement.amount, purpose, source), (-movement.fee, purpose, f"{fee}:fee")]
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
    if row.meaning == Meaning.GIFT:
        return Entry.Kind.DONATION if amount > 0 else Entry.Kind.FEE
    return Entry.Kind.INTEREST if amount > 0 else Entry.Kind.BANK_FEE
