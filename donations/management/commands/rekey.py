from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from defensefund.privacy import Undecipherable
from donations import reconciliation
from donations.models import Supporter


class Command(BaseCommand):
    help = (
        "After a new SECRET_KEY or FIELD_KEYS: write supporters' addresses with the present keys, "
        "so that who asks for a new link by mail is found again; and the hashes by which payers of bank lines are known."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            with transaction.atomic():
                count = Supporter.objects.rekey()
                payers = reconciliation.rekey_payers()
        except Undecipherable as error:
            raise CommandError(
                f"{error} Nothing is changed: put the old key behind the new one in FIELD_KEYS first."
            ) from error
        self.stdout.write(f"{count} addresses are written with the present keys.")
        self.stdout.write(f"{payers} bank lines know their payer by the present keys.")
