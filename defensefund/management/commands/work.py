"""The job worker."""

from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from procrastinate.exceptions import ConnectorException

from defensefund import jobs
from defensefund.processes import leave_with


class Command(BaseCommand):
    help = "Work off the job queue and the timetable until stopped; --once does all that is due and ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do all that is due, then end")
        parser.add_argument("--parent", type=int, help="end with the process of this id")

    def handle(self, *args: Any, once: bool, parent: int | None, **options: Any) -> None:
        if parent:
            leave_with(parent)
        if not once:
            jobs.work_on()
            return
        try:
            jobs.work_off()
        except (ConnectorException, psycopg.OperationalError) as error:
            raise CommandError(f"The database does not answer: {error}") from error
