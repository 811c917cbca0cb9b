"""What matches say that a line is, in a few words: of one match, or of all lines of a list in the list's own query."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import F, OuterRef, TextField
from django.db.models.constants import LOOKUP_SEP
from django.db.models.functions import Cast, JSONObject
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day

from ..currencies import written
from ..models import Donation, PastRow, Receipt, StatementMatch

# What the words are made of, by where it is found from a match.
FACTS = {
    "amount": "amount",
    "currency": "line__currency",
    "payout": "payout__stripe_payout_id",
    "withheld": "withheld",
    "payment": "disbursement__payment_reference",
    "to_partner": "partner_payment__payment_reference",
    "refund": "refund_request__amount",
    "refund_currency": "refund_request__currency",
    "refunded": "refund_request__donation_id",
    "refunded_receipt": "refund_request__donation__receipt__serial",
    "exchanged_on": "exchange__exchanged_on",
    "left_from": "own_transfer__left_from__name",
    "arrives_at": "own_transfer__arrives_at__name",
    "bail": "bail_outcome__cost__number",
    "collected": "collection__movement__source_id",
    "past_kind": "past_row__kind",
    "past_day": "past_row__happened_on",
    "deposited_on": "deposit__deposited_on",
    "gift": "donation_id",
    "receipt": "donation__receipt__serial",
    "explanation": "explanation",
}
# Links to follow where the words of several matches are wanted.
LINKS = (
    "line", "payout", "disbursement", "partner_payment", "exchange", "deposit", "donation__receipt", "refund_request__donation__receipt",
    "own_transfer__left_from", "own_transfer__arrives_at", "bail_outcome__cost",
    "collection__movement", "past_row",
)  # fmt: skip


def told(match: StatementMatch) -> str:
    """What a match says the line is."""
    return _words({name: _found(match, path) for name, path in FACTS.items()})


def facts_of_lines() -> ArraySubquery:
    """For an annotation of lines: the facts of each standing match, for `told_of`."""
    texts = {name: Cast(F(path), TextField()) for name, path in FACTS.items()}
    standing = StatementMatch.objects.standing().filter(line=OuterRef("pk")).order_by("pk")
    return ArraySubquery(standing.values(facts=JSONObject(**texts)))


def told_of(facts: list[dict[str, Any]]) -> str:
    """What the matches of one line say it is; a dash while there are none."""
    return "; ".join(_words(each) for each in facts) or "–"


def _words(facts: dict[str, Any]) -> str:
    if facts["payout"] and Decimal(facts["withheld"]):
        return _("payout %(payout)s, of which a bank kept %(fee)s") % {
            "payout": facts["payout"],
            "fee": written(Decimal(facts["withheld"]), facts["currency"]),
        }
    if facts["payout"]:
        return _("payout %(payout)s") % {"payout": facts["payout"]}
    payment = facts["payment"] or facts["to_partner"]
    if payment and Decimal(facts["amount"]) > 0:
        return _("payment %(payment)s came back") % {"payment": payment}
    if payment:
        return _("payment %(payment)s") % {"payment": payment}
    if facts["refund"]:
        amount = written(Decimal(facts["refund"]), facts["refund_currency"])
        gift = _gift(facts["refunded"], facts["refunded_receipt"])
        return _("refund %(refund)s") % {"refund": f"{gift}: −{amount}"}
    if facts["exchanged_on"]:
        return _("exchange of %(day)s") % {"day": _day(facts["exchanged_on"])}
    if facts["left_from"] and Decimal(facts["withheld"]):
        return _("transfer from %(left)s to %(right)s, of which a bank kept %(fee)s") % {
            "left": facts["left_from"],
            "right": facts["arrives_at"],
            "fee": written(Decimal(facts["withheld"]), facts["currency"]),
        }
    if facts["left_from"]:
        return _("transfer from %(left)s to %(right)s") % {
            "left": facts["left_from"],
            "right": facts["arrives_at"],
        }
    if facts["bail"]:
        return _("bail of %(cost)s that came back") % {"cost": facts["bail"]}
    if facts["collected"]:
        return _("collected by Stripe as %(payout)s") % {"payout": facts["collected"]}
    if facts["past_kind"]:
        return _("row of the past: %(kind)s of %(day)s") % {
            "kind": PastRow.Kind(facts["past_kind"]).label,
            "day": _day(facts["past_day"]),
        }
    if facts["deposited_on"]:
        return _("cash brought to the bank on %(day)s") % {"day": _day(facts["deposited_on"])}
    if facts["gift"] and facts["receipt"] is None:
        return _gift(facts["gift"], None)
    if facts["gift"]:
        return _("gift %(gift)s") % {"gift": _gift(facts["gift"], facts["receipt"])}
    return str(facts["explanation"])


def _day(found: date | str) -> str:
    """A list's query gives it as text."""
    return plain_day(date.fromisoformat(str(found)))


def _gift(pk: int | str, serial: int | str | None) -> str:
    """As a gift calls itself: by its receipt, where it has one."""
    if serial is not None:
        return str(Receipt(serial=int(serial)))
    return f"{Donation._meta.verbose_name} {pk}"


def _found(match: StatementMatch, path: str) -> Any:
    found: Any = match
    for step in path.split(LOOKUP_SEP):
        try:
            found = getattr(found, step)
        except ObjectDoesNotExist:
            return None
        if found is None:
            return None
    return found
