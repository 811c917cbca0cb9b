"""Many at once: the one way tests have of letting several threads do something at the same moment, and of waiting for others."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

# The pool of a process has eight connections, and the test itself may hold one.
THREADS = 7


def in_parallel(count, work):
    """`count` calls of `work(number)` by several threads that begin together, each on a connection of its own.

    How each ended, in order: its result, or the name of its error, so that a test compares whole outcomes.
    """
    parties = min(count, THREADS)
    start, begun = threading.Barrier(parties), threading.local()

    def run(number):
        if not hasattr(begun, "waited"):
            begun.waited = True
            start.wait(timeout=10)
        try:
            return work(number)
        except Exception as error:
            return type(error).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(parties) as pool:
        return list(pool.map(run, range(count)))


def wait_until(is_so: Callable[[], bool], seconds: float = 15, *, every: float = 0.02) -> None:
    """For what another thread or process brings about; fails when it has not come in time.

    Looked for `every` so many seconds: less often where to look is work itself.
    """
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(every)
