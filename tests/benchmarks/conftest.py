"""Measurements: each beside its reference, in turns, in one run; one table at the end.

    ./run test tests/benchmarks -m benchmark -n 0 -s

A ratio under its goal fails. The machine's own noise is taken out by turns: reference and ours alternate, and the
median over all turns counts.
"""

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import connection

from tests.benchmarks.serving import served
from tests.conftest import IS_CLUSTER_WANTED

ROWS: list[tuple[str, str, str, str, str]] = []
TURNS = 7


@dataclass(frozen=True)
class Rates:
    """Calls per second of ours and of the reference, and the median over the turns of their quotient."""

    ours: float
    reference: float
    ratio: float


def in_turns(ours: Callable[[], None], reference: Callable[[], None], calls: int) -> Rates:
    """Runs each `calls` times a turn, one after the other, the first turn for warming up."""
    rates: dict[str, list[float]] = {"ours": [], "reference": []}
    for turn in range(TURNS + 1):
        for name, work in (("reference", reference), ("ours", ours)):
            started = time.perf_counter()
            for _i in range(calls):
                work()
            if turn:
                rates[name].append(calls / (time.perf_counter() - started))
    quotients = [a / b for a, b in zip(rates["ours"], rates["reference"], strict=True)]
    return Rates(
        statistics.median(rates["ours"]),
        statistics.median(rates["reference"]),
        statistics.median(quotients),
    )


@pytest.fixture(scope="session", autouse=True)
def server_at_rest(django_db_setup, django_db_blocker):
    """The server of the tests sweeps its tables when it is told to (`rows.settle`), not behind what is measured."""
    if not IS_CLUSTER_WANTED:
        yield
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET autovacuum = off")
        cursor.execute("SELECT pg_reload_conf()")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM RESET autovacuum")
        cursor.execute("SELECT pg_reload_conf()")


@pytest.fixture
def server():
    with served() as site:
        yield site


@pytest.fixture
def row():
    """Adds a line to the table: what, the figure, the goal ("≤ 150 ms", or a word where there is none), and a remark."""

    def add(what: str, figure: str, goal: str, remark: str = "") -> None:
        ROWS.append((what, figure, goal, is_reached(figure, goal), remark))

    return add


def is_reached(figure: str, goal: str) -> str:
    """ "yes" or "NO"; "" where the goal is no number."""
    sign, limit = goal[:1], number_in(goal)
    if sign not in {"≤", "≥"}:
        return ""
    reached = number_in(figure) <= limit if sign == "≤" else number_in(figure) >= limit
    return "yes" if reached else "NO"


def number_in(text: str) -> float:
    found = re.search(r"-?\d[\d,]*(\.\d+)?", text)
    return float(found[0].replace(",", "")) if found else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    terminalreporter.section("measured")
    table = [("measure", "figure", "goal", "ok", ""), *ROWS]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for what, figure, goal, ok, remark in table:
        line = f"{what:<{widths[0]}}  {figure:>{widths[1]}}  {goal:<{widths[2]}}  {ok:<{widths[3]}}  {remark}"
        terminalreporter.write_line(line.rstrip())
    missed = sum(line[3] == "NO" for line in ROWS)
    terminalreporter.write_line(f"{len(ROWS)} measures, {missed} of them not reached")
