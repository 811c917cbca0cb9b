"""The sample bank: the fund's accounts, its first statement, and those that are left for the reader to import."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from donations import reconciliation
from donations.models import BankAccount, Disbursement, Fund, Payout, Pledge, Scheme, StatementLine

from .people import Staff
from .statements import MAPPING, Line, bank_file, camt_file

# As authorities of IBAN print them for examples.
CURRENT, SAVINGS = "DE02120300000000202051", "ES6621000418401234567891"


def make_accounts() -> BankAccount:
    """Two accounts that take gifts, and one to keep euros on; their numbers are samples. Gives back the first in euros."""
    euros = BankAccount.objects.create(
        code="banco-eur",
        name="Banco de muestra",
        currency="EUR",
        holder="Fondo de muestra",
        bank="Banco de muestra",
        scheme=Scheme.IBAN,
        number=CURRENT,
        bic="BYLADEM1001",
        takes_gifts=True,
        csv_mapping=MAPPING,
    )
    BankAccount.objects.create(
        code="ahorro-eur",
        name="Ahorro de muestra",
        currency="EUR",
        bank="Caja de muestra",
        scheme=Scheme.IBAN,
        number=SAVINGS,
    )
    BankAccount.objects.create(
        code="banco-ars",
        name="Banco de muestra",
        currency="ARS",
        holder="Fondo de muestra",
        bank="Banco de muestra",
        scheme=Scheme.CBU,
        number="2850590940090418135201",
        alias="muestra.fondo.sol",
        instructions="CBU de muestra: no envíe dinero.",
        takes_gifts=True,
        csv_mapping=MAPPING | {"currency": "ARS"},
    )
    return euros


def whole_month(account: BankAccount, arrived: list[tuple[Pledge, date]], staff: Staff) -> Decimal:
    """The first statement, of a month that is over and can be closed; gives back the balance it ends with."""
    lines = [
        Line(on, f"Donación {pledge.reference}", "Persona de muestra", pledge.amount)
        for pledge, on in arrived
    ]
    reconciliation.import_statement(
        account=account,
        name="extracto-1.csv",
        content=bank_file(lines, opening=Decimal(0)),
        by=staff.treasurer,
        at=datetime.combine(lines[-1].on + timedelta(days=1), time(9), UTC),
    )
    return sum((line.amount for line in lines), Decimal(0))


def first_days(
    account: BankAccount, payout: Payout, staff: Staff, *, opening: Decimal, at: datetime
) -> Decimal:
    """The next statement: the payout arrived, which its name and amount say without anybody; and a collection for the
    general fund, which somebody has to say. Gives back the balance it ends with."""
    lines = [
        Line(at.date(), f"STRIPE {payout.stripe_payout_id}", "Stripe (muestra)", payout.amount),
        Line(at.date(), "Colecta para el fondo", "Asamblea de muestra", Decimal(20)),
    ]
    reconciliation.import_statement(
        account=account,
        name="extracto-2.csv",
        content=bank_file(lines, opening=opening),
        by=staff.treasurer,
        at=at,
    )
    reconciliation.match(
        line=StatementLine.objects.unmatched().get(account=account),
        target=Fund.objects.get(kind=Fund.Kind.GENERAL),
        by=staff.treasurer,
        at=at,
    )
    return opening + sum((line.amount for line in lines), Decimal(0))


def last_days(
    payment: Disbursement,
    transfer: Pledge,
    payout: Payout,
    mistyped: Pledge,
    *,
    opening: Decimal,
    now: datetime,
) -> bytes:
    """A file of the first account: what was paid and announced, a slip, and what only a person can say."""

    def ago(days: int, text: str, who: str, amount: Decimal) -> Line:
        return Line((now - timedelta(days=days)).date(), text, who, amount)

    return bank_file(
        [
            ago(9, f"Transferencia {payment.payment_reference}", "Estudio jurídico de muestra", -payment.amount),
            ago(5, "Traspaso a la cuenta de ahorro", "Fondo de muestra", Decimal(-20)),
            ago(4, f"Donación {transfer.reference}", "Persona de muestra", transfer.amount),
            ago(1, f"STRIPE {payout.stripe_payout_id}", "Stripe (muestra)", payout.amount),
            ago(1, f"Donación {with_a_slip(mistyped.reference or '')}", "Otra persona de muestra", mistyped.amount),
            ago(1, "Colecta de la asamblea, para dos fondos", "Asamblea de muestra", Decimal(60)),
            ago(1, "Comisión de mantenimiento", "Banco de muestra", Decimal("-4.50")),
        ],
        opening=opening,
    )  # fmt: skip


def savings(*, now: datetime) -> bytes:
    """A file of the savings account, whose balances say what was on it before anybody kept these books; what came from the
    first account arrived less a bank's fee."""

    def ago(days: int, text: str, who: str, amount: str, number: str = "") -> Line:
        return Line((now - timedelta(days=days)).date(), text, who, Decimal(amount), number)

    lines = [
        ago(4, "Traspaso recibido", "Fondo de muestra", "19.50", CURRENT),
        ago(3, "Intereses a favor", "Caja de muestra", "1.20"),
    ]
    return camt_file(
        SAVINGS, "EUR", opening=Decimal(300), lines=lines, first=(now - timedelta(days=10)).date()
    )


def with_a_slip(reference: str) -> str:
    """As somebody mistypes it: the last letter another one."""
    return reference[:-1] + ("C" if reference[-1] != "C" else "D")
