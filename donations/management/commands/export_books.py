from django.core.management.base import BaseCommand, CommandParser

from donations import exports


class Command(BaseCommand):
    help = "Print every entry of the ledger, by day: nobody's name is in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=sorted(exports.FORMATS), default="csv")

    def handle(self, *args: object, format: str = "csv", **options: object) -> None:
        for text in exports.FORMATS[format]():
            self.stdout.write(text, ending="")
