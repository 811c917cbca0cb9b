"""Candidates for money that went out, and for what is the bank's own: payments, refunds, transfers that came back, fees, interest."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from ..currencies import written
from ..models import Disbursement, Fund, RefundRequest, StatementLine
from ..models.payee import hash_account
from ..references import squeeze
from .evidence import (
    AMOUNT,
    DAY,
    KNOWN_PAYER,
    NAMES_SENDER,
    NEARBY,
    REFERENCE,
    WORDS,
    Certainty,
    Reason,
    Suggestion,
    all_text,
    apart,
    squeezed,
)
from .matches import Charge, Returned

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
# A transfer that could not be credited, or was called back, comes within weeks.
CAME_BACK_WITHIN = 60

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

EARLIER = """
SELECT line.id, earlier.id
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::text[], %s::date[])
     AS line (id, account_id, amount, payer_hash, booked_on)
CROSS JOIN LATERAL (
    SELECT l.id FROM donations_statementline l
    WHERE l.payer_hash = line.payer_hash AND l.payer_hash <> '' AND l.account_id = line.account_id
      AND l.amount = -line.amount AND l.booked_on BETWEEN line.booked_on - %s AND line.booked_on
      AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.line_id = l.id AND m.undone_at IS NULL
                      AND m.donation_id IS NULL)
    ORDER BY l.booked_on DESC, l.id DESC LIMIT 1) earlier
"""


def payments(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Payments of costs and refunds from the line's account that no line has proved yet: by the amount, or by the reference."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    amounts = {-line.open_amount for line in lines}
    codes = {code for line in lines for code in line.references}
    theirs = Q(bank_account__in={line.account_id for line in lines}) & (
        Q(amount__in=amounts) | Q(payment_reference__in=codes)
    )
    costs = Disbursement.objects.unproved().select_related("payee_account")
    refunds = RefundRequest.objects.unproved().select_related("donation__receipt")
    of_account: dict[int | None, list[Disbursement | RefundRequest]] = defaultdict(list)
    for payment in (*costs.filter(theirs), *refunds.filter(theirs)):
        of_account[payment.bank_account_id].append(payment)
    for line in lines:
        said = squeezed(line)
        for payment in of_account[line.account_id]:
            has_reference = squeeze(payment.payment_reference or "") in said
            if payment.amount == -line.open_amount:
                found[line.pk].append(_payment(line, payment, has_reference=has_reference))
            elif has_reference and payment.amount < -line.open_amount:
                found[line.pk].append(_part(line, payment))
    return found


def _payment(
    line: StatementLine, payment: Disbursement | RefundRequest, *, has_reference: bool
) -> Suggestion:
    reasons = [Reason(_("The amount is the payment's."), AMOUNT)]
    has_payee = _is_payee(line, payment)
    if has_reference:
        reasons.append(Reason(_("The text has the payment's reference."), REFERENCE))
    if has_payee:
        reasons.append(Reason(_("The receiver is the payee."), NAMES_SENDER))
    assert payment.paid_on is not None
    days = abs((line.booked_on - payment.paid_on).days)
    reasons.append(apart(days, _("It was paid on that day."), payment.paid_on))
    if has_reference:
        certainty = Certainty.SURE
    else:
        certainty = Certainty.LIKELY if has_payee and days <= NEARBY.days else Certainty.POSSIBLE
    return Suggestion(payment, certainty, tuple(reasons), days)


def _is_payee(line: StatementLine, payment: Disbursement | RefundRequest) -> bool:
    """By name, or by account: a cost's payee is known by the account's keyed hash alone."""
    if isinstance(payment, RefundRequest):
        name, account = payment.payee_name, squeeze(payment.payee_account)
        is_theirs = account == squeeze(line.counterparty_account)
    else:
        name = payment.payee_account.name
        is_theirs = payment.payee_account.account_hash == hash_account(line.counterparty_account)
    return squeeze(name) in squeezed(line) or (bool(line.counterparty_account) and is_theirs)


def _part(line: StatementLine, payment: Disbursement | RefundRequest) -> Suggestion:
    """The bank took more, as for its fee, or paid several at once: the rest of the line stays open."""
    rest = _("It is %(amount)s of the line; the rest stays open, as for the bank's fee.")
    reasons = (
        Reason(_("The text has the payment's reference."), REFERENCE),
        Reason(rest % {"amount": written(payment.amount, payment.currency)}),
    )
    return Suggestion(payment, Certainty.LIKELY, reasons, part=-payment.amount)


def returned(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """Transfers from the same account of the same amount, of late, that this line gives back."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    columns: list[list[Any]] = [
        [line.pk for line in lines],
        [line.account_id for line in lines],
        [line.open_amount for line in lines],
        [line.payer_hash for line in lines],
        [line.booked_on for line in lines],
    ]
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, [*columns, CAME_BACK_WITHIN])
        pairs = dict(cursor.fetchall())
    earlier = StatementLine.objects.select_related("account").in_bulk(pairs.values())
    for line in lines:
        if line.pk in pairs and line.explained == 0:
            before = earlier[pairs[line.pk]]
            on = before.booked_on.isoformat()
            reasons = (
                Reason(_("The same amount came from there on %(day)s.") % {"day": on}, AMOUNT),
                Reason(_("The other side is the same."), KNOWN_PAYER),
            )
            days = (line.booked_on - before.booked_on).days
            found[line.pk].append(Suggestion(Returned(before), Certainty.LIKELY, reasons, days))
    return found


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
    last = _last_charges({line.account_id for line in charged})
    funds = Fund.objects.open().in_bulk({fund for fund, _on in last.values()})
    general = Fund.objects.open().filter(kind=Fund.Kind.GENERAL).order_by("pk").first()
    for line in charged:
        fund_pk, on = last.get(line.account_id, (None, None))
        fund = funds.get(fund_pk) if fund_pk else None
        if fund and on:
            named = usual % {"fund": fund, "day": on.isoformat()}
            reasons = (Reason(said, WORDS), Reason(named, DAY))
            found[line.pk].append(Suggestion(Charge(fund), Certainty.LIKELY, reasons))
        elif general:
            unsaid = Reason(_("Nobody has said yet which fund has those of this account."))
            reasons = (Reason(said, WORDS), unsaid)
            found[line.pk].append(Suggestion(Charge(general), Certainty.POSSIBLE, reasons))
    return found


def _last_charges(accounts: set[int]) -> dict[int, tuple[int, date]]:
    with connection.cursor() as cursor:
        cursor.execute(LAST_CHARGE, [list(accounts)])
        return {account: (fund, on) for account, fund, on in cursor.fetchall()}
