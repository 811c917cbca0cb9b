"""What stands between the web server and Django: a body is read whole, in limited size, before anything else is held.

The server gives each request a thread, and somebody who sends a form slowly keeps that thread. So there are many, of which
only a few work at a time: the rest may wait for slow lines without anybody else waiting for them. Who waits for a service
outside, which may not answer for half a minute, lets another work meanwhile (`outside`).
"""

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.db import connection

Environ = dict[str, Any]
StartResponse = Callable[..., object]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

# Threads of one process: so many bodies may be on their way to it.
WAITING = 128
# Requests that Django works on at the same time in one process: more would only take turns, and wait for the database.
WORKING = 4
MEGABYTE = 1024 * 1024
# Above the largest file that the office takes in; Django's own limits are lower.
LARGEST = 32 * MEGABYTE
# All that belongs to a request. The server adds the whole environment of its process, with keys and passwords,
# and a report of an error would carry them out.
OF_THE_REQUEST = ("CONTENT_", "HTTP_", "PATH_INFO", "QUERY_STRING", "REMOTE_", "REQUEST_")
OF_THE_SERVER = ("GATEWAY_", "SCRIPT_NAME", "SERVER_", "wsgi.")


# The working place of the request that a thread is about.
_held = threading.local()


@contextmanager
def outside() -> Iterator[None]:
    """While something outside is waited for: the request's working place, and its line to the database, are others' meanwhile.

    Nothing is given up within a transaction, or where no request is answered.
    """
    place: threading.BoundedSemaphore | None = getattr(_held, "place", None)
    if place is None or connection.in_atomic_block:
        yield
        return
    connection.close()
    place.release()
    try:
        yield
    finally:
        place.acquire()


class Gateway:
    """The WSGI application `inner`, behind the reading of bodies."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._working = threading.BoundedSemaphore(WORKING)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ = {
            name: value
            for name, value in environ.items()
            if name.startswith(OF_THE_REQUEST + OF_THE_SERVER)
        }
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and int(length) > LARGEST:
            return _refuse(start_response)
        # Closed when the view has returned, which has read what it wants by then.
        with tempfile.SpooledTemporaryFile(max_size=MEGABYTE) as body:
            if length not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ:
                if not _read(environ["wsgi.input"], body):
                    return _refuse(start_response)
                environ["wsgi.input"] = body
            with self._working:
                _held.place = self._working
                try:
                    return self._inner(environ, start_response)
                finally:
                    del _held.place


def _read(source: IO[bytes], body: IO[bytes]) -> bool:
    """Fill `body`; False when there is too much."""
    total = 0
    while chunk := source.read(64 * 1024):
        total += len(chunk)
        if total > LARGEST:
            return False
        body.write(chunk)
    body.seek(0)
    return True


def _refuse(start_response: StartResponse) -> Iterable[bytes]:
    start_response("413 Content Too Large", [("Content-Type", "text/plain")])
    return [b"This is too large.\n"]
