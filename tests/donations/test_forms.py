from decimal import Decimal

import pytest
from django.core import signing
from django.utils import translation

from donations.forms import DonateForm
from donations.models import Pledge, TaxSentence
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def appeal():
    appeal = factories.make_appeal()
    factories.make_fund("appeal", appeal=appeal)
    return appeal


def form_with(appeal, currency="EUR", language="es", **changes):
    """The form as a browser would send it, with `changes`."""
    with translation.override(language):
        blank = DonateForm(appeal=appeal, currency=currency)
        data = {
            "fund": blank.fields["fund"].initial.pk,
            "preset": blank.fields["preset"].initial,
            "amount": "",
            "frequency": "once",
            "method": "card",
            "email": "",
            "started": blank.fields["started"].initial,
        }
        form = DonateForm(data | changes, appeal=appeal, currency=currency)
        form.is_valid()
        return form


def test_form_as_offered_is_a_whole_gift(appeal):
    form = form_with(appeal)

    assert form.errors == {}
    gift = form.gift()
    assert (gift.appeal, gift.fund, gift.method, gift.amount, gift.currency) == (
        appeal,
        appeal.funds.get(),
        Pledge.Method.CARD,
        Decimal("25.00"),
        "EUR",
    )
    assert (gift.email, gift.language) == ("", "es")


@pytest.mark.parametrize(("text", "amount"), [("12,50", "12.50"), ("12.50", "12.50"), ("3", "3")])
def test_written_amount_wins_over_the_preset(appeal, text, amount):
    assert form_with(appeal, amount=text).gift().amount == Decimal(amount)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"amount": "much"},
            "amount",
            "Write the amount in figures, like 25,50: no letters, signs or currency symbol.",
        ),
        (
            {"amount": "12.34.5"},
            "amount",
            "We cannot tell what amount this is. Write it without grouping, like 25,50.",
        ),
        (
            {"amount": "3,999"},
            "amount",
            None,
        ),
        (
            {"amount": "2,99"},
            "amount",
            "The smallest gift by this form is €3.00.",
        ),
        (
            {"amount": "5000,01"},
            "amount",
            "The largest gift by this form is €5,000.00. For more, please write to us.",
        ),
        ({"preset": "other"}, "amount", "Write the amount you want to give."),
        ({"preset": ""}, "preset", "Choose an amount, or write another."),
        ({"fund": ""}, "fund", "Choose what your gift is for."),
        (
            {"fund": 10**9},
            "fund",
            "This purpose takes no gifts any more. Please choose another.",
        ),
        ({"method": ""}, "method", "Choose card or bank transfer."),
        ({"email": "ana@"}, "email", "This is no e-mail address. Write it like ana@example.org."),
        (
            {"started": "forged"},
            "started",
            "This page was open for too long. Nothing was charged; please send it again.",
        ),
    ],
)
def test_form_says_what_is_wrong(appeal, changes, field, sentence):
    form = form_with(appeal, language="en", **changes)

    expected = {field: [sentence]} if sentence else {}
    assert form.errors == expected


def test_stale_form_goes_out_again_with_a_fresh_token(appeal):
    form = form_with(appeal, started="forged")
    data = form.data

    again = DonateForm(data, appeal=appeal, currency="EUR")

    assert again.is_valid(), again.errors


def test_currency_without_decimals_refuses_them(appeal):
    form = form_with(appeal, currency="CLP", language="en", amount="5000,50")

    assert form.errors == {"amount": ["CLP has no such small parts. Write the amount like 1500."]}
    assert form_with(appeal, currency="CLP", amount="5.000").gift().amount == Decimal(5000)


def test_transfer_is_offered_only_where_an_account_takes_it(appeal):
    assert "method" in form_with(appeal, method="transfer").errors

    factories.make_bank_account("EUR", takes_gifts=True)

    assert form_with(appeal, method="transfer").gift().method == Pledge.Method.TRANSFER


def test_fund_of_another_appeal_is_refused(appeal):
    other = factories.make_fund("appeal", appeal=factories.make_appeal())

    assert "fund" in form_with(appeal, fund=other.pk).errors


