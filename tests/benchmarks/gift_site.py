"""The web process as it serves, but with room for as many gifts as a measurement starts in it; and its settings."""

from dataclasses import replace

from defensefund.wsgi import application
from donations import attempts
from donations.models import Pledge

__all__ = ["application"]

# One machine gives hundreds of times in a minute here, which is what the budgets are there to stop.
attempts.BUDGETS[Pledge.Method.CARD] = replace(
    attempts.BUDGETS[Pledge.Method.CARD], free_here=100_000, free_everywhere=100_000
)
