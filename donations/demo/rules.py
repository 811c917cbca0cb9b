"""The demonstration's own policy and values of the UMA; invented, and they say so wherever they are shown."""

from datetime import datetime, timedelta
from decimal import Decimal

from donations import policy, uma
from donations.models import (
    CostDocument,
    Fund,
    LegalCost,
    Policy,
    PolicyCap,
    PolicyKind,
    PolicyLimit,
    PolicyText,
)

from .people import Staff

Kind, Document = LegalCost.Kind, CostDocument.Kind
# Each kind with the documents it needs and its cap in euros.
PAID = [
    (Kind.FEES, [Document.BILL], "5000"),
    (Kind.BAIL, [Document.RULING], "10000"),
    (Kind.COURT, [Document.RULING], "2000"),
    (Kind.EXPERTS, [Document.BILL], "1500"),
    (Kind.TRAVEL, [Document.RECEIPT], "400"),
    (Kind.PRISON, [Document.RECEIPT], "300"),
    (Kind.FAMILY, [Document.NEED], "300"),
    (Kind.MEDICAL, [Document.BILL], "800"),
    (Kind.BANK, [Document.STATEMENT], None),
]
# A third person above; in an emergency one approval at first, up to; a fee of a bank by one person, up to.
LIMITS = {
    "EUR": ("1000", "1500", "25"),
    "USD": ("1000", "1500", "50"),
    "ARS": ("1500000", "2250000", "40000"),
    "CLP": ("1000000", "1500000", "25000"),
}
TEXTS = {
    "en": "The committee meets on the first Monday of each month. *Invented, like all of this policy.*",
    "es": "El comité se reúne el primer lunes de cada mes. *Inventado, como toda esta política.*",
    "pt": "O comitê se reúne na primeira segunda-feira de cada mês. *Inventado, como toda esta política.*",
    "fr": "Le comité se réunit le premier lundi de chaque mois. *Inventé, comme toute cette politique.*",
}
# Days ago in effect and published; the second was published late.
UMA_VALUES = [("50000", 90, 85), ("60000", 40, 6)]


def make_policy(staff: Staff, *, at: datetime) -> Policy:
    """Drafted by the treasurer, enacted by the approver, in force from `at` on."""
    row = Policy.objects.create(
        in_force_from=at.date(),
        reserve_percent=Decimal(10),
        admin_percent=Decimal(5),
        fee_order=[str(Fund.Kind.GENERAL)],
        surplus_order=[str(step) for step in Policy.Surplus],
        partner="Organización de muestra (sample partner)",
        dissolution="Otra organización sin fines de lucro que defienda a personas ante los tribunales, elegida por el comité "
        "(sample: another non-profit that defends people in court, chosen by the committee).",
        is_sample=True,
        drafted_by=staff.treasurer,
        drafted_at=at,
    )
    PolicyKind.objects.bulk_create(
        PolicyKind(policy=row, kind=kind, documents=documents, is_admin=kind == Kind.BANK)
        for kind, documents, _cap in PAID
    )
    PolicyText.objects.bulk_create(
        PolicyText(policy=row, language=language, body=body) for language, body in TEXTS.items()
    )
    PolicyCap.objects.bulk_create(
        PolicyCap(policy=row, kind=kind, currency="EUR", amount=Decimal(cap))
        for kind, _documents, cap in PAID
        if cap
    )
    PolicyLimit.objects.bulk_create(
        PolicyLimit(
            policy=row,
            currency=currency,
            third_person_above=Decimal(third),
            emergency_up_to=Decimal(emergency),
            fee_alone_up_to=Decimal(alone),
        )
        for currency, (third, emergency, alone) in LIMITS.items()
    )
    row = Policy.objects.with_rules().get(pk=row.pk)
    return policy.enact(row, content_hash=row.content_hash, by=staff.approver, at=at)


def make_uma_values(staff: Staff, *, now: datetime) -> None:
    rows = [
        f"{value},{(now - timedelta(days=effective)).date()},{(now - timedelta(days=published)).date()},"
        f"Acto de muestra {number} (inventado),"
        for number, (value, effective, published) in enumerate(UMA_VALUES, start=1)
    ]
    table = "\n".join(["value,effective_from,published_on,ruling,source", *rows])
    uma.enter(table, by=staff.treasurer, at=now)
