"""Whether the security log was altered."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from defensefund.models import SecurityEvent
from defensefund.security_log import first_broken


class Command(BaseCommand):
    help = "Recomputes the chain of the security log; exits 1 and names the first event that does not follow."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = first_broken()
        if broken is not None:
            raise CommandError(
                f"Event {broken} does not follow from the one before: the log was altered there."
            )
        count = SecurityEvent.objects.count()
        last = SecurityEvent.objects.order_by("pk").last()
        self.stdout.write(f"{count} events, each following from the one before.")
        if last is not None:
            self.stdout.write(f"Last: {last.pk} {last.chain}")
