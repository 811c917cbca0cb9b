from django.core.management.base import BaseCommand

from donations.ledger import ledger_hash


class Command(BaseCommand):
    help = "Print one hash over all entries, whatever order they arrived in."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(ledger_hash())
