"""Stripe's answers, made in this process."""

import stripe


class SandboxHTTPClient(stripe.HTTPClient):
    name = "sandbox"
