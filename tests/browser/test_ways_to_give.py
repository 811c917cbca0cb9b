"""Every way to give, in every language, on a phone: from the form to the private page, by clicking what stands there.

Each page is looked at with all of axe's rules; no choice may run over its edge; each way is walked without scripts once.
In Spanish, and in the language in which it is walked without scripts, a way is always walked; in the others by
`./run test -m languages`.
"""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.translation import gettext, override
from playwright.sync_api import expect

from defensefund.templatetags.formats import money
from donations import conditional
from donations.gift_state import Stage, state_of
from donations.models import Donation, Pledge, Subscription
from donations.tokens import gift_path
from donations.transparency import came_in_for_appeal
from tests import factories
from tests.browser.conftest import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LANGUAGES = ["es", "en", "pt", "fr"]
# In which language each way is walked without scripts.
SCRIPTLESS_IN = {
    "card": "fr",
    "monthly": "pt",
    "transfer": "es",
    "promise": "fr",
    "condition": "pt",
}
CUT = """[...document.querySelectorAll(".radio-card, .radio-line, .button, .tag")]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.trim())"""


class Giver:
    """Somebody who reads one language; what they look for is looked for in its words."""

    def __init__(self, visitor, language):
        self.visitor, self.page, self.language = visitor, visitor.page, language

    def say(self, text, **values):
        with override(self.language):
            return gettext(text) % values if values else gettext(text)

    def look(self):
        self.visitor.look()
        assert self.page.locator("html").get_attribute("lang") == self.language, self.page.url
        assert overflow(self.page) == 0, self.page.url
        assert self.page.evaluate(CUT) == [], self.page.url

    def open(self, path):
        self.page.goto(f"/{self.language}/protesta-argentina/{path}")
        self.look()

    def pick(self, name, value):
        self.page.locator(f'[name={name}][value="{value}"]').check()

    def write(self, name, text):
        self.page.locator(f"main [name={name}]").fill(text)

    def press(self, text):
        self.page.get_by_role("button", name=self.say(text), exact=True).click()
        self.look()

    def pay(self):
        """The payment page's own button; it leads back to the gift's page."""
        self.page.locator("main form button[type=submit]").first.click()
        self.page.wait_for_url("**/gift/**")
        self.look()

    def reads(self, text, **values):
        assert self.say(text, **values) in self.visitor.words()


def ways_in_languages(way):
    return [
        pytest.param(
            language,
            SCRIPTLESS_IN[way] != language,
            id=language,
            marks=() if language in {"es", SCRIPTLESS_IN[way]} else pytest.mark.languages,
        )
        for language in LANGUAGES
    ]


@pytest.fixture
def giver(house, visitor, language, has_scripts):
    return Giver(visitor(width=390, locale=language, has_scripts=has_scripts), language)


@pytest.mark.parametrize(("language", "has_scripts"), ways_in_languages("card"))
def test_by_card_once_with_the_fee(house, giver, inbox):
    giver.open("donate/?currency=EUR")
    giver.pick("preset", "25")
    giver.pick("fund", house.base_law.pk)
    giver.pick("method", "card")
    giver.page.locator("[name=cover_fee]").check()
    giver.write("email", "ana@example.org")
    giver.press("Continue")
    giver.reads("Share of the card fees")
    giver.press("Go to the payment")
    giver.pay()
    house.work()
    giver.page.reload()
    giver.look()

    giver.reads("Thank you. Your gift has arrived and is in the fund's books.")
    donation = Donation.objects.get()
    assert (donation.fund, donation.pledge.language) == (house.base_law, giver.language)
    assert [recipients for recipients, _text in inbox.messages] == [["ana@example.org"]]


@pytest.mark.parametrize(("language", "has_scripts"), ways_in_languages("monthly"))
def test_by_card_every_month(house, giver):
    giver.open("donate/?currency=EUR")
    giver.pick("preset", "other")
    giver.write("amount", "12,50")
    giver.pick("frequency", "monthly")
    giver.press("Continue")
    giver.pay()
    house.work()
    giver.page.reload()
    giver.look()

    giver.reads("Thank you. Each month that arrives stands below and in the fund's books.")
    expect(giver.page.get_by_text(giver.say("running"), exact=True)).to_be_visible()
    assert str(Subscription.objects.get().amount) == "12.500"
    assert Donation.objects.count() == 1


@pytest.mark.parametrize(("language", "has_scripts"), ways_in_languages("transfer"))
def test_by_transfer(house, giver):
    giver.open("donate/?currency=EUR")
    giver.pick("preset", "50")
    giver.pick("method", "transfer")
    giver.press("Continue")

    pledge = Pledge.objects.get()
    giver.reads("Thank you. Send your transfer with the reference below; we look for it on the bank statement.")  # fmt: skip
    assert pledge.reference in giver.visitor.words().replace(" ", "").replace("\xa0", "")
    giver.page.get_by_role("link", name=giver.say("A page to print, with these details and nothing of the cause")).click()  # fmt: skip
    giver.look()
    assert house.bank.number in giver.visitor.words().replace(" ", "").replace("\xa0", "")


@pytest.mark.parametrize(("language", "has_scripts"), ways_in_languages("promise"))
def test_by_a_promise_of_instalments_paid_by_card(house, giver):
    giver.open("promise/?currency=EUR")
    giver.write("amount", "20")
    giver.pick("rhythm", "monthly")
    giver.write("times", "3")
    giver.pick("method", "card_later")
    giver.page.locator("main form button[type=submit]").last.click()
    giver.look()
    giver.reads("Is this what you promise?")
    giver.press("I promise this")
    pledge = Pledge.objects.get()
    assert (pledge.instalments.count(), pledge.amount) == (3, 60)
    # The first part at once.
    giver.page.locator("form[action$='/pay/'] button").click()
    giver.look()
    giver.pay()
    house.work()
    giver.page.reload()
    giver.look()

    expect(giver.page.locator(".tag", has_text=giver.say("paid"))).to_have_count(1)
    assert [str(donation.amount) for donation in Donation.objects.all()] == ["20.000"]


@pytest.mark.parametrize(("language", "has_scripts"), ways_in_languages("condition"))
def test_by_a_card_charged_only_if_the_target_is_met(house, giver):
    now = timezone.now()
    factories.make_condition(
        house.appeal, target="30", ends_on=now.date() + timedelta(days=9), created_at=now
    )
    giver.open("promise/?currency=EUR")
    giver.page.get_by_role("link", name=giver.say("Give only if the target is met")).click()
    giver.look()
    giver.write("amount", "40")
    giver.write("email", "ana@example.org")
    giver.press("Continue")
    giver.press("Leave my card with Stripe")
    giver.pay()
    house.work()
    giver.page.goto(gift_path(Pledge.objects.get()))
    giver.look()

    assert "40,00" in giver.visitor.words() or "40.00" in giver.visitor.words()
    # The appeal tells of it beside what has arrived.
    conditional.keep_cards(at=timezone.now())
    giver.open("")
    [told] = came_in_for_appeal(house.appeal)
    with override(giver.language):
        amount = money(told.conditional, "EUR")
    giver.reads("and %(amount)s on condition that the target is met", amount=amount)

    state = state_of(Pledge.objects.get(), at=timezone.now())
    assert (state.stage, state.donations) == (Stage.KEPT, [])
