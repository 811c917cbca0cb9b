#!/usr/bin/env python
"""Django's command line, with the embedded database started first when one is needed."""

import os
import sys

from django.core.management import execute_from_command_line

from defensefund import postgres


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "defensefund.settings")
    postgres.ensure_for_command(sys.argv)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
