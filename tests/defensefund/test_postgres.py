"""The embedded PostgreSQL, with real servers in folders of their own, and every process killed once."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from defensefund import postgres, postgres_keeper
from tests.threads import wait_until

# A client: has the server up, says so, and stays until its standard input closes.
CLIENT = """
import shutil, sys
from pathlib import Path
from types import SimpleNamespace
from defensefund import postgres, postgres_keeper
postgres_keeper.GRACE = 0.5
if sys.argv[2] == "on a full disk":
    shutil.disk_usage = lambda _folder: SimpleNamespace(free=31_000_000)
try:
    postgres.ensure(Path(sys.argv[1]), durable=sys.argv[2] == "durable")
except postgres.PostgresError as error:
    sys.exit(str(error))
print("up", flush=True)
sys.stdin.read()
"""


class Client:
    def __init__(self, data: Path, how: str = "durable") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, data, how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(postgres.__file__).parents[1],
        )

    def is_served(self) -> bool:
        assert self.process.stdout
        return self.process.stdout.readline() == "up\n"

    def leave(self) -> str:
        """End as a program does; gives back what it wrote on standard error."""
        return self.process.communicate()[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def folder() -> Iterator[Path]:
    # pytest's own folders are closed to the user that the server runs as when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="defensefund test "))
    folder.chmod(0o711)
    yield folder / "postgres"
    wait_until_gone(folder)
    shutil.rmtree(folder)


@pytest.fixture
def data() -> Iterator[Path]:
    """Where nothing is yet."""
    with folder() as data:
        yield data


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder as its first client left it."""
    with folder() as data:
        first = Client(data)
        assert first.is_served()
        first.leave()
        wait_until_gone(data)
        yield data


@pytest.fixture
def cluster(data: Path, made: Path) -> Path:
    """A data folder that was used before."""
    subprocess.run(["cp", "-a", made, data], check=True)
    return data


@pytest.fixture
def client(data: Path) -> Iterator[Callable[[], Client]]:
    clients: list[Client] = []

    def start() -> Client:
        clients.append(Client(data))
        return clients[-1]

    yield start
    for each in clients:
        each.kill()


