"""Candidates for a bank line in words."""

from decimal import Decimal

from django import template
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day
from donations.currencies import quantize, written
from donations.models import (
    BailOutcome,
    CashDeposit,
    CashReceipt,
    Disbursement,
    Exchange,
    Fund,
    MovementExplanation,
    OwnTransfer,
    PartnerPayment,
    PastRow,
    Payout,
    RefundRequest,
)
from donations.reconciliation import (
    Between,
    BetweenLess,
    CameBack,
    Certainty,
    Charge,
    GivenBack,
    Less,
    Returned,
    Suggestion,
)
from donations.references import format_reference

register = template.Library()


@register.filter
def amount_value(amount: Decimal, currency: str) -> str:
    """As a field of a form carries it, in no language: the currency's own decimals, no grouping."""
    return f"{quantize(amount, currency):f}"


@register.filter
def certainty(suggestion: Suggestion) -> str:
    return {
        Certainty.SURE: _("sure"),
        Certainty.LIKELY: _("likely"),
        Certainty.POSSIBLE: _("possible"),
    }[suggestion.certainty]


@register.filter
def candidate(suggestion: Suggestion) -> str:
    """What the candidate is, without naming a supporter."""
    target = suggestion.target
    if isinstance(target, Charge):
        return _("The bank's own, for %(fund)s") % {"fund": target.fund}
    if isinstance(target, Between):
        return _("Transfer between this account and %(account)s") % {"account": target.other.name}
    if isinstance(target, Less):
        return _("Payout %(payout)s from Stripe less a bank's fee, for %(fund)s") % {
            "payout": target.payout.stripe_payout_id,
            "fund": target.fund,
        }
    if isinstance(target, BetweenLess):
        return _("Transfer from %(left)s to %(right)s less a bank's fee, for %(fund)s") % {
            "left": target.transfer.left_from.name,
            "right": target.transfer.arrives_at.name,
            "fund": target.fund,
        }
    if isinstance(target, BailOutcome):
        return _("Bail of %(cost)s that came back") % {"cost": target.cost}
    if isinstance(target, GivenBack):
        return _("Bail of %(cost)s that a court gives back: recorded with it") % {
            "cost": target.cost
        }
    if isinstance(target, MovementExplanation):
        return _("Collected by Stripe as %(payout)s") % {"payout": target.movement.source_id}
    if isinstance(target, PastRow):
        return _("Row of the past: %(kind)s of %(day)s") % {
            "kind": target.get_kind_display(),
            "day": plain_day(target.happened_on),
        }
    if isinstance(target, OwnTransfer):
        return _("Transfer from %(left)s to %(right)s") % {
            "left": target.left_from.name,
            "right": target.arrives_at.name,
        }
    if isinstance(target, Returned) and target.note:
        return _("Undoes what was noted of the line of %(day)s") % {
            "day": plain_day(target.earlier.booked_on)
        }
    if isinstance(target, Returned):
        return _("Gives back the transfer of %(day)s") % {
            "day": plain_day(target.earlier.booked_on)
        }
    if isinstance(target, Fund):
        return _("Gift that nobody announced for %(fund)s") % {"fund": target}
    if isinstance(target, Exchange):
        return _("Exchange of %(given)s for %(received)s") % {
            "given": written(target.given, target.given_currency),
            "received": written(target.received, target.received_currency),
        }
    if isinstance(target, Payout):
        return _("Payout %(payout)s from Stripe") % {"payout": target.stripe_payout_id}
    if isinstance(target, CameBack):
        return _("Payment %(reference)s to %(payee)s came back") % {
            "reference": target.payment.payment_reference,
            "payee": target.payment.payee_account.name,
        }
    if isinstance(target, Disbursement | PartnerPayment):
        return _("Payment %(reference)s to %(payee)s") % {
            "reference": target.payment_reference,
            "payee": target.payee_account.name,
        }
    if isinstance(target, RefundRequest):
        return _("Refund %(reference)s of %(gift)s") % {
            "reference": target.payment_reference,
            "gift": target.donation,
        }
    if isinstance(target, CashDeposit):
        return _("Cash brought to the bank")
    if isinstance(target, CashReceipt):
        return _("Cheque of slip %(number)s for %(fund)s") % {
            "number": target.number,
            "fund": target.fund,
        }
    return _("Gift announced as %(reference)s for %(fund)s") % {
        "reference": format_reference(target.reference or ""),
        "fund": target.fund,
    }
