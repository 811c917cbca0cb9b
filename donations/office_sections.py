"""The office's list of the money, in the order in which money passes: thirty names by the alphabet are no list to work with."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from donations.models import (
    Account,
    BalanceTransaction,
    BankAccount,
    CashDeposit,
    CashReceipt,
    Condition,
    Conflict,
    Disbursement,
    Dispute,
    Donation,
    Entry,
    Exchange,
    FraudWarning,
    Fund,
    FundCover,
    LegalCost,
    Letter,
    LineExplanation,
    MovementExplanation,
    PartnerPayment,
    PastImport,
    PastRow,
    Payee,
    PaymentPause,
    Payout,
    Period,
    Pledge,
    Policy,
    Rate,
    Receipt,
    RefundRequest,
    SealingKey,
    StaffAccount,
    StatementImport,
    StatementLine,
    StripeEvent,
    Subscription,
    Supporter,
    SurplusMove,
    TaxSentence,
    UmaValue,
)

SECTIONS: tuple[tuple[Promise, tuple[type[Model], ...]], ...] = (
    (
        _("Gifts"),
        (Donation, Pledge, Subscription, Condition, CashReceipt, PaymentPause),
    ),
    (_("Supporters and letters"), (Supporter, Letter, Receipt, TaxSentence)),
    (_("Money that goes back"), (RefundRequest, Dispute, FraudWarning)),
    (
        _("The bank"),
        (
            StatementImport,
            StatementLine,
            LineExplanation,
            BankAccount,
            CashDeposit,
            Exchange,
            Rate,
        ),
    ),
    (
        _("Costs and payments"),
        (LegalCost, Disbursement, Payee, SealingKey, Conflict, StaffAccount, UmaValue),
    ),
    (_("Funds"), (Fund, FundCover, SurplusMove, PartnerPayment, Policy)),
    (_("The books"), (Entry, Account, Period, PastImport, PastRow)),
    (_("Stripe"), (Payout, BalanceTransaction, MovementExplanation, StripeEvent)),
)


def parted(models: Iterable[dict[str, Any]]) -> list[tuple[Promise, list[dict[str, Any]]]]:
    """(title, those of the admin's `models` that stand under it), without titles under which this person sees nothing."""
    known = {model["model"]: model for model in models}
    parts = [
        (title, [known[model] for model in members if model in known])
        for title, members in SECTIONS
    ]
    return [(title, shown) for title, shown in parts if shown]
