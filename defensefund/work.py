"""What waits for a person of the office: each app says which of its rows do, and the office's first page counts them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse

# A count costs the same at any size: above it the page says "999+".
MOST = 999


@dataclass(frozen=True)
class Work:
    """`rows(user)` are those that wait for whoever has `permission` ("<app>.<codename>"); `words(count)` name them.

    `page` is the address by name where they are listed, `query` what filters that list. `as_of` says when the rows were
    found, where they are not what holds now; `until(user)` when the first of them has to be done.
    """

    permission: str
    rows: Callable[[User], "QuerySet[Any]"]
    words: Callable[[int], str]
    page: str
    query: str = ""
    as_of: Callable[[], datetime | None] | None = None
    until: Callable[[User], datetime | None] | None = None


@dataclass(frozen=True)
class Waiting:
    """So many rows, in words, where to go, when they were counted unless it is now, and until when the first has to be done."""

    count: str
    words: str
    url: str
    as_of: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Block:
    """A part of the office's first page for whoever has `permission`: `template`, filled with what `facts(user)` says."""

    permission: str
    template: str
    facts: Callable[[User], dict[str, Any]]


_offered: list[Work] = []
_blocks: list[Block] = []


def offer(*works: Work) -> None:
    """Called once by each app's admin, in the order in which the page lists them."""
    _offered.extend(works)


def offer_block(block: Block) -> None:
    """Called as `offer` is."""
    _blocks.append(block)


def blocks_for(user: User) -> list[dict[str, Any]]:
    """What else the first page shows `user`: each block's facts, with its `template`."""
    return [
        {"template": block.template} | block.facts(user)
        for block in _blocks
        if user.has_perm(block.permission)
    ]


def waiting_for(user: User) -> list[Waiting]:
    """What there is to do for `user` and is not nothing; one query, and one for each that says as of or until when."""
    works = [work for work in _offered if user.has_perm(work.permission)]
    counts = _count(work.rows(user) for work in works)
    return [
        Waiting(
            count=str(count) if count <= MOST else f"{MOST}+",
            words=work.words(count),
            url=reverse(work.page) + (work.query and f"?{work.query}"),
            as_of=work.as_of() if work.as_of else None,
            until=work.until(user) if work.until else None,
        )
        for work, count in zip(works, counts, strict=True)
        if count
    ]


def _count(rows: Iterable["QuerySet[Any]"]) -> list[int]:
    """How many each has, at most one more than MOST."""
    parts: list[str] = []
    values: list[Any] = []
    for each in rows:
        try:
            sql, params = each.order_by().values("pk")[: MOST + 1].query.sql_with_params()
        except EmptyResultSet:
            sql, params = "SELECT 1 WHERE false", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) AS part)")  # noqa: S608  Django's own SQL
        values += params
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return list(cursor.fetchone())
