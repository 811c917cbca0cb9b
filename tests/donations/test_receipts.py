from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils.translation import override

from donations import choices, emails, receipts
from donations.models import Letter, Receipt, Refund, TaxSentence
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def make_gift(**fields):
    appeal = factories.make_appeal()
    fund = factories.make_fund("appeal", appeal=appeal)
    return factories.make_donation(
        factories.make_pledge(appeal, fund, **{"language": "en"} | fields)
    )


def make_receipt(**fields):
    return receipts.issue(make_gift(**fields), at=NOW)


def test_numbers_follow_each_other_and_a_donation_has_one():
    gifts = [make_gift() for _i in range(3)]

    numbers = [receipts.issue(gift, at=NOW).number for gift in gifts]

    assert numbers == ["R-0000001", "R-0000002", "R-0000003"]
    assert receipts.issue(gifts[1], at=NOW).number == "R-0000002"
    assert gifts[0].receipt_number == "R-0000001"


def test_number_taken_by_what_was_undone_is_given_again():
    gift = make_gift()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        receipts.issue(gift, at=NOW)
        _ = 1 / 0

    assert receipts.issue(make_gift(), at=NOW).number == "R-0000001"


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gap_when_issued_at_once():
    gifts = [make_gift() for _i in range(6)]

    def issue(gift):
        try:
            return receipts.issue(gift, at=NOW).serial
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        serials = list(pool.map(issue, [*gifts, *gifts]))

    assert sorted(set(serials)) == [1, 2, 3, 4, 5, 6]
    assert serials[:6] == serials[6:]


@pytest.mark.parametrize(
    "change",
    [
        {"serial": 9},
        {"issued_at": NOW + timedelta(days=1)},
        {"tax_sentence": "Deductible after all."},
        {"downloaded_at": None},
    ],
)
def test_receipt_is_not_changed(change):
    receipt = make_receipt()
    Receipt.objects.filter(pk=receipt.pk).update(downloaded_at=NOW)

    with pytest.raises(IntegrityError, match="stays as it was issued"), transaction.atomic():
        Receipt.objects.filter(pk=receipt.pk).update(**change)


def test_receipt_is_not_deleted():
    receipt = make_receipt()

    with pytest.raises(IntegrityError, match="stays as it was issued"), transaction.atomic():
        receipt.delete()
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE donations_receipt CASCADE")


def test_receipt_says_not_deductible_unless_the_country_has_a_sentence():
    TaxSentence.objects.create(country="ES", language="en", sentence="Deductible in Spain.")

    assert make_receipt().tax_sentence == "This gift is not tax-deductible."
    assert make_receipt(country="ES").tax_sentence == "Deductible in Spain."
    assert make_receipt(country="FR").tax_sentence == "This gift is not tax-deductible."


def test_receipt_keeps_its_sentence_when_the_office_rewords_it():
    sentence = TaxSentence.objects.create(country="ES", language="en", sentence="As of 2026.")
    receipt = make_receipt(country="ES")

    sentence.sentence = "As of 2027."
    sentence.save()
    pledge = receipt.donation.pledge
    choices.word_receipts(pledge, names_fund=True, name="", country="ES")

    receipt.refresh_from_db()
    assert receipt.tax_sentence == "As of 2026."
    choices.word_receipts(pledge, names_fund=True, name="", country="")
    receipt.refresh_from_db()
    assert receipt.tax_sentence == "This gift is not tax-deductible."


def test_sentence_of_another_language_is_better_than_none():
    TaxSentence.objects.create(country="ES", language="es", sentence="Desgrava en España.")

    assert receipts.tax_sentence("ES", "en") == "Desgrava en España."


def test_receipt_is_neutral_and_names_nobody_by_default():
    receipt = make_receipt(supporter=factories.make_supporter())

    told = receipts.receipt_words(receipt, is_copy=False)

    assert told["title"] == "Receipt R-0000001"
    assert dict(told["facts"]) == {
        "Number": "R-0000001",
        "Date of the gift": "March 10, 2026",
        "Amount": "€25.00",
        "Currency": "EUR",
        "For": "Donation",
        "By": "card",
        "Issued on": "March 10, 2026",
    }
    assert told["mark"] == ""
    assert b"ana@example.org" not in receipts.receipt_pdf(receipt, is_copy=False)


def test_receipt_names_purpose_and_person_where_the_supporter_wants_it():
    receipt = make_receipt(receipt_names_fund=True, receipt_name="Ana #[panic()]")

    told = receipts.receipt_words(receipt, is_copy=False)

    facts = dict(told["facts"])
    assert (facts["For"], facts["Received from"]) == ("Sample appeal (en)", "Ana #[panic()]")


