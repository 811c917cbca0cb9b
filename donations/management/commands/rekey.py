from django.core.management.base import BaseCommand, CommandError

from defensefund.privacy import Undecipherable
from donations.models import Supporter


class Command(BaseCommand):
    help = (
        "After a new SECRET_KEY or FIELD_KEYS: write supporters' addresses with the present keys, "
        "so that who asks for a new link by mail is found again."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            count = Supporter.objects.rekey()
        except Undecipherable as error:
            raise CommandError(
                f"{error} Nothing is changed: put the old key behind the new one in FIELD_KEYS first."
            ) from error
        self.stdout.write(f"{count} addresses are written with the present keys.")
