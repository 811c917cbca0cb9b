"""Stripe's invoices for monthly gifts."""

from typing import Any

from donations.stripe_facts import payment_of

from .connection import client, translated_errors


def payment_of_invoice(invoice_id: str) -> dict[str, Any]:
    """{"payment_intent": "pi_…"} of a paid invoice, {} when it was paid without one.

    Stripe's events of invoices do not name it, and the payment does not name its invoice.
    """
    with translated_errors():
        found = client().v1.invoice_payments.list({"invoice": invoice_id, "status": "paid"})
        return payment_of(payment.to_dict() for payment in found.data)


def invoice_page(invoice_id: str) -> str:
    """The address of Stripe's page where an open invoice is paid or confirmed; "" when there is nothing left to do."""
    with translated_errors():
        invoice = client().v1.invoices.retrieve(invoice_id)
    return (invoice.hosted_invoice_url or "") if invoice.status == "open" else ""
