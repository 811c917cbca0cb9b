import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from defensefund.sealing import new_key


class Command(BaseCommand):
    help = (
        "Make a sealing key on a treasurer's own computer: FILE is theirs alone, the public key is for the office. "
        "Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="where the key file is written; never over another"
        )

    def handle(self, *args: object, file: Path, **options: object) -> None:
        text, public = new_key()
        try:
            # Readable by its owner alone from the first moment on.
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(text)
        except FileExistsError as error:
            raise CommandError(
                f"{file} is there already, and perhaps a key that something was sealed to: name another file."
            ) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(
            f"The key is in {file}: keep it, and a copy on paper, for yourself alone."
        )
        self.stdout.write(f"Its public key, for the office: {public}")
