"""What the SDK's own types do not allow is refused, with the code and the parameter Stripe would name."""

import pytest
import stripe
from stripe.params import CustomerCreateParams, EventListParams
from stripe.params.checkout import SessionCreateParams

from donations.sandbox import contract
from donations.sandbox.errors import SandboxError
from donations.sandbox.models import SandboxObject
from tests.sandbox.steps import create, line


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"metdata": {"a": "b"}}, "metdata", "parameter_unknown"),
        ({"mode": "donation"}, "mode", None),
        ({"mode": "subscription"}, "line_items[0][price_data][recurring]", None),
        ({"mode": "setup"}, "currency", "parameter_missing"),
        ({"mode": "setup", "currency": "eur"}, "line_items", None),
        ({"subscription_data": {"description": "x"}}, "subscription_data", None),
        ({"customer": "cus_none"}, "id", "resource_missing"),
        ({"submit_type": "donation"}, "submit_type", None),
        ({"ui_mode": "hosted"}, "ui_mode", None),
        ({"line_items": "gift"}, "line_items", None),
        ({"line_items": []}, "line_items", "parameter_missing"),
        ({"success_url": ""}, "success_url", "parameter_missing"),
        ({"line_items": [{"quantity": 1, "price": "price_1"}]}, "line_items[0][price_data]", None),
        (
            {"line_items": [{"price_data": {"unit_amount": 5}}]},
            "line_items[0][price_data][currency]",
            "parameter_missing",
        ),
        ({"line_items": [line(25.5)]}, "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        ({"line_items": [line(-5)]}, "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        ({"line_items": [line(5, quantity=0)]}, "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        ({"line_items": [line(5, "EUR")]}, "line_items[0][price_data][currency]", None),
        ({"line_items": [line(5), line(5, "usd")]}, "line_items", None),
        ({"line_items": [line(0)]}, "line_items", "amount_too_small"),
        ({"line_items": [line(100_000_000)]}, "line_items", "amount_too_large"),
        (
            {"payment_method_types": ["card"]},
            "payment_method_types",
            "payment_method_types_no_longer_supported",
        ),
        ({"allowed_payment_method_types": ["cheque"]}, "allowed_payment_method_types[0]", None),
        ({"adaptive_pricing": {"enabled": "perhaps"}}, "adaptive_pricing[enabled]", None),
        ({"metadata": "pledge"}, "metadata", None),
        ({"metadata": {"pledge": {"uuid": "1"}}}, "metadata[pledge]", None),
        ({"metadata": {"pledge": "x" * 501}}, "metadata[pledge]", None),
        ({"metadata": {"x" * 41: "1"}}, "metadata", None),
        ({"metadata": {str(n) + "k": "1" for n in range(51)}}, "metadata", None),
        ({"expires_at": 1}, "expires_at", None),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"payment_intent_data": {"x": "1"}}, "payment_intent_data[x]", "parameter_unknown"),
        ({"expand": ["payment_intent.a.b.c.d"]}, "expand", None),
        ({"expand": ["payment_intnet"]}, "expand", None),
    ],
)  # fmt: skip
def test_request_the_sdks_types_do_not_allow_is_refused(changes, param, code):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(**changes)

    assert (refusal.value.param, refusal.value.code) == (param, code)
    assert not SandboxObject.objects.exists()


@pytest.mark.parametrize(
    "option", ["api_key", "content_type", "headers", "max_network_retries", "stripe_account"]
)
def test_option_of_the_sdk_is_no_parameter(option):
    with pytest.raises(SandboxError, match="unknown parameter"):
        contract.read({option: "x"}, SessionCreateParams)


def test_form_is_read_as_what_it_says():
    sent = "types[0]=payout.paid&types[1]=payout.failed&created[gte]=5&limit=3&delivery_success=false&expand[]=data"

    assert contract.read(contract.tree(sent), EventListParams) == {
        "types": ["payout.paid", "payout.failed"],
        "created": {"gte": 5},
        "limit": 3,
        "delivery_success": False,
        "expand": ["data"],
    }


def test_more_than_ten_items_keep_their_order():
    sent = "&".join(f"types[{n}]=t{n}" for n in range(12))

    assert contract.tree(sent)["types"] == [f"t{n}" for n in range(12)]


def test_emptied_metadata_and_other_shapes_of_one_parameter():
    assert contract.read({"metadata": ""}, CustomerCreateParams) == {"metadata": ""}
    assert contract.read({"created": "7"}, EventListParams) == {"created": 7}
    with pytest.raises(SandboxError) as refusal:
        contract.read({"created": {"since": "7"}}, EventListParams)
    assert refusal.value.param == "created[since]"


def test_name_that_is_both_a_value_and_an_object_is_refused():
    with pytest.raises(SandboxError, match="both a value and an object"):
        contract.tree("metadata=1&metadata[a]=2")
