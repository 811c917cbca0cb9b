"""Change a fund's money into another currency: recorded with its document, approved by another person, booked both ways.

The fund stays the same: what the money was given for travels with it.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from . import ledger
from .currencies import is_exact, offered, written
from .ledger import Posting
from .models import AccountKey, BankAccount, Entry, Exchange, Fund


class ExchangeError(Exception):
    """A step of an exchange that is refused; the message is a sentence for the office."""


class WrongAmount(ExchangeError):
    """Not above zero, or finer than its currency."""


class WrongAccount(ExchangeError):
    """Both accounts are in one currency, or one is closed or in a currency the fund does not keep."""


class WrongDay(ExchangeError):
    """The day lies in the future, or before the fund had the money."""


class NotEnoughMoney(ExchangeError):
    """The fund has not that much free in the currency given."""


class Frozen(ExchangeError):
    """A fact took the fund below zero, and two people have not covered it yet."""


class NoReason(ExchangeError):
    """A refusal, and taking back, has a reason."""


class SamePerson(ExchangeError):
    """Who recorded an exchange cannot approve it, whatever their rights."""


class WrongState(ExchangeError):
    """The step does not fit: decided or taken back already, or not decided yet."""


class AlreadyDone(ExchangeError):
    """The same exchange was sent twice; it was recorded once."""


@dataclass(frozen=True)
class Document:
    """The bank's or the broker's slip, as donations/cleaning.py cleaned it."""

    content_type: str
    content: bytes


@dataclass(frozen=True)
class Deal:
    """What was given and what was got for it; the currencies are the accounts'."""

    given: Decimal
    given_from: BankAccount
    received: Decimal
    received_into: BankAccount
    market: Exchange.Market
    exchanged_on: date


def record(
    *,
    fund: Fund,
    deal: Deal,
    document: Document,
    by: User,
    at: datetime,
    number: UUID | None = None,
) -> Exchange:
    """Records what happened at the bank; books nothing until another person approves. Raises ExchangeError's kinds.

    With a `number` the caller made beforehand, the same exchange sent twice is recorded once (AlreadyDone).
    """
    _check(deal, at=at)
    _check_free(fund, deal.given, deal.given_from.currency, on=deal.exchanged_on)
    row = Exchange(
        number=number or uuid4(),
        fund=fund,
        given=deal.given,
        given_currency=deal.given_from.currency,
        given_from=deal.given_from,
        received=deal.received,
        received_currency=deal.received_into.currency,
        received_into=deal.received_into,
        market=deal.market,
        exchanged_on=deal.exchanged_on,
        content_type=document.content_type,
        size=len(document.content),
        sha256=sha256(document.content).hexdigest(),
        recorded_by=by,
        recorded_at=at,
    )
    with ExitStack() as undo:
        with transaction.atomic():
            # Held until the end, so that the same form sent twice at once is seen.
            Fund.objects.select_for_update(no_key=True).get(pk=fund.pk)
            if Exchange.objects.filter(number=row.number).exists():
                raise AlreadyDone(_("This was sent twice: it was recorded once."))
            row.file.save("slip", ContentFile(document.content), save=False)
            # If the row does not come to be, neither shall the file stay.
            undo.callback(row.file.delete, save=False)
            row.save()
        undo.pop_all()
    return row


@transaction.atomic
def approve(exchange: Exchange, *, by: User, at: datetime) -> Exchange:
    """Books both ways at once: the fund's money leaves one account and currency and comes into the other.

    Raises SamePerson, WrongState, WrongDay, NotEnoughMoney, Frozen; then nothing is booked.
    """
    row = _locked(exchange)
    _check_undecided(row)
    if row.recorded_by_id == by.pk:
        raise SamePerson(_("You recorded this exchange yourself: another person must approve it."))
    row.approved_by, row.approved_at = by, at
    row.save(update_fields=["approved_by", "approved_at"])
    try:
        ledger.post_many(
            [
                Posting(
                    kind=Entry.Kind.EXCHANGE,
                    debit=AccountKey.fund(row.fund, row.given_currency),
                    credit=AccountKey.bank(row.given_from),
                    amount=row.given,
                    booked_on=row.exchanged_on,
                    source=row.source("out"),
                ),
                Posting(
                    kind=Entry.Kind.EXCHANGE,
                    debit=AccountKey.bank(row.received_into),
                    credit=AccountKey.fund(row.fund, row.received_currency),
                    amount=row.received,
                    booked_on=row.exchanged_on,
                    source=row.source("in"),
                ),
            ]
        )
    except ledger.NotYetThere as error:
        had = ledger.least_from(AccountKey.fund(row.fund, row.given_currency), row.exchanged_on)
        raise WrongDay(_not_yet_there(row.fund, row.given_currency, had)) from error
    except ledger.NotEnough as error:
        raise NotEnoughMoney(_not_enough(row.fund, row.given_currency)) from error
    except ledger.Frozen as error:
        raise Frozen(
            _("This money was taken below zero and is frozen until two people free it.")
        ) from error
    return row


