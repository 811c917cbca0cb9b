"""A text file or .docx becomes an unpublished appeal, its numbers proposed as figures."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from appeals.documents import MOST_BYTES, Unreadable
from appeals.text_import import NotImportable, import_appeal


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


class Command(BaseCommand):
    help = "Make a draft appeal from a plain-text, Markdown or .docx file. Nothing is published."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--slug", required=True, help="the last part of the page's address")
        parser.add_argument(
            "--language", required=True, help="one of " + ", ".join(dict(settings.LANGUAGES))
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        try:
            imported = import_appeal(
                data=data, name=path.name, slug=options["slug"], language=options["language"]
            )
        except (Unreadable, NotImportable) as error:
            raise CommandError(f"{path}: {error}") from error
        for notice in imported.notices:
            self.stderr.write(f"Notice: {notice}")
        address = reverse("admin:appeals_appeal_change", args=[imported.appeal.pk])
        self.stdout.write(
            f"Draft “{imported.text.title}”: {_counted(imported.paragraphs, 'paragraph')}, "
            f"{_counted(imported.proposed, 'figure')} proposed.\n"
            f"Confirm the figures and publish it at {settings.SITE_URL}{address}"
        )
