"""The sample money in the order of its days, from the first gift to what the last bank file shows: all by the sandbox and the verbs."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from appeals.models import Appeal, Case, Defendant
from donations import cleaning, costs, exchange, rates
from donations.models import BankAccount, Exchange, Fund, LegalCost, Payout
from donations.month_days import first_day, months_later
from donations.sandbox import acts

from . import bank
from .gifts import fetch, give_by_card, give_earlier, promise_transfer
from .people import Staff
from .rules import make_policy, make_uma_values
from .spending import make_cost, make_payees, pay_cost, sample_pdf

# Amounts, currencies, how many days ago; the last ones come after the first payout.
FIRST_GIFTS = [
    ("50", "EUR", 24), ("25", "EUR", 23), ("120", "EUR", 22), ("10", "EUR", 21), ("300", "EUR", 20),
    ("75.50", "EUR", 19), ("25", "EUR", 18), ("500", "EUR", 17), ("40000", "ARS", 20), ("150000", "ARS", 16),
    ("100", "USD", 18), ("25000", "CLP", 15),
]  # fmt: skip
LATER_GIFTS = [("60", "EUR", 9), ("25", "EUR", 8), ("200", "EUR", 6), ("15000", "ARS", 4)]
# Of the first who gave, invented like all of it; the others gave none.
ADDRESSES = ("lucia@example.org", "tomas@example.org", "ines@example.org")
# Invented and round, as everything here; they say so themselves wherever they are shown.
RATES = [("USD", "1.1"), ("ARS", "1500"), ("CLP", "1000")]


def make_rates(*, now: datetime) -> None:
    """Sample exchange rates for the estimates; the other currencies have none, as happens."""
    rows = [f"{(now - timedelta(days=2)).date()},EUR,{code},{rate}" for code, rate in RATES]
    table = "\n".join(["date,base,quote,rate", *rows])
    rates.enter(table, base="EUR", source="Datos de muestra, sample data", by=None, at=now)


def record_exchange(fund: Fund, euros: BankAccount, staff: Staff, *, at: datetime) -> None:
    """Euros of a fund became pesos; it waits for the approver."""
    slip = cleaning.clean("slip.pdf", sample_pdf("Exchange"))
    exchange.record(
        fund=fund,
        deal=exchange.Deal(
            given=Decimal(120),
            given_from=euros,
            received=Decimal(186_000),
            received_into=BankAccount.objects.get(code="banco-ars"),
            market=Exchange.Market.MEP,
            exchanged_on=at.date(),
        ),
        document=exchange.Document(slip.content_type, slip.content),
        by=staff.treasurer,
        at=at,
    )


def make_money(
    appeal: Appeal, case: Case, people: list[Defendant], fund: Fund, staff: Staff, *, now: datetime
) -> bytes:
    """Sample gifts to payments; gives back the bank file of the first account that is left for the reader to import and match."""

    def ago(days: int) -> datetime:
        return now - timedelta(days=days)

    make_rates(now=now)
    make_uma_values(staff, now=now)
    account = bank.make_accounts()
    # The month before the first card gift is over, whatever day it is today.
    month = first_day(first_day(ago(FIRST_GIFTS[0][2]).date()) - timedelta(days=1))
    make_policy(staff, at=datetime.combine(month, time(9), UTC))
    own = Fund.objects.get(appeal=appeal)
    arrived = give_earlier(appeal, [own, fund], month=month)
    balance = bank.whole_month(account, arrived, staff)

    for number, (amount, currency, days) in enumerate(FIRST_GIFTS):
        to = fund if number % 3 else own
        email = ADDRESSES[number] if number < len(ADDRESSES) else ""
        give_by_card(appeal, to, amount, currency, at=ago(days), email=email)
    acts.pay_out("eur", at=ago(14))
    fetch(now=now)
    first_payout = Payout.objects.get(currency="EUR")
    balance = bank.first_days(account, first_payout, staff, opening=balance, at=ago(12))
    law_office, expert = make_payees(staff, at=ago(11))
    bill = make_cost(case, people[0], LegalCost.Kind.FEES, "800", law_office, staff, at=ago(11))
    payment = pay_cost(bill, fund, account, "350", staff, at=ago(10))
    experts = make_cost(case, people[1], LegalCost.Kind.EXPERTS, "240", expert, staff, at=ago(5))
    costs.share(experts, parts={people[1]: 2, people[0]: 1})
    first = now.date() + timedelta(days=12)
    costs.agree_plan(experts, [(first, Decimal(120)), (months_later(first, 1), Decimal(120))])
    make_cost(
        case,
        people[0],
        LegalCost.Kind.FEES,
        "1",
        law_office,
        staff,
        at=ago(5),
        currency="ARS",
        uma=Decimal("2.5"),
    )

    for amount, currency, days in LATER_GIFTS:
        give_by_card(appeal, fund, amount, currency, at=ago(days))
    record_exchange(fund, account, staff, at=ago(2))
    transfer = promise_transfer(appeal, fund, "80", at=ago(7), email=ADDRESSES[0])
    mistyped = promise_transfer(appeal, own, "45", at=ago(2))
    acts.pay_out("eur", at=ago(3))
    fetch(now=now)
    payout = Payout.objects.filter(currency="EUR").latest("created_at")
    return bank.last_days(payment, transfer, payout, mistyped, opening=balance, now=now)
