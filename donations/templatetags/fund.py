"""How appeal pages show what came in, without appeals knowing of donations."""

from django import template

from appeals.models import Appeal
from donations.transparency import Figures, appeal_totals

register = template.Library()


@register.inclusion_tag("donations/_appeal_totals.html")
def fund_totals(appeal: Appeal) -> dict[str, object]:
    """What the appeal and its cases received, per currency, and how much of its goal that is."""
    totals = appeal_totals(appeal)
    goal = None
    if appeal.goal_amount:
        net = totals.get(appeal.goal_currency, Figures()).net
        percent = max(0, min(100, int(net * 100 / appeal.goal_amount)))
        goal = {"amount": appeal.goal_amount, "currency": appeal.goal_currency, "percent": percent}
    return {"appeal": appeal, "totals": totals, "goal": goal}
