"""The whole job, worked by hand: an appeal read, gifts given, a cost paid, news signed off, the books looked at."""

import io
import re
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from donations.models import (
    Allocation,
    Disbursement,
    Donation,
    FundCover,
    LegalCost,
    Payee,
    Pledge,
    StatementMatch,
)
from donations.references import format_reference
from donations.sandbox.models import SandboxObject
from tests import factories
from tests.donations.reconciliation.files import bank_csv
from tests.factories import PDF, give

from .parts import fact_of, row_of, texts_of
from .person import Forms, Person, place, words

pytestmark = pytest.mark.django_db(transaction=True)

GIVE = "/{language}/protesta-argentina/donate/?currency=EUR"
CONTROL = "/sandbox/"
CELS = "Centro de Estudios Legales y Sociales (CELS)"
OPEN_LINES = "/admin/donations/statementline/open/"


def euros(**amounts):
    return {name.replace("__", ":"): Decimal(amount) for name, amount in amounts.items()}


def public_totals(reader):
    """The public figures of all euros that are not zero, as text."""
    totals = reader.client.get("/es/books.json").json()["totals"]["EUR"]
    places = {name: amount for name, amount in totals.pop("places").items() if Decimal(amount)}
    return {name: amount for name, amount in totals.items() if Decimal(amount)} | places


def give_by_card(supporter, house, amount, *, email="", language="es"):
    """Form, payment page, and back: the response that shows the gift's private page."""
    gift = {"preset": "other", "amount": amount, "fund": house.needed_most.pk, "email": email}
    payment_page = supporter.send(GIVE.format(language=language), gift)
    return supporter.send(place(payment_page), {"card": "4242"})


def import_statement(treasurer, house, *rows, opening, closing):
    """Uploads a bank file and says yes to what it holds."""
    upload = "/admin/donations/statementimport/upload/"
    content = bank_csv(*rows, opening=opening, closing=closing)
    file = SimpleUploadedFile("statement.csv", content)
    preview = treasurer.client.post(upload, {"account": house.bank.pk, "file": file})
    assert preview.status_code == 200
    carried = re.search(r'name="file" value="([^"]+)"', preview.content.decode())
    assert carried, words(preview)
    confirm = "/admin/donations/statementimport/confirm/"
    return words(treasurer.client.post(confirm, {"file": carried[1]}, follow=True))


def check_books():
    """The lines of the command, which ends the test when an invariant fails."""
    out = io.StringIO()
    call_command("check_books", stdout=out)
    return out.getvalue().splitlines()


def read_the_appeal(reader, language):
    """The whole appeal, on the way over the front page."""
    front = reader.client.get("/", headers={"accept-language": language}, follow=True)
    assert place(front) == f"/{language}/"
    return reader.read(f"/{language}/protesta-argentina/")


def record_payee(treasurer, second):
    """A law office in the register, whose account two people gave."""
    page = "/admin/donations/payee/"
    account = "ES91 2100 0418 4502 0005 1332"
    given = {"kind": "lawyer", "name": "Sample law office", "scheme": "iban", "account": account}
    factories.make_sealing_key()
    treasurer.send(f"{page}record/", given)
    payee = Payee.objects.get()
    second.send(f"{page}{payee.pk}/confirm/", {"account": account})
    return payee


def record_cost(treasurer, house, owed, payee=None):
    """A bill of the sample case, with its document."""
    payee = payee or factories.make_payee()
    page = "/admin/donations/legalcost/"
    bill = {
        "case": house.case.pk,
        "defendant": house.defendant.pk,
        "kind": "fees",
        "description": "Sample bill",
        "currency": "EUR",
        "owed": owed,
        "payee": payee.pk,
    }
    treasurer.send(f"{page}add/", bill)
    cost = LegalCost.objects.get()
    document = {"file": SimpleUploadedFile("bill.pdf", PDF)}
    treasurer.send(f"{page}{cost.pk}/attach/", document)
    return cost


def set_aside(treasurer, house, cost, amount):
    page = f"/admin/donations/legalcost/{cost.pk}/allocate/"
    return words(treasurer.send(page, {"fund": house.needed_most.pk, "amount": amount}))


def write_update(organizer, house, title):
    """An update in both languages; its number."""
    fields = {"appeal": house.appeal.pk, "slug": "first-payment", "texts-TOTAL_FORMS": "2"}
    for number, language in enumerate(("es", "en")):
        fields |= {
            f"texts-{number}-language": language,
            f"texts-{number}-title": f"{title} ({language})",
            f"texts-{number}-body": f"News in {language}.",
        }
    organizer.send("/admin/appeals/update/add/", fields)
    return house.appeal.updates.get().pk


