"""EDGE: receipts and yearly statements as PDF/UA files. A receipt is issued once; its file is made anew each time, and is the same."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import typst
from babel.dates import format_date
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from appeals.markdown import with_names
from defensefund.templatetags.formats import money, page_locale

from .models import Donation, Fund, Letter, Pledge, Receipt, TaxSentence

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "donations" / "pdf"


def tax_sentence(country: str, language: str) -> str:
    """What receipts say on taxes now to a supporter in `country` (empty: nowhere in particular)."""
    own = TaxSentence.objects.best(country, language) if country else None
    if own:
        return own.sentence
    with override(language):
        return _("This gift is not tax-deductible.")


@transaction.atomic
def issue(donation: Donation, *, at: datetime) -> Receipt:
    """The receipt of a standing donation that somebody announced, made when there is none yet."""
    found = Receipt.objects.filter(donation=donation).first()
    if found:
        return found
    pledge = donation.pledge
    assert pledge is not None and donation.reversed_at is None
    try:
        with transaction.atomic():
            receipt = Receipt.objects.create(
                donation=donation,
                issued_at=at,
                country=pledge.country,
                tax_sentence=tax_sentence(pledge.country, pledge.language),
            )
    except IntegrityError:
        # Issued at the same moment, for a letter and on the page.
        return Receipt.objects.get(donation=donation)
    receipt.refresh_from_db(fields=["serial"])
    return receipt


def issue_due(*, at: datetime) -> None:
    """Issues the receipts that letters due at the instant `at` are about, each in a transaction of its own.

    Apart from the sending: the next number waits for the end of the transaction, and a mail server may be slow.
    """
    waiting = Donation.objects.standing().filter(
        Q(letters__in=Letter.objects.due(at).about_a_receipt()), receipt=None
    )
    for donation in waiting.select_related("pledge").order_by("pk").distinct():
        issue(donation, at=at)


def purpose(pledge: Pledge, fund: Fund) -> str:
    """What the receipt calls the gift, in the language in force: neutral unless the supporter chose the purpose's title."""
    if not pledge.receipt_names_fund:
        return _("Donation")
    return public_title(fund, pledge.language)


def public_title(fund: Fund, language: str) -> str:
    """The title everyone may read of what a gift is for; "Donation" where there is none. No person's name in it."""
    titled = Fund.objects.with_public_title(language).select_related("appeal", "case__appeal")
    read = titled.get(pk=fund.pk)
    is_public = (
        read.case.is_published and read.case.appeal.is_published
        if read.case
        else read.appeal.is_published
        if read.appeal
        else False
    )
    title = with_names(read.public_title, {}) if is_public else ""  # type: ignore[attr-defined]  # annotated
    return title or _("Donation")


def receipt_words(receipt: Receipt, *, is_copy: bool) -> dict[str, Any]:
    """What stands on the receipt, in its gift's language: title, mark of a copy, thanks, facts (label, value), note."""
    donation = receipt.donation
    pledge = donation.pledge
    assert pledge is not None  # who announced nothing has no page to ask on
    with override(pledge.language):
        facts = [
            (_("Number"), receipt.number),
            (_("Date of the gift"), _day(donation.received_at)),
            (_("Amount"), money(donation.amount, donation.currency)),
            (_("Currency"), donation.currency),
            (_("For"), purpose(pledge, donation.fund)),
            (_("By"), str(donation.get_method_display())),
        ]
        if pledge.receipt_name:
            facts.append((_("Received from"), pledge.receipt_name))
        for refund in donation.sent_back:
            back = f"{money(refund.amount, donation.currency)}, {_day(refund.refunded_at)}"
            facts.append((_("Paid back"), back))
        for dispute in donation.taken_back:
            back = f"{money(dispute.amount, donation.currency)}, {_day(dispute.opened_at)}"
            facts.append((capfirst(dispute.said_to_supporter), back))
        facts.append((_("Issued on"), _day(receipt.issued_at)))
        copy = _("Copy. The original was handed out before; this counts no second time.")
        return {
            "language": pledge.language,
            "title": _("Receipt %(number)s") % {"number": receipt.number},
            "mark": copy if is_copy else "",
            "thanks": _("With thanks for your gift."),
            "facts": facts,
            "note": receipt.tax_sentence,
        }


def receipt_pdf(receipt: Receipt, *, is_copy: bool) -> bytes:
    """The file of `receipt`. Its bytes depend on nothing but the rows and `is_copy`."""
    words = receipt_words(receipt, is_copy=is_copy)
    return compile_pdf("receipt.typ", words, at=receipt.issued_at)


def statement_words(
    donations: Sequence[Donation], *, year: int, language: str, at: datetime
) -> dict[str, Any]:
    """What stands on a year's statement: one table per currency with its sum, less what was paid back or taken back.

    The donations come with "receipt", "refunds" and "disputes"; `at` is the instant the statement is made, which it says.
    """
    with override(language):
        currencies = sorted({donation.currency for donation in donations})
        made = _("Made on %(day)s. It adds up the receipts named here and takes the place of none.")
        return {
            "language": language,
            "title": _("Gifts in %(year)d") % {"year": year},
            "note": made % {"day": _day(at)},
            "headings": [_("Day"), _("Receipt"), _("Amount")],
            "total": _("Together"),
            "empty": _("No gift arrived in this year."),
            "tables": [_table(donations, currency) for currency in currencies],
        }


def statement_pdf(
    donations: Sequence[Donation], *, year: int, language: str, at: datetime
) -> bytes:
    words = statement_words(donations, year=year, language=language, at=at)
    return compile_pdf("statement.typ", words, at=at)


def _table(donations: Sequence[Donation], currency: str) -> dict[str, Any]:
    rows, total = [], Decimal(0)
    for donation in donations:
        if donation.currency == currency:
            rows.append(
                [
                    _day(donation.received_at),
                    donation.receipt_number or "–",
                    money(donation.amount, currency),
                ]
            )
            total += donation.amount
            for refund in donation.sent_back:
                rows.append(
                    [_day(refund.refunded_at), _("paid back"), money(-refund.amount, currency)]
                )
                total -= refund.amount
            for dispute in donation.taken_back:
                gone = money(-dispute.amount, currency)
                rows.append([_day(dispute.opened_at), dispute.said_to_supporter, gone])
                total -= dispute.amount
    return {"currency": currency, "rows": rows, "total": money(total, currency)}


def _day(at: datetime) -> str:
    return format_date(at.date(), format="long", locale=page_locale())


@cache
def _fonts() -> typst.Fonts:
    """The fonts that come with typst: the same file on every machine, whatever is installed there."""
    return typst.Fonts(include_system_fonts=False)


def compile_pdf(template: str, words: dict[str, Any], *, at: datetime) -> bytes:
    """The PDF/UA file of a template beside receipt.typ, filled with `words` and dated `at`: the same bytes for the same input."""
    # As data, never as source: nothing a supporter writes is read as the template's language.
    inputs = {"content": json.dumps(words | {"fund": settings.FUND_NAME})}
    compiled: bytes = typst.compile(
        TEMPLATES / template,
        root=TEMPLATES,
        font_paths=_fonts(),
        sys_inputs=inputs,
        pdf_standards=["ua-1"],
        timestamp=int(at.timestamp()),
    )
    return compiled
