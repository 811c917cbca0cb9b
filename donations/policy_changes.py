"""READ: what one version of the fund's rules says otherwise than another, rule by rule, in the words of the pages."""

from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import money_whole

from .models import Policy

# Of rules that one of the two does not have.
NOTHING = "–"
# What is shown of a long text where there is little room, and how much of it is the same.
MOST_WORDS = 40
WORDS_BEFORE = 5


@dataclass(frozen=True)
class Change:
    rule: str
    before: str
    after: str


def changes(old: Policy, new: Policy) -> list[Change]:
    """In the order of the page; empty when both say the same. Reads what `with_rules` has fetched."""
    before, after = _rules(old), _rules(new)
    return [
        Change(rule, before.get(rule, NOTHING), after.get(rule, NOTHING))
        for rule in {**before, **after}
        if before.get(rule) != after.get(rule)
    ]


def brief(change: Change) -> Change:
    """Of a long text so many words, from a little before where it begins to differ."""
    before, after = change.before.split(), change.after.split()
    if max(len(before), len(after)) <= MOST_WORDS:
        return change
    same = next(
        (n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new),
        min(len(before), len(after)),
    )
    first = max(same - WORDS_BEFORE, 0)
    return Change(change.rule, _from(first, before), _from(first, after))


def _from(first: int, words: list[str]) -> str:
    end = first + MOST_WORDS
    return " ".join([*(["…"] if first else []), *words[first:end], *(["…"] if words[end:] else [])])


def _rules(policy: Policy) -> dict[str, str]:
    return _of_kinds(policy) | _of_limits(policy) | _of_fields(policy) | _of_texts(policy)


def _of_kinds(policy: Policy) -> dict[str, str]:
    rules = {}
    for kind, caps in policy.paid_kinds:
        name = capfirst(kind.get_kind_display())
        amounts = [str(money_whole(cap.amount, cap.currency)) for cap in caps]
        rules[f"{name}: {_('Documents')}"] = ", ".join(kind.document_labels)
        rules[f"{name}: {_('At most')}"] = ", ".join(amounts) or _("no cap")
        if kind.is_admin:
            rules[f"{name}: {kind._meta.get_field('is_admin').verbose_name}"] = _("yes")
    return rules


def _of_limits(policy: Policy) -> dict[str, str]:
    rules = {}
    for limit in policy.limits.all():
        for name, amount in (
            (_("Third person above"), limit.third_person_above),
            (_("Emergency up to"), limit.emergency_up_to),
            (_("Bank's fee by one person up to"), limit.fee_alone_up_to),
        ):
            rules[f"{name}: {limit.currency}"] = str(money_whole(amount, limit.currency))
    return rules


def _of_fields(policy: Policy) -> dict[str, str]:
    words = {
        "not_eligible": ", ".join(policy.not_paid),
        "approvers": str(policy.approvers),
        "emergency_hours": str(policy.emergency_hours),
        "reserve_percent": f"{policy.reserve_percent.normalize():f}",
        "admin_percent": ""
        if policy.admin_percent is None
        else f"{policy.admin_percent.normalize():f}",
        "fund_order": ", ".join(policy.funds_in_order),
        "fee_order": ", ".join(policy.fee_bearers),
        "surplus_order": ", ".join(policy.surplus_steps),
        "partner": policy.partner,
        "dormant_months": str(policy.dormant_months),
        "dissolution": policy.dissolution,
    }
    return {
        capfirst(str(policy._meta.get_field(name).verbose_name)): value or NOTHING  # type: ignore[union-attr]
        for name, value in words.items()
    }


def _of_texts(policy: Policy) -> dict[str, str]:
    return {
        f"{_('In words')}: {each.get_language_display()}": each.body for each in policy.texts.all()
    }
