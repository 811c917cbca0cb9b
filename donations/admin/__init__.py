"""The money's office: rows to look at, and pages on which one verb is called."""

from .bank_account import BankAccountAdmin
from .statement import StatementImportAdmin
from .statement_line import StatementLineAdmin

__all__ = ["BankAccountAdmin", "StatementImportAdmin", "StatementLineAdmin"]
