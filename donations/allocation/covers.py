"""Cover a fund that facts took below zero, or free one that gifts have refilled since, by the decision of two people."""

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations.ledger import Posting
from donations.models import Account, AccountKey, Entry, Fund, FundCover

from .errors import NoReason, SamePerson, WrongFund, WrongState
from .posting import check_amount, post


def request_cover(
    *,
    source: Fund,
    target: Fund,
    amount: Decimal,
    currency: str,
    reason: str,
    by: User,
    at: datetime,
) -> FundCover:
    """Asks that `amount` of `source` cover `target`, which is below zero; moves nothing until another person approves."""
    check_amount(amount, currency)
    if source == target:
        raise WrongFund(_("A fund cannot cover itself."))
    _check_is_lacking(target, currency)
    if not reason.strip():
        raise NoReason(_("Say why this fund covers the other: it is shown with the decision."))
    return FundCover.objects.create(
        source=source,
        target=target,
        amount=amount,
        currency=currency,
        reason=reason,
        requested_by=by,
        requested_at=at,
    )


def request_lift(*, fund: Fund, currency: str, reason: str, by: User, at: datetime) -> FundCover:
    """Asks that `fund`, which is frozen and at zero or above again, be free for decisions once another person approves."""
    _check_is_refilled(fund, currency)
    if not reason.strip():
        raise NoReason(_("Say why the freeze may be lifted: it is shown with the decision."))
    return FundCover.objects.create(
        target=fund,
        amount=Decimal(0),
        currency=currency,
        reason=reason,
        requested_by=by,
        requested_at=at,
    )


@transaction.atomic
def approve_cover(cover: FundCover, *, by: User, at: datetime) -> FundCover:
    """Moves the money, if any; the database lifts the freeze when the fund is at zero or above again."""
    cover = (
        FundCover.objects.select_for_update(of=("self",))
        .select_related("source", "target")
        .get(pk=cover.pk)
    )
    _check_undecided(cover)
    if cover.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this yourself: another person must approve it."))
    check = _check_is_lacking if cover.source else _check_is_refilled
    check(cover.target, cover.currency)
    cover.approved_by, cover.approved_at = by, at
    cover.save(update_fields=["approved_by", "approved_at"])
    if cover.source:
        post(
            Posting(
                kind=Entry.Kind.COVER,
                debit=AccountKey.fund(cover.source, cover.currency),
                credit=AccountKey.fund(cover.target, cover.currency),
                amount=cover.amount,
                booked_on=at.date(),
                source=f"cover:{cover.number}",
            )
        )
    return cover


@transaction.atomic
def refuse_cover(cover: FundCover, *, reason: str, by: User, at: datetime) -> FundCover:
    """Ends the request, by anyone who may approve it; or withdraws it, by who asked for it."""
    cover = FundCover.objects.select_for_update().get(pk=cover.pk)
    _check_undecided(cover)
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    cover.refused_by, cover.refused_at, cover.refusal_reason = by, at, reason.strip()
    cover.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return cover


def _check_undecided(cover: FundCover) -> None:
    if cover.approved_at:
        raise WrongState(_("This is approved already."))
    if cover.refused_at:
        raise WrongState(_("This was refused: ask for another."))


def _check_is_lacking(fund: Fund, currency: str) -> None:
    """A cover is no way around a fund's purpose: only what facts took below zero is covered."""
    _check_is_frozen(fund, currency)
    if not Account.objects.lacking().filter(fund=fund, currency=currency).exists():
        raise WrongFund(
            _("“%(fund)s” is not below zero in %(currency)s any more: ask to lift its freeze.")
            % {"fund": fund, "currency": currency}
        )


def _check_is_refilled(fund: Fund, currency: str) -> None:
    _check_is_frozen(fund, currency)
    if not Account.objects.refilled().filter(fund=fund, currency=currency).exists():
        raise WrongFund(
            _("“%(fund)s” is still below zero in %(currency)s: another fund covers it first.")
            % {"fund": fund, "currency": currency}
        )


def _check_is_frozen(fund: Fund, currency: str) -> None:
    if not Account.objects.frozen().filter(fund=fund, currency=currency).exists():
        raise WrongFund(
            _("“%(fund)s” is not frozen in %(currency)s: there is nothing to cover.")
            % {"fund": fund, "currency": currency}
        )
