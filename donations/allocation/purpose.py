"""That a fund's purpose is over: its cause is true, and nothing of the fund is set aside or lies with a court."""

from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from defensefund.templatetags.formats import plain_day
from donations.currencies import written
from donations.models import Fund, LegalCost, Policy, SurplusMove

from .errors import CostsOpen, NotDormant, WrongState
from .shares import unspent

# So many of the costs that stand in the way are named.
NAMED = 5


def check_cause(fund: Fund, cause: str, *, on: date) -> None:
    """What is told to everybody must be so. The database refuses the same (the migrations "surplus_undo", "dormant" and
    "partner_rules")."""
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


def check_nothing_waits(fund: Fund, currency: str) -> None:
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


def check_not_asked(fund: Fund, currency: str) -> None:
    """Neither for its fallback nor for the partner."""
    if (
        fund.surplus_moves.undecided().filter(currency=currency).exists()
        or fund.partner_payments.open().filter(currency=currency).exists()
    ):
        raise WrongState(_("This is asked for already: another person decides it."))
