"""The web process as it serves, on the test's database; and how it is asked."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from django.conf import settings

from tests.processes import environment


@contextmanager
def served() -> Iterator[SimpleNamespace]:
    """The web process, two processes as on two cores: its `address` and its `pid`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = environment() | {
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.gift_settings",
        "PORT": str(port),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "WEB_WORKERS": "2",
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run(
        [*manage, "collectstatic", "--no-input", "-v0"], cwd=settings.BASE_DIR, env=env, check=True
    )
    process = subprocess.Popen([*manage, "serve"], cwd=settings.BASE_DIR, env=env)
    try:
        for _i in range(300):
            try:
                if asked(("127.0.0.1", port), "GET", "/healthz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield SimpleNamespace(address=("127.0.0.1", port), pid=process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def asked(address, method, path, body=None, headers=None):
    line = http.client.HTTPConnection(*address, timeout=20)
    try:
        line.request(method, path, body, headers or {})
        response = line.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        line.close()
