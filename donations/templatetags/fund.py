"""How appeal and case pages show what came in, without appeals knowing of donations."""

from babel.numbers import format_decimal
from django import template
from django.utils import timezone

from appeals.models import Appeal, Case
from defensefund.templatetags.formats import page_locale
from donations.currencies import offered
from donations.estimates import Estimate, Worth, estimate
from donations.models import PublicGift
from donations.transparency import ZERO, CameIn, came_in_for_appeal, came_in_for_case

register = template.Library()
GIFTS_ON_THE_APPEAL = 8


@register.inclusion_tag("donations/_appeal_totals.html")
def fund_totals(appeal: Appeal) -> dict[str, object]:
    """What the appeal and its cases received, per currency, and how much of its goal that is."""
    totals = came_in_for_appeal(appeal)
    return {
        "totals": totals,
        "goal": _goal(appeal, totals),
        "estimate": _estimate(appeal, totals),
    }


@register.inclusion_tag("donations/_appeal_totals.html")
def case_totals(case: Case, appeal: Appeal) -> dict[str, object]:
    """What was given for the case by name, per currency; `appeal` is the case's."""
    totals = came_in_for_case(case)
    return {"totals": totals, "goal": None, "estimate": _estimate(appeal, totals)}


@register.filter
def rate_line(worth: Worth, into: str) -> str:
    """ "1 EUR = 1.350,25 ARS": the rate in the direction in which it is above one."""
    is_of_it, rate = worth.readable
    one, many = (worth.currency, into) if is_of_it else (into, worth.currency)
    number = format_decimal(rate, format="#,##0.#####", locale=page_locale())
    return f"1\u00a0{one} = {number}\u00a0{many}"


def _estimate(appeal: Appeal, totals: list[CameIn]) -> Estimate | None:
    """All that arrived in the appeal's own currency: its goal's, else the fund's."""
    arrived = {total.currency: (total.arrived,) for total in totals}
    into = appeal.goal_currency or offered()[0]
    return estimate(arrived, into=into, on=timezone.now().date())


def _goal(appeal: Appeal, totals: list[CameIn]) -> dict[str, object] | None:
    """The share of the goal's own currency: the others are only estimated, and a rate tomorrow may be another."""
    if not appeal.goal_amount:
        return None
    arrived = sum((t.arrived for t in totals if t.currency == appeal.goal_currency), ZERO)
    percent = max(0, min(100, int(arrived * 100 / appeal.goal_amount)))
    return {"amount": appeal.goal_amount, "currency": appeal.goal_currency, "percent": percent}


@register.inclusion_tag("donations/_public_gifts.html")
def public_gifts(appeal: Appeal) -> dict[str, object]:
    """The newest gifts whose supporters chose to show them; nothing at all where nobody did."""
    newest = list(PublicGift.objects.filter(appeal=appeal)[: GIFTS_ON_THE_APPEAL + 1])
    return {
        "appeal": appeal,
        "gifts": newest[:GIFTS_ON_THE_APPEAL],
        "has_more": len(newest) > GIFTS_ON_THE_APPEAL,
    }
