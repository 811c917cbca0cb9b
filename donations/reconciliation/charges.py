"""The bank's own: lines whose words are those of its fees or its interest, and the fund that has those of an account."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from ..currencies import written
from ..models import Fund, StatementLine
from .evidence import DAY, WORDS, Reason, Suggestion, all_text
from .matches import Charge
from .reading import Known, Wanted, revived

# As banks write them in the languages of the appeals and their neighbours.
FEES = re.compile(
    r"\b(fees?|charges?|comisi[oó]n|comisiones|gastos|mantenimiento|cargo|tarifa|comiss[aã]o|taxa|frais|cotisation|"
    r"commissions?|geb(ü|ue?)hr\w*|entgelt\w*|kontof(ü|ue?)hrung\w*|kontopauschale|spesen|provvigion\w*|canone|kosten|prowizja|"
    r"op[lł]ata)\b",
    re.IGNORECASE,
)
INTEREST = re.compile(
    r"\b(interest|inter[eé]s(es)?|juros|rendimientos?|int[eé]r[eê]ts|\w*zinsen|interessi|rente|odsetki)\b",
    re.IGNORECASE,
)

# How much of what is on its way a bank may keep for that to be proposed by little more than the amount.
MOST_KEPT = Decimal("0.05")

# By account the open funds that may have what is the bank's own, the likeliest first: which bore or earned the last of it,
# and the general ones, as far as the policy lets them; with what each has in the account's currency.
BEARERS = """
SELECT f.id, f.code, f.kind, f.name, b.id AS account_id, b.currency AS has_currency, CASE WHEN f.id = last.fund_id THEN last.booked_on END AS last_on,
       coalesce(donations_balance(a.id), 0) AS has, coalesce(array_position(p.fee_order, f.kind), 0) AS place
FROM donations_bankaccount b
LEFT JOIN LATERAL (
    SELECT charged.fund_id, l.booked_on
    FROM donations_statementmatch m
    JOIN donations_statementline l ON l.id = m.line_id
    JOIN donations_entry e ON e.source = m.source
    JOIN donations_account charged ON charged.id IN (e.debit_id, e.credit_id) AND charged.kind = 'fund'
    WHERE m.source IS NOT NULL AND m.undone_at IS NULL AND m.explanation <> '' AND l.account_id = b.id
    ORDER BY l.booked_on DESC, m.id DESC LIMIT 1) last ON true
JOIN donations_fund f ON f.closed_on IS NULL AND (f.id = last.fund_id OR f.kind = 'general')
LEFT JOIN donations_account a ON a.fund_id = f.id AND a.currency = b.currency
LEFT JOIN donations_policy p ON p.id = donations_policy_in_force(CURRENT_DATE)
WHERE b.id IN (SELECT account_id FROM line) AND (coalesce(cardinality(p.fee_order), 0) = 0 OR f.kind = ANY (p.fee_order))
"""


@dataclass(frozen=True)
class Bearer:
    """A fund that may have what is the bank's own; what it `has` in the account's `currency`, and the day of the last, where it had it."""

    fund: Fund
    has: Decimal
    currency: str
    last_on: date | None


def wanted() -> Iterable[Wanted | None]:
    yield Wanted("bearer", BEARERS)


def fees(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Lines whose words are those of bank fees, for the fund that bore the last one, or another that has the money."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    charged = [line for line in lines if FEES.search(all_text(line))]
    bearing = bearers(known)
    for line in charged:
        if chosen := bearer_of(bearing[line.account_id], -line.open_amount):
            found[line.pk].append(_fee(chosen, -line.open_amount))
    return found


def _fee(chosen: Bearer, amount: Decimal) -> Suggestion:
    said = Reason(_("The words are those of a bank fee."), WORDS)
    usual = _("%(fund)s bore the last fee of this account, on %(day)s.")
    return Suggestion(
        Charge(chosen.fund),
        (said, _usual(chosen, usual)),
        obstacle=obstacle(chosen, amount),
    )


def interest(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """The same for interest the bank pays, which any fund can have."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    charged = [line for line in lines if INTEREST.search(all_text(line))]
    bearing = bearers(known)
    said = Reason(_("The words are those of interest."), WORDS)
    usual = _("%(fund)s had the last fee or interest of this account, on %(day)s.")
    for line in charged:
        for chosen in bearing[line.account_id][:1]:
            reasons = (said, _usual(chosen, usual))
            found[line.pk].append(Suggestion(Charge(chosen.fund), reasons))
    return found


def _usual(chosen: Bearer, usual: str) -> Reason:
    if chosen.last_on is None:
        return Reason(_("Nobody has said yet which fund has those of this account."))
    return Reason(usual % {"fund": chosen.fund, "day": plain_day(chosen.last_on)}, DAY)


def bearers(known: Known) -> dict[int, list[Bearer]]:
    """By account the funds that may have what is the bank's own, the likeliest first."""
    found: dict[int, list[Bearer]] = defaultdict(list)
    # In the policy's order; of one place the one that had the last stands first.
    rows = sorted(
        known["bearer"], key=lambda row: (row["place"], row["last_on"] is None, row["id"])
    )
    for row in rows:
        last_on = row["last_on"] and date.fromisoformat(row["last_on"])
        bearer = Bearer(revived(Fund, row), Decimal(row["has"]), row["has_currency"], last_on)
        found[row["account_id"]].append(bearer)
    return found


def bearer_of(bearing: Sequence[Bearer], amount: Decimal) -> Bearer | None:
    """The likeliest that has `amount`; where none has, the likeliest of all, of which `obstacle` says so."""
    return next((each for each in bearing if each.has >= amount), next(iter(bearing), None))


def obstacle(chosen: Bearer, amount: Decimal) -> str:
    """Why one click does not book a fee of `amount` to the fund: it would go below zero. Empty where it has the money."""
    if chosen.has >= amount:
        return ""
    return _(
        "%(fund)s has %(has)s, less than the fee of %(fee)s. Say by hand which fund bears it; if it is to be this one, it goes "
        "below zero until two people cover it."
    ) % {
        "fund": chosen.fund,
        "has": written(chosen.has, chosen.currency),
        "fee": written(amount, chosen.currency),
    }
