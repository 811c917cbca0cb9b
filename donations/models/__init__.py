from .account import Account, AccountKey
from .bail import BailOutcome
from .balance import BalanceTransaction, StripeBalance
from .bank_account import BankAccount, PixKind, Scheme
from .bank_payment import BankPayment
from .cash import CashDeposit, CashReceipt
from .condition import CardCharge, Condition, KeptCard
from .conflict import Conflict, StaffAccount
from .cost_share import CostInstalment, CostShare
from .decline import Decline
from .difference import OpenDifference
from .disbursement import Disbursement
from .dispute import Dispute, FraudWarning
from .donation import Donation
from .exchange import Exchange
from .fund import Fund, FundCover
from .kept import KeptGain, KeptShare, StandingShare, shares_known
from .ledger import DayTotal, Entry, Reversal, Total
from .legal_cost import Allocation, CostDocument, LegalCost
from .letter import Letter
from .line_explanation import LineExplanation
from .lot import Lot, Shortfall, UnfollowedEntry
from .movement import MovementExplanation
from .objection import Objection
from .owed_change import OwedChange
from .own_transfer import OwnTransfer
from .partner_payment import PartnerPayment
from .past import PastImport, PastRow
from .payee import Payee, PayeeAccount
from .payment_pause import PaymentPause
from .payout import Payout
from .period import Assertion, Period
from .pledge import Checkout, Instalment, Pledge
from .policy import Policy
from .policy_rules import PolicyCap, PolicyKind, PolicyLimit, PolicyText
from .public_gift import PublicGift
from .rate import Rate
from .receipt import Receipt, TaxSentence
from .refund import Refund
from .refund_request import RefundRequest
from .sealing_key import SealingKey
from .statement import StatementImport, StatementLine
from .statement_detail import StatementDetail
from .statement_match import StatementMatch
from .stripe_asking import StripeAsking
from .stripe_event import StripeEvent
from .subscription import MonthlyCharge, Subscription, SubscriptionChange
from .supporter import Supporter
from .surplus import SurplusMove
from .uma import UmaPayment, UmaValue

__all__ = [
    "Account",
    "AccountKey",
    "Allocation",
    "Assertion",
    "BailOutcome",
    "BalanceTransaction",
    "BankAccount",
    "BankPayment",
    "CardCharge",
    "CashDeposit",
    "CashReceipt",
    "Checkout",
    "Condition",
    "Conflict",
    "CostDocument",
    "CostInstalment",
    "CostShare",
    "DayTotal",
    "Decline",
    "Disbursement",
    "Dispute",
    "Donation",
    "Entry",
    "Exchange",
    "FraudWarning",
    "Fund",
    "FundCover",
    "Instalment",
    "KeptCard",
    "KeptGain",
    "KeptShare",
    "LegalCost",
    "Letter",
    "LineExplanation",
    "Lot",
    "MonthlyCharge",
    "MovementExplanation",
    "Objection",
    "OpenDifference",
    "OwedChange",
    "OwnTransfer",
    "PartnerPayment",
    "PastImport",
    "PastRow",
    "Payee",
    "PayeeAccount",
    "PaymentPause",
    "Payout",
    "Period",
    "PixKind",
    "Pledge",
    "Policy",
    "PolicyCap",
    "PolicyKind",
    "PolicyLimit",
    "PolicyText",
    "PublicGift",
    "Rate",
    "Receipt",
    "Refund",
    "RefundRequest",
    "Reversal",
    "Scheme",
    "SealingKey",
    "Shortfall",
    "StaffAccount",
    "StandingShare",
    "StatementDetail",
    "StatementImport",
    "StatementLine",
    "StatementMatch",
    "StripeAsking",
    "StripeBalance",
    "StripeEvent",
    "Subscription",
    "SubscriptionChange",
    "Supporter",
    "SurplusMove",
    "TaxSentence",
    "Total",
    "UmaPayment",
    "UmaValue",
    "UnfollowedEntry",
    "shares_known",
]