def tell_the_news(house, reader):
    """An update from draft over somebody else's review to its page and the feed; and an edit that takes it back to review."""
    organizer = Person(house.people["organizer"])
    reviewer = Person(house.people["approver"])
    address = "/es/protesta-argentina/updates/first-payment/"
    feed = "/es/protesta-argentina/updates.atom"

    desk = f"/admin/appeals/update/{write_update(organizer, house, 'A bill is paid')}/"
    organizer.send(f"{desk}submit/")
    # Not before the review, and not reviewed by its author.
    assert organizer.client.get(f"{desk}review/").status_code == 403
    unread = "Nobody has reviewed this text: it is published after a review."
    assert unread in organizer.read(f"{desk}publish/")
    assert unread in words(organizer.client.post(f"{desk}publish/"))
    assert reader.client.get(address).status_code == 404
    assert "A bill is paid" not in reader.read(feed)

    reviewer.send(f"{desk}review/", {"has_read": "on"})
    assert reader.client.get(address).status_code == 404
    organizer.send(f"{desk}publish/")
    assert "A bill is paid (es)" in reader.read(address)
    assert "A bill is paid (en)" in reader.read(address.replace("/es/", "/en/"))
    assert "A bill is paid (es)" in reader.read(feed)
    assert "A bill is paid (es)" in reader.read("/es/protesta-argentina/")

    # An edit takes it off the page and back to review.
    # The form has the languages by their codes: English first, Spanish after it.
    changed = ("Se pagó otra cuenta", "Algo distinto.")
    edit = {"texts-1-title": changed[0], "texts-1-body": changed[1]}
    said = words(organizer.send(f"{desk}change/", edit))
    assert "so its review is void, and until it is reviewed and published again nobody can" in said
    assert reader.client.get(address).status_code == 404
    assert "A bill is paid" not in reader.read(feed)

    organizer.send(f"{desk}submit/")
    reviewer.send(f"{desk}review/", {"has_read": "on"})
    organizer.send(f"{desk}publish/")
    for language, title, text in (("es", *changed), ("en", "A bill is paid (en)", "News in en.")):
        page = reader.read(address.replace("/es/", f"/{language}/"))
        assert texts_of(page, "hero__title") == [title]
        assert texts_of(page, "prose") == [text]


