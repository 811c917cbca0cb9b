"""Sample payees, costs and payments; who is paid and for what is invented."""

from datetime import datetime, timedelta
from decimal import Decimal

from appeals.models import Case, Defendant
from defensefund.sealing import new_key
from donations import allocation, disbursement, documents, payees
from donations.models import BankAccount, Disbursement, Fund, LegalCost, Payee, Scheme
from donations.models.payee import new_payee_number

from .people import Staff

# Accounts that the authorities of IBAN print as examples; nobody is paid there.
LAW_OFFICE, EXPERT = "ES9121000418450200051332", "BE71096123456769"


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
