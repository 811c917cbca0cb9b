"""Candidates for gifts: those announced, by reference, nearly by reference, by amount; and those of payers known from before."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from ..currencies import written
from ..models import Fund, Pledge, StatementLine
from ..references import Slip, SlipKind, find_references, format_reference, slips
from .evidence import (
    AMOUNT,
    DOUBT,
    KNOWN_PAYER,
    NEAR_REFERENCE,
    REFERENCE,
    Certainty,
    Reason,
    Suggestion,
    all_text,
    apart,
)

# Gifts announced longer ago than this are not proposed for their amount alone.
RECENT = timedelta(days=90)
# How many of one amount are proposed, the newest first.
EACH = 5

AWAITED = """
SELECT line.id, awaited.id
FROM unnest(%s::bigint[], %s::numeric[], %s::text[], %s::date[]) AS line (id, amount, currency, booked_on)
CROSS JOIN LATERAL (
    SELECT p.id FROM donations_pledge p
    WHERE p.currency = line.currency AND p.amount = line.amount AND p.cancelled_at IS NULL
      AND p.method IN ('transfer', 'cash', 'card_later')
      AND p.created_at BETWEEN line.booked_on - %s AND line.booked_on + 1
      AND (p.is_open_ended OR p.amount > (
          SELECT coalesce(sum(d.amount), 0) FROM donations_donation d WHERE d.pledge_id = p.id AND d.reversed_at IS NULL))
    ORDER BY p.created_at DESC LIMIT %s) awaited
"""

# Of each line the last gift from the same account, or of the same name where the bank says no account.
GAVE_BEFORE = """
SELECT line.id, before.pledge_id, before.fund_id, before.booked_on
FROM unnest(%s::bigint[], %s::text[]) AS line (id, payer_hash)
CROSS JOIN LATERAL (
    SELECT d.pledge_id, d.fund_id, l.booked_on
    FROM donations_statementline l
    JOIN donations_statementmatch m ON m.line_id = l.id AND m.undone_at IS NULL
    JOIN donations_donation d ON d.id = m.donation_id
    WHERE l.payer_hash = line.payer_hash AND l.payer_hash <> '' AND l.id <> line.id
    ORDER BY l.booked_on DESC LIMIT 1) before
"""


def announced(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """By the reference in the text; where none is right, by one with a slip and by the amount that is open."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    texts = {line.pk: all_text(line) for line in lines}
    right = {pk: find_references(text) for pk, text in texts.items()}
    slipped = {pk: slips(text) for pk, text in texts.items()}
    wanted = {r for several in right.values() for r in several} | _repaired(slipped.values())
    awaited = _awaited(lines)
    by_pk = _pledges(wanted, {pk for several in awaited.values() for pk in several})
    known = {pledge.reference: pledge for pledge in by_pk.values() if pledge.reference in wanted}
    for line in lines:
        exact = [known[r] for r in right[line.pk] if r in known]
        found[line.pk] += [_named(line, pledge, is_only=len(exact) == 1) for pledge in exact]
        if exact:
            continue
        close = [slip for slip in slipped[line.pk] if slip.reference in known]
        found[line.pk] += [_misnamed(line, known[slip.reference], slip) for slip in close]
        named = {slip.reference for slip in close}
        same_amount = (by_pk[pk] for pk in awaited[line.pk])
        found[line.pk] += filter(
            None, (_unnamed(line, p) for p in same_amount if p.reference not in named)
        )
    return found


