from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import rates
from donations.rate_tables import UnreadableRates


class Command(BaseCommand):
    help = (
        "Enter exchange rates for the estimates, from a CSV table: all that are new, or none. Either one rate a row "
        "(date,base,quote,rate and, if you like, source), or one day a row (Date, then a column for each currency) "
        "with what one unit of --base was worth. Days like 2026-03-10, rates with a point."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--source", default="", help="who publishes the rates")
        parser.add_argument("--base", default="EUR", help="of a table with one day a row (EUR)")

    def handle(self, *args: object, path: Path, source: str, base: str, **options: object) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{path} is no text in UTF-8. Save it as CSV.") from error
        try:
            done = rates.enter(text, base=base.upper(), source=source, by=None, at=timezone.now())
        except UnreadableRates as refusal:
            raise CommandError(str(refusal)) from refusal
        for doubt in done.doubts:
            self.stderr.write(doubt)
        left_out = f", left out {' '.join(done.left_out)}" if done.left_out else ""
        self.stdout.write(
            f"new {len(done.new)} (of these mended {len(done.mended)}), known {done.known},"
            f" days without a rate {done.without_rate}{left_out}"
        )
