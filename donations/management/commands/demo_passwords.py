from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from donations.demo.people import STAFF, new_password


class Command(BaseCommand):
    help = "Give the demonstration's three sample accounts new passwords and print them."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.EMBEDDED:
            raise CommandError("There are no sample accounts outside the demonstration.")
        for user in User.objects.filter(username__in=STAFF).order_by("username"):
            password = new_password()
            user.set_password(password)
            user.save(update_fields=["password"])
            self.stdout.write(f"{user.username:<10} {password}")
