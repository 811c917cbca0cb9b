"""The money's office: rows to look at, and pages on which one verb is called."""

from .bank_account import BankAccountAdmin
from .cash import CashDepositAdmin, CashReceiptAdmin
from .condition import ConditionAdmin
from .disbursement import DisbursementAdmin
from .fund import FundAdmin, FundCoverAdmin
from .giving import (
    DonationAdmin,
    LetterAdmin,
    PledgeAdmin,
    ReceiptAdmin,
    StripeEventAdmin,
    TaxSentenceAdmin,
)
from .ledger import AccountAdmin, EntryAdmin
from .legal_cost import LegalCostAdmin
from .payment_pause import PaymentPauseAdmin
from .payout import PayoutAdmin
from .rate import RateAdmin
from .statement import StatementImportAdmin
from .statement_line import StatementLineAdmin

__all__ = [
    "AccountAdmin",
    "BankAccountAdmin",
    "CashDepositAdmin",
    "CashReceiptAdmin",
    "ConditionAdmin",
    "DisbursementAdmin",
    "DonationAdmin",
    "EntryAdmin",
    "FundAdmin",
    "FundCoverAdmin",
    "LegalCostAdmin",
    "LetterAdmin",
    "PaymentPauseAdmin",
    "PayoutAdmin",
    "PledgeAdmin",
    "RateAdmin",
    "ReceiptAdmin",
    "StatementImportAdmin",
    "StatementLineAdmin",
    "StripeEventAdmin",
    "TaxSentenceAdmin",
]
