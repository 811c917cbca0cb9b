"""What ./run starts, as a whole: it answers, it stops, and it leaves nothing behind, however it ends.

The first test to come starts with nothing; the others start again what the last one left, so each end proves the next start.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.threads import wait_until

OWN_SETTINGS = (
    *("DATABASE_URL", "SECRET_KEY", "FIELD_KEYS", "ALLOWED_HOSTS", "SITE_URL", "HOST"),
    *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS", "STRIPE_API_BASE", "SMTP_URL"),
)
ROOT = Path(__file__).parents[2]
# How fast it is depends on what else the machine does; that it ends is what counts.
ENOUGH = 180


class Installation:
    """An embedded installation in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.output = folder / "output"
        self.database = folder / "data" / "postgres" / "postmaster.pid"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        # Empty rather than unset: so not even a developer's .env can lead these trials to a real database.
        environment = {
            **os.environ,
            **dict.fromkeys(OWN_SETTINGS, ""),
            "DATA_DIR": str(self.folder / "data"),
            "PORT": str(self.port),
            "WEB_WORKERS": "1",
        }
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "start"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + ENOUGH
        while text not in self.said():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self.output.read_text()

    def is_healthy(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/healthz"
        try:
            with urllib.request.urlopen(address, timeout=10) as response:
                return response.read() == b"ok\n"
        except urllib.error.HTTPError as error:
            assert error.code == 503
            return False

    def books(self) -> list[str]:
        """The public table of all figures, those of the sample, without the instant it was asked at."""
        address = f"http://127.0.0.1:{self.port}/es/books.csv"
        with urllib.request.urlopen(address, timeout=10) as response:
            text: str = response.read().decode()
        return [row.split(",", 1)[1] for row in text.splitlines()]

    def processes(self) -> dict[int, bytes]:
        """Every process that names this installation on its command line or in its environment, with that line."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()
                text = (process / "environ").read_bytes() + line
            except OSError:
                continue
            if os.fsencode(self.folder) in text:
                found[int(process.name)] = line
        return found

    def running(self, command: str) -> list[int]:
        """The processes of one of manage.py's commands."""
        word = b"\0%b\0" % command.encode()
        return [process for process, line in self.processes().items() if word in line]

    def wait_for_the_end(self) -> None:
        end = time.monotonic() + 20
        while left := self.processes():
            assert time.monotonic() < end, left
            time.sleep(0.1)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="defensefund start "))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def installation(folder: Path) -> Iterator[Installation]:
    installation = Installation(folder)
    yield installation
    for process in installation.processes():
        os.kill(process, signal.SIGKILL)
    for started in installation.started:
        started.wait()
    installation.output.unlink()


needs_proc = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="looks for leftovers in /proc"
)


@needs_proc
def test_start_serves_until_ctrl_c_and_leaves_nothing(installation):
    process = installation.start()
    installation.wait_for("Ctrl-C stops it all.")

    assert installation.is_healthy()
    said = installation.said()
    assert f"http://127.0.0.1:{installation.port}/admin/" in said
    assert "TEST payments" in said
    second = installation.start()
    assert second.wait(ENOUGH) == 1
    assert f"Port {installation.port} is in use" in installation.said()
    assert installation.is_healthy()
    # The next start that answers finds the same money (below).
    books = installation.books()
    assert len(books) > 1
    (installation.folder / "books").write_text("\n".join(books))

    process.send_signal(signal.SIGINT)

    assert process.wait(ENOUGH) == 0, installation.said()
    assert installation.said().endswith("Stopped.\n")
    assert "Traceback" not in installation.said()
    installation.wait_for_the_end()


@needs_proc
def test_terminated_start_stops_wherever_it_is(installation):
    process = installation.start()
    wait_until(lambda: installation.running("serve") != [], ENOUGH, every=0.1)

    process.terminate()

    assert process.wait(ENOUGH) == 0, installation.said()
    assert installation.said().endswith("Stopped.\n")
    assert "Ctrl-C stops it all." not in installation.said()
    installation.wait_for_the_end()


@needs_proc
def test_killed_database_is_started_again_and_killed_start_takes_everything_with_it(installation):
    process = installation.start()
    installation.wait_for("Ctrl-C stops it all.")
    before = installation.database.read_text().split()[0]

    os.kill(int(before), signal.SIGKILL)

    wait_until(
        lambda: (
            installation.database.exists()
            and installation.database.read_text().split()[:1] not in ([], [before])
        )
    )
    wait_until(installation.is_healthy)
    assert installation.books() == (installation.folder / "books").read_text().splitlines()

    process.kill()
    process.wait()

    installation.wait_for_the_end()


@needs_proc
def test_killed_worker_stops_everything_with_a_sentence(installation):
    process = installation.start()
    installation.wait_for("Ctrl-C stops it all.")
    [worker] = installation.running("work")

    os.kill(worker, signal.SIGKILL)

    assert process.wait(ENOUGH) == 1
    assert "The job worker was killed (signal 9); so everything stops." in installation.said()
    assert "Traceback" not in installation.said()
    installation.wait_for_the_end()
