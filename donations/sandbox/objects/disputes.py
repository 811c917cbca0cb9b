"""Payments a supporter's bank questions, or warns of."""

from datetime import datetime

import stripe

from .base import Json, new, seconds, within

NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "unrecognized": "10.4"}


def dispute(
    charge: Json, *, amount: int, reason: str, is_inquiry: bool, days: int, at: datetime
) -> Json:
    """The bank's question about `charge`; the answer is due in `days`. No money has moved yet."""
    code = NETWORK_CODES.get(reason)
    card = {
        "brand": "visa",
        "case_type": "inquiry" if is_inquiry else "chargeback",
        "network": "visa",
        "network_reason_code": code,
    }
    return new(
        stripe.Dispute,
        "du",
        at,
        {
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": within(
                stripe.Dispute.Evidence,
                {
                    "enhanced_evidence": {},
                    "customer_email_address": charge["billing_details"]["email"],
                    "customer_name": charge["billing_details"]["name"],
                },
            ),
            "evidence_details": {
                "due_by": seconds(at) + days * 86400,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": is_inquiry,
            "metadata": {},
            "network_reason_code": code,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": within(
                stripe.Dispute.PaymentMethodDetails, {"card": card, "type": "card"}
            ),
            "reason": reason,
            "status": "warning_needs_response" if is_inquiry else "needs_response",
        },
    )


def early_fraud_warning(charge: Json, *, fraud_type: str, at: datetime) -> Json:
    return new(
        stripe.radar.EarlyFraudWarning,
        "issfr",
        at,
        {
            "actionable": not charge["refunded"] and not charge["disputed"],
            "charge": charge["id"],
            "fraud_type": fraud_type,
            "payment_intent": charge["payment_intent"],
        },
    )
