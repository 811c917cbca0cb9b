"""The first appeal, published: what a newcomer sees, and what the fund is for."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from appeals.real_appeal import load_real_appeal


class Command(BaseCommand):
    help = "Load and publish the first appeal (once: later runs leave it as people changed it)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, help="the user name of who answers for it")

    def handle(self, *args: Any, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(
                f"There is no user {options['by']!r}: name somebody with an account."
            )
        appeal = load_real_appeal(by=by, at=timezone.now())
        self.stdout.write(f"The appeal is at {appeal.get_absolute_url()}")
