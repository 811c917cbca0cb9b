"""Candidates for money that went out, payments and refunds of ours, and for what came back of it or went back."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from ..currencies import written
from ..models import (
    Account,
    BalanceTransaction,
    BankPayment,
    Disbursement,
    Donation,
    LegalCost,
    MovementExplanation,
    PartnerPayment,
    PayeeAccount,
    Receipt,
    RefundRequest,
    StatementLine,
)
from ..models.payee import hash_account
from ..passing_money import unbooked
from ..references import squeeze
from .codes import code_slips
from .evidence import (
    AMOUNT,
    KNOWN_PAYER,
    NAMES_SENDER,
    NAMES_STRIPE,
    REFERENCE,
    Reason,
    Suggestion,
    all_text,
    apart,
    misnamed,
    squeezed,
)
from .facts import said_never_left, said_not_recorded
from .matches import CameBack, GivenBack, Payment, Returned
from .reading import Facts, Known, Wanted, related_by, revived, rows_of

# A transfer that could not be credited, or was called back, comes within weeks.
CAME_BACK_WITHIN = 60

EARLIER = """
SELECT line.id AS line_id, earlier.*
FROM line CROSS JOIN LATERAL (
    SELECT l.id, l.account_id, l.booked_on FROM donations_statementline l
    WHERE l.payer_hash = line.payer_hash AND l.payer_hash <> '' AND l.account_id = line.account_id
      AND l.amount = -line.amount AND l.booked_on BETWEEN line.booked_on - %s AND line.booked_on
      AND NOT EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.line_id = l.id AND m.undone_at IS NULL
                      AND m.donation_id IS NULL)
    ORDER BY l.booked_on DESC, l.id DESC LIMIT 1) earlier
WHERE line.amount < 0
"""


# What somebody said of all of a line and nobody booked, and no other line has undone: whenever that was, since it is listed
# among the differences until then. From the same other side first, then the latest.
NOTED = f"""
SELECT DISTINCT ON (line.id) line.id AS line_id, l.id, l.account_id, l.booked_on, m.explanation AS note,
       l.payer_hash = line.payer_hash AND l.payer_hash <> '' AS is_same_side
FROM line
JOIN ({unbooked()}) n ON n.account_id = line.account_id AND n.amount = -line.amount AND n.booked_on <= line.booked_on
JOIN donations_statementline l ON l.id = n.line_id AND l.amount = n.amount
JOIN donations_statementmatch m ON m.line_id = l.id AND m.undone_at IS NULL
ORDER BY line.id, is_same_side DESC, l.booked_on DESC, l.id DESC
"""  # noqa: S608  our own SQL


def wanted_notes() -> Wanted:
    """For all lines: earlier ones that they undo."""
    return Wanted("noted", NOTED)


def wanted(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    """For lines on which money went: payments that no line has proved, and transfers that a line may give back."""
    amounts = {-line.open_amount for line in lines}
    codes = {code for line in lines for code in line.references}
    codes |= {slip.reference for line in lines for slip in code_slips(all_text(line))}
    theirs = Q(bank_account__in={line.account_id for line in lines}) & (
        Q(amount__in=amounts) | Q(payment_reference__in=codes)
    )
    for of, payments in (
        ("cost", Disbursement.objects.filter(theirs)),
        ("partner", PartnerPayment.objects.filter(theirs)),
    ):
        yield _rows(f"{of}_unproved", payments.unproved())
        yield _rows(f"{of}_never_left", payments.in_state(BankPayment.State.NEVER_LEFT))
        yield _rows(f"{of}_to_pay", payments.payable())
    yield rows_of(
        "refund",
        RefundRequest.objects.unproved().filter(theirs),
        of_gift=related_by("donation", "id"),
        receipt_serial=F("donation__receipt__serial"),
    )
    yield Wanted("earlier", EARLIER, [CAME_BACK_WITHIN])
    yield rows_of(
        "collected",
        MovementExplanation.objects.unproved().filter(
            bank_account__in={line.account_id for line in lines}, movement__amount__in=amounts
        ),
        at_stripe=related_by("movement", "id", "amount", "currency", "created_at", "source_id"),
    )


def wanted_back(lines: Sequence[StatementLine]) -> Iterable[Wanted | None]:
    """For lines on which money came: payments that left the line's account, of late; and what courts hold as bail."""
    since = min(line.booked_on for line in lines) - timedelta(days=CAME_BACK_WITHIN)
    theirs = Q(
        bank_account__in={line.account_id for line in lines},
        amount__in={line.open_amount for line in lines},
        paid_on__gte=since,
    )
    done = Disbursement.objects.in_state(BankPayment.State.DONE).filter(theirs)
    yield _rows("cost_paid", done.exclude(cost__kind=LegalCost.Kind.BAIL))
    done_to_partner = PartnerPayment.objects.in_state(BankPayment.State.DONE)
    yield _rows("partner_paid", done_to_partner.filter(theirs))
    deposits: Any = Account.objects
    held = deposits.with_balance().filter(place=Account.Place.BAIL, legal_cost=OuterRef("cost"))
    costs = LegalCost.objects.with_bail_held(*{line.currency for line in lines})
    yield _rows(
        "at_court",
        Disbursement.objects.paid()
        .filter(cost__in=costs)
        .annotate(held=Subquery(held.values("balance"))),
        "held",
        of_cost=related_by("cost", "id", "number"),
    )


