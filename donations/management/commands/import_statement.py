from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import openings, reconciliation
from donations.currencies import written
from donations.models import BankAccount


class Command(BaseCommand):
    help = "Import a bank file (CAMT.053, 052 or 054, MT940, OFX, or CSV by the account's columns): all of it, or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the bank account's code, like gls-eur")
        parser.add_argument("path", type=Path)

    def handle(self, *args: object, account: str, path: Path, **options: object) -> None:
        known = {found.code: found for found in BankAccount.objects.all()}
        if account not in known:
            codes = ", ".join(sorted(known)) or "none yet: add one in the office"
            raise CommandError(f"There is no bank account {account}. There are: {codes}.")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        try:
            result = reconciliation.import_statement(
                account=known[account], name=path.name, content=content, by=None, at=timezone.now()
            )
        except reconciliation.ImportRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"new {result.new}, known {result.known}, matched {result.matched}, open {result.open}"
        )
        if result.details:
            self.stdout.write(f"payments within lines, told by a notification: {result.details}")
        if result.booked:
            self.stdout.write(
                f"booked by themselves, reference and amount agreeing: {result.booked}"
            )
        if result.slipped:
            self.stdout.write(f"references with one slip, to be confirmed: {result.slipped}")
        for difference in result.differences:
            self.stdout.write(f"differs: {difference}")
        for row in result.left_out:
            self.stdout.write(f"left out: row {row.line}, {row.why}")
        opening = openings.opening_of(known[account])
        if result.new and opening and opening.missing:
            self.stdout.write(
                f"the first statement opens with {written(opening.stated, known[account].currency)}, of which the books miss "
                f"{written(opening.missing, known[account].currency)}: book it in the office (Bank accounts, Opening balance)"
            )
