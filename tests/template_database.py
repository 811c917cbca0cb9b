"""The migrated, empty database that the tests' databases are copied from.

To migrate takes seconds, and each worker of a run would do it anew. The copy takes a tenth of one.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "template_"
# Beside themselves and the models, what migrations read: the groups' rights, and how many tables are made at once.
READ = {"models.py", "roles.py", "tables.py"}


def ensure(cluster: Path) -> str:
    """The name of the template that these migrations make, in the tests' own cluster; makes it where it is not there.

    One process at a time: the others wait, and find it.
    """
    name = f"{PREFIX}{fingerprint()}"
    with (cluster.parent / "test-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with server() as postgres:
            known = {row[0] for row in postgres.execute("SELECT datname FROM pg_database")}
            if name not in known:
                for old in known:
                    if old.startswith(PREFIX):
                        postgres.execute(_named("DROP DATABASE {}", old))
                _build(postgres, name)
    return name


def fingerprint() -> str:
    """Another one whenever a migration, what migrations read, or a package changes."""
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for path in sorted(_sources()):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    for folder in ("appeals", "defensefund", "donations"):
        for path in (ROOT / folder).rglob("*.py"):
            if {"migrations", "models"} & {*path.parts} or path.name in READ:
                yield path


def server() -> psycopg.Connection:
    address = settings.DATABASES["default"]
    return psycopg.connect(
        host=address["HOST"], user=address["USER"], dbname="postgres", autocommit=True
    )


def _build(postgres: psycopg.Connection, name: str) -> None:
    unfinished = "unfinished_template"
    postgres.execute(_named("DROP DATABASE IF EXISTS {} WITH (FORCE)", unfinished))
    postgres.execute(_named("CREATE DATABASE {}", unfinished))
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = unfinished
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()
        connection.close_pool()
        connection.settings_dict["NAME"] = usual
    # Renamed only when it is whole, so that an interrupted run leaves nothing that looks done.
    postgres.execute(_named("ALTER DATABASE {} RENAME TO {}", unfinished, name))


def _named(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))
