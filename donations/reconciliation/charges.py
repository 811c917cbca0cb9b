"""The bank's own: lines whose words are those of its fees or its interest, and the fund that has those of an account."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from django.db import connection
from django.utils.translation import gettext as _

from ..models import Fund, StatementLine
from .evidence import DAY, WORDS, Certainty, Reason, Suggestion, all_text
from .matches import Charge

# As banks write them in the languages of the appeals and their neighbours.
FEES = re.compile(
    r"\b(fees?|charges?|comisi[oó]n|comisiones|gastos|mantenimiento|cargo|tarifa|comiss[aã]o|taxa|frais|cotisation|"
    r"commissions?|geb[uü]hr\w*|entgelt\w*|kontof[uü]hrung\w*|kontopauschale|spesen|provvigion\w*|canone|kosten|prowizja|"
    r"op[lł]ata)\b",
    re.IGNORECASE,
)
INTEREST = re.compile(
    r"\b(interest|inter[eé]s(es)?|juros|rendimientos?|int[eé]r[eê]ts|\w*zinsen|interessi|rente|odsetki)\b",
    re.IGNORECASE,
)

# Which fund bore, or earned, the last of a bank account.
LAST_CHARGE = """
SELECT DISTINCT ON (l.account_id) l.account_id, a.fund_id, l.booked_on
FROM donations_statementmatch m
JOIN donations_statementline l ON l.id = m.line_id
JOIN donations_entry e ON e.source = m.source
JOIN donations_account a ON a.id IN (e.debit_id, e.credit_id) AND a.kind = 'fund'
WHERE m.source IS NOT NULL AND m.undone_at IS NULL AND m.explanation <> '' AND l.account_id = ANY(%s)
ORDER BY l.account_id, l.booked_on DESC, m.id DESC
"""


def fees(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Lines whose words are those of bank fees, for the fund that bore the last one."""
    usual = _("%(fund)s bore the last fee of this account, on %(day)s.")
    return _charges(lines, FEES, _("The words are those of a bank fee."), usual)


def interest(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """The same for interest the bank pays."""
    usual = _("%(fund)s had the last fee or interest of this account, on %(day)s.")
    return _charges(lines, INTEREST, _("The words are those of interest."), usual)


def _charges(
    lines: Sequence[StatementLine], words: "re.Pattern[str]", said: str, usual: str
) -> dict[int, list[Suggestion]]:
    found: dict[int, list[Suggestion]] = defaultdict(list)
    charged = [line for line in lines if words.search(all_text(line))]
    if not charged:
        return found
    bearing = bearers({line.account_id for line in charged})
    for line in charged:
        fund, on = bearing.get(line.account_id, (None, None))
        if fund and on:
            named = usual % {"fund": fund, "day": on.isoformat()}
            reasons = (Reason(said, WORDS), Reason(named, DAY))
            found[line.pk].append(Suggestion(Charge(fund), Certainty.LIKELY, reasons))
        elif fund:
            unsaid = Reason(_("Nobody has said yet which fund has those of this account."))
            reasons = (Reason(said, WORDS), unsaid)
            found[line.pk].append(Suggestion(Charge(fund), Certainty.POSSIBLE, reasons))
    return found


def bearers(accounts: Iterable[int]) -> dict[int, tuple[Fund, date | None]]:
    """By account the fund that had its last fee or interest, and when; else the general fund, and None."""
    wanted = set(accounts)
    with connection.cursor() as cursor:
        cursor.execute(LAST_CHARGE, [list(wanted)])
        last = {account: (fund, on) for account, fund, on in cursor.fetchall()}
    funds = Fund.objects.open().in_bulk({fund for fund, _on in last.values()})
    general = Fund.objects.open().filter(kind=Fund.Kind.GENERAL).order_by("pk").first()
    found: dict[int, tuple[Fund, date | None]] = {}
    for account in wanted:
        fund_pk, on = last.get(account, (None, None))
        if fund_pk in funds:
            found[account] = funds[fund_pk], on
        elif general:
            found[account] = general, None
    return found
