"""Our commands in processes of their own, on the running test's database."""

import os

from django.conf import settings
from django.db import connection


def environment() -> dict[str, str]:
    """With real commits: what the test did inside a transaction, another process does not see."""
    database = connection.get_connection_params()
    return os.environ | {
        "DATABASE_URL": "postgres://{user}@/{dbname}?host={host}".format_map(database),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
        "ALLOWED_HOSTS": "*",
        "ALLOW_SANDBOX": "true",
        "DATA_DIR": str(settings.DATA_DIR),
        "SMTP_URL": "",
    }
