"""Bank files made for a test: a CSV with balances, and the account that reads it."""

import itertools
from decimal import Decimal

from donations import ledger, reconciliation
from donations.models import (
    AccountKey,
    BankAccount,
    Disbursement,
    Entry,
    Payout,
    StatementImport,
    StatementLine,
)
from donations.statements.mapping import CsvMapping
from tests.factories import (
    NOW,
    TODAY,
    give,
    make_bank_account,
    make_cost,
    make_document,
    make_user,
)

_numbers = itertools.count(1)

MAPPING = CsvMapping(
    date="Day",
    date_order="ymd",
    amount="Amount",
    currency_column="Currency",
    text=("Text",),
    payer=("Party",),
    payee=("Party",),
    bank_id="Id",
    opening_label="Opening",
    closing_label="Closing",
    decimal_mark=".",
    thousands_mark="",
)
BARE = CsvMapping.from_json(
    {k: v for k, v in MAPPING.as_json().items() if k not in {"opening_label", "closing_label"}}
)


def make_account(mapping: CsvMapping = MAPPING, **fields) -> BankAccount:
    return make_bank_account(
        csv_mapping=mapping.as_json(), **{"number": "DE02120300000000202051"} | fields
    )


def bank_csv(*rows: str, opening: str = "0", closing: str = "0") -> bytes:
    """Rows are "day;amount;currency;party;text;id" with what is left away empty."""
    lines = [row + ";" * (5 - row.count(";")) for row in rows]
    head = [f"Opening;{opening}", f"Closing;{closing}", "Day;Amount;Currency;Party;Text;Id"]
    return "\n".join([*head, *lines, ""]).encode()


def said_by_two(line, target=None, explanation="", *, by=None, amount=None, at=NOW):
    """What the line, or a part of it, was, as one person says and another approves."""
    asked = reconciliation.request_explanation(
        line=line, target=target, explanation=explanation, amount=amount,
        by=by or make_user(), at=at,
    )  # fmt: skip
    return reconciliation.approve_explanation(asked, by=make_user(), at=at)


def make_line(amount="25", account=None, **fields) -> StatementLine:
    """One open line of an imported statement."""
    account = account or BankAccount.objects.first() or make_account()
    statement = account.imports.first() or StatementImport.objects.create(
        account=account,
        name="sample.csv",
        sha256="0" * 64,
        new_lines=1,
        known_lines=0,
        imported_at=NOW,
    )
    return StatementLine.objects.create(
        account=account,
        statement=statement,
        amount=Decimal(amount),
        **{
            "key": f"key-{next(_numbers)}",
            "booked_on": TODAY,
            "value_on": TODAY,
            "currency": account.currency,
        }
        | fields,
    )


def make_payout(amount="1218.13", **fields) -> Payout:
    return Payout.objects.create(
        amount=Decimal(amount),
        **{
            "stripe_payout_id": f"po_{next(_numbers)}",
            "currency": "EUR",
            "created_at": NOW,
            "arrives_on": TODAY,
        }
        | fields,
    )


def on_its_way(fund, amount="98.25") -> Payout:
    """A payout that left Stripe, as Stripe's own entries put it on its way; its money is the fund's."""
    payout = make_payout(amount, stripe_payout_id="po_sample00001")
    give(fund, amount)
    ledger.post(
        ledger.Posting(
            Entry.Kind.PAYOUT_LEFT, AccountKey.transit("EUR"), AccountKey.stripe("EUR"),
            Decimal(amount), TODAY, "stripe:po_sample00001",
        )
    )  # fmt: skip
    return payout


def make_paid_disbursement(amount="190", account=None, **fields) -> Disbursement:
    """A payment asked for, approved by another person and recorded as paid; booked by nobody here."""
    cost = make_cost()
    return Disbursement.objects.create(
        cost=cost,
        document=make_document(cost),
        bank_account=account or BankAccount.objects.first() or make_account(),
        amount=Decimal(amount),
        currency="EUR",
        payee_account=cost.payee.account,
        **{
            "payment_reference": f"PAY-{next(_numbers)}ABC",
            "requested_by": make_user(),
            "requested_at": NOW,
        }
        | fields,
    )


def record_paid(disbursement) -> Disbursement:
    disbursement.refresh_from_db()
    disbursement.approved_by, disbursement.approved_at = make_user(), NOW
    disbursement.approved_hash = disbursement.content_hash
    disbursement.paid_by, disbursement.paid_at, disbursement.paid_on = make_user(), NOW, TODAY
    disbursement.save()
    return disbursement
