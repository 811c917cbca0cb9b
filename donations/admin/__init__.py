"""The money's office: rows to look at, and pages on which one verb is called."""

from .bank_account import BankAccountAdmin
from .giving import DonationAdmin, LetterAdmin, PledgeAdmin, StripeEventAdmin
from .ledger import AccountAdmin, EntryAdmin
from .payout import PayoutAdmin
from .statement import StatementImportAdmin
from .statement_line import StatementLineAdmin

__all__ = [
    "AccountAdmin",
    "BankAccountAdmin",
    "DonationAdmin",
    "EntryAdmin",
    "LetterAdmin",
    "PayoutAdmin",
    "PledgeAdmin",
    "StatementImportAdmin",
    "StatementLineAdmin",
    "StripeEventAdmin",
]
