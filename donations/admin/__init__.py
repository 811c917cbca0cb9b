"""The money's office: rows to look at, and pages on which one verb is called."""

from . import (
    dashboard,  # noqa: F401  shows the money on the first page
    partner_work,  # noqa: F401  offers what waits
    work,  # noqa: F401  offers what waits
)
from .balance import BalanceTransactionAdmin
from .bank_account import BankAccountAdmin
from .cash import CashDepositAdmin, CashReceiptAdmin
from .condition import ConditionAdmin
from .conflict import ConflictAdmin, StaffAccountAdmin
from .disbursement import DisbursementAdmin
from .dispute import DisputeAdmin, FraudWarningAdmin
from .donation import DonationAdmin
from .exchange import ExchangeAdmin
from .fund import FundAdmin, FundCoverAdmin
from .ledger import AccountAdmin, EntryAdmin
from .legal_cost import LegalCostAdmin
from .letter import LetterAdmin
from .line_explanation import LineExplanationAdmin
from .partner import PartnerPaymentAdmin
from .past import PastImportAdmin, PastRowAdmin
from .payee import PayeeAdmin
from .payment_pause import PaymentPauseAdmin
from .payout import PayoutAdmin
from .period import PeriodAdmin
from .pledge import PledgeAdmin
from .policy import PolicyAdmin
from .rate import RateAdmin
from .receipt import ReceiptAdmin, TaxSentenceAdmin
from .refund import RefundRequestAdmin
from .sealing_key import SealingKeyAdmin
from .statement import StatementImportAdmin
from .statement_line import StatementLineAdmin
from .stripe_event import StripeEventAdmin
from .subscription import SubscriptionAdmin
from .supporter import SupporterAdmin
from .surplus import SurplusMoveAdmin
from .uma import UmaValueAdmin

__all__ = [
    "AccountAdmin",
    "BalanceTransactionAdmin",
    "BankAccountAdmin",
    "CashDepositAdmin",
    "CashReceiptAdmin",
    "ConditionAdmin",
    "ConflictAdmin",
    "DisbursementAdmin",
    "DisputeAdmin",
    "DonationAdmin",
    "EntryAdmin",
    "ExchangeAdmin",
    "FraudWarningAdmin",
    "FundAdmin",
    "FundCoverAdmin",
    "LegalCostAdmin",
    "LetterAdmin",
    "LineExplanationAdmin",
    "PartnerPaymentAdmin",
    "PastImportAdmin",
    "PastRowAdmin",
    "PayeeAdmin",
    "PaymentPauseAdmin",
    "PayoutAdmin",
    "PeriodAdmin",
    "PledgeAdmin",
    "PolicyAdmin",
    "RateAdmin",
    "ReceiptAdmin",
    "RefundRequestAdmin",
    "SealingKeyAdmin",
    "StaffAccountAdmin",
    "StatementImportAdmin",
    "StatementLineAdmin",
    "StripeEventAdmin",
    "SubscriptionAdmin",
    "SupporterAdmin",
    "SurplusMoveAdmin",
    "TaxSentenceAdmin",
    "UmaValueAdmin",
]
