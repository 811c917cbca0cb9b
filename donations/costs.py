"""Say who shares a cost, and by which instalments it falls due. What is owed to whom stays as it was recorded."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from appeals.models import Defendant
from defensefund.templatetags.formats import exact_number

from .currencies import is_exact, written
from .models import CostInstalment, CostShare, LegalCost


class CostError(Exception):
    """A change of a cost that is refused; the message is a sentence for the office."""


class WrongShares(CostError):
    """The shares are not those of the cost's defendants, or do not add up to what is owed."""


class WrongPlan(CostError):
    """The instalments do not add up to what is owed."""


@transaction.atomic
def share(
    cost: LegalCost,
    *,
    parts: Mapping[Defendant, int] | None = None,
    amounts: Mapping[Defendant, Decimal] | None = None,
) -> list[CostShare]:
    """Shares `cost` by `parts` of it or by `amounts` in its currency, in their order; by neither it is nobody's but its
    own defendant's. Replaces how it was shared before. Raises WrongShares.

    By parts, each share is cut to the currency's smallest unit and what was cut off is carried to the next.
    """
    cost = LegalCost.objects.held(cost)
    shares: dict[Defendant, int | Decimal] = {**(parts or {}), **(amounts or {})}
    if shares:
        _check_sharers(cost, list(shares))
    if amounts:
        _check_amounts(cost, list(amounts.values()))
    cost.shares.all().delete()
    made = CostShare.objects.bulk_create(
        CostShare(
            cost=cost,
            defendant=defendant,
            parts=(parts or {}).get(defendant),
            amount=(amounts or {}).get(defendant),
        )
        for defendant in shares
    )
    _check_own_funds(cost)
    return made


@transaction.atomic
def agree_plan(
    cost: LegalCost, instalments: Sequence[tuple[date, Decimal]]
) -> list[CostInstalment]:
    """By which days how much of `cost` falls due, in its currency or, of a cost in UMA, in UMA. Replaces the plan before;
    without instalments there is none. Raises WrongPlan."""
    cost = LegalCost.objects.held(cost)
    days = [day for day, _amount in instalments]
    if len(set(days)) < len(days):
        raise WrongPlan(_("Two instalments fall on the same day: write them as one."))
    if any(amount <= 0 for _day, amount in instalments):
        raise WrongPlan(_("Each instalment is above zero."))
    if cost.uma is None and not all(
        is_exact(amount, cost.currency) for _day, amount in instalments
    ):
        raise WrongPlan(_("%(currency)s has no such small parts.") % {"currency": cost.currency})
    total = sum((amount for _day, amount in instalments), Decimal(0))
    owed = cost.uma if cost.uma is not None else cost.owed
    if instalments and total != owed:
        raise WrongPlan(
            _("The instalments add up to %(total)s, and %(owed)s is owed.")
            % {"total": in_unit(cost, total), "owed": in_unit(cost, owed)}
        )
    cost.instalments.all().delete()
    return CostInstalment.objects.bulk_create(
        CostInstalment(cost=cost, due_on=day, amount=amount) for day, amount in sorted(instalments)
    )


def in_unit(cost: LegalCost, amount: Decimal) -> str:
    """An amount in what the cost is owed in, as the pages write it: "€25.50", "12.5 UMA"."""
    if cost.uma is None:
        return written(amount, cost.currency)
    return f"{exact_number(amount)} UMA"


def _check_sharers(cost: LegalCost, defendants: list[Defendant]) -> None:
    if len(defendants) < 2:
        raise WrongShares(_("Only one person has a share: give two or more one, or none at all."))
    keys = {defendant.pk for defendant in defendants}
    if cost.defendant_id not in keys:
        raise WrongShares(
            _("The bill is %(person)s's: give them a share too.") % {"person": cost.defendant}
        )
    of_case = set(cost.case.defendants.filter(pk__in=keys).values_list("pk", flat=True))
    if stranger := next((each for each in defendants if each.pk not in of_case), None):
        raise WrongShares(
            _("%(person)s is no defendant in this cost's case.") % {"person": stranger}
        )


def _check_amounts(cost: LegalCost, amounts: list[Decimal]) -> None:
    if cost.uma is not None:
        raise WrongShares(_("What a cost in UMA comes to changes: share it by parts."))
    if any(amount <= 0 or not is_exact(amount, cost.currency) for amount in amounts):
        raise WrongShares(_("Each share is above zero, and no finer than its currency."))
    if (total := sum(amounts, Decimal(0))) != cost.owed:
        raise WrongShares(
            _("The shares add up to %(total)s, and %(owed)s is owed.")
            % {"total": in_unit(cost, total), "owed": in_unit(cost, cost.owed)}
        )


def _check_own_funds(cost: LegalCost) -> None:
    """What one defendant's own fund gave is not more than that defendant's new share."""
    owed = cost.shares_owed()
    for row in cost.allocations.filter(fund__defendant__isnull=False).select_related("fund"):
        given = cost.allocations.given_by(row.fund)
        most = owed.get(row.fund.defendant_id or 0, Decimal(0))
        if given > most:
            raise WrongShares(
                _(
                    "“%(fund)s” has %(given)s set aside, more than this share: release the rest first."
                )
                % {"fund": row.fund, "given": written(given, cost.currency)}
            )
