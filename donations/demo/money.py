"""Sample gifts, payouts, costs and payments: each goes the whole way, through the sandbox and the verbs."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from appeals.models import Appeal, Case, Defendant
from defensefund.sealing import new_key
from donations import (
    allocation,
    cleaning,
    costs,
    disbursement,
    documents,
    exchange,
    payees,
    rates,
)
from donations.models import (
    BankAccount,
    Disbursement,
    Exchange,
    Fund,
    LegalCost,
    Payee,
    Payout,
    Scheme,
)
from donations.models.payee import new_payee_number
from donations.month_days import first_day, months_later
from donations.sandbox import acts

from . import bank
from .gifts import fetch, give_by_card, give_earlier, promise_transfer
from .people import Staff
from .rules import make_policy, make_uma_values

# Amounts, currencies, how many days ago; the last ones come after the first payout.
FIRST_GIFTS = [
    ("50", "EUR", 24), ("25", "EUR", 23), ("120", "EUR", 22), ("10", "EUR", 21), ("300", "EUR", 20),
    ("75.50", "EUR", 19), ("25", "EUR", 18), ("500", "EUR", 17), ("40000", "ARS", 20), ("150000", "ARS", 16),
    ("100", "USD", 18), ("25000", "CLP", 15),
]  # fmt: skip
LATER_GIFTS = [("60", "EUR", 9), ("25", "EUR", 8), ("200", "EUR", 6), ("15000", "ARS", 4)]
# Of the first who gave, invented like all of it; the others gave none.
ADDRESSES = ("lucia@example.org", "tomas@example.org", "ines@example.org")


# Accounts that the authorities of IBAN print as examples; nobody is paid there.
LAW_OFFICE, EXPERT = "ES9121000418450200051332", "BE71096123456769"

# Invented and round, as everything here; they say so themselves wherever they are shown.
RATES = [("USD", "1.1"), ("ARS", "1500"), ("CLP", "1000")]


def make_rates(*, now: datetime) -> None:
    """Sample exchange rates for the estimates; the other currencies have none, as happens."""
    rows = [f"{(now - timedelta(days=2)).date()},EUR,{code},{rate}" for code, rate in RATES]
    table = "\n".join(["date,base,quote,rate", *rows])
    rates.enter(table, base="EUR", source="Datos de muestra, sample data", by=None, at=now)


def sample_pdf(title: str) -> bytes:
    """A one-page PDF that says it is a sample."""
    stream = f"BT /F1 18 Tf 72 720 Td ({title}) Tj 0 -30 Td (Sample data, invented) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    file, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        file
        + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Root 1 0 R/Size 6>>\nstartxref\n%d\n%%%%EOF\n"
        % (
            table,
            len(file),
        )
    )


# What the office calls the funds, by the slugs of what they are for: short, since they stand in every list.
FUND_NAMES = {
    "ejemplo": "Huelga del puerto (muestra)",
    "muelle": "Corte del muelle (muestra)",
    "protesta-argentina": "Llamado argentino",
    "ley-bases": "Ley Bases",
    "20-de-diciembre": "20 de diciembre",
    "citaciones": "Citaciones",
    "publicaciones-en-x": "Comentarios en X",
}


def make_funds(appeals: list[Appeal], sample_case: Case) -> Fund:
    """A general fund, one for each appeal and each of its cases; gives back the sample appeal's case fund."""
    general = Fund.objects.create(
        code="general",
        kind=Fund.Kind.GENERAL,
        name="Fondo general",
        purpose="Costos legales de cualquiera de las personas que el fondo defiende.",
    )
    for appeal in appeals:
        own = Fund.objects.create(
            code=appeal.slug,
            kind=Fund.Kind.APPEAL,
            appeal=appeal,
            name=FUND_NAMES.get(appeal.slug, appeal.slug),
            purpose="Costos legales de las personas de este llamado.",
            fallback=general,
        )
        for case in appeal.cases.all():
            Fund.objects.create(
                code=f"{appeal.slug}-{case.slug}"[:50],
                kind=Fund.Kind.CASE,
                case=case,
                name=FUND_NAMES.get(case.slug, case.slug),
                purpose="Costos legales de esta causa.",
                fallback=own,
            )
    return Fund.objects.get(case=sample_case)


def make_key(staff: Staff, *, at: datetime) -> str:
    """The treasurer's sealing key, confirmed by the approver; gives back its file, which a real treasurer makes at home."""
    key_file, public = new_key()
    key = payees.register_key(public_key=public, by=staff.treasurer, at=at)
    payees.confirm_key(key, by=staff.approver, at=at)
    return key_file


def make_payees(staff: Staff, *, at: datetime) -> tuple[Payee, Payee]:
    """A law office whose account both people gave, and an expert whose account waits for the second."""
    law, expert = (
        payees.record(
            kind=kind,
            name=name,
            scheme=Scheme.IBAN,
            account=account,
            number=new_payee_number(),
            is_sample=True,
            by=staff.treasurer,
            at=at,
        )
        for kind, name, account in (
            (Payee.Kind.LAWYER, "Estudio jurídico de muestra", LAW_OFFICE),
            (Payee.Kind.EXPERT, "Peritaje de muestra", EXPERT),
        )
    )
    return payees.confirm(law, account=LAW_OFFICE, by=staff.approver, at=at), expert


def make_cost(
    case: Case,
    defendant: Defendant,
    kind: LegalCost.Kind,
    owed: str,
    payee: Payee,
    staff: Staff,
    *,
    at: datetime,
    currency: str = "EUR",
    uma: Decimal | None = None,
) -> LegalCost:
    """With its bill. Of one in UMA the database makes `owed` what it comes to."""
    cost = LegalCost.objects.create(
        case=case,
        defendant=defendant,
        kind=kind,
        description="Factura de muestra (inventada).",
        owed=Decimal(owed),
        uma=uma,
        currency=currency,
        due_on=at.date() + timedelta(days=30),
        payee=payee,
        is_sample=True,
        recorded_by=staff.treasurer,
        recorded_at=at,
    )
    documents.attach(
        cost=cost,
        name="bill.pdf",
        content=sample_pdf(f"Bill {cost.number}"),
        by=staff.treasurer,
        at=at,
    )
    return cost


def pay_cost(
    cost: LegalCost, fund: Fund, account: BankAccount, amount: str, staff: Staff, *, at: datetime
) -> Disbursement:
    """The whole way of a payment: set aside, asked for, approved by another person, paid."""
    allocation.allocate(fund=fund, cost=cost, amount=Decimal(amount), by=staff.treasurer, at=at)
    row = disbursement.request(
        cost=cost,
        document=cost.documents.get(),
        bank_account=account,
        amount=Decimal(amount),
        by=staff.treasurer,
        at=at,
    )
    row.refresh_from_db()
    row = disbursement.approve(row, content_hash=row.content_hash, by=staff.approver, at=at)
    return disbursement.pay(row, paid_on=at.date(), by=staff.treasurer, at=at)


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
