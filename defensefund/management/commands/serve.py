"""The web process: granian with the WSGI application."""

import multiprocessing
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from defensefund.gateway import WAITING, Gateway
from defensefund.processes import CannotListen, check_address, leave_with


def load_application() -> Gateway:
    """Called in each of granian's processes: the application, which ends with the process that started it."""
    parent = multiprocessing.parent_process()
    if parent and parent.pid:
        leave_with(parent.pid)
    return Gateway(import_string(settings.WSGI_APPLICATION))


class Command(BaseCommand):
    help = "Run the web process on HOST and PORT, with WEB_WORKERS processes of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--parent", type=int, help="end with the process of this id")

    def handle(self, *args: Any, parent: int | None, **options: Any) -> None:
        manifest = settings.STATIC_ROOT / "staticfiles.json"
        if not manifest.exists():
            raise CommandError(
                "There are no collected static files: run ./run collectstatic first."
            )
        try:
            check_address(settings.HOST, settings.PORT)
        except CannotListen as error:
            raise CommandError(str(error)) from error
        if parent:
            leave_with(parent)
        Server(
            settings.WSGI_APPLICATION,
            address=settings.HOST,
            port=settings.PORT,
            interface=Interfaces.WSGI,
            workers=settings.WEB_WORKERS,
            blocking_threads=WAITING,
            http1_settings=HTTP1Settings(header_read_timeout=10_000),
            # No log of visits: it would say who read and who gave. Errors go where Django's go.
            log_access=False,
            log_level=LogLevels.error,
            log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
            respawn_failed_workers=True,
            workers_kill_timeout=10,
        ).serve(target_loader=load_application, wrap_loader=False)
