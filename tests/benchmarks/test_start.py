"""A newcomer's start, from a clone to the first page, and what the processes weigh. Linux only: reads /proc."""

import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark
ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = (
    *("DATABASE_URL", "DATA_DIR", "SECRET_KEY", "FIELD_KEYS", "ALLOWED_HOSTS", "SITE_URL"),
    "PYTHONDONTWRITEBYTECODE",
)


class Running:
    """`./run` in `folder`, in a process group of its own."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        env = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        started = time.monotonic()
        self.process = subprocess.Popen(
            [folder / "run"],
            env=env | {"PORT": str(self.port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not self.answers():
            assert self.process.poll() is None, "./run ended"
            assert time.monotonic() - started < 300, "no page within five minutes"
            time.sleep(0.1)
        self.seconds = time.monotonic() - started

    def answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/es/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)


def megabytes(folder, command):
    """Resident memory of each of our processes that run `command`."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            words = (proc / "cmdline").read_bytes().decode().split("\0")
            status = (proc / "status").read_text()
        except OSError:
            continue
        if any(str(folder) in word for word in words) and command in words:
            found.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
    return found


def test_clone_to_first_page_second_start_and_memory(tmp_path, row):
    folder = tmp_path / "a clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    first = Running(folder)
    try:
        for _i in range(50):
            assert first.answers()
        web, worker = megabytes(folder, "serve"), megabytes(folder, "work")
    finally:
        first.stop()
    second = Running(folder)
    second.stop()

    row("clone to first page", f"{first.seconds:.0f} s", "≤ 60 s", "warm package cache")
    row("second start", f"{second.seconds:.1f} s", "≤ 10 s")
    row("memory, largest web process", f"{max(web):.0f} MB", "≤ 160 MB", f"{len(web)} processes")
    row("memory, job worker", f"{max(worker):.0f} MB", "≤ 130 MB")
    assert first.seconds <= 60
    assert second.seconds <= 10
    assert max(web) <= 160
    assert max(worker) <= 130
