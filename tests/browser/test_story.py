"""Giving in a browser, by clicking: in either language, with scripts or without, by card and by transfer."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from donations.models import Donation, Pledge

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What the supporter clicks and reads in each language.
WORDS = {
    "es": {
        "support": "Apoye la defensa",
        "card": "Tarjeta",
        "needed": "Donde más se necesite",
        "mail": "Correo electrónico para el recibo",
        "go_on": "Continuar",
        "pay": "Pagar 25,00\u00a0€",
        "again": "Volver a mirar",
        "arrived": "Su aporte llegó y está en las cuentas del fondo",
        "fee": "0,63\u00a0€ quedaron en el servicio de pago",
        "books": "Las cuentas",
        "figures": {"Recibido": "25,00 €", "− Comisiones": "0,63 €", "Neto": "24,37 €", "libre": "24,37 €"},
    },
    "en": {
        "support": "Support the defense",
        "card": "Card",
        "needed": "Where it is needed most",
        "mail": "E-mail for the receipt",
        "go_on": "Continue",
        "pay": "Pay €25.00",
        "again": "Look again",
        "arrived": "Your gift has arrived and is in the fund's books",
        "fee": "€0.63 went to the payment service",
        "books": "The books",
        "figures": {"Received": "€25.00", "− Fees": "€0.63", "Net": "€24.37", "free": "€24.37"},
    },
}  # fmt: skip


def link_in(letter):
    """The address of the private page, as the mail server received it."""
    _recipients, text = letter
    body = message_from_bytes(text.encode(), policy=policy.default).get_content()
    [link] = re.findall(r"http\S+/gift/\S+", body)
    return link


@pytest.mark.parametrize(
    ("language", "has_scripts"), [("es", False), ("en", True)], ids=["es, no scripts", "en"]
)
def test_supporter_gives_by_card(house, inbox, visitor, language, has_scripts):
    words = WORDS[language]
    supporter = visitor(width=390, locale=language, has_scripts=has_scripts)

    supporter.open("/")
    assert supporter.page.url.endswith(f"/{language}/")
    assert supporter.page.context.cookies() == []
    supporter.follow(words["support"])
    supporter.follow("EUR")
    supporter.choose(re.compile("25"))
    supporter.choose(words["needed"])
    supporter.choose(words["card"])
    supporter.field(words["mail"]).fill("ana@example.org")
    supporter.press(words["go_on"])
    supporter.press(words["pay"])
    assert words["arrived"] not in supporter.words()
    assert house.work() > 0
    supporter.follow(words["again"])
    assert words["arrived"] in supporter.words()
    supporter.follow(words["books"])
    assert {head: supporter.row(head)[0] for head in words["figures"]} == words["figures"]

    # The private page again, by the link of the letter, in a browser that knows nothing of them.
    [letter] = inbox.messages
    assert letter[0] == ["ana@example.org"]
    reader = visitor(width=390, locale=language, has_scripts=has_scripts)
    reader.open(link_in(letter))
    receipt = Donation.objects.get().receipt_number
    assert words["arrived"] in reader.words()
    assert reader.words(".entry").startswith(receipt)
    assert words["fee"] in reader.words(".timeline")


def test_supporter_gives_by_transfer(house, inbox, visitor):
    supporter = visitor(locale="en")
    supporter.open("/en/protesta-argentina/donate/?currency=EUR")
    supporter.choose("Another amount")
    supporter.page.get_by_label("Another amount").last.fill("40,00")
    supporter.choose("Protest against the “Base Law”")
    supporter.choose("Bank transfer")
    supporter.press("Continue")

    pledge = Pledge.objects.get()
    assert (pledge.fund, pledge.amount) == (house.base_law, 40)
    expect(supporter.page.locator(f"[data-copy={house.bank.number}]")).to_be_visible()
    expect(supporter.page.locator(f"[data-copy={pledge.reference}]")).to_be_visible()
    supporter.follow("The books")
    assert supporter.row("Promised, not arrived") == {0: "€40.00"}
    assert supporter.row("Protest against the “Base Law” EUR")["Promised"] == "€40.00"
