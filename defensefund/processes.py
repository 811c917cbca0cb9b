"""The processes of an installation: how `start` keeps its children, and how a child notices that its parent is gone."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

# What a child may take to finish what it has begun.
PATIENCE = 15


class CannotListen(Exception):
    """The address for the web process is not to be had; the message says why."""


def check_address(host: str, port: int) -> None:
    """Raise CannotListen unless `host` and `port` can be listened on now.

    The server itself would not notice: on Linux it shares its port with whoever of the same user has it already.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            raise CannotListen(_why(error, host, port)) from error


def _why(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is in use, perhaps by a ./run that is still running. Stop that, or choose another port: PORT={port + 1} ./run"
        case errno.EACCES:
            return f"Port {port} is kept for the system: choose one from 1024 on."
        case errno.EADDRNOTAVAIL:
            return f"HOST is {host}, which is no address of this machine."
    return f"Nothing can listen on {host}, port {port}: {error.strerror}."


def leave_with(parent: int) -> None:
    """End this process soon after the process `parent`, its parent, however that ends."""
    threading.Thread(target=_watch, args=(parent,), name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(1)


class Children:
    """The child processes of `start`, each a manage.py command; leaving the `with` block stops them all."""

    def __init__(self, manage: Path) -> None:
        self._manage = manage
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Children":
        return self

    def start(self, command: str) -> None:
        self._running[command] = subprocess.Popen(
            [sys.executable, self._manage, command, "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            # Ctrl-C reaches the parent alone, which then stops its children in good order.
            start_new_session=True,
        )

    def ended(self) -> tuple[str, int] | None:
        """The command and exit code of a child that has ended, if one has."""
        for command, process in self._running.items():
            code = process.poll()
            if code is not None:
                return command, code
        return None

    def __exit__(self, *exception: object) -> None:
        # A second Ctrl-C changes nothing: the children get their time to finish.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in self._running.values():
            process.terminate()
        end = time.monotonic() + PATIENCE
        for process in self._running.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