def by_known_payers(lines: Sequence[StatementLine]) -> dict[int, list[Suggestion]]:
    """What the same payer gave for before: their promise if it still waits, else its fund."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    columns: list[list[Any]] = [[line.pk for line in lines], [line.payer_hash for line in lines]]
    with connection.cursor() as cursor:
        cursor.execute(GAVE_BEFORE, columns)
        before = {row[0]: row[1:] for row in cursor.fetchall()}
    pledges = _pledges((), {pledge for pledge, _fund, _on in before.values() if pledge})
    funds = Fund.objects.open().in_bulk({fund for _pledge, fund, _on in before.values()})
    for line in lines:
        if line.pk not in before:
            continue
        pledge_pk, fund_pk, on = before[line.pk]
        if (pledge := pledges.get(pledge_pk)) and pledge.currency == line.currency:
            found[line.pk].append(_again(line, pledge, on))
        if fund := funds.get(fund_pk):
            reasons = (_gave(on), Reason(_("It is not announced.")))
            found[line.pk].append(Suggestion(fund, Certainty.POSSIBLE, reasons))
    return found


def _gave(on: date) -> Reason:
    sentence = _("The same payer gave before, last on %(day)s.") % {"day": on.isoformat()}
    return Reason(sentence, KNOWN_PAYER)


def _again(line: StatementLine, pledge: Pledge, on: date) -> Suggestion:
    doubts = _doubts(pledge)
    certainty = Certainty.LIKELY if _fits(line, pledge) and not doubts else Certainty.POSSIBLE
    return Suggestion(pledge, certainty, (_gave(on), _about_amount(line, pledge), *doubts))


def _repaired(found: Iterable[Sequence[Slip]]) -> set[str]:
    return {slip.reference for several in found for slip in several}


def _pledges(references: Iterable[str], pks: Iterable[int]) -> dict[int, Pledge]:
    """Each by an index, however many gifts there are; with what arrived for them and their parts."""
    pledges = Pledge.objects.with_received().select_related("fund").prefetch_related("instalments")
    # Two readings, each by its own index; one with "or" would read all gifts.
    return {
        pledge.pk: pledge
        for part in (pledges.filter(reference__in=set(references)), pledges.filter(pk__in=pks))
        for pledge in part
    }


def _awaited(lines: Sequence[StatementLine]) -> dict[int, list[int]]:
    """By the line's pk the gifts still to come of the amount that is open, the newest first."""
    found: dict[int, list[int]] = defaultdict(list)
    columns: list[list[Any]] = [
        [line.pk for line in lines],
        [line.open_amount for line in lines],
        [line.currency for line in lines],
        [line.booked_on for line in lines],
    ]
    with connection.cursor() as cursor:
        cursor.execute(AWAITED, [*columns, RECENT.days, EACH])
        for line, pledge in cursor.fetchall():
            found[line].append(pledge)
    return found


def _named(line: StatementLine, pledge: Pledge, *, is_only: bool) -> Suggestion:
    """A pledge whose reference the line carries."""
    doubts = _doubts(pledge)
    fits = _fits(line, pledge)
    named = Reason(_("The text has the gift's reference."), REFERENCE)
    reasons = [named, _about_amount(line, pledge), *doubts]
    sure = fits and is_only and not doubts
    return Suggestion(pledge, Certainty.SURE if sure else Certainty.LIKELY, tuple(reasons))


def _misnamed(line: StatementLine, pledge: Pledge, slip: Slip) -> Suggestion:
    """A pledge whose reference the line nearly carries. Never sure: a person compares the two."""
    said = {
        SlipKind.WRONG: _(
            "The text has %(written)s: the gift's reference with one character wrong."
        ),
        SlipKind.MISSING: _(
            "The text has %(written)s: the gift's reference with one character missing."
        ),
        SlipKind.EXTRA: _(
            "The text has %(written)s: the gift's reference with one character too many."
        ),
        SlipKind.SWAPPED: _(
            "The text has %(written)s: the gift's reference with two characters swapped."
        ),
    }[slip.kind] % {"written": format_reference(slip.written)}
    doubts = _doubts(pledge)
    certainty = Certainty.LIKELY if _fits(line, pledge) and not doubts else Certainty.POSSIBLE
    reasons = (Reason(said, NEAR_REFERENCE), _about_amount(line, pledge), *doubts)
    return Suggestion(pledge, certainty, reasons)


def _fits(line: StatementLine, pledge: Pledge) -> bool:
    """Whether the line has the whole amount, or that of one part of a promise."""
    amounts = {pledge.amount, *(part.amount for part in pledge.instalments.all())}
    return line.currency == pledge.currency and line.open_amount in amounts


def _about_amount(line: StatementLine, pledge: Pledge) -> Reason:
    if _fits(line, pledge):
        return Reason(_("The amount is the one announced."), AMOUNT)
    amount = written(pledge.amount, pledge.currency)
    return Reason(_("The amount announced was %(amount)s.") % {"amount": amount})


def _doubts(pledge: Pledge) -> list[Reason]:
    """Why a gift may be meant and yet not be waiting for this line."""
    doubts = []
    received: Decimal = pledge.received  # type: ignore[attr-defined]  # annotated by with_received
    is_kept_in_parts = bool(pledge.instalments.all()) and (
        pledge.is_open_ended or received < pledge.amount
    )
    if received and not is_kept_in_parts:
        further = _("%(amount)s arrived for it already: is this a further gift?")
        doubts.append(Reason(further % {"amount": written(received, pledge.currency)}, DOUBT))
    if pledge.cancelled_at:
        doubts.append(Reason(_("The gift was called off."), DOUBT))
    return doubts


def _unnamed(line: StatementLine, pledge: Pledge) -> Suggestion | None:
    """An open pledge of the line's amount, when it was announced before and not long ago."""
    announced_on = pledge.created_at.date()
    if not announced_on <= line.booked_on <= announced_on + RECENT:
        return None
    days = (line.booked_on - announced_on).days
    missing = _("The amount is the one announced, but the reference is missing.")
    reasons = (
        Reason(missing, AMOUNT),
        apart(days, _("It was announced on that day."), announced_on),
    )
    return Suggestion(pledge, Certainty.POSSIBLE, reasons, days)
