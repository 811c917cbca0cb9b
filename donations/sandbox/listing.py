"""Lists as Stripe gives them, the newest first and page by page; and objects put in the place of their identifiers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from . import objects
from .errors import SandboxError
from .models import SandboxObject, SandboxObjectQuerySet
from .objects import Json

MOST_AT_ONCE = 100
# Stripe's own limit on "a.b.c.d".
DEEPEST = 4
# Compared with the field of the same name in the object.
EQUAL = frozenset(
    {
        "charge",
        "collection_method",
        "currency",
        "customer",
        "email",
        "invoice",
        "payment_intent",
        "payment_method",
        "product",
        "source",
        "status",
        "subscription",
        "type",
    }
)
ENDED = ("canceled", "incomplete_expired")
PAGING = frozenset({"ending_before", "expand", "limit", "starting_after"})


def page(kind: str, params: Json, *, url: str) -> Json:
    """One page of the objects of a kind; `params` are those of the SDK's …ListParams, read by contract.read."""
    rows = SandboxObject.objects.of_kind(kind)
    for name, value in params.items():
        if name not in PAGING:
            rows = _only(rows, kind, name, value)
    if kind == "subscription" and "status" not in params:
        # Stripe lists these only when asked for them.
        rows = rows.exclude(data__status__in=ENDED)
    limit = params.get("limit", 10)
    if not 1 <= limit <= MOST_AT_ONCE:
        raise SandboxError(f"limit must be from 1 to {MOST_AT_ONCE}.", param="limit")
    rows = rows.newest_first()
    if before := params.get("ending_before"):
        newer = _beside(rows, before, "ending_before").reverse()
        found = list(newer[: limit + 1])
        shown = found[:limit][::-1]
    else:
        if after := params.get("starting_after"):
            rows = _beside(rows, after, "starting_after")
        found = list(rows[: limit + 1])
        shown = found[:limit]
    return objects.list_of([row.data for row in shown], url, has_more=len(found) > limit)


def _only(rows: SandboxObjectQuerySet, kind: str, name: str, value: Any) -> SandboxObjectQuerySet:
    match name, value:
        case ("created", _):
            return _created(rows, value if isinstance(value, dict) else {"eq": value})
        case ("arrival_date", dict()):
            return rows.filter(**{f"data__arrival_date__{k}": v for k, v in value.items()})
        case ("subscription", _) if kind == "invoice":
            return rows.filter(data__parent__subscription_details__subscription=value)
        case ("payment", {"payment_intent": payment}):
            return rows.filter(data__payment__payment_intent=payment)
        case ("status", "all") if kind == "subscription":
            return rows
        case ("status", "ended") if kind == "subscription":
            return rows.filter(data__status__in=ENDED)
        case ("payout", _):
            return rows.filter(notes__payout=value)
        case ("types", list()):
            return rows.filter(data__type__in=value)
        case ("type", str()) if value.endswith("*"):
            return rows.filter(data__type__startswith=value[:-1])
        case ("delivery_success", bool()):
            undelivered = SandboxObject.objects.filter(
                deliveries__isnull=False, deliveries__delivered_at=None
            )
            ids = undelivered.values("id")
            return rows.exclude(id__in=ids) if value else rows.filter(id__in=ids)
        case _ if name in EQUAL or name == "arrival_date":
            return rows.filter(**{f"data__{name}": value})
        case _:
            raise SandboxError(f"The sandbox does not list by {name}.", param=name)


def _created(rows: SandboxObjectQuerySet, bounds: dict[str, int]) -> SandboxObjectQuerySet:
    """Stripe compares whole seconds; our instants are finer."""
    for bound, value in bounds.items():
        start = datetime.fromtimestamp(value, UTC)
        end = start + timedelta(seconds=1)
        if bound in {"gte", "eq"}:
            rows = rows.filter(created_at__gte=start)
        if bound in {"lte", "eq"}:
            rows = rows.filter(created_at__lt=end)
        if bound == "gt":
            rows = rows.filter(created_at__gte=end)
        if bound == "lt":
            rows = rows.filter(created_at__lt=start)
    return rows


def _beside(rows: SandboxObjectQuerySet, object_id: str, param: str) -> SandboxObjectQuerySet:
    """The rows older than the object, or newer: which, says `param`."""
    one = SandboxObject.objects.filter(id=object_id).first()
    if one is None:
        raise SandboxError(
            f"No such object: '{object_id}'", code="resource_missing", param=param, status=404
        )
    if param == "starting_after":
        older = rows.filter(created_at__lte=one.created_at)
        return older.exclude(created_at=one.created_at, id__gte=one.id)
    newer = rows.filter(created_at__gte=one.created_at)
    return newer.exclude(created_at=one.created_at, id__lte=one.id)


def expand(node: Json, wish: str) -> None:
    """Puts the object named by `wish` ("data.source", "payment_intent.latest_charge") in the place of its identifier."""
    path = wish.split(".")
    if len(path) > DEEPEST:
        raise SandboxError(f"You cannot expand more than {DEEPEST} levels.", param="expand")
    _expand([node], path, wish)


def _expand(nodes: list[Any], path: list[str], wish: str) -> None:
    """All nodes of one depth together: one question to the database for each depth."""
    if not path:
        return
    name, *rest = path
    for node in nodes:
        if not isinstance(node, dict) or (name not in node and not _is_hidden(node, name)):
            raise SandboxError(f"This property cannot be expanded ({wish}).", param="expand")
        if name not in node:
            node[name] = HIDDEN[node["object"], name](node["id"])
    wanted = {node[name] for node in nodes if isinstance(node[name], str)}
    found = SandboxObject.objects.in_bulk(wanted) if wanted else {}
    if len(found) < len(wanted):
        raise SandboxError(f"This property cannot be expanded ({wish}).", param="expand")
    for node in nodes:
        if isinstance(node[name], str):
            # A copy of its own for each: what stands in it may be expanded further.
            node[name] = dict(found[node[name]].data)
    _expand([inner for node in nodes for inner in _flat(node[name])], rest, wish)


def _flat(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _is_hidden(node: Json, name: str) -> bool:
    return (node.get("object"), name) in HIDDEN


def line_items(session_id: str) -> Json:
    session = SandboxObject.objects.sessions().get(id=session_id)
    lines = [
        {"id": f"li_{session.id}_{n}", **line} for n, line in enumerate(session.notes["lines"])
    ]
    return objects.list_of(lines, f"/v1/checkout/sessions/{session.id}/line_items")


# Lists that Stripe shows within an object only when asked for.
HIDDEN: dict[tuple[str, str], Callable[[str], Json]] = {
    ("checkout.session", "line_items"): line_items,
    ("charge", "refunds"): lambda id_: page("refund", {"charge": id_}, url="/v1/refunds"),
    ("customer", "subscriptions"): lambda id_: page(
        "subscription", {"customer": id_}, url="/v1/subscriptions"
    ),
    ("invoice", "payments"): lambda id_: page(
        "invoice_payment", {"invoice": id_}, url="/v1/invoice_payments"
    ),
}