def query(data: Path, statement: str) -> object:
    place = postgres.address(data)
    with psycopg.connect(
        host=place["HOST"], user=place["USER"], dbname=place["NAME"], autocommit=True
    ) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def processes(folder: Path) -> list[int]:
    """The servers of a folder and their keepers, by what stands on their command line."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout
    return [
        int(line.split()[0])
        for line in listed.splitlines()
        if str(folder) in line and re.search(r"/bin/postgres -D|/postgres_keeper\.py ", line)
    ]


def wait_until_gone(folder: Path) -> None:
    wait_until(lambda: not processes(folder), every=0.1)


def keeper(data: Path) -> int:
    return next(pid for pid in processes(data) if pid != postgres_keeper.pid_of(data))


def test_server_is_shared_and_stops_after_its_last_client(cluster, client):
    first, second = client(), client()
    assert first.is_served()
    assert second.is_served()
    pid = query(cluster, "SELECT pg_backend_pid() IS NOT NULL") and postgres_keeper.pid_of(cluster)

    first.leave()
    time.sleep(1)
    assert postgres.is_up(cluster)
    assert postgres_keeper.pid_of(cluster) == pid

    second.leave()
    wait_until_gone(cluster)
    assert not (cluster / "postmaster.pid").exists()


def test_rows_are_kept_from_one_start_to_the_next(cluster, client):
    first = client()
    assert first.is_served()
    query(cluster, "CREATE TABLE kept AS SELECT 7 AS value")
    first.leave()
    wait_until_gone(cluster)

    assert client().is_served()

    assert query(cluster, "SELECT value FROM kept") == 7


def test_eight_cold_clients_at_once_share_one_server(data, client):
    clients = [client() for _ in range(8)]

    assert [each.is_served() for each in clients] == [True] * 8
    assert len(processes(data)) == 2  # one server, one keeper


def test_killed_client_leaves_nothing_behind(cluster, client):
    only = client()
    assert only.is_served()

    only.kill()

    wait_until_gone(cluster)


def test_killed_server_is_started_again_with_its_rows(cluster, client):
    first = client()
    assert first.is_served()
    query(cluster, "CREATE TABLE kept AS SELECT 7 AS value")

    os.kill(postgres_keeper.pid_of(cluster), signal.SIGKILL)

    assert client().is_served()
    assert query(cluster, "SELECT value FROM kept") == 7


def test_killed_keeper_is_replaced_by_the_next_client(cluster, client):
    first = client()
    assert first.is_served()
    killed = keeper(cluster)
    os.kill(killed, signal.SIGKILL)

    second = client()
    assert second.is_served()
    assert keeper(cluster) != killed

    first.leave()
    second.leave()
    wait_until_gone(cluster)


def test_client_that_comes_while_the_server_stops_is_served(cluster, client):
    first = client()
    assert first.is_served()
    first.leave()
    time.sleep(0.4)

    # Spread over the moment in which the keeper stops the server.
    followers = []
    for _ in range(6):
        followers.append(client())
        time.sleep(0.1)

    assert [each.is_served() for each in followers] == [True] * 6
    assert query(cluster, "SELECT 1") == 1
    assert len(processes(cluster)) == 2


def test_pid_file_that_names_a_living_stranger_is_dropped(cluster, client):
    first = client()
    assert first.is_served()
    lines = (cluster / "postmaster.pid").read_text().splitlines()
    first.leave()
    wait_until_gone(cluster)
    (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert client().is_served()

    assert query(cluster, "SELECT 1") == 1


def test_interrupted_creation_is_begun_anew(data, client):
    half = data.with_name("postgres.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    assert client().is_served()

    assert not half.exists()


def test_cluster_for_tests_does_not_wait_for_the_disk(data, client):
    one = Client(data, "fast")
    assert one.is_served()

    assert query(data, "SELECT current_setting('fsync')") == "off"

    one.leave()
    wait_until_gone(data)
    assert client().is_served()
    assert query(data, "SELECT current_setting('fsync')") == "off"


def test_folder_of_another_major_version_gets_a_sentence(data, client):
    data.mkdir(mode=0o700)
    (data / "PG_VERSION").write_text("15\n")

    said = client().leave()

    assert "was made by PostgreSQL 15, and this version brings PostgreSQL 18" in said
    assert "Traceback" not in said
    assert (data / "PG_VERSION").read_text() == "15\n"


def test_broken_folder_gets_a_sentence_with_the_servers_words(data, client):
    data.mkdir(mode=0o700)
    (data / "PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        who = postgres._server_user(data)
        os.chown(data, who["user"], who["group"])

    said = client().leave()

    assert "PostgreSQL did not start. The end of" in said
    assert "Traceback" not in said


def test_full_disk_gets_a_sentence_and_nothing_half_made(data):
    said = Client(data, "on a full disk").leave()

    assert re.search(r"The disk is nearly full: .* needs \d+ MB, and 31 MB are free", said)
    assert "Traceback" not in said
    assert not data.exists()


def test_log_holds_no_values_of_a_broken_constraint(cluster, client):
    assert client().is_served()
    query(cluster, "CREATE TABLE people (email text UNIQUE)")
    query(cluster, "INSERT INTO people VALUES ('ana@example.org')")

    with pytest.raises(psycopg.errors.UniqueViolation):
        query(cluster, "INSERT INTO people VALUES ('ana@example.org')")

    log = cluster.with_name("postgres.log").read_text()
    assert "duplicate key value" in log
    assert "ana@example.org" not in log


def test_long_folder_gets_its_socket_elsewhere(data, client):
    long = data.parent / ("long" * 30)
    long.mkdir(mode=0o711)
    (long / "postgres").parent.chmod(0o711)
    one = Client(long / "postgres")

    assert one.is_served()

    place = Path(postgres.address(long / "postgres")["HOST"])
    assert place.parent == Path("/tmp")
    assert place.stat().st_mode & 0o777 == 0o700
    assert query(long / "postgres", "SELECT 1") == 1
    one.leave()
    wait_until_gone(long)
    place.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can enter a folder closed to the server")
def test_root_in_a_closed_folder_gets_its_cluster_elsewhere(data, monkeypatch):
    monkeypatch.setattr(postgres, "OPEN_PLACE", data.parent / "open")
    closed = data.parent / "closed"
    closed.mkdir(mode=0o700)

    assert postgres.home(closed / "postgres").parts[-3:-2] == ("open",)
    assert postgres.home(closed / "postgres") == postgres.home(closed / "postgres")
    assert postgres.home(data) == data


def test_address_starts_nothing(data):
    assert postgres.address(data) == {
        "HOST": str(data),
        "PORT": "5432",
        "USER": "app",
        "NAME": "defensefund",
    }
    assert list(data.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("manage.py", False),
        ("manage.py help", False),
        ("manage.py migrate --help", False),
        ("manage.py makemessages -l es", False),
        ("manage.py check --deploy", False),
        ("manage.py check --database default", True),
        ("manage.py verify_books bundle.zip", False),
        ("manage.py migrate", True),
        ("manage.py start", True),
        ("manage.py some_command_of_ours", True),
    ],
)
def test_database_is_wanted_by_the_commands_that_use_it(line, expected):
    assert postgres.is_wanted(line.split()) is expected
