from pathlib import Path

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import past


class Command(BaseCommand):
    help = (
        "Take over what happened before these books began, from a spreadsheet (.xlsx, or CSV): gifts, payments, costs still "
        "owed, what was there before. It is asked for by one person and booked when another approves it, in the office "
        "or here: all of it, or nothing. A row is booked once, however often its file is imported. The office has a "
        "template."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what the file holds and what is wrong"
        )
        parser.add_argument("--by", default="", help="the login of who asks for it")
        parser.add_argument("--approved-by", default="", help="the login of who approves it")

    def handle(
        self,
        *args: object,
        path: Path,
        dry_run: bool,
        by: str,
        approved_by: str,
        **options: object,
    ) -> None:
        text, now = self._text(path), timezone.now()
        try:
            reading = past.read(text, today=now.date())
            for kind, count, amount, currency in reading.sums:
                self.stdout.write(f"{kind}: {count}, {amount} {currency}")
            if reading.problems:
                raise CommandError("\n".join(reading.problems))
            self.stdout.write(f"new {len(reading.new)}, known {reading.known}")
            if dry_run or not reading.new:
                return
            row = past.request(text, name=path.name, by=self._person(by, "--by"), at=now)
            if approved_by:
                past.approve(row, by=self._person(approved_by, "--approved-by"), at=now)
                self.stdout.write("booked")
            else:
                self.stdout.write("asked for: another person approves it in the office")
        except (past.UnreadableTable, past.PastError) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _text(self, path: Path) -> str:
        try:
            return past.text_of(path.read_bytes())
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except past.UnreadableTable as refusal:
            raise CommandError(f"{path}: {refusal}") from refusal

    def _person(self, name: str, option: str) -> User:
        person = User.objects.filter(username=name, is_active=True, is_staff=True).first()
        if person is None:
            raise CommandError(f"{option} names nobody of the office: “{name}”.")
        return person
