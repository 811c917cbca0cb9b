"""Stripe's codes as words for the office; a code that is new to us stands as it is."""

import re

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Why a request is refused.
REFUSALS = {
    "charge_already_refunded": gettext_lazy("Stripe says that this payment was sent back already."),
    "charge_disputed": gettext_lazy(
        "The supporter's bank has taken this payment back in a dispute."
    ),
    "balance_insufficient": gettext_lazy(
        "There is not enough on Stripe's balance to send it back."
    ),
    "dispute_not_open": gettext_lazy("Stripe says that this dispute has ended."),
}
# Why a refund came back.
FAILURES = {
    "lost_or_stolen_card": gettext_lazy("the card was lost or stolen"),
    "expired_or_canceled_card": gettext_lazy("the card has expired or was cancelled"),
    "charge_for_pending_refund_disputed": gettext_lazy("the payment was disputed meanwhile"),
    "insufficient_funds": gettext_lazy("there was not enough on Stripe's balance"),
    "declined": gettext_lazy("the bank declined it"),
    "merchant_request": gettext_lazy("it was called off here"),
    "unknown": gettext_lazy("the bank gave no reason"),
}
# Why a bank takes a payment back.
DISPUTES = {
    "bank_cannot_process": gettext_lazy("the bank cannot process it"),
    "credit_not_processed": gettext_lazy("a refund was promised and did not come"),
    "customer_initiated": gettext_lazy("the cardholder asked for it"),
    "duplicate": gettext_lazy("charged twice"),
    "fraudulent": gettext_lazy("the cardholder says it was somebody else"),
    "general": gettext_lazy("no reason given"),
    "product_not_received": gettext_lazy("nothing was received"),
    "product_unacceptable": gettext_lazy("what was received was not acceptable"),
    "subscription_canceled": gettext_lazy("charged after it was cancelled"),
    "unrecognized": gettext_lazy("the cardholder does not recognise it"),
}
# What a bank warns of.
FRAUDS = {
    "card_never_received": gettext_lazy("the card never reached its owner"),
    "fraudulent_card_application": gettext_lazy("the card was applied for by a fraudster"),
    "made_with_counterfeit_card": gettext_lazy("a counterfeit card"),
    "made_with_lost_card": gettext_lazy("a lost card"),
    "made_with_stolen_card": gettext_lazy("a stolen card"),
    "misc": gettext_lazy("the bank does not say more"),
    "unauthorized_use_of_card": gettext_lazy("a card used without its owner's consent"),
}
# What moved on its balance.
MOVEMENTS = {
    "adjustment": gettext_lazy("dispute or correction"),
    "charge": gettext_lazy("card payment"),
    "payment": gettext_lazy("other payment"),
    "payment_refund": gettext_lazy("refund of another payment"),
    "payout": gettext_lazy("payout"),
    "payout_failure": gettext_lazy("payout came back"),
    "refund": gettext_lazy("refund"),
    "refund_failure": gettext_lazy("refund came back"),
}


def breakable(code: str) -> SafeString:
    """`code`, which in a narrow column goes on in the next line after a full stop or an underscore."""
    parts = re.findall(r"[^._]*[._]?", code)
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts if part))


def refusal(code: str) -> str:
    """A whole sentence; "" for no refusal."""
    if not code:
        return ""
    other = _("Stripe refused it (%(code)s): look at the payment there.") % {"code": code}
    return str(REFUSALS.get(code, other))


def failure(code: str) -> str:
    return str(FAILURES.get(code, code))


def dispute_reason(code: str) -> str:
    return str(DISPUTES.get(code, code))


def fraud(code: str) -> str:
    return str(FRAUDS.get(code, code))


def movement(code: str) -> str:
    return str(MOVEMENTS.get(code, code))
