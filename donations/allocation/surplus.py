"""The surplus rule: when a fund's purpose is over, two people move its rest to the fund it falls back to; never elsewhere."""

from datetime import date, datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from donations import ledger
from donations.ledger import Posting
from donations.models import AccountKey, Entry, Fund, Policy, SurplusMove

from .errors import NoReason, NotEnoughMoney, SamePerson, WrongFund, WrongState
from .posting import post
from .purpose import check_cause, check_not_asked, check_nothing_waits


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
    check_not_asked(fund, currency)
    check_cause(fund, cause, on=at.date())
    _check_order(fund, fund.fallback, currency, on=at.date())
    check_nothing_waits(fund, currency)
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
    check_cause(row.source, row.cause, on=at.date())
    _check_order(row.source, row.target, row.currency, on=at.date())
    check_nothing_waits(row.source, row.currency)
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
                "By the policy it goes to %(partner)s before it goes there: pay it to the partner, from the fund's page."
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
