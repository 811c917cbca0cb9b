"""An address of Stripe's API, and the answers many of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from donations.sandbox import listing
from donations.sandbox.errors import missing
from donations.sandbox.models import SandboxObject
from donations.sandbox.objects import Json

Handler = Callable[[Json, str, datetime], Json]


@dataclass(frozen=True)
class Route:
    """`answer` gets the parameters read, the identifier in the address (or "") and the present instant."""

    method: str
    pattern: str
    shape: Any
    answer: Handler


def kept(kind: str, id_: str) -> SandboxObject:
    """SandboxError when there is none of this kind."""
    found = SandboxObject.objects.filter(id=id_, kind=kind).first()
    if found is None:
        raise missing(id_, kind)
    return found


def readable(kind: str, url: str, one: Any, many: Any) -> list[Route]:
    """A kind of object that can be read by its identifier, and listed; with the SDK's types of both requests."""
    return [
        Route("get", url, many, lambda params, _id, _at: listing.page(kind, params, url=url)),
        Route(
            "get", rf"{url}/(?P<id>\w+)", one, lambda _params, id_, _at: dict(kept(kind, id_).data)
        ),
    ]
