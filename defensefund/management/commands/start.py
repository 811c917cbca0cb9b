"""Everything for a newcomer: what ./run calls."""

import hashlib
import http.client
import io
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import NotSupportedError, OperationalError, connection

from defensefund import postgres
from defensefund.processes import CannotListen, Children, check_address

NAMES = {"serve": "web process", "work": "job worker"}


class Command(BaseCommand):
    help = "Prepare the database and the static files, then run the web process and the job worker until Ctrl-C."

    is_ending = False

    def handle(self, *args: Any, **options: Any) -> None:
        # SIGTERM and a closed terminal end it like Ctrl-C, wherever it is.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.end)
        try:
            check_address(settings.HOST, settings.PORT)
            logins = self.prepare()
            self.run(logins)
        except CannotListen as error:
            raise CommandError(str(error)) from error
        except (OperationalError, NotSupportedError) as error:
            raise CommandError(f"The database refused: {error}".strip()) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def end(self, number: int, frame: FrameType | None) -> None:
        """Noted as well as raised: an interrupt that meets a finalizer is reported there and goes no further."""
        self.is_ending = True
        raise KeyboardInterrupt

    def prepare(self) -> str:
        """Bring database and static files up to date; gives back what load_demo said: the sample staff's logins, once."""
        connection.ensure_connection()
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        collect_static()
        said = io.StringIO()
        if settings.EMBEDDED and "load_demo" in get_commands():
            call_command("load_demo", stdout=said, skip_checks=True)
        connection.close()
        return said.getvalue().strip()

    def run(self, logins: str) -> None:
        with Children(settings.BASE_DIR / "manage.py") as children:
            children.start("serve")
            children.start("work")
            wait_until_healthy(children)
            self.stdout.write(greeting(logins))
            self.stdout.flush()  # also into a file, where it would wait for the end
            while not (ended := children.ended()):
                if self.is_ending:
                    raise KeyboardInterrupt
                time.sleep(1)
                if settings.EMBEDDED:
                    postgres.ensure(settings.DATA_DIR / "postgres")
            raise CommandError(sentence(*ended))


def collect_static() -> None:
    """Copy the static files to STATIC_ROOT when any has changed since they were last copied."""
    files = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            file = Path(storage.path(name)).stat()
            files.update(f"{name} {file.st_size} {file.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if not stamp.exists() or stamp.read_text() != files.hexdigest():
        call_command("collectstatic", interactive=False, verbosity=0, skip_checks=True)
        stamp.write_text(files.hexdigest())


def wait_until_healthy(children: Children) -> None:
    """Come back when the web process answers; raises CommandError when it cannot."""
    end = time.monotonic() + 60
    status = 0
    while (status := health()) != 200:
        if ended := children.ended():
            raise CommandError(sentence(*ended))
        if status in range(400, 500):
            raise CommandError(
                f"The web process refuses its own address (status {status}): "
                f"name the host of SITE_URL, {urlsplit(settings.SITE_URL).hostname}, in ALLOWED_HOSTS."
            )
        if time.monotonic() > end:
            raise CommandError("The web process does not answer within a minute.")
        time.sleep(0.1)


def health() -> int:
    """The status of /healthz; 0 while nothing answers."""
    connection = http.client.HTTPConnection(settings.HOST, settings.PORT, timeout=15)
    try:
        connection.request("GET", "/healthz", headers={"Host": urlsplit(settings.SITE_URL).netloc})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def sentence(command: str, code: int) -> str:
    how = f"was killed (signal {-code})" if code < 0 else f"ended (exit code {code})"
    return f"The {NAMES[command]} {how}; so everything stops. What it said stands above."


def greeting(logins: str) -> str:
    """Where to look and who may log in, for the terminal."""
    site = settings.SITE_URL
    language = settings.LANGUAGE_CODE
    lines = [
        f"{settings.FUND_NAME} is running.",
        f"  Appeals       {site}/{language}/",
        f"  Public books  {site}/{language}/books/",
        f"  Office        {site}/admin/",
    ]
    if settings.STRIPE_SANDBOX:
        lines.append(f"  Sandbox       {site}/sandbox/")
    if settings.EMBEDDED:
        lines.append(f"  Mail          {site}/mail/")
    if settings.STRIPE_SANDBOX:
        lines.append("TEST payments: no Stripe key is set, so no money moves.")
    if settings.EMBEDDED:
        place = postgres.home(settings.DATA_DIR / "postgres")
        lines.append(f"Sample data; the database is {place}.")
    if logins:
        lines.append(logins)
    lines.append("Ctrl-C stops it all.")
    return "\n".join(lines)
