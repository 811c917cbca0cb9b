"""The end of an embedded PostgreSQL: the process that waits until the last client is gone, and then stops the server.

It runs this file alone, without any package, so only the standard library is used. The locks are described in postgres.py.
"""

import atexit
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# Seconds the server outlives its last client: commands that follow each other need not start it each time.
GRACE = 2.0

_left_running: list[subprocess.Popen[bytes]] = []


def leave_running(process: subprocess.Popen[bytes]) -> None:
    """It goes on when this process ends."""
    if not _left_running:
        atexit.register(_forget)
    _left_running.append(process)


def _forget() -> None:
    # Python warns of a process that nobody waited for.
    for process in _left_running:
        process.returncode = 0


def hold_lock(cluster: Path, name: str, how: int) -> int:
    """An open file that holds the lock `name`; closing it lets go."""
    path = cluster.with_name(f"{cluster.name}.{name}.lock")
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, how)
    except OSError:
        os.close(file)
        raise
    return file


def ensure_keeper(cluster: Path) -> None:
    try:
        lock = hold_lock(cluster, "keeper", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    # The lock goes over with the open file: there is no moment in which nobody holds it.
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, cluster, str(lock), str(GRACE)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        pass_fds=[lock],
        start_new_session=True,
    )
    leave_running(keeper)
    os.close(lock)


def keep(cluster: Path, lock: int, grace: float) -> None:
    """Wait until the last client is gone, then stop the server; a process of its own, which holds the open file `lock`."""
    for lease in _free_moments(cluster):
        time.sleep(grace)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
    # New clients wait for the lease from here on.
    _stop(cluster)
    # In this order: who gets the lease must find the keeper's lock free, and set up its own.
    os.close(lock)
    os.close(lease)


def _free_moments(cluster: Path) -> Iterator[int]:
    """The open lease, each time that nobody held it."""
    lease = hold_lock(cluster, "lease", fcntl.LOCK_EX)
    while True:
        fcntl.flock(lease, fcntl.LOCK_UN)
        yield lease
        fcntl.flock(lease, fcntl.LOCK_EX)


def _stop(cluster: Path) -> None:
    pid = pid_of(cluster)
    begun = time.monotonic()
    while pid and serves(pid, cluster) and time.monotonic() < begun + 60:
        with contextlib.suppress(ProcessLookupError):
            # Fast: clients are cut off, everything is written. At once only where that hangs; nothing is lost then either.
            os.kill(pid, signal.SIGINT if time.monotonic() < begun + 30 else signal.SIGQUIT)
        time.sleep(0.05)


def pid_of(cluster: Path, file: str = "postmaster.pid") -> int | None:
    try:
        return int((cluster / file).read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def drop_stale_files(cluster: Path, sockets: Path) -> None:
    """A killed server's files can name a process that is something else by now, or a zombie: PostgreSQL would believe them."""
    for folder, name in ((cluster, "postmaster.pid"), (sockets, ".s.PGSQL.5432.lock")):
        pid = pid_of(folder, name)
        if pid and not serves(pid, cluster):
            (folder / name).unlink()


def serves(pid: int, cluster: Path) -> bool:
    """Whether the process `pid` is a living server of this folder. A minimal Linux has no ps, macOS has no /proc."""
    process = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z" and (process / "cwd").resolve() == cluster.resolve()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False  # gone, or another user's: ours we may look at
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True
    )
    words = listed.stdout.split()
    return len(words) > 1 and not words[0].startswith("Z") and "postgres" in words[1]


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
