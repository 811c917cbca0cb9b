"""Django's command; it refuses first what Django would pass over or word badly."""

import inspect
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        refuse_halfway(connections[options["database"]])
        super().handle(*args, **options)


def refuse_halfway(connection: BaseDatabaseWrapper) -> None:
    """Raises CommandError when the database had some, not all, of the earlier migrations that one of today's stands for.

    Django then leaves that one out of its plan and says nothing. Which stands for which is chosen so that a database that
    stopped anywhere on the earlier way has a part of one (tests/defensefund/test_migrate.py).
    """
    applied = MigrationRecorder(connection).applied_migrations()
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    for migration in loader.disk_migrations.values():
        missing = [earlier for earlier in migration.replaces if earlier not in applied]
        if missing and len(missing) < len(migration.replaces):
            app, name = missing[-1]
            folder = Path(inspect.getfile(type(migration))).parent.relative_to(settings.BASE_DIR)
            raise CommandError(
                f"This database stopped on the way of an earlier version of this program: it lacks {app}.{name}, which this "
                "version holds only together with others. Nothing was changed. Take the last version that has it\n"
                f"    git checkout $(git rev-list -1 HEAD -- {folder}/{name}.py)^\n"
                "run ./run migrate there, then come back to this version and run it again."
            )
