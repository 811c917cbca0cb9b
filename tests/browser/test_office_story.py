"""The office in a browser, by clicking: spend, publish news, and mend what a refund took; each by two people."""

from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from appeals import publishing
from donations import allocation, disbursement
from donations.models import AccountKey, Disbursement, FundCover, LegalCost
from tests import factories
from tests.donations.reconciliation.files import bank_csv
from tests.factories import PDF, code_of, make_authenticator, make_payee

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# As tests.factories.make_user sets it.
PASSWORD = "a long test password"
OWN_REQUEST = "You asked for this payment yourself: another person must approve it."


@pytest.fixture
def insider(visitor, enter_office):
    """`insider(user)`: that person in the office, second factor and all."""

    def insider(user, *, has_scripts=True):
        person = visitor(locale="en", has_scripts=has_scripts)
        enter_office(person.page, user)
        return person

    return insider


def log_in_by_hand(person, user):
    """Password, then the code the authenticator app shows."""
    authenticator = make_authenticator(user)
    person.open("/admin/")
    person.field("Username").fill(user.username)
    person.field("Password").fill(PASSWORD)
    person.press("Log in")
    person.field("Code").fill(code_of(authenticator))
    person.press("Go on")
    assert person.page.url.endswith("/admin/")


def record_bill(person, owed):
    """A bill with its document, clicked from the office's first page."""
    make_payee()
    person.open("/admin/")
    person.follow("Legal costs", within="#content")
    person.follow("Add legal cost")
    person.field("Case").select_option(label="sample")
    person.field("Defendant").select_option(label="Ana (sample)")
    person.field("Kind").select_option(label="lawyers' fees")
    person.field("Description").fill("Sample bill")
    person.field("Currency").select_option("EUR")
    person.field("Amount owed").fill(owed)
    person.field("Payee").select_option(label="Sample law office (…2051)")
    person.press("Save")
    person.follow(LegalCost.objects.get().number)
    person.follow("Attach a document")
    person.field("Document").set_input_files(
        {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    person.press("Attach a document")
    assert "The document is attached." in person.said()


def ask_for_payment(person):
    person.follow("Ask for payment")
    person.press("Ask for payment")
    assert "is asked for: another person approves it." in person.said()
    return Disbursement.objects.get()


def bring_statement(person, *rows, opening, closing):
    """A bank file through its preview to the list of open lines."""
    person.open("/admin/donations/statementimport/")
    person.follow("Import a bank statement")
    person.field("Account").select_option(label="Sample bank (EUR)")
    person.field("File").set_input_files(
        {
            "name": "statement.csv",
            "mimeType": "text/csv",
            "buffer": bank_csv(*rows, opening=opening, closing=closing),
        }
    )
    person.press("Show what it holds")
    person.press("Import 1 line")
    assert "Imported: 1 new line." in person.said()


def match_gift(person, amount, fund):
    """The one open line is a gift that nobody announced, for `fund`."""
    person.follow(f"Say what the line of {amount} is")
    person.page.get_by_role("radio", name="A gift that nobody announced").check()
    person.field("Fund the gift is for").select_option(label=fund.name)
    person.press("Match")
    assert "Matched: donation" in person.said()


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_bill_is_paid_by_two_and_proved_by_the_bank(house, visitor, insider, has_scripts):
    today = timezone.now().date()
    treasurer = visitor(locale="en", has_scripts=has_scripts)
    log_in_by_hand(treasurer, house.people["treasurer"])

    # Money for the bill: a gift nobody announced.
    bring_statement(treasurer, f"{today};100;EUR;Cleo;Support", opening="0", closing="100")
    match_gift(treasurer, "€100.00", house.needed_most)
    record_bill(treasurer, "80,00")
    treasurer.follow("Set money aside")
    treasurer.page.get_by_role("combobox", name="Fund").select_option(str(house.needed_most.pk))
    treasurer.field("Amount").fill("80,00")
    treasurer.press("Set money aside")
    assert "is set aside for this cost." in treasurer.said()
    payment = ask_for_payment(treasurer)

    # Another person looks at it and approves.
    approver = insider(house.people["approver"], has_scripts=has_scripts)
    approver.open("/admin/donations/disbursement/")
    approver.follow(payment.payment_reference)
    assert "Sample law office" in approver.words("#payment ~ .facts")
    approver.follow("Approve")
    approver.press("Approve")
    assert "Approved: it may be paid exactly as it is." in approver.said()

    # Paid, and seen on the bank's statement.
    treasurer.follow(payment.payment_reference)
    treasurer.follow("Record as paid")
    treasurer.press("Record as paid")
    assert "Recorded as paid." in treasurer.said()
    line = f"{today};-80;EUR;Sample law office;{payment.payment_reference}"
    bring_statement(treasurer, line, opening="100", closing="20")
    assert "1 line was booked by itself" in treasurer.said()
    treasurer.open(f"/admin/donations/disbursement/{payment.pk}/change/")
    assert "Seen at the bank on" in treasurer.words(".timeline")
    assert house.balances() == {"bank:bank": 20, "fund:needed-most": 20}
    treasurer.open("/en/books/")
    shown = {head: treasurer.row(head)[0] for head in ("Received", "− Paid", "Held", "in the bank")}
    assert shown == {
        "Received": "€100.00", "− Paid": "€80.00", "Held": "€20.00", "in the bank": "€20.00",
    }  # fmt: skip


def set_aside(house, *, owed, amount, by=None):
    """Money for a new bill, of the fund where it is needed most."""
    by = by or house.people["treasurer"]
    cost = factories.make_cost(house.case, house.defendant, owed=owed, by=by)
    allocation.allocate(
        fund=house.needed_most, cost=cost, amount=Decimal(amount), by=by, at=timezone.now()
    )
    return cost


def test_who_may_do_everything_approves_no_payment_of_their_own(house, insider):
    user = factories.make_user("both", is_superuser=True)
    factories.give(house.needed_most, "100", into=AccountKey.bank(house.bank))
    cost = set_aside(house, owed="80", amount="80", by=user)
    payment = disbursement.request(
        cost=cost,
        document=factories.make_document(cost),
        bank_account=house.bank,
        amount=Decimal(80),
        by=user,
        at=timezone.now(),
    )
    person = insider(user)

    person.open("/admin/donations/disbursement/")
    person.follow(payment.payment_reference)
    expect(person.page.get_by_role("link", name="Approve")).to_have_count(0)
    person.open(f"/admin/donations/disbursement/{payment.pk}/approve/")

    assert person.words(".panel--warning") == OWN_REQUEST
    expect(person.page.get_by_role("button", name="Approve")).to_have_count(0)


def write_news(writer, title, text):
    writer.open("/admin/appeals/update/")
    writer.follow("Add update")
    writer.field("Appeal").select_option(
        label="Prosecuted for organizing: a defense fund for Argentina"
    )
    writer.field("Address").fill("first-payment")
    writer.field("Language").select_option("es")
    writer.field("Title").fill(title)
    writer.page.get_by_role("textbox", name="Text").first.fill(text)
    writer.press("Save")
    writer.follow(title)


def publish_news(writer, reviewer, title, text):
    writer.follow("Submit for review")
    writer.press("Submit for review")
    assert "The text waits for somebody else's review." in writer.said()
    reviewer.open("/admin/appeals/update/")
    reviewer.follow(title)
    reviewer.follow("Review", within=".verbs")
    assert reviewer.words("#content section[lang=es] p") == text
    reviewer.page.get_by_role("checkbox").check()
    reviewer.press("Review")
    assert "Reviewed: the text may be published as it is." in reviewer.said()
    reviewer.follow("Publish", within=".verbs")
    reviewer.press("Publish")
    assert "The text is public." in reviewer.said()


def test_news_is_written_signed_off_and_published(house, visitor, insider):
    # Nobody of them has scripts: what the office writes and signs off needs none.
    writer, reviewer = (
        insider(house.people[role], has_scripts=False) for role in ("organizer", "approver")
    )
    reader = visitor(locale="es", has_scripts=False)
    address = "/es/protesta-argentina/updates/first-payment/"

    write_news(writer, "Se pagó una cuenta", "Una novedad de muestra.")
    publish_news(writer, reviewer, "Se pagó una cuenta", "Una novedad de muestra.")
    reader.open("/es/protesta-argentina/")
    reader.follow("Se pagó una cuenta")
    assert reader.page.url.endswith(address)
    assert reader.words("h1") == "Se pagó una cuenta"
    assert reader.words(".prose") == "Una novedad de muestra."

    # An edit voids the review: no page until somebody has read it again, then exactly what they read.
    writer.open(f"/admin/appeals/update/{house.appeal.updates.get().pk}/change/")
    writer.field("Title").fill("Se pagó otra cuenta")
    writer.press("Save")
    assert "its review is void" in writer.said()
    visitor(locale="es").open(address, status=404)
    update = house.appeal.updates.get()
    publishing.submit(update=update, by=house.people["organizer"], at=timezone.now())
    publishing.review(
        update=update,
        seen_hash=update.content_hash(),
        by=house.people["approver"],
        at=timezone.now(),
    )
    publishing.publish(update=update, by=house.people["approver"], at=timezone.now())
    reader = visitor(locale="es")
    reader.open(address)
    assert reader.words("h1") == "Se pagó otra cuenta"
    assert reader.words(".prose") == "Una novedad de muestra."


def give_by_card(supporter, amount):
    supporter.open("/en/protesta-argentina/donate/?currency=EUR")
    supporter.choose("Another amount")
    supporter.page.get_by_label("Another amount").last.fill(amount)
    supporter.choose("Where it is needed most")
    supporter.choose("Card")
    supporter.press("Continue")
    supporter.press(f"Pay €{amount}")


def test_refund_below_what_is_set_aside_is_shown_and_covered_by_two(house, visitor, insider):
    treasurer = insider(house.people["treasurer"])
    reader = visitor(locale="en", width=390)
    needed_most = f"{house.appeal.texts.get(language='en').title}: where it is needed most EUR"

    # 200 in the general fund; 100 by card where it is needed most, and 80 of these set aside.
    factories.give(house.general, "200", into=AccountKey.bank(house.bank))
    give_by_card(reader, "100.00")
    house.work()
    set_aside(house, owed="90", amount="80")

    # The gift goes back; the fee and the bill's money are gone from the fund.
    treasurer.open("/sandbox/")
    treasurer.page.get_by_text("Refund, dispute, warning").click()
    treasurer.press("Refund")
    house.work()
    reader.open("/en/books/")
    assert "The fund is frozen" in reader.words(".notice--error")
    assert reader.row(f"{needed_most} frozen") == {
        "Received": "€100.00", "Refunded": "€100.00", "Fees": "€1.75", "Paid": "€0.00",
        "Held": "−€1.75", "Set aside": "€80.00", "Free": "−€81.75", "Promised": "€0.00",
    }  # fmt: skip

    # No decision over it until another fund's money, agreed by two, lifts it.
    treasurer.open(f"/admin/donations/legalcost/{LegalCost.objects.get().pk}/allocate/")
    treasurer.page.get_by_role("combobox", name="Fund").select_option(str(house.needed_most.pk))
    treasurer.field("Amount").fill("1")
    treasurer.press("Set money aside")
    assert "frozen until two people free it" in treasurer.words(".errorlist")
    treasurer.open(f"/admin/donations/fund/{house.needed_most.pk}/change/")
    treasurer.follow("Ask for cover")
    assert treasurer.field("Amount").input_value() == "81.75"
    treasurer.field("By the fund").select_option(str(house.general.pk))
    treasurer.field("Reason").fill("A gift went back after the bill was covered.")
    treasurer.press("Ask for cover")
    assert "another person approves it" in treasurer.said()
    treasurer.open(f"/admin/donations/fundcover/{FundCover.objects.get().pk}/approve/", status=403)

    approver = insider(house.people["approver"])
    approver.open("/admin/donations/fundcover/")
    approver.follow(house.needed_most.name, within="#result_list")
    approver.follow("Approve", within=".verbs")
    approver.press("Approve")
    assert "€81.75 moved" in approver.said()
    reader = visitor(locale="en", width=390)  # the page may be kept for a minute
    reader.open("/en/books/")
    expect(reader.page.locator(".notice--error")).to_have_count(0)
    lifted = reader.row(needed_most)
    assert (lifted["Moved"], lifted["Held"], lifted["Free"]) == ("€81.75", "€80.00", "€0.00")
