"""Rows for tests: plain functions, every default in sight, all people invented."""

import itertools
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256

from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile

from appeals.models import Appeal, Case, Defendant
from donations import ledger
from donations.models import (
    AccountKey,
    BankAccount,
    CostDocument,
    Entry,
    Fund,
    LegalCost,
    Pledge,
)
from donations.references import new_reference

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

_numbers = itertools.count(1)


def make_user(username=None, *groups, **fields) -> User:
    user = User.objects.create_user(
        username or f"person{next(_numbers)}",
        password="a long test password",
        is_staff=True,
        **fields,
    )
    user.groups.set([Group.objects.get(name=name) for name in groups])
    return user


def make_appeal(slug=None, **fields) -> Appeal:
    return Appeal.objects.create(slug=slug or f"appeal-{next(_numbers)}", **fields)


def make_case(appeal=None, slug=None, **fields) -> Case:
    return Case.objects.create(
        appeal=appeal or make_appeal(), slug=slug or f"case-{next(_numbers)}", **fields
    )


def make_defendant(alias="Ana (sample)", cases=(), **fields) -> Defendant:
    defendant = Defendant.objects.create(alias=alias, **fields)
    defendant.cases.set(cases)
    return defendant


def make_fund(kind="general", code=None, **fields) -> Fund:
    number = next(_numbers)
    return Fund.objects.create(
        kind=kind, code=code or f"fund-{number}", name=f"Fund {number}", purpose="Tests.", **fields
    )


def make_bank_account(currency="EUR", code=None, **fields) -> BankAccount:
    return BankAccount.objects.create(
        code=code or f"bank-{currency.lower()}", name="Sample bank", currency=currency, **fields
    )


def make_cost(
    case=None, defendant=None, *, by=None, owed="1000", currency="EUR", **fields
) -> LegalCost:
    case = case or make_case()
    return LegalCost.objects.create(
        case=case,
        defendant=defendant or make_defendant(cases=[case]),
        owed=Decimal(owed),
        currency=currency,
        recorded_by=by or make_user(),
        recorded_at=NOW,
        **{
            "kind": LegalCost.Kind.FEES,
            "description": "Sample bill",
            "payee_name": "Sample law office",
            "payee_account": "DE02120300000000202051",
        }
        | fields,
    )


def make_document(cost, content=PDF, *, by=None) -> CostDocument:
    document = CostDocument(
        cost=cost,
        content_type="application/pdf",
        size=len(content),
        sha256=sha256(content).hexdigest(),
        uploaded_by=by or cost.recorded_by,
        uploaded_at=NOW,
    )
    document.file.save("bill.pdf", ContentFile(content), save=False)
    document.save()
    return document


def make_pledge(
    appeal=None, fund=None, *, amount="25", currency="EUR", method="card", **fields
) -> Pledge:
    return Pledge.objects.create(
        appeal=appeal or make_appeal(),
        fund=fund or make_fund(),
        amount=Decimal(amount),
        currency=currency,
        method=method,
        reference=new_reference() if method == "transfer" else None,
        **{"frequency": "once", "language": "es", "created_at": NOW} | fields,
    )


def give(fund, amount, *, currency="EUR", into=None, booked_on: date = TODAY, source=None) -> None:
    """Puts money into a fund as a donation does: at Stripe, unless `into` names another asset."""
    ledger.post(
        ledger.Posting(
            kind=Entry.Kind.DONATION,
            debit=into or AccountKey.stripe(currency),
            credit=AccountKey.fund(fund, currency),
            amount=Decimal(amount),
            booked_on=booked_on,
            source=source or f"test:{next(_numbers)}",
        )
    )
