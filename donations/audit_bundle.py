"""READ: everything an accountant takes away, in one ZIP file: journal, balances, reports, costs, the list of documents.

No donor is in it. Each file stands in the manifest with its SHA-256; made again of the same books at the same instant,
the bundle is the same to the byte.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from hashlib import sha256
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min
from django.utils.translation import gettext as _

from . import documents, exports, reports
from .ledger import ledger_hash
from .models import Account, CostDocument, Entry, Exchange, LegalCost, PartnerPayment
from .month_days import first_day, next_month
from .reports import Report, Span
from .spreadsheets import csv_row


def write(file: IO[bytes], *, with_documents: bool, at: datetime) -> None:
    """Writes the ZIP to `file`, open for writing; all of it is of one instant, which `at` names.

    The documents themselves, bills with people's names, only `with_documents`; their list and hashes always.
    """
    with _of_one_instant(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        bundle = _Bundle(archive, at)
        for form, lines in exports.FORMATS.items():
            bundle.add(f"journal/entries.{form}", lines())
        bundle.add("balances.csv", _balances())
        bundle.add("costs.csv", _costs())
        _add_reports(bundle, at.date())
        _add_documents(bundle, with_documents=with_documents)
        bundle.add("README.txt", [_read_me(at)])
        bundle.close()


class _Bundle:
    """Adds files to the archive, and remembers their hashes for the manifest."""

    def __init__(self, archive: zipfile.ZipFile, at: datetime) -> None:
        self._archive, self._at = archive, at
        self._files: list[dict[str, str | int]] = []

    def add(self, name: str, parts: Iterable[str | bytes]) -> None:
        digest, size = sha256(), 0
        with self._open(name) as target:
            for part in parts:
                raw = part.encode() if isinstance(part, str) else part
                digest.update(raw)
                size += len(raw)
                target.write(raw)
        self._files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})

    def close(self) -> None:
        """The manifest, and the same hashes as the command sha256sum reads them."""
        files = sorted(self._files, key=lambda each: str(each["name"]))
        manifest = {
            "fund": settings.FUND_NAME,
            "made_at": self._at.isoformat(timespec="seconds"),
            "entries": Entry.objects.count(),
            "ledger_hash": ledger_hash(),
            "files": files,
        }
        sums = "".join(f"{each['sha256']}  {each['name']}\n" for each in files)
        with self._open("SHA256SUMS") as target:
            target.write(sums.encode())
        with self._open("manifest.json") as target:
            target.write(json.dumps(manifest, indent=1, ensure_ascii=False).encode())

    def _open(self, name: str) -> IO[bytes]:
        info = zipfile.ZipInfo(name, self._at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return self._archive.open(info, "w", force_zip64=True)


@contextmanager
def _of_one_instant() -> Iterator[None]:
    """What others book meanwhile is not seen. Inside a transaction of the caller's that is the caller's to see to."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _balances() -> Iterator[str]:
    yield csv_row(["account", "kind", "currency", "debits", "credits", "balance", "frozen"])
    rows: Any = Account.objects.with_balance().order_by("code")
    for row in rows:
        amounts = [row.total_debit, row.total_credit, row.balance]
        frozen = "yes" if row.frozen_at else "no"
        cells = [row.code, row.kind, row.currency, *amounts, frozen]
        yield csv_row(cells, currency=row.currency)


def _costs() -> Iterator[str]:
    """By alias, and without who is paid: that stands in the documents."""
    yield csv_row(["cost", "case", "defendant", "kind", "owed", "currency", "due_on", "recorded_on"])  # fmt: skip
    for cost in LegalCost.objects.select_related("case", "defendant").order_by("number"):
        due_on: date | str = cost.due_on or ""
        yield csv_row(
            [
                cost.number, cost.case.slug, cost.defendant.alias, cost.kind, cost.owed, cost.currency,
                due_on, cost.recorded_at.date(),
            ],
            currency=cost.currency,
        )  # fmt: skip


def _add_reports(bundle: _Bundle, today: date) -> None:
    """The whole time in every form; each month, fund, case and defendant as CSV."""
    days = Entry.objects.aggregate(first=Min("booked_on"), last=Max("booked_on"))
    span = Span(days["first"] or today, days["last"] or today)
    books = reports.of_books(span)
    for form, (_type, written) in reports.FORMS.items():
        bundle.add(f"reports/books.{form}", [written(books)])
    first = first_day(span.first_on)
    while first <= span.last_on:
        name = f"reports/months/{first:%Y-%m}"
        bundle.add(f"{name}.csv", [reports.as_csv(reports.of_books(reports.month_of(first)))])
        bundle.add(f"{name}.txt", reports.canonical(first))
        first = next_month(first)
    bundle.add("reports/names.csv", _names())
    for report in _statements(span):
        bundle.add(f"reports/{report.slug}.csv", [reports.as_csv(report)])


