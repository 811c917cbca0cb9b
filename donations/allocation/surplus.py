"""The surplus rule: when a fund's purpose is over, two people move its rest to the fund it falls back to; never elsewhere."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from defensefund.templatetags.formats import plain_day
from donations import ledger
from donations.currencies import written
from donations.ledger import Posting
from donations.models import AccountKey, Entry, Fund, LegalCost, Policy, SurplusMove

from .errors import (
    CostsOpen,
    NoReason,
    NotDormant,
    NotEnoughMoney,
    SamePerson,
    WrongFund,
    WrongState,
)
from .posting import post
from .shares import unspent

# So many of the costs that stand in the way are named.
NAMED = 5


@transaction.atomic
def request_surplus(
    *, fund: Fund, currency: str, cause: SurplusMove.Cause, note: str = "", by: User, at: datetime
) -> SurplusMove:
    """Asks that all that is free of `fund` in `currency` go to its fallback fund; moves nothing yet.

    Raises WrongFund, also where the policy's order names others first; WrongState, NotEnoughMoney; CostsOpen where
    `cause` says that all costs of the fund are paid, and they are not; NotDormant where it says that nothing moved.
    """
    fund = Fund.objects.select_for_update(no_key=True, of=("self",)).get(pk=fund.pk)
    if fund.fallback is None:
        raise WrongFund(
            _("“%(fund)s” names no fund its rest goes to: supporters were promised none.")
            % {"fund": fund}
        )
    if fund.surplus_moves.undecided().filter(currency=currency).exists():
        raise WrongState(_("This is asked for already: another person decides it."))
    _check_cause(fund, cause, on=at.date())
    _check_order(fund, fund.fallback, currency, on=at.date())
    _check_nothing_waits(fund, currency)
    rest = ledger.free(AccountKey.fund(fund, currency))
    if rest <= 0:
        raise NotEnoughMoney(
            _("“%(fund)s” has nothing left in %(currency)s.") % {"fund": fund, "currency": currency}
        )
    return SurplusMove.objects.create(
        source=fund,
        target=fund.fallback,
        amount=rest,
        currency=currency,
        cause=cause,
        note=note.strip(),
        requested_by=by,
        requested_at=at,
    )


@transaction.atomic
def approve_surplus(move: SurplusMove, *, by: User, at: datetime) -> SurplusMove:
    """Moves the money as it was asked for.

    Raises SamePerson, WrongFund, WrongState, CostsOpen, NotDormant, NotEnoughMoney, Frozen.
    """
    row = _undecided(move)
    if row.requested_by_id == by.pk:
        raise SamePerson(_("You asked for this yourself: another person must approve it."))
    if row.source.fallback_id != row.target_id:
        raise WrongFund(_("The fund falls back to another one by now: refuse this and ask anew."))
    if row.target.closed_on:
        raise WrongFund(_("“%(fund)s” is closed: name another fallback.") % {"fund": row.target})
    _check_cause(row.source, row.cause, on=at.date())
    _check_order(row.source, row.target, row.currency, on=at.date())
    _check_nothing_waits(row.source, row.currency)
    row.approved_by, row.approved_at = by, at
    row.save(update_fields=["approved_by", "approved_at"])
    post(
        Posting(
            kind=Entry.Kind.SURPLUS,
            debit=AccountKey.fund(row.source, row.currency),
            credit=AccountKey.fund(row.target, row.currency),
            amount=row.amount,
            booked_on=at.date(),
            source=row.entry_source,
        )
    )
    return row


@transaction.atomic
def refuse_surplus(move: SurplusMove, *, reason: str, by: User, at: datetime) -> SurplusMove:
    """Ends the request, by anyone who may approve it; or withdraws it, by who asked for it."""
    row = _undecided(move)
    if not reason.strip():
        raise NoReason(_("Say why: who asked for it will want to know."))
    row.refused_by, row.refused_at, row.refusal_reason = by, at, reason.strip()
    row.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return row


def _undecided(move: SurplusMove) -> SurplusMove:
    row = (
        SurplusMove.objects.select_for_update(of=("self",))
        .select_related("source", "target")
        .get(pk=move.pk)
    )
    if row.approved_at:
        raise WrongState(_("This is approved already."))
    if row.refused_at:
        raise WrongState(_("This was refused: ask for another."))
    return row


def _check_cause(fund: Fund, cause: str, *, on: date) -> None:
    """What is told to everybody must be so. The database refuses the same (the migrations "surplus_undo" and "dormant")."""
    if cause == SurplusMove.Cause.COSTS_PAID:
        _check_paid(fund)
    elif cause == SurplusMove.Cause.DORMANT:
        _check_dormant(fund, on=on)


def _check_dormant(fund: Fund, *, on: date) -> None:
    policy = Policy.objects.in_force(on=on)
    if policy is None:
        raise NotDormant(
            _(
                "No policy is in force that says when a fund is dormant: give the reason that is true."
            )
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT moved_on, moved_on + make_interval(months => %s) > %s "
            "FROM donations_fund_moved_on(%s) AS moved_on",
            [policy.dormant_months, on, fund.pk],
        )
        moved_on, too_soon = cursor.fetchone()
    if too_soon:
        raise NotDormant(
            ngettext(
                "Something moved in “%(fund)s” on %(day)s. By the policy a fund is dormant when for %(months)d month no gift "
                "came, nothing was set aside and nothing was paid: give the reason that is true.",
                "Something moved in “%(fund)s” on %(day)s. By the policy a fund is dormant when for %(months)d months no gift "
                "came, nothing was set aside and nothing was paid: give the reason that is true.",
                policy.dormant_months,
            )
            % {"fund": fund, "day": plain_day(moved_on), "months": policy.dormant_months}
        )


def _check_paid(fund: Fund) -> None:
    costs: list[Any] = list(LegalCost.objects.served_by(fund).unpaid().order_by("pk")[: NAMED + 1])
    if costs:
        named = [f"{c.number} {written(c.to_pay, c.currency)}" for c in costs[:NAMED]]
        raise CostsOpen(
            _(
                "Not all costs of “%(fund)s” are paid: %(costs)s. Pay or end them first, or give the reason that is true."
            )
            % {"fund": fund, "costs": ", ".join([*named, "…"] if len(costs) > NAMED else named)}
        )


def _check_order(source: Fund, target: Fund, currency: str, *, on: date) -> None:
    """The policy's order for what is left over. The database refuses the same (the migration "moves")."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT donations_surplus_hindrance(%s, %s, %s, %s)",
            [source.pk, target.pk, currency, on],
        )
        hindrance = cursor.fetchone()[0]
    if hindrance == "unnamed":
        raise WrongFund(
            _("By the policy what is left over does not go where “%(fund)s” is for.")
            % {"fund": target}
        )
    if hindrance == Policy.Surplus.PARTNER:
        policy = Policy.objects.in_force(on=on)
        raise WrongFund(
            _(
                "By the policy it goes to %(partner)s before it goes there. These books pay legal costs alone: the money stays "
                "here until a version of the policy has another order."
            )
            % {"partner": policy.partner if policy else ""}
        )
    if hindrance:
        raise WrongFund(
            _(
                "By the policy it goes first to %(whom)s, and costs of theirs in %(currency)s lack money: set it aside "
                "for them, or name a fund of theirs as the fallback."
            )
            % {"whom": Policy.Surplus(hindrance).label, "currency": currency}
        )


def _check_nothing_waits(fund: Fund, currency: str) -> None:
    """While money of the fund is set aside for a cost, or lies with a court, its purpose is not over."""
    costs = LegalCost.objects.filter(
        allocations__fund=fund, currency=currency, ended_on=None
    ).distinct()
    for cost in costs:
        for holder, part in unspent(cost):
            if holder == fund:
                raise WrongState(
                    _(
                        "%(amount)s of this fund is still set aside for %(cost)s: pay or release it first."
                    )
                    % {"amount": written(part, currency), "cost": cost}
                )