@transaction.atomic
def refuse(exchange: Exchange, *, reason: str, by: User, at: datetime) -> Exchange:
    """Ends it unbooked, by anyone who may approve; or by who recorded it, who saw the mistake first."""
    row = _locked(exchange)
    _check_undecided(row)
    row.refused_by, row.refused_at, row.refusal_reason = by, at, _reason(reason)
    row.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return row


@transaction.atomic
def request_undo(exchange: Exchange, *, reason: str, by: User, at: datetime) -> Exchange:
    """Asks that an exchange which did not happen, or not so, be taken back; nothing is booked yet.

    Raises WrongState, NoReason; NotEnoughMoney when what it brought is spent or set aside.
    """
    row = _locked(exchange)
    if not row.approved_at:
        raise WrongState(_("This exchange is not booked: refuse it instead."))
    if why := row.why_not_asked:
        raise WrongState(why)
    _check_unproved(row)
    if ledger.free(AccountKey.fund(row.fund, row.received_currency)) < row.received:
        raise NotEnoughMoney(_not_enough(row.fund, row.received_currency))
    row.ask(reason=_reason(reason), by=by, at=at)
    return row


@transaction.atomic
def keep(exchange: Exchange, *, by: User, at: datetime) -> Exchange:
    """It stays booked: ends the request, by whoever may decide. Raises WrongState."""
    row = _locked(exchange)
    if why := row.why_not_decided:
        raise WrongState(why)
    row.ask(reason="", by=None, at=None)
    return row


@transaction.atomic
def take_back(exchange: Exchange, *, by: User, at: datetime) -> Exchange:
    """Reverses both entries, as another person asked for; it is then recorded anew.

    Raises SamePerson; WrongState when a bank line proves it, NotEnoughMoney when what it brought is spent or set aside.
    """
    row = _locked(exchange)
    if why := row.why_not_decided:
        raise WrongState(why)
    if why := row.why_not_by(by):
        raise SamePerson(why)
    _check_unproved(row)
    row.undone_by, row.undone_at = by, at
    row.save(update_fields=["undone_by", "undone_at"])
    # On its own day, since it never was; today where what it brought was needed in between.
    brought = ledger.least_from(AccountKey.fund(row.fund, row.received_currency), row.exchanged_on)
    day = row.exchanged_on if brought >= row.received else at.date()
    try:
        for leg in ("in", "out"):
            entry = Entry.objects.get(source=row.source(leg))
            ledger.reverse(entry, by=by, reason=row.undo_reason, at=at, on=day)
    except (ledger.NotEnough, ledger.Frozen) as error:
        raise NotEnoughMoney(_not_enough(row.fund, row.received_currency)) from error
    return row


def _check_unproved(row: Exchange) -> None:
    if row.matches.standing().exists():
        raise WrongState(
            _("A bank line proves this exchange: take that match back first, where the line is.")
        )


def _locked(exchange: Exchange) -> Exchange:
    return (
        Exchange.objects.select_for_update(of=("self",))
        .select_related("fund", "given_from", "received_into")
        .get(pk=exchange.pk)
    )


def _check_undecided(row: Exchange) -> None:
    if row.approved_at or row.refused_at:
        raise WrongState(_("This exchange is decided already."))


def _reason(text: str) -> str:
    if not text.strip():
        raise NoReason(_("Say why: who recorded it will want to know."))
    return text.strip()


def _check(deal: Deal, *, at: datetime) -> None:
    given, received = deal.given_from, deal.received_into
    if given.currency == received.currency:
        raise WrongAccount(
            _("Both accounts are in %(currency)s: that is a transfer, not an exchange.")
            % {"currency": given.currency}
        )
    for account in (given, received):
        if account.closed_on:
            raise WrongAccount(
                _("The account “%(account)s” is closed: choose an open one.") % {"account": account}
            )
    if received.currency not in offered():
        raise WrongAccount(
            _("%(currency)s is none of this fund's currencies.") % {"currency": received.currency}
        )
    for amount, account in ((deal.given, given), (deal.received, received)):
        if amount <= 0:
            raise WrongAmount(_("Both amounts must be above zero."))
        if not is_exact(amount, account.currency):
            raise WrongAmount(
                _("%(currency)s has no such small parts.") % {"currency": account.currency}
            )
    if deal.exchanged_on > at.date():
        raise WrongDay(_("The day of the exchange lies in the future."))


def _check_free(fund: Fund, amount: Decimal, currency: str, *, on: date) -> None:
    """Said early; the database decides when it is booked."""
    if ledger.free(AccountKey.fund(fund, currency)) < amount:
        raise NotEnoughMoney(_not_enough(fund, currency))
    had = ledger.least_from(AccountKey.fund(fund, currency), on)
    if had < amount:
        raise WrongDay(_not_yet_there(fund, currency, had))


def _not_yet_there(fund: Fund, currency: str, had: Decimal) -> str:
    return _("On that day “%(fund)s” could give only %(amount)s: look at the day on the slip.") % {
        "fund": fund,
        "amount": written(max(had, Decimal(0)), currency),
    }


def _not_enough(fund: Fund, currency: str) -> str:
    free = max(ledger.free(AccountKey.fund(fund, currency)), Decimal(0))
    return _("“%(fund)s” has only %(amount)s free.") % {
        "fund": fund,
        "amount": written(free, currency),
    }
