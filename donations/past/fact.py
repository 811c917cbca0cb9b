"""A row of the past, understood: what happened, where the money is and what it is for."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from appeals.models import Case, Defendant

from ..models import AccountKey, BankAccount, Fund, PastRow

ZERO = Decimal(0)


@dataclass(frozen=True)
class PastFact:
    """A row understood. `bank_account` is None for cash; `fund` and it are None for a cost."""

    row: int
    key: str
    kind: PastRow.Kind
    happened_on: date
    amount: Decimal
    currency: str
    fee: Decimal = ZERO
    fund: Fund | None = None
    bank_account: BankAccount | None = None
    case: Case | None = None
    defendant: Defendant | None = None
    cost_kind: str = ""
    due_on: date | None = None
    name: str = ""
    email: str = ""
    note: str = ""

    @property
    def place(self) -> AccountKey:
        account = self.bank_account
        return AccountKey.bank(account) if account else AccountKey.cash(self.currency)

    @property
    def is_opening(self) -> bool:
        return self.kind is PastRow.Kind.OPENING

    @property
    def moved(self) -> Decimal:
        """By how much it raises, or lowers, its fund and its place."""
        return -self.amount if self.kind is PastRow.Kind.PAYMENT else self.amount - self.fee