def _statements(span: Span) -> Iterator[Report]:
    for fund in reports.funds().order_by("code"):
        yield reports.of_fund(fund, span)
    for case in reports.cases().order_by("pk"):
        yield reports.of_case(case, span)
    for defendant in reports.people().order_by("pk"):
        yield reports.of_defendant(defendant, span)


def _names() -> Iterator[str]:
    """What stands by a code in the statements, as it is called at the bundle's instant: of people the alias."""
    yield csv_row(["code", "name", "purpose"])
    for fund in reports.funds().order_by("code"):
        yield csv_row([reports.fund_code(fund), fund.name, fund.purpose])
    for case in reports.cases().titled().order_by("pk"):
        yield csv_row([reports.case_code(case.pk), str(case), ""])
    for defendant in reports.people().order_by("pk"):
        yield csv_row([reports.defendant_code(defendant.pk), defendant.alias, ""])


def _add_documents(bundle: _Bundle, *, with_documents: bool) -> None:
    """What costs are owed by, the slips of the exchanges that were booked, and what payments to the partner were made by."""
    lines = [csv_row(["document", "cost", "exchange", "partner_payment", "type", "bytes", "sha256", "attached_on", "payments", "file"])]  # fmt: skip

    def add(
        document: CostDocument | Exchange | PartnerPayment,
        of: str,
        facts: list[str],
        day: date,
        payments: str,
    ) -> None:
        ending = CostDocument.EXTENSIONS[document.content_type]
        name = f"{of}-{document.sha256[:8]}.{ending}"
        file = "not included"
        if with_documents:
            file = f"documents/{name}"
            try:
                with documents.open_checked(document) as opened:
                    bundle.add(file, opened.chunks())
            except documents.Damaged as damage:
                file = str(damage)
        lines.append(
            csv_row([name, *facts, document.content_type, document.size, document.sha256, day, payments, file])
        )  # fmt: skip

    attached = CostDocument.objects.select_related("cost").prefetch_related("disbursements")
    for document in attached.order_by("cost__number", "pk"):
        number = document.cost.number
        paid = sorted(payment.payment_reference for payment in document.disbursements.all())
        add(document, number, [number, "", ""], document.uploaded_at.date(), " ".join(paid))
    for slip in Exchange.objects.filter(approved_at__isnull=False).order_by("pk"):
        # As its entries in the journal begin.
        source = f"exchange:{slip.number}"
        add(slip, f"exchange-{str(slip.number)[:8]}", ["", source, ""], slip.recorded_at.date(), "")
    for row in PartnerPayment.objects.paid().order_by("pk"):
        facts = ["", "", row.entry_source]
        add(row, row.payment_reference, facts, row.requested_at.date(), row.payment_reference)
    bundle.add("documents.csv", lines)


def _read_me(at: datetime) -> str:
    made = _("The books of %(fund)s as they were on %(at)s (UTC).") % {
        "fund": settings.FUND_NAME,
        "at": at.isoformat(sep=" ", timespec="minutes")[:16],
    }
    paragraphs = [
        made,
        _(
            "journal/ holds every entry, three times over: as CSV, as JSON, and as a file for beancount, which checks the "
            "balances at its end. balances.csv has each account, costs.csv each legal cost, documents.csv each bill, "
            "receipt, slip of an exchange and agreement of a payment to the partner with its SHA-256. reports/ holds the statements of the whole time, of each month, and of each fund, "
            "case and defendant; a month's .txt is the text whose SHA-256 is kept when the month is closed. In the statements "
            "cases, defendants and funds stand by codes that stay when a name is changed; names.csv there says what they are "
            "called today."
        ),
        _("No donor is in these files. Defendants stand in them by their alias."),
        _(
            "To see that nothing was changed: sha256sum -c SHA256SUMS. manifest.json has the same hashes, the number of "
            "entries, and the hash over all entries that ./run ledger_hash prints."
        ),
    ]
    return "\n\n".join(paragraphs) + "\n"
