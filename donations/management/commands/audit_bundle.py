from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import audit_bundle


class Command(BaseCommand):
    help = (
        "Write a ZIP file for an accountant: journal, balances, reports, costs, and the list of documents with their "
        "hashes; no donor is in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path", type=Path, help="the file to write, which must not be there yet"
        )
        parser.add_argument(
            "--documents",
            action="store_true",
            help="the documents themselves as well: bills with people's names",
        )

    def handle(self, *args: object, path: Path, documents: bool, **options: object) -> None:
        try:
            with path.open("xb") as file:
                audit_bundle.write(file, with_documents=documents, at=timezone.now())
        except FileExistsError as error:
            raise CommandError(f"{path} is there already: name another file.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{path}: {path.stat().st_size} bytes")
