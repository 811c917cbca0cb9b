import io
import threading

import pytest
from django.db import connection, transaction

from defensefund import gateway
from defensefund.gateway import Gateway


class Answer:
    status = ""

    def __call__(self, status, headers):
        self.status = status


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def ask(application, body: bytes = b"", **environ) -> tuple[str, bytes]:
    answer = Answer()
    chunks = application({"wsgi.input": io.BytesIO(body), **environ}, answer)
    return answer.status, b"".join(chunks)


def test_body_arrives_whole():
    body = b"x" * (3 * gateway.MEGABYTE)

    assert ask(Gateway(echo), body, CONTENT_LENGTH=str(len(body))) == ("200 OK", body)
    assert ask(Gateway(echo), body, HTTP_TRANSFER_ENCODING="chunked") == ("200 OK", body)


@pytest.mark.parametrize(
    "environ",
    [{"CONTENT_LENGTH": str(gateway.LARGEST + 1)}, {"HTTP_TRANSFER_ENCODING": "chunked"}],
)
def test_body_that_is_too_large_is_refused(environ):
    body = b"x" * (gateway.LARGEST + 1)

    assert ask(Gateway(echo), body, **environ)[0] == "413 Content Too Large"


def test_body_of_unknown_length_is_not_read_without_need():
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            raise AssertionError("nobody asked for it")

    def hello(environ, start_response):
        start_response("200 OK", [])
        return [b"hello"]

    assert ask(Gateway(hello), **{"wsgi.input": Endless()}) == ("200 OK", b"hello")


def test_slow_bodies_do_not_keep_others_waiting():
    come = threading.Event()

    class Slow(io.RawIOBase):
        def read(self, size=-1):
            come.wait(10)
            return b""

    application = Gateway(echo)
    slow = [
        threading.Thread(
            target=ask, args=(application,), kwargs={"wsgi.input": Slow(), "CONTENT_LENGTH": "5"}
        )
        for _ in range(3 * gateway.WORKING)
    ]
    for thread in slow:
        thread.start()

    assert ask(application, b"quick", CONTENT_LENGTH="5") == ("200 OK", b"quick")

    come.set()
    for thread in slow:
        thread.join()


def test_who_waits_for_another_service_lets_others_work():
    """More wait than can work, and one who only wants a page is answered all the same."""
    waiting, answered = threading.Semaphore(0), threading.Event()

    def work(environ, start_response):
        if environ.get("PATH_INFO") == "/give/":
            with gateway.outside():
                waiting.release()
                assert answered.wait(30)
        return echo(environ, start_response)

    application = Gateway(work)
    told = []

    def give():
        told.append(ask(application, b"slow", CONTENT_LENGTH="4", PATH_INFO="/give/"))

    threads = [threading.Thread(target=give) for _ in range(3 * gateway.WORKING)]
    for thread in threads:
        thread.start()
    for _thread in threads:
        assert waiting.acquire(timeout=30)

    assert ask(application, b"quick", CONTENT_LENGTH="5") == ("200 OK", b"quick")

    answered.set()
    for thread in threads:
        thread.join()
    assert told == [("200 OK", b"slow")] * len(threads)


def test_place_is_taken_again_when_the_service_fails():
    def fail(environ, start_response):
        with gateway.outside():
            raise OSError

    application = Gateway(fail)
    # A place that was not taken again would be given back once too often, which a bounded semaphore refuses.
    for _more_than_places in range(2 * gateway.WORKING):
        with pytest.raises(OSError):
            ask(application)


@pytest.mark.django_db
def test_nothing_is_given_up_within_a_transaction():
    taken = []

    def pay(environ, start_response):
        with transaction.atomic(), gateway.outside():
            taken.append(connection.in_atomic_block and connection.connection is not None)
        return echo(environ, start_response)

    assert ask(Gateway(pay), b"x", CONTENT_LENGTH="1") == ("200 OK", b"x")
    assert taken == [True]


def test_request_holds_nothing_of_the_process_environment():
    seen = {}

    def look(environ, start_response):
        seen.update(environ)
        start_response("200 OK", [])
        return []

    ask(Gateway(look), SECRET_KEY="a secret", PATH_INFO="/", HTTP_HOST="fund.example")

    assert set(seen) == {"wsgi.input", "PATH_INFO", "HTTP_HOST"}