def _rows(kind: str, payments: Any, *also: str, **related: Any) -> Wanted | None:
    to = related_by("payee_account", "id", "name", "account_hash")
    return rows_of(kind, payments, *also, to=to, **related)


def _payments(known: Known, state: str) -> Iterator[Payment]:
    for facts in known[f"cost_{state}"]:
        yield _payment_of(Disbursement, facts)
    for facts in known[f"partner_{state}"]:
        yield _payment_of(PartnerPayment, facts)


def _payment_of[Row: (Disbursement, PartnerPayment)](model: type[Row], facts: Facts) -> Row:
    return revived(model, facts, payee_account=revived(PayeeAccount, facts["to"]))


def _refund(facts: Facts) -> RefundRequest:
    donation = revived(Donation, facts["of_gift"])
    serial = facts["receipt_serial"]
    receipt = None if serial is None else Receipt(serial=serial)
    Donation._meta.get_field("receipt").set_cached_value(donation, receipt)
    return revived(RefundRequest, facts, donation=donation)


def payments(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Payments and refunds from the line's account that no line has proved yet: by the amount, or by the reference;
    where the text has none of theirs, by one with a slip."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    of_account: dict[int | None, list[Payment | RefundRequest]] = defaultdict(list)
    payments: list[Payment | RefundRequest] = []
    payments += _payments(known, "unproved")
    payments += map(_refund, known["refund"])
    for payment in payments:
        of_account[payment.bank_account_id].append(payment)
    for line in lines:
        said = squeezed(line)
        possible = of_account[line.account_id]
        named = {p for p in possible if squeeze(p.payment_reference or "") in said}
        slips = {} if named else {slip.reference: slip for slip in code_slips(all_text(line))}
        for payment in possible:
            reference = _named() if payment in named else None
            if slip := slips.get(payment.payment_reference or ""):
                reference = misnamed(slip.written, slip.kind)
            if payment.amount == -line.open_amount:
                found[line.pk].append(_payment(line, payment, reference))
            elif reference and payment.amount < -line.open_amount:
                found[line.pk].append(_part(payment, reference))
    return found


def _named() -> Reason:
    return Reason(_("The text has the payment's reference."), REFERENCE)


def never_left(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Payments that two people took back, and that a line names all the same: said, and not matched with it."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    for payment in _payments(known, "never_left"):
        for line in lines:
            is_its = (payment.bank_account_id, -payment.amount) == (
                line.account_id,
                line.open_amount,
            )
            if is_its and squeeze(payment.payment_reference) in squeezed(line):
                named = _named()
                candidate = _payment(line, payment, named)
                found[line.pk].append(replace(candidate, obstacle=said_never_left()))
    return found


def to_pay(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Payments that are approved and that the bank made before anybody recorded them as paid: said, and not matched yet."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    named = _named()
    for payment in _payments(known, "to_pay"):
        for line in lines:
            is_its = payment.bank_account_id == line.account_id
            if is_its and squeeze(payment.payment_reference) in squeezed(line):
                candidate = Suggestion(payment, (named,), obstacle=said_not_recorded())
                found[line.pk].append(candidate)
    return found


def _payment(
    line: StatementLine, payment: Payment | RefundRequest, reference: Reason | None
) -> Suggestion:
    reasons = [Reason(_("The amount is the payment's."), AMOUNT)]
    has_payee = _is_payee(line, payment)
    if reference:
        reasons.append(reference)
    if has_payee:
        reasons.append(Reason(_("The receiver is the payee."), NAMES_SENDER))
    assert payment.paid_on is not None
    days = abs((line.booked_on - payment.paid_on).days)
    reasons.append(apart(days, _("It was paid on that day."), payment.paid_on))
    return Suggestion(payment, tuple(reasons), days)


def _is_payee(line: StatementLine, payment: Payment | RefundRequest) -> bool:
    """By name, or by account: a cost's payee is known by the account's keyed hash alone."""
    if isinstance(payment, RefundRequest):
        name, account = payment.payee_name, squeeze(payment.payee_account)
        is_theirs = account == squeeze(line.counterparty_account)
    else:
        name = payment.payee_account.name
        is_theirs = payment.payee_account.account_hash == hash_account(line.counterparty_account)
    return squeeze(name) in squeezed(line) or (bool(line.counterparty_account) and is_theirs)


def _part(payment: Payment | RefundRequest, reference: Reason) -> Suggestion:
    """The bank took more, as for its fee, or paid several at once: the rest of the line stays open."""
    rest = _("It is %(amount)s of the line; the rest stays open, as for the bank's fee.")
    reasons = (
        reference,
        Reason(rest % {"amount": written(payment.amount, payment.currency)}),
    )
    return Suggestion(payment, reasons, part=-payment.amount)


def collections(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """What Stripe collected from the line's account, of the open amount, and no line has shown yet."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    for facts in known["collected"]:
        movement = revived(BalanceTransaction, facts["at_stripe"])
        collection = revived(MovementExplanation, facts, movement=movement)
        for line in lines:
            if (collection.bank_account_id, -movement.amount) == (
                line.account_id,
                line.open_amount,
            ):
                found[line.pk].append(_collection(line, collection))
    return found


def _collection(line: StatementLine, collection: MovementExplanation) -> Suggestion:
    movement, said = collection.movement, squeezed(line)
    reasons = [Reason(_("The amount is what Stripe collected."), AMOUNT)]
    if squeeze(movement.source_id) in said:
        reasons.append(Reason(_("The text names the payout."), REFERENCE))
    elif "STRIPE" in said:
        reasons.append(Reason(_("The text names Stripe."), NAMES_STRIPE))
    on = movement.created_at.date()
    days = abs((line.booked_on - on).days)
    reasons.append(apart(days, _("Stripe collected it on that day."), on))
    return Suggestion(collection, tuple(reasons), days)


def returned(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Transfers from the same account of the same amount, of late, that this line gives back."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    earlier = {facts["line_id"]: revived(StatementLine, facts) for facts in known["earlier"]}
    for line in lines:
        if line.pk in earlier and line.explained == 0:
            before = earlier[line.pk]
            on = plain_day(before.booked_on)
            reasons = (
                Reason(_("The same amount came from there on %(day)s.") % {"day": on}, AMOUNT),
                Reason(_("The other side is the same."), KNOWN_PAYER),
            )
            days = (line.booked_on - before.booked_on).days
            found[line.pk].append(Suggestion(Returned(before), reasons, days))
    return found


def undoing(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Lines of the same account that somebody noted and nobody booked, and that this one undoes: what left by mistake came back,
    what was not ours went back."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    noted = {facts["line_id"]: facts for facts in known["noted"]}
    for line in lines:
        if line.pk in noted and line.explained == 0:
            facts = noted[line.pk]
            earlier = revived(StatementLine, facts)
            days = (line.booked_on - earlier.booked_on).days
            went = (
                _("The same amount left on %(day)s, and is not booked: “%(note)s”.")
                if line.amount > 0
                else _("The same amount came on %(day)s, and is not booked: “%(note)s”.")
            )
            said = {"day": plain_day(earlier.booked_on), "note": facts["note"]}
            reasons = [Reason(went % said, AMOUNT)]
            if facts["is_same_side"]:
                reasons.append(Reason(_("The other side is the same."), KNOWN_PAYER))
            reasons.append(apart(days, _("It was on the same day."), earlier.booked_on))
            target = Returned(earlier, note=facts["note"])
            found[line.pk].append(Suggestion(target, tuple(reasons), days))
    return found


def came_back(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Payments that a line of the same account showed to leave, of the amount that came, of late."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    by_amount: dict[tuple[int, Decimal], list[Payment]] = defaultdict(list)
    for payment in _payments(known, "paid"):
        by_amount[payment.bank_account_id, payment.amount].append(payment)
    for line in lines:
        said = squeezed(line)
        for payment in by_amount[line.account_id, line.open_amount]:
            assert payment.paid_on is not None
            if not 0 <= (line.booked_on - payment.paid_on).days <= CAME_BACK_WITHIN:
                continue
            found[line.pk].append(_came_back(line, payment, said))
    return found


def _came_back(line: StatementLine, payment: Payment, said: str) -> Suggestion:
    assert payment.paid_on is not None
    on = plain_day(payment.paid_on)
    reasons = [Reason(_("The same amount was paid on %(day)s.") % {"day": on}, AMOUNT)]
    has_reference = squeeze(payment.payment_reference) in said
    has_payee = _is_payee(line, payment)
    if has_reference:
        reasons.append(_named())
    if has_payee:
        reasons.append(Reason(_("The other side is the payee."), NAMES_SENDER))
    days = (line.booked_on - payment.paid_on).days
    return Suggestion(CameBack(payment), tuple(reasons), days)


def given_back(lines: Sequence[StatementLine], known: Known) -> dict[int, list[Suggestion]]:
    """Deposits that a court holds, where the line gives one back: all of it by the amount, a part by who sent it."""
    found: dict[int, list[Suggestion]] = defaultdict(list)
    of_cost: dict[int, list[Facts]] = defaultdict(list)
    for facts in known["at_court"]:
        of_cost[facts["of_cost"]["id"]].append(facts)
    for paid in of_cost.values():
        cost, held = revived(LegalCost, paid[0]["of_cost"]), paid[0]["held"]
        payments = [_payment_of(Disbursement, facts) for facts in paid]
        for line in lines:
            if line.currency == payments[0].currency and line.open_amount <= held:
                reasons = _given_back(line, payments, held)
                if sum(reason.points for reason in reasons):
                    found[line.pk].append(Suggestion(GivenBack(cost), reasons))
    return found


def _given_back(
    line: StatementLine, payments: Sequence[Disbursement], held: Decimal
) -> tuple[Reason, ...]:
    said, amount = squeezed(line), written(held, line.currency)
    if line.open_amount == held:
        reasons = [Reason(_("The amount is what a court holds of it."), AMOUNT)]
    else:
        reasons = [Reason(_("It is a part of the %(amount)s a court holds.") % {"amount": amount})]
    if any(squeeze(payment.payment_reference) in said for payment in payments):
        reasons.append(_named())
    if any(_is_payee(line, payment) for payment in payments):
        reasons.append(Reason(_("The other side is whom it was paid to."), NAMES_SENDER))
    return tuple(reasons)