def test_from_the_appeal_to_a_paid_bill_and_back_to_the_public(house, letters):
    reader, supporter = Person(language="es"), Person(language="es")
    treasurer = Person(house.people["treasurer"])
    approver = Person(house.people["approver"])
    today = timezone.now().date()

    # 1. The appeal, its figures with their sources, its cases and the people it names, in both languages.
    spanish, english = (read_the_appeal(reader, language) for language in ("es", "en"))
    for page in (spanish, english):
        assert texts_of(page, "figure__number") == ["665", "80", "47", "700"]
        sources = [
            text.split(": ", 1)[1].split(",")[0] for text in texts_of(page, "figure__source")
        ]
        assert sources == [CELS, CELS, CELS, "Partido Obrero"]
    for name in ("Belliboni", "Cantero", "Dotti", "Biasi"):
        assert name in spanish
        assert name in english
    assert "Protesta contra la «Ley Bases»" in spanish
    assert "Protest against the “Base Law”" in english

    # 2a. 100 by card where it is needed most. Nothing is booked before the webhook says it is paid.
    gift_page = give_by_card(supporter, house, "100", email="ana@example.org")
    assert Pledge.objects.get().amount == 100
    assert house.balances() == {}
    assert house.work() > 0
    assert house.balances() == euros(stripe="98.25", **{"fund:needed-most": "98.25"})
    [(recipients, subject, letter)] = letters()
    receipt = Donation.objects.get().receipt_number
    assert recipients == ["ana@example.org"]
    assert receipt in subject
    assert "Monto: 100,00\u00a0€" in letter.splitlines()
    assert place(gift_page) in letter
    page = supporter.read(place(gift_page))
    [entry] = texts_of(page, "entry")
    assert entry.startswith(f"{receipt} · 100,00 €")
    assert "1,75 € quedaron en el servicio de pago" in texts_of(page, "timeline")[0]
    assert public_totals(reader) == {
        "received": "100.00", "processing_fees": "1.75", "fees": "1.75", "net": "98.25",
        "held": "98.25", "free": "98.25", "stripe": "98.25",
    }  # fmt: skip

    # 2b. 40 by transfer for one case: promised, not counted as received.
    transfer = {
        "preset": "other", "amount": "40,00", "fund": house.base_law.pk, "method": "transfer",
        "email": "bruno@example.org",
    }  # fmt: skip
    transfer_page = supporter.send(GIVE.format(language="es"), transfer)
    reference = Pledge.objects.get(method="transfer").reference
    house.work()
    assert fact_of(words(transfer_page), "Referencia").startswith(format_reference(reference))
    assert letters()[1][0] == ["bruno@example.org"]
    assert public_totals(reader)["promised"] == "40.00"
    assert house.balances() == euros(stripe="98.25", **{"fund:needed-most": "98.25"})

    # 2c. The service pays out; the bank's statement brings both together.
    treasurer.client.post("/sandbox/act/", {"act": "pay_out", "target": "eur"})
    house.work()
    assert house.balances() == euros(transit="98.25", **{"fund:needed-most": "98.25"})
    said = import_statement(
        treasurer,
        house,
        f"{today};98.25;EUR;STRIPE;STRIPE PAYOUT",
        f"{today};40.00;EUR;Bruno Ejemplo;{reference}",
        opening="0",
        closing="138.25",
    )
    assert "Imported: 2 new lines. 0 were known already. 1 is open." in said
    assert "1 line was booked by itself, since reference, amount and currency agree." in said
    assert house.balances() == euros(
        transit="98.25",
        **{"bank:bank": "40", "fund:needed-most": "98.25", "fund:base-law": "40"},
    )
    assert "Matched: payout" in words(treasurer.send(OPEN_LINES, action="/match/"))
    house.work()
    assert house.balances() == euros(
        **{"bank:bank": "138.25", "fund:needed-most": "98.25", "fund:base-law": "40"}
    )
    assert letters()[2][0] == ["bruno@example.org"]
    assert "promised" not in public_totals(reader)

    # 3. A bill of 80: recorded with its document, set aside, asked for by one, approved by another, paid, proved.
    cost = record_cost(treasurer, house, "80", record_payee(treasurer, approver))
    assert cost.documents.count() == 1
    set_aside(treasurer, house, cost, "80")
    assert house.balances() == euros(
        **{
            "bank:bank": "138.25",
            "fund:needed-most": "18.25",
            "fund:base-law": "40",
            f"cost:{cost.number}": "80",
        }
    )
    treasurer.send(f"/admin/donations/legalcost/{cost.pk}/request/", {"amount": "60"})
    payment = Disbursement.objects.get()
    desk = f"/admin/donations/disbursement/{payment.pk}/"
    assert treasurer.client.get(f"{desk}approve/").status_code == 403
    assert "This payment is not approved." in treasurer.read(f"{desk}pay/")
    page = approver.read(f"{desk}change/")
    assert "…1332" in page
    assert "DE02" not in page
    approver.send(f"{desk}approve/")
    assert approver.client.get(f"{desk}pay/").status_code == 403
    treasurer.send(f"{desk}pay/", {"paid_on": today.isoformat()})
    after_payment = euros(
        **{
            "bank:bank": "78.25",
            "fund:needed-most": "18.25",
            "fund:base-law": "40",
            f"cost:{cost.number}": "20",
        }
    )
    assert house.balances() == after_payment
    import_statement(
        treasurer,
        house,
        f"{today};-60.00;EUR;Sample law office;{payment.payment_reference}",
        opening="138.25",
        closing="78.25",
    )
    proof = StatementMatch.objects.standing().get(disbursement=payment)
    assert (proof.line.amount, proof.confirmed_by) == (-60, None)
    assert house.balances() == after_payment
    assert payment in Disbursement.objects.in_state(Disbursement.State.DONE)

    # 4. News of it: written, read by somebody else, public, taken back to review by an edit. No money moves.
    tell_the_news(house, reader)
    assert house.balances() == after_payment

    # 5. What the public reads of it equals the ledger, to the cent.
    assert public_totals(reader) == {
        "received": "140.00", "processing_fees": "1.75", "fees": "1.75", "net": "138.25", "paid": "60.00",
        "held": "78.25", "allocated": "20.00", "free": "58.25", "bank": "78.25",
    }  # fmt: skip
    books = reader.client.get("/es/books.json").json()
    assert {fund["fund"]: (fund["received"], fund["held"]) for fund in books["funds"]} == {
        "needed-most": ("100.00", "38.25"),
        "base-law": ("40.00", "40.00"),
    }
    page = reader.read("/es/books/")
    heads = (
        "Recibido",
        "− Comisiones",
        "Neto",
        "− Pagado",
        "Saldo",
        "asignado a gastos",
        "libre",
        "en el banco",
    )
    assert [row_of(page, head)[0] for head in heads] == [
        "140,00 €", "1,75 €", "138,25 €", "60,00 €", "78,25 €", "20,00 €", "58,25 €", "78,25 €",
    ]  # fmt: skip
    for secret in ("ana@", "bruno@", "Bruno Ejemplo", "Sample law office", reference, receipt):
        assert secret not in page
    assert all(line.startswith("ok") for line in check_books())


