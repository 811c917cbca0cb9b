"""Candidates for gifts: those announced, by reference, nearly by reference, by amount; and those of payers known from before."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from ..currencies import written
from ..models import Fund, Instalment, Pledge, StatementLine
from ..references import Slip, find_references, format_reference, slips
from .evidence import (
    AMOUNT,
    DOUBT,
    KNOWN_PAYER,
    REFERENCE,
    Reason,
    Suggestion,
    all_text,
    apart,
    misnamed,
)
from .reading import Known, Wanted, related_by, revived, rows_of

# Gifts announced longer ago than this are not proposed for their amount alone.
RECENT = timedelta(days=90)
# How many of one amount are proposed, the newest first.
EACH = 5

AWAITED = """
SELECT line.id AS line_id, awaited.id AS pledge_id
FROM line CROSS JOIN LATERAL (
    SELECT p.id FROM donations_pledge p
    WHERE p.currency = line.currency AND p.amount = line.amount AND p.cancelled_at IS NULL
      AND p.method IN ('transfer', 'cash', 'card_later')
      AND p.created_at BETWEEN line.booked_on - %s AND line.booked_on + 1
      AND (p.is_open_ended OR p.amount > (
          SELECT coalesce(sum(d.amount), 0) FROM donations_donation d WHERE d.pledge_id = p.id AND d.reversed_at IS NULL))
    ORDER BY p.created_at DESC LIMIT %s) awaited
WHERE line.amount > 0
"""

# Of each line the last gift from the same account, or of the same name where the bank says no account.
GAVE_BEFORE = """
SELECT line.id AS line_id, before.pledge_id, before.fund_id, before.booked_on
FROM line CROSS JOIN LATERAL (
    SELECT d.pledge_id, d.fund_id, l.booked_on
    FROM donations_statementline l
    JOIN donations_statementmatch m ON m.line_id = l.id AND m.undone_at IS NULL
    JOIN donations_donation d ON d.id = m.donation_id
    WHERE l.payer_hash = line.payer_hash AND l.payer_hash <> '' AND l.id <> line.id
    ORDER BY l.booked_on DESC LIMIT 1) before
WHERE line.amount > 0
"""
# Each by an index, however many gifts there are.
MEANT = """
SELECT id FROM donations_pledge WHERE reference = ANY(%s)
UNION SELECT pledge_id FROM awaited
UNION SELECT pledge_id FROM gave_before WHERE pledge_id IS NOT NULL
"""


@dataclass(frozen=True)
class Announced:
    """A gift that was announced, what arrived for it, and the amounts of its parts."""

    pledge: Pledge
    received: Decimal
    parts: tuple[Decimal, ...]


def wanted(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    """For lines on which money came: gifts announced that a line names, nearly names or has the amount of; of each line what
    the same payer gave before."""
    texts = [all_text(line) for line in lines]
    references = {r for text in texts for r in find_references(text)}
    references |= {slip.reference for text in texts for slip in slips(text)}
    yield Wanted("awaited", AWAITED, [RECENT.days, EACH])
    yield Wanted("gave_before", GAVE_BEFORE)
    pledges = Pledge.objects.filter(pk__in=RawSQL(MEANT, [sorted(references)]))  # noqa: S611
    yield rows_of(
        "pledge",
        pledges.with_received(),
        "received",
        parts=ArraySubquery(Instalment.objects.filter(pledge=OuterRef("pk")).values("amount")),
        of_fund=related_by("fund", "id", "name"),
    )
    known_funds = RawSQL("SELECT fund_id FROM gave_before", [])
    yield rows_of("fund", Fund.objects.open().filter(pk__in=known_funds))


def _announced(known: Known) -> dict[int, Announced]:
    return {
        facts["id"]: Announced(
            revived(Pledge, facts, fund=revived(Fund, facts["of_fund"])),
            Decimal(facts["received"]),
            tuple(map(Decimal, facts["parts"])),
        )
        for facts in known["pledge"]
    }


def announced(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """By the reference in the text; where none is right, by one with a slip and by the amount that is open."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    texts = {line.pk: all_text(line) for line in lines}
    right = {pk: find_references(text) for pk, text in texts.items()}
    slipped = {pk: slips(text) for pk, text in texts.items()}
    by_pk = _announced(known)
    by_reference = {each.pledge.reference: each for each in by_pk.values()}
    awaited: dict[int, list[Announced]] = defaultdict(list)
    for facts in known["awaited"]:
        awaited[facts["line_id"]].append(by_pk[facts["pledge_id"]])
    for line in lines:
        exact = [by_reference[r] for r in right[line.pk] if r in by_reference]
        found[line.pk] += [_named(line, each, is_only=len(exact) == 1) for each in exact]
        if exact:
            continue
        close = [slip for slip in slipped[line.pk] if slip.reference in by_reference]
        found[line.pk] += [
            _nearly_named(line, by_reference[slip.reference], slip) for slip in close
        ]
        named = {slip.reference for slip in close}
        same_amount = (each.pledge for each in awaited[line.pk])
        found[line.pk] += filter(
            None, (_unnamed(line, p) for p in same_amount if p.reference not in named)
        )
    return found


