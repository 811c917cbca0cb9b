#!/usr/bin/env python
"""Django's command line, with the embedded database started first when one is needed."""

import errno
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from defensefund import postgres

# What the machine can refuse at any step, and what a person does about it.
REFUSALS = {
    errno.ENOSPC: "The disk is full: make room, then try again.",
    errno.EDQUOT: "Your share of the disk is used up: make room, then try again.",
    errno.EROFS: "The disk is read-only: set DATA_DIR to a folder that can be written.",
    errno.EACCES: "That is closed to you: run this as the user who ran it first, or set DATA_DIR to a folder of your own.",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "defensefund.settings")
    try:
        if postgres.is_wanted(sys.argv) and settings.EMBEDDED:
            postgres.ensure(settings.DATA_DIR / "postgres")
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does. What is left goes nowhere, or Python's own last flush would fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ImproperlyConfigured, postgres.PostgresError) as error:
        sys.exit(f"{error}")
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        sys.exit(f"{error.filename or error.strerror}: {REFUSALS[error.errno]}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
