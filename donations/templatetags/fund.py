"""How appeal and case pages show what came in, without appeals knowing of donations."""

from django import template

from appeals.models import Appeal, Case
from donations.transparency import ZERO, CameIn, came_in_for_appeal, came_in_for_case

register = template.Library()


@register.inclusion_tag("donations/_appeal_totals.html")
def fund_totals(appeal: Appeal) -> dict[str, object]:
    """What the appeal and its cases received, per currency, and how much of its goal that is."""
    totals = came_in_for_appeal(appeal)
    return {"totals": totals, "goal": _goal(appeal, totals)}


@register.inclusion_tag("donations/_appeal_totals.html")
def case_totals(case: Case) -> dict[str, object]:
    """What was given for the case by name, per currency."""
    return {"totals": came_in_for_case(case), "goal": None}


def _goal(appeal: Appeal, totals: list[CameIn]) -> dict[str, object] | None:
    """The share of the goal's own currency: others are not converted, since nobody promised a rate."""
    if not appeal.goal_amount:
        return None
    arrived = sum((t.arrived for t in totals if t.currency == appeal.goal_currency), ZERO)
    percent = max(0, min(100, int(arrived * 100 / appeal.goal_amount)))
    return {"amount": appeal.goal_amount, "currency": appeal.goal_currency, "percent": percent}
