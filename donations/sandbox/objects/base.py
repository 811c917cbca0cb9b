"""What all of Stripe's objects share: an identifier that grows with time, every field of the SDK's class, a row."""

import secrets
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args

from donations.sandbox.models import SandboxObject

Json = dict[str, Any]

# Stripe shows the customer's details in every session and event. Ours are invented, and there so that it shows
# when something that must not be kept is kept.
SOMEBODY: Json = {
    "address": {
        "city": None,
        "country": "ES",
        "line1": None,
        "line2": None,
        "postal_code": "28000",
        "state": None,
    },
    "business_name": None,
    "individual_name": None,
    "name": "Test Supporter",
    "phone": None,
    "tax_exempt": "none",
    "tax_ids": [],
}

# Where nobody typed an address of mail.
SOMEBODYS_EMAIL = "somebody@example.org"


def new_id(prefix: str) -> str:
    """A new identifier, later in the alphabet than those before it."""
    return f"{prefix}_{time.time_ns():016x}{secrets.token_hex(6)}"


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def keep(
    data: Json, *, at: datetime, notes: Json | None = None, due_at: datetime | None = None
) -> SandboxObject:
    """Stores a new object; `due_at` is when the clock does something with it (jobs.py)."""
    return SandboxObject.objects.create(
        id=data["id"],
        kind=data["object"],
        data=data,
        created_at=at,
        notes=notes or {},
        due_at=due_at,
    )


def change(data: Json) -> None:
    """Stores the new state of an object that is there."""
    SandboxObject.objects.filter(id=data["id"]).update(data=data)


@cache
def nullable(shape: type) -> tuple[str, ...]:
    """The fields that may be null. Lists within an object are shown only when asked for; `deleted` only when true."""
    return tuple(
        name
        for name, hint in shape.__annotations__.items()
        if type(None) in get_args(hint) and "ListObject" not in str(hint) and name != "deleted"
    )


def new(shape: type, prefix: str, at: datetime, fields: Json) -> Json:
    """An object of the SDK's class `shape`: what may be null is, unless `fields` says more."""
    head = {"id": new_id(prefix), "object": shape.OBJECT_NAME, "created": seconds(at)}  # type: ignore[attr-defined]
    return dict.fromkeys(nullable(shape)) | head | {"livemode": False} | fields


def within(shape: type, fields: Json) -> Json:
    """A part of an object, of the SDK's inner class `shape`: it has neither identifier nor age."""
    return dict.fromkeys(nullable(shape)) | fields


def list_of(rows: list[Json], url: str, *, has_more: bool = False) -> Json:
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}
