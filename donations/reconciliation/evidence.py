"""A candidate for a bank line, and what speaks for it: points that rank it, in words a person can weigh."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from defensefund.templatetags.formats import plain_day

from ..models import Fund, PartnerPayment, StatementLine
from ..references import SlipKind, squeeze
from .matches import Between, BetweenLess, CameBack, Charge, GivenBack, Less, Returned, Target

# A payout is expected on a day; banks and weekends move it by a few.
NEARBY = timedelta(days=5)
# What each observation is worth. A reference and the amount with nothing against them are beyond ninety.
REFERENCE, NEAR_REFERENCE, AMOUNT, DAY = 60, 40, 30, 10
NAMES_STRIPE, NAMES_SENDER, KNOWN_PAYER, WORDS, DOUBT = 45, 35, 30, 40, -30
# From which score on a candidate is sure, and from which likely: so that one score is always one word.
SURE_FROM, LIKELY_FROM = 80, 50


class Certainty(IntEnum):
    """A candidate's score as a word. Even SURE is booked only when a person says so, or nobody has to (automatic.py)."""

    SURE = 1
    LIKELY = 2
    POSSIBLE = 3


@dataclass(frozen=True)
class Reason:
    """One observation: a sentence, and what it is worth. With one that `is_doubtful` a candidate is never sure, whatever else
    speaks for it: a person compares first."""

    sentence: str
    points: int = 0
    is_doubtful: bool = False


@dataclass(frozen=True)
class Suggestion:
    """One candidate for a line, and why.

    `part`, with the line's sign, is what of the line it would be; None: all that is open. `obstacle` says why it is not
    booked with one click, and what to do.
    """

    target: Target | GivenBack
    evidence: tuple[Reason, ...]
    days_apart: int = 0
    part: Decimal | None = None
    obstacle: str = ""

    @property
    def score(self) -> int:
        """From 0 to 100: how much of what is known speaks for it."""
        most = SURE_FROM - 1 if any(reason.is_doubtful for reason in self.evidence) else 100
        return max(0, min(most, sum(reason.points for reason in self.evidence)))

    @property
    def certainty(self) -> Certainty:
        if self.score >= SURE_FROM:
            return Certainty.SURE
        return Certainty.LIKELY if self.score >= LIKELY_FROM else Certainty.POSSIBLE

    @property
    def is_plain(self) -> bool:
        """Sure, and booked with one click."""
        return self.certainty is Certainty.SURE and not self.obstacle

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(reason.sentence for reason in self.evidence)

    @property
    def token(self) -> str:
        """Names the target in a form: "payout-12"."""
        match self.target:
            case Charge(fund):
                return f"charge-{fund.pk}"
            case Between(account):
                return f"between-{account.pk}"
            case BetweenLess(transfer, fund):
                return f"betweenless-{transfer.pk}-{fund.pk}"
            case CameBack(PartnerPayment() as payment):
                return f"partnerback-{payment.pk}"
            case CameBack(payment):
                return f"cameback-{payment.pk}"
            case GivenBack(cost):
                return f"givenback-{cost.pk}"
            case Less(payout, fund):
                return f"less-{payout.pk}-{fund.pk}"
            case Returned(line):
                return f"returned-{line.pk}"
            case Fund():
                return f"fund-{self.target.pk}"
        return f"{self.target._meta.model_name}-{self.target.pk}"

    @property
    def rank(self) -> tuple[int, int, int, str]:
        # Of equals the earlier row, by its number and not by the number's text.
        return (-self.score, self.days_apart, len(self.token), self.token)


def ranked(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """The likeliest first. Where two are sure of the same money, neither is; parts of a line can well be several things."""
    ordered = sorted(suggestions, key=lambda suggestion: suggestion.rank)
    sure = [s for s in ordered if s.certainty is Certainty.SURE and s.part is None]
    if len(sure) < 2:
        return ordered
    doubt = Reason(_("Another candidate fits as well."), DOUBT)
    doubted = [replace(s, evidence=(*s.evidence, doubt)) if s in sure else s for s in ordered]
    return sorted(doubted, key=lambda suggestion: suggestion.rank)


def apart(days: int, same: str, on: date) -> Reason:
    """How far from the day `on` it is, in words; the same day is said by `same`."""
    points = DAY if days <= NEARBY.days else 0
    if not days:
        return Reason(same, points)
    sentence = ngettext("It is %(days)d day from %(on)s.", "It is %(days)d days from %(on)s.", days)
    return Reason(sentence % {"days": days, "on": plain_day(on)}, points)


def misnamed(written: str, slip: SlipKind) -> Reason:
    """What is `written` in the text is one slip away from a candidate's reference."""
    said = {
        SlipKind.WRONG: _("The text has %(written)s: the reference with one character wrong."),
        SlipKind.MISSING: _("The text has %(written)s: the reference with one character missing."),
        SlipKind.EXTRA: _("The text has %(written)s: the reference with one character too many."),
        SlipKind.SWAPPED: _("The text has %(written)s: the reference with two characters swapped."),
    }[slip]
    return Reason(said % {"written": written}, NEAR_REFERENCE, is_doubtful=True)


def all_text(line: StatementLine) -> str:
    return " ".join([line.text, *line.references, line.counterparty])


def squeezed(line: StatementLine) -> str:
    return squeeze(all_text(line))
