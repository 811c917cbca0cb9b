"""Every call we make to Stripe, tried against the sandbox always and against Stripe's own test mode when a key is given.

    STRIPE_TEST_SECRET_KEY=sk_test_… ./run test tests/verification -n 0

What passes at one and fails at the other is a mistake of the sandbox's, and so of every test that stands on it.
"""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.sandbox import acts
from tests.sandbox import steps

KEY = os.environ.get("STRIPE_TEST_SECRET_KEY", "")
WITHOUT_KEY = "Asks Stripe itself: set STRIPE_TEST_SECRET_KEY to a secret key of its test mode."


@dataclass(frozen=True)
class Sandbox:
    """Payments as a person makes them on the sandbox's pages."""

    def pay(self, amount: Decimal) -> str:
        session = steps.open_session(amount=amount)
        payment: str = acts.pay(session.id, at=timezone.now())["payment_intent"]
        return payment

    def subscribe(self, units: int) -> Any:
        return steps.subscribed(units=units)

    def keep_card(self, *, declines: bool = False) -> tuple[str, str]:
        """Customer and card, left for later."""
        wish = steps.kept_card("0341" if declines else "4242")
        return str(wish.customer), str(wish.payment_method)

    def dispute(self, amount: Decimal) -> str:
        """A payment's dispute, opened by the bank."""
        opened: str = acts.open_dispute(self.pay(amount), at=timezone.now())["id"]
        return opened


@dataclass(frozen=True)
class Stripe:
    """The same through Stripe's interface, which has no person at its page: its test cards stand for one."""

    def pay(self, amount: Decimal, card: str = "pm_card_visa") -> str:
        payment = stripe_api.client().v1.payment_intents.create(
            {
                "amount": int(amount * 100),
                "currency": "eur",
                "payment_method": card,
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
        return payment.id

    def subscribe(self, units: int) -> Any:
        v1 = stripe_api.client().v1
        customer = v1.customers.create({"payment_method": "pm_card_visa"})
        [method] = v1.customers.payment_methods.list(customer.id).data
        product = v1.products.create({"name": "Sample fund"})
        price: Any = {
            "currency": "eur",
            "product": product.id,
            "recurring": {"interval": "month"},
            "unit_amount": units,
        }
        return v1.subscriptions.create(
            {
                "customer": customer.id,
                "default_payment_method": method.id,
                "items": [{"price_data": price}],
                "metadata": {"pledge": str(uuid4())},
            }
        )

    def keep_card(self, *, declines: bool = False) -> tuple[str, str]:
        v1 = stripe_api.client().v1
        card = "pm_card_chargeCustomerFail" if declines else "pm_card_visa"
        customer = v1.customers.create()
        method = v1.payment_methods.attach(card, {"customer": customer.id})
        return customer.id, method.id

    def dispute(self, amount: Decimal) -> str:
        payment = self.pay(amount, "pm_card_createDispute")
        for _second in range(30):
            if found := stripe_api.client().v1.disputes.list({"payment_intent": payment}).data:
                return found[0].id
            time.sleep(1)
        raise AssertionError("Stripe's test card for disputes opened none within half a minute.")


@pytest.fixture(params=["sandbox", "stripe"])
def payer(request, settings, transactional_db) -> Sandbox | Stripe:
    """Who pays; and with it, which of the two our calls reach."""
    if request.param == "sandbox":
        return Sandbox()
    if not KEY:
        pytest.skip(WITHOUT_KEY)
    if not KEY.startswith(("sk_test_", "rk_test_")):
        pytest.fail(
            "STRIPE_TEST_SECRET_KEY is no key of Stripe's test mode: it starts with sk_test_."
        )
    settings.STRIPE_SECRET_KEY, settings.STRIPE_SANDBOX = KEY, False
    return Stripe()


@pytest.fixture
def since():
    """Shortly before the test began: Stripe's clock and ours differ by seconds."""
    return timezone.now() - timedelta(minutes=2)