def test_receipt_never_names_what_is_not_public():
    receipt = make_receipt(receipt_names_fund=True)
    appeal = receipt.donation.fund.appeal
    appeal.published_at = appeal.published_by = None
    appeal.save()

    told = receipts.receipt_words(receipt, is_copy=False)

    assert dict(told["facts"])["For"] == "Donation"


def test_receipt_tells_what_was_paid_back():
    receipt = make_receipt()
    Refund.objects.create(
        donation=receipt.donation, amount=Decimal(5), refunded_at=NOW, stripe_refund_id="re_1"
    )

    told = receipts.receipt_words(receipt, is_copy=False)

    assert dict(told["facts"])["Paid back"] == "€5.00, March 10, 2026"


def test_receipt_and_statement_tell_what_a_bank_took_back():
    receipt = make_receipt()
    dispute = factories.make_dispute(receipt.donation, amount=Decimal(20))

    def told():
        gift = type(receipt.donation).objects.get()
        facts = dict(receipts.receipt_words(gift.receipt, is_copy=False)["facts"])
        [table] = receipts.statement_words([gift], year=2026, language="en", at=NOW)["tables"]
        return (
            facts.get("Contested at the bank"),
            facts.get("Taken back by the bank"),
            table["total"],
        )

    said = [told()]
    for status in ("lost", "won"):
        type(dispute).objects.update(status=status)
        said.append(told())

    assert said == [
        ("€20.00, March 10, 2026", None, "€5.00"),
        (None, "€20.00, March 10, 2026", "€5.00"),
        (None, None, "€25.00"),
    ]


def test_receipt_file_is_the_same_each_time_and_a_copy_says_so():
    receipt = make_receipt()

    first, again, copy = (
        receipts.receipt_pdf(receipt, is_copy=is_copy) for is_copy in (False, False, True)
    )
    told = receipts.receipt_words(receipt, is_copy=True)

    assert first == again
    assert copy != first
    assert told["mark"].startswith("Copy.")


def test_receipt_file_is_tagged_and_says_its_language_and_title():
    """PDF/UA-1 is what typst compiled it as; here is what readers need of it."""
    file = receipts.receipt_pdf(make_receipt(language="es"), is_copy=False)

    assert file.startswith(b"%PDF-1.7")
    for part in (b"/Lang(es)", b"/Marked true", b"/DisplayDocTitle true", b"pdfuaid:part"):
        assert part in file
    # What file managers show of it names neither the fund nor a program of ours.
    assert b"Fondo" not in file


def test_receipt_speaks_the_supporters_language_not_the_pages():
    receipt = make_receipt(language="es", amount="1234.50")
    with override("en"):
        told = receipts.receipt_words(receipt, is_copy=False)

    assert told["title"] == "Recibo R-0000001"
    assert "1234,50" in str(told["facts"]).replace(".", "")


def test_statement_sums_each_currency_less_what_was_paid_back():
    gift, peso = make_gift(), make_gift(currency="ARS", amount="15000")
    other = make_gift(amount="100")
    Refund.objects.create(donation=other, amount=40, refunded_at=NOW, stripe_refund_id="re_1")
    receipts.issue(gift, at=NOW)

    told = receipts.statement_words([gift, peso, other], year=2026, language="en", at=NOW)
    [pesos, table] = told["tables"]

    assert (pesos["currency"], pesos["total"]) == ("ARS", "ARS\N{NO-BREAK SPACE}15,000.00")
    assert table["total"] == "€85.00"
    assert [row[1:] for row in table["rows"]] == [
        ["R-0000001", "€25.00"],
        ["–", "€100.00"],
        ["paid back", "−€40.00"],
    ]
    file = receipts.statement_pdf([gift, peso, other], year=2026, language="es", at=NOW)
    assert BytesIO(file).read(5) == b"%PDF-"
    assert receipts.statement_pdf([], year=2026, language="es", at=NOW)


def test_letters_that_are_due_have_their_receipts_issued_first(inbox):
    pledge = factories.make_pledge(supporter=factories.make_supporter(), language="en")
    factories.make_receipt(factories.make_donation(pledge))

    assert emails.send_due(at=NOW) == 1

    assert "Subject: Receipt R-0000001" in inbox.messages[0][1]
    assert Letter.objects.get().donation.receipt.issued_at == NOW