@pytest.mark.parametrize(
    ("groups", "is_superuser"), [(["treasurer", "approver"], False), ([], True)]
)
def test_nobody_approves_a_payment_they_asked_for(house, groups, is_superuser):
    person = Person(factories.make_user("both", *groups, is_superuser=is_superuser))
    other = Person(house.people["approver"])
    give(house.needed_most, "100")
    cost = record_cost(person, house, "80")
    set_aside(person, house, cost, "80")
    person.send(f"/admin/donations/legalcost/{cost.pk}/request/", {"amount": "80"})
    page = f"/admin/donations/disbursement/{Disbursement.objects.get().pk}/approve/"
    # What the form would send, as somebody else is shown it.
    [(_where, carried, _is_post)] = [
        form
        for form in Forms(other.client.get(page).content.decode()).forms
        if "content_hash" in form[1]
    ]

    assert "You asked for this payment yourself: another person must approve it." in person.read(
        page
    )
    answer = words(person.client.post(page, carried, follow=True))

    assert "another person" in answer
    assert Disbursement.objects.get().approved_at is None


def test_gift_refunded_after_it_was_set_aside_is_shown_and_covered_by_two(house):
    reader, supporter = Person(), Person()
    treasurer = Person(house.people["treasurer"])
    approver = Person(house.people["approver"])
    today = timezone.now().date()

    # 200 of nobody's announcing are in the general fund; 100 by card are given, and 80 of these set aside.
    import_statement(
        treasurer, house, f"{today};200.00;EUR;Cleo Ejemplo;Support", opening="0", closing="200"
    )
    [line] = house.bank.lines.all()
    treasurer.send(
        f"/admin/donations/statementline/{line.pk}/match/",
        {"choice": "gift", "gift_fund": house.general.pk},
    )
    give_by_card(supporter, house, "100", language="en")
    house.work()
    cost = record_cost(treasurer, house, "90")
    set_aside(treasurer, house, cost, "80")
    funded = {"bank:bank": "200", "fund:general": "200", f"cost:{cost.number}": "80"}
    assert house.balances() == euros(stripe="98.25", **funded, **{"fund:needed-most": "18.25"})

    # The gift goes back in full; the service keeps its fee. The bill's money stays set aside.
    payment = SandboxObject.objects.get(kind="payment_intent").id
    treasurer.client.post("/sandbox/act/", {"act": "refund", "target": payment})
    house.work()
    below = euros(stripe="-1.75", **funded, **{"fund:needed-most": "-81.75"})
    assert house.balances() == below
    page = reader.read("/en/books/")
    assert "The fund is frozen" in page
    title = house.appeal.texts.get(language="en").title
    in_the_table = row_of(page, f"{title}: where it is needed most EUR frozen")
    assert in_the_table == {
        "Received": "€100.00", "Refunded": "€100.00", "Fees": "€1.75", "Paid": "€0.00",
        "Held": "−€1.75", "Set aside": "€80.00", "Free": "−€81.75", "Promised": "€0.00",
    }  # fmt: skip
    [fund] = [
        fund
        for fund in reader.client.get("/en/books.json").json()["funds"]
        if fund["fund"] == "needed-most"
    ]
    assert (fund["frozen"], fund["refunded"], fund["held"], fund["free"]) == (
        True,
        "100.00",
        "-1.75",
        "-81.75",
    )

    # Frozen: no decision over it; only another fund's money, agreed by two, lifts it.
    assert "frozen until two people free it" in set_aside(treasurer, house, cost, "1")
    assert Allocation.objects.count() == 1
    treasurer.send(
        f"/admin/donations/fund/{house.needed_most.pk}/cover/",
        {
            "currency": "EUR",
            "source": house.general.pk,
            "amount": "81.75",
            "reason": "A gift went back after the bill was covered.",
        },
    )
    cover = FundCover.objects.get()
    desk = f"/admin/donations/fundcover/{cover.pk}/"
    assert house.balances() == below
    assert treasurer.client.get(f"{desk}approve/").status_code == 403
    approver.send(f"{desk}approve/")
    assert house.balances() == euros(stripe="-1.75", **funded | {"fund:general": "118.25"})
    assert "The fund is frozen" not in reader.read("/en/books/")
    assert public_totals(reader) == {
        "received": "300.00", "refunded": "100.00", "processing_fees": "1.75", "fees": "1.75",
        "net": "198.25", "held": "198.25", "allocated": "80.00", "free": "118.25",
        "stripe": "-1.75", "bank": "200.00",
    }  # fmt: skip
    assert all(line.startswith("ok") for line in check_books())
