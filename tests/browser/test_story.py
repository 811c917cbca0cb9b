"""The main job in a browser, by clicking: give in either language, with scripts or without; spend, and publish news."""

import re

import pytest
from django.utils import timezone

from donations.models import Disbursement, Donation, LegalCost, Pledge
from tests.browser.conftest import WCAG
from tests.donations.reconciliation.files import bank_csv
from tests.factories import PDF, code_of, make_authenticator
from tests.stories.house import make_house

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# As tests.factories.make_user sets it.
PASSWORD = "a long test password"
# What the supporter clicks and reads in each language.
WORDS = {
    "es": {
        "support": "Apoye la defensa",
        "other": "Otro importe",
        "card": "Tarjeta",
        "transfer": "Transferencia bancaria",
        "needed": "Donde más se necesite",
        "mail": "Correo electrónico para el recibo",
        "go_on": "Continuar",
        "pay": "Pagar 25,00",
        "again": "Volver a mirar",
        "arrived": "Su aporte llegó y está en las cuentas del fondo",
        "books": "Las cuentas",
    },
    "en": {
        "support": "Support the defense",
        "other": "Another amount",
        "card": "Card",
        "transfer": "Bank transfer",
        "needed": "Where it is needed most",
        "mail": "E-mail for the receipt",
        "go_on": "Continue",
        "pay": "Pay €25.00",
        "again": "Look again",
        "arrived": "Your gift has arrived and is in the fund's books",
        "books": "The books",
    },
}


@pytest.fixture
def house(transactional_db, live_server, settings, inbox):
    # Where the payment page stands and leads back to.
    settings.SITE_URL = live_server.url
    return make_house(f"{live_server.url}/stripe/webhook/")


@pytest.fixture
def check(accessibility_faults):
    """Fails on what axe finds; the office's stock pages are asked for WCAG 2.2 AA, our own for all axe knows."""

    def check(page):
        tags = WCAG if "/admin/" in page.url else None
        assert accessibility_faults(page, tags=tags) == [], page.url

    return check


def choose(page, name):
    page.get_by_role("radio", name=name, exact=True).check()


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("has_scripts", [True, False])
def test_supporter_gives_by_card(house, inbox, new_page, check, language, has_scripts):
    words = WORDS[language]
    page = new_page(width=390, locale=language, java_script_enabled=has_scripts)
    look = check if has_scripts else (lambda page: None)  # axe is a script itself

    page.goto("/")
    assert page.url.endswith(f"/{language}/")
    assert page.context.cookies() == []
    look(page)
    page.get_by_role("link", name=words["support"]).first.click()
    page.get_by_role("link", name="EUR").click()
    look(page)
    choose(page, re.compile("25"))
    choose(page, words["needed"])
    choose(page, words["card"])
    page.get_by_label(words["mail"]).fill("ana@example.org")
    page.get_by_role("button", name=words["go_on"]).click()
    look(page)
    page.get_by_role("button", name=words["pay"]).click()
    assert words["arrived"] not in page.locator("main").inner_text()
    look(page)
    assert house.work() > 0
    page.get_by_role("link", name=words["again"]).click()

    assert words["arrived"] in page.locator("main").inner_text()
    assert Donation.objects.get().receipt_number in page.locator("main").inner_text()
    look(page)
    assert [recipients for recipients, _text in inbox.messages] == [["ana@example.org"]]
    page.get_by_role("link", name=words["books"]).first.click()
    assert "24" in page.locator("main").inner_text()
    look(page)


def test_supporter_gives_by_transfer(house, inbox, page, check):
    page.goto("/en/protesta-argentina/donate/?currency=EUR")
    choose(page, "Another amount")
    page.get_by_label("Another amount").last.fill("40,00")
    choose(page, "Protest against the “Base Law”")
    choose(page, "Bank transfer")
    page.get_by_role("button", name="Continue").click()

    pledge = Pledge.objects.get()
    assert (pledge.fund, pledge.amount) == (house.base_law, 40)
    assert page.locator(f"[data-copy={house.bank.number}]").is_visible()
    assert page.locator(f"[data-copy={pledge.reference}]").is_visible()
    check(page)
    page.get_by_role("link", name="The books").first.click()
    assert "Promised, not arrived" in page.locator("main").inner_text()
    check(page)


def log_in_by_hand(page, user, check):
    """Password, then the code the authenticator app shows."""
    authenticator = make_authenticator(user)
    page.goto("/admin/")
    check(page)
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    check(page)
    page.get_by_label("Code").fill(code_of(authenticator))
    page.get_by_role("button", name="Go on").click()
    assert page.url.endswith("/admin/")
    check(page)


def open_office(new_page, enter_office, user):
    page = new_page()
    enter_office(page, user)
    return page


def said(page):
    """What the office says above the page."""
    return page.locator(".messagelist").inner_text()