def test_funds_are_named_by_the_public_titles(appeal):
    case = factories.make_case(appeal)
    factories.make_fund("case", case=case)
    # A person in a title stands there by their key, which is not for supporters' eyes.
    accused = factories.make_case(appeal, "accused")
    accused.texts.update(title="Against [[r]]")
    factories.make_fund("case", case=accused)
    with translation.override("en"):
        form = DonateForm(appeal=appeal, currency="EUR")
        labels = [str(label) for _value, label in form.fields["fund"].choices]

    assert labels == ["Where it is needed most", "Sample case (en)", "Against a person"]


@pytest.mark.parametrize(
    ("has_account", "sentence"),
    [
        (False, "Cards carry KWD in steps of 0.010 only: give KWD\u00a025.500 or KWD\u00a025.510."),
        (
            True,
            "Cards carry KWD in steps of 0.010 only: give KWD\u00a025.500 or KWD\u00a025.510,"
            " or choose bank transfer for any amount.",
        ),
    ],
)
def test_card_of_three_decimals_goes_in_steps_and_says_which(appeal, has_account, sentence):
    if has_account:
        factories.make_bank_account("KWD", takes_gifts=True)

    form = form_with(appeal, "KWD", "en", preset="other", amount="25.505")

    assert form.errors == {"amount": [sentence]}


def test_card_of_three_decimals_takes_what_is_in_steps(appeal):
    form = form_with(appeal, "KWD", "en", preset="other", amount="25.510")

    assert form.gift().amount == Decimal("25.510")


def test_transfer_of_three_decimals_takes_any_amount(appeal):
    factories.make_bank_account("KWD", takes_gifts=True)

    form = form_with(appeal, "KWD", "en", preset="other", amount="25.505", method="transfer")

    assert form.gift().amount == Decimal("25.505")


@pytest.mark.parametrize("text", ["2500,50", "2500.5"])
def test_currency_without_decimals_takes_none(appeal, text):
    form = form_with(appeal, "CLP", "en", preset="other", amount=text)

    assert form.errors == {"amount": ["CLP has no such small parts. Write the amount like 1500."]}


def test_form_sent_at_once_is_kept_and_good_a_moment_later(appeal, settings):
    settings.FORM_LEAST_SECONDS = 2
    at_once = form_with(appeal, language="en", email="ana@example.org")

    assert at_once.errors == {
        "started": ["That was quicker than people are. Nothing was charged; please send it again."]
    }
    # The same page, sent again as it stands.
    token = at_once.data["started"]
    earlier = token.split(":")
    when = signing.b62_encode(signing.b62_decode(earlier[1]) - 3)
    older = signing.Signer(salt="donations.form").sign(f"{earlier[0]}:{when}")
    assert form_with(appeal, started=older).errors == {}


def test_field_for_programs_filled_in_keeps_everything_else(appeal):
    form = form_with(appeal, language="en", website="https://spam.example", amount="12,50")

    assert form.errors == {
        "__all__": [
            "Something filled in a field that is not for people. It is empty again and nothing was charged;"
            " please send the form once more."
        ]
    }
    assert (form.data["website"], form.data["amount"]) == ("", "12,50")
    assert DonateForm(form.data, appeal=appeal, currency="EUR").is_valid()


def test_same_form_with_other_choices_is_another_gift(appeal):
    factories.make_bank_account("EUR", takes_gifts=True)
    form = form_with(appeal)
    started = form.data["started"]

    def again(**changes):
        return form_with(appeal, **{"started": started} | changes).uuid

    assert again() == form.uuid == again(email="ana@example.org")
    assert len({form.uuid, again(method="transfer"), again(preset="50")}) == 3


def test_paused_method_is_not_offered(appeal):
    factories.make_bank_account("EUR", takes_gifts=True)
    form = DonateForm(appeal=appeal, currency="EUR", paused=frozenset({"card"}))

    assert [value for value, _label in form.methods] == ["transfer"]
    assert form.fields["method"].initial == "transfer"
    # Monthly gifts go by card.
    assert [value for value, _label in form.fields["frequency"].choices] == ["once"]
    assert not form.offers_cards


def test_country_is_asked_for_where_one_has_a_tax_sentence(appeal):
    assert "country" not in form_with(appeal).fields
    TaxSentence.objects.create(country="ES", language="es", sentence="Invented.")

    form = form_with(appeal, country="ES", language="en")

    assert form.fields["country"].choices == [("", "Another, or none"), ("ES", "Spain")]
    assert (form.errors, form.gift().country) == ({}, "ES")
    assert form_with(appeal, country="FR").errors.keys() == {"country"}
    assert form_with(appeal).gift().country == ""