def by_known_payers(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """What the same payer gave for before: their promise if it still waits, else its fund."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    before = {facts["line_id"]: facts for facts in known["gave_before"]}
    pledges = _announced(known)
    funds = {facts["id"]: revived(Fund, facts) for facts in known["fund"]}
    for line in lines:
        if line.pk not in before:
            continue
        facts, on = before[line.pk], date.fromisoformat(before[line.pk]["booked_on"])
        meant = pledges.get(facts["pledge_id"])
        if meant and meant.pledge.currency == line.currency:
            found[line.pk].append(_again(line, meant, on))
        if fund := funds.get(facts["fund_id"]):
            reasons = (_gave(on), Reason(_("It is not announced.")))
            found[line.pk].append(Suggestion(fund, reasons))
    return found


def _gave(on: date) -> Reason:
    sentence = _("The same payer gave before, last on %(day)s.") % {"day": plain_day(on)}
    return Reason(sentence, KNOWN_PAYER)


def _again(line: StatementLine, meant: Announced, on: date) -> Suggestion:
    reasons = (_gave(on), _about_amount(line, meant), *_doubts(meant))
    return Suggestion(meant.pledge, reasons)


def _named(line: StatementLine, meant: Announced, *, is_only: bool) -> Suggestion:
    """A pledge whose reference the line carries."""
    named = Reason(_("The text has the gift's reference."), REFERENCE)
    reasons = [named, _about_amount(line, meant), *_doubts(meant)]
    if not is_only:
        reasons.append(Reason(_("The text has another gift's reference as well."), DOUBT))
    return Suggestion(meant.pledge, tuple(reasons))


def _nearly_named(line: StatementLine, meant: Announced, slip: Slip) -> Suggestion:
    """A pledge whose reference the line nearly carries."""
    nearly = misnamed(format_reference(slip.written), slip.kind)
    return Suggestion(meant.pledge, (nearly, _about_amount(line, meant), *_doubts(meant)))


def _fits(line: StatementLine, meant: Announced) -> bool:
    """Whether the line has the whole amount, or that of one part of a promise."""
    amounts = {meant.pledge.amount, *meant.parts}
    return line.currency == meant.pledge.currency and line.open_amount in amounts


def _about_amount(line: StatementLine, meant: Announced) -> Reason:
    if _fits(line, meant):
        return Reason(_("The amount is the one announced."), AMOUNT)
    pledge = meant.pledge
    amount = written(pledge.amount, pledge.currency)
    if meant.parts and not pledge.is_open_ended and 0 < meant.received < pledge.amount:
        left = written(pledge.amount - meant.received, pledge.currency)
        still = _("Of the %(amount)s announced, %(left)s is still to come.")
        return Reason(still % {"amount": amount, "left": left})
    return Reason(_("The amount announced was %(amount)s.") % {"amount": amount})


def _doubts(meant: Announced) -> list[Reason]:
    """Why a gift may be meant and yet not be waiting for this line."""
    doubts = []
    pledge, received = meant.pledge, meant.received
    is_kept_in_parts = bool(meant.parts) and (pledge.is_open_ended or received < pledge.amount)
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
    return Suggestion(pledge, reasons, days)