def record_bill(page, check):
    """A bill of 80 euros with its document, clicked from the office's first page."""
    page.locator("#content").get_by_role("link", name="Legal costs").click()
    check(page)
    page.get_by_role("link", name="Add legal cost").click()
    check(page)
    page.get_by_label("Case").select_option(label="sample")
    page.get_by_label("Defendant").select_option(label="Ana (sample)")
    page.get_by_label("Kind").select_option(label="lawyers' fees")
    page.get_by_label("Description").fill("Sample bill")
    page.get_by_label("Currency").select_option("EUR")
    page.get_by_label("Amount owed").fill("80,00")
    page.get_by_label("Payee:").fill("Sample law office")
    page.get_by_label("Payee's account").fill("DE02 1203 0000 0000 2020 51")
    page.get_by_role("button", name="Save", exact=True).click()
    check(page)
    page.get_by_role("link", name=LegalCost.objects.get().number).first.click()
    check(page)
    page.get_by_role("link", name="Attach a document").click()
    check(page)
    page.get_by_label("Document").set_input_files(
        {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    page.get_by_role("button", name="Attach a document").click()
    assert "The document is attached." in said(page)


def bring_statement(page, check, *rows, opening, closing):
    """A bank file through its preview to the list of open lines."""
    page.goto("/admin/donations/statementimport/")
    check(page)
    page.get_by_role("link", name="Import a bank statement").click()
    check(page)
    page.get_by_label("Account").select_option(label="Sample bank (EUR)")
    page.get_by_label("File").set_input_files(
        {
            "name": "statement.csv",
            "mimeType": "text/csv",
            "buffer": bank_csv(*rows, opening=opening, closing=closing),
        }
    )
    page.get_by_role("button", name="Show what it holds").click()
    check(page)
    page.get_by_role("button", name="Import 1 line").click()
    assert "Imported: 1 new lines" in said(page)
    check(page)


def test_bill_is_paid_by_two_and_proved_by_the_bank(house, new_page, enter_office, check):
    today = timezone.now().date()
    page = new_page(locale="en")
    log_in_by_hand(page, house.people["treasurer"], check)

    # Money for the bill: a gift nobody announced.
    bring_statement(page, check, f"{today};100;EUR;Cleo;Support", opening="0", closing="100")
    page.get_by_role("link", name="Say what the line of €100.00 is").click()
    check(page)
    page.get_by_role("radio", name="A gift that nobody announced").check()
    page.get_by_label("Fund the gift is for").select_option(label=house.needed_most.name)
    page.get_by_role("button", name="Match").click()
    assert "Matched: gift" in said(page)

    page.goto("/admin/")
    record_bill(page, check)
    page.get_by_role("link", name="Set money aside").click()
    check(page)
    assert page.get_by_label("Amount").input_value() == "80.00"
    page.get_by_role("button", name="Set money aside").click()
    assert "is set aside for this cost." in said(page)
    page.get_by_role("link", name="Ask for payment").click()
    check(page)
    page.get_by_role("button", name="Ask for payment").click()
    assert "is asked for: another person approves it." in said(page)
    check(page)

    # Another person looks at it and approves.
    payment = Disbursement.objects.get()
    other = open_office(new_page, enter_office, house.people["approver"])
    other.goto("/admin/donations/disbursement/")
    check(other)
    other.get_by_role("link", name=payment.payment_reference).click()
    check(other)
    assert "Sample law office" in other.locator("#content").inner_text()
    other.get_by_role("link", name="Approve").click()
    check(other)
    other.get_by_role("button", name="Approve").click()
    assert "Approved: it may be paid exactly as it is." in said(other)

    # Paid, and seen on the bank's statement.
    page.get_by_role("link", name=payment.payment_reference).click()
    page.get_by_role("link", name="Record as paid").click()
    check(page)
    page.get_by_role("button", name="Record as paid").click()
    assert "Recorded as paid." in said(page)
    check(page)
    line = f"{today};-80;EUR;Sample law office;{payment.payment_reference}"
    bring_statement(page, check, line, opening="100", closing="20")
    page.get_by_role("button", name="Yes, it is this").click()
    assert "Matched: payment" in said(page)
    page.goto(f"/admin/donations/disbursement/{payment.pk}/change/")
    assert "Seen at the bank on" in page.locator("#content").inner_text()
    check(page)
    assert house.balances() == {"bank:bank": 20, "fund:needed-most": 20}
    page.goto("/en/books/")
    assert "€80.00" in page.locator("main").inner_text()
    check(page)


def test_news_is_written_signed_off_and_published(house, new_page, enter_office, check):
    writer = open_office(new_page, enter_office, house.people["organizer"])
    reviewer = open_office(new_page, enter_office, house.people["approver"])
    reader = new_page(locale="es")

    writer.goto("/admin/appeals/update/")
    check(writer)
    writer.get_by_role("link", name="Add update").click()
    check(writer)
    writer.get_by_label("Appeal").select_option(label="protesta-argentina")
    writer.get_by_label("Address").fill("first-payment")
    writer.get_by_label("Language").first.select_option("es")
    writer.get_by_label("Title").first.fill("Se pagó una cuenta")
    writer.get_by_role("textbox", name="Text").first.fill("Una novedad de muestra.")
    writer.get_by_role("button", name="Save", exact=True).click()
    writer.get_by_role("link", name="first-payment").first.click()
    check(writer)
    writer.get_by_role("link", name="Submit for review").click()
    check(writer)
    writer.get_by_role("button", name="Submit for review").click()
    assert "The text waits for somebody else's review." in said(writer)

    reviewer.goto("/admin/appeals/update/")
    reviewer.get_by_role("link", name="first-payment").first.click()
    check(reviewer)
    reviewer.get_by_role("link", name="Review").click()
    check(reviewer)
    assert "Una novedad de muestra." in reviewer.locator("#content").inner_text()
    reviewer.get_by_role("checkbox").check()
    reviewer.get_by_role("button", name="Review").click()
    assert "Reviewed: the text may be published as it is." in said(reviewer)
    reviewer.get_by_role("link", name="Publish").click()
    check(reviewer)
    reviewer.get_by_role("button", name="Publish").click()
    assert "The text is public." in said(reviewer)

    reader.goto("/es/protesta-argentina/")
    reader.get_by_role("link", name="Se pagó una cuenta").click()
    assert "Una novedad de muestra." in reader.locator("main").inner_text()
    check(reader)

    writer.reload()
    writer.get_by_label("Title").first.fill("Se pagó otra cuenta")
    writer.get_by_role("button", name="Save", exact=True).click()
    assert "its review is void" in said(writer)
    assert reader.reload().status == 404
