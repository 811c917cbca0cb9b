"""Every call of Stripe's API that stands in our code meets a route of the sandbox, which reads it by the SDK's own type."""

import ast
import inspect
import re
from operator import attrgetter
from pathlib import Path

import pytest
import stripe

from donations import stripe_api
from donations.sandbox.routes import ROUTES
from donations.stripe_api.objects import KINDS


class Sent(Exception):
    """What would have gone to Stripe: the method and the path."""


class Recorder(stripe.HTTPClient):
    name = "recorder"

    def request(self, method, url, headers, post_data=None):
        raise Sent(method, url.removeprefix("https://api.stripe.com"))


def v1():
    return stripe.StripeClient("sk_test_recorded", http_client=Recorder(), max_network_retries=0).v1


def called(node):
    """ "checkout.sessions.create" where the code says client().v1.checkout.sessions.create(…)."""
    names, here = [], node.func
    while isinstance(here, ast.Attribute):
        names.insert(0, here.attr)
        here = here.value
    is_client = isinstance(here, ast.Call) and getattr(here.func, "id", "") == "client"
    return ".".join(names[1:]) if is_client and names[0] == "v1" else None


def calls_of_our_code():
    calls = {f"{noun(kind.service())}.list" for kind in KINDS}
    for file in Path(stripe_api.__file__).parent.rglob("*.py"):
        nodes = (
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)
        )
        calls.update(filter(None, map(called, nodes)))
    return sorted(calls)


def noun(service):
    """Where the SDK keeps it: "radar.early_fraud_warnings"."""
    module = type(service).__module__.removeprefix("stripe.").removesuffix("_service")
    return f"{module.replace('._', '.').lstrip('_')}s"


@pytest.mark.parametrize("call", calls_of_our_code())
def test_call_is_read_by_the_type_the_sdk_gives_it(call):
    method = attrgetter(call)(v1())
    parameters = inspect.signature(method).parameters
    identifiers = ["x1" for name in parameters if name not in {"params", "options"}]

    with pytest.raises(Sent) as sent:
        method(*identifiers, params={})

    verb, path = sent.value.args
    [shape] = [
        route.shape
        for route in ROUTES
        if route.method == verb and re.fullmatch(route.pattern, path.split("?")[0])
    ][:1]
    assert re.findall(r"\w+Params", str(parameters["params"].annotation)) == [shape.__name__]
    assert shape.__module__.startswith("stripe.params")


def test_calls_are_found():
    calls = calls_of_our_code()

    assert len(calls) >= 26
    assert {"checkout.sessions.create", "radar.early_fraud_warnings.list", "refunds.create"} <= set(
        calls
    )
    # Nobody asks past these modules.
    root = Path(stripe_api.__file__).parent.parent
    elsewhere = [
        file.name
        for file in root.rglob("*.py")
        if Path(stripe_api.__file__).parent not in file.parents
        and "stripe_api.client()" in file.read_text()
    ]
    assert elsewhere == []
