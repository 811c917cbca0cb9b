from datetime import UTC, datetime, timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import payouts, stripe_api, webhooks


class Command(BaseCommand):
    help = "Fetch from Stripe what did not arrive here: events, fees, payouts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="a day like 2026-03-01 (30 days ago if not named)")

    def handle(self, *args: object, since: str | None = None, **options: object) -> None:
        now = timezone.now()
        try:
            start = (
                datetime.fromisoformat(since).replace(tzinfo=UTC)
                if since
                else now - timedelta(days=30)
            )
        except ValueError as error:
            raise CommandError(f"--since {since}: write a day like 2026-03-01.") from error
        try:
            events = webhooks.catch_up(since=start, at=now)
            while webhooks.process_pending(at=now):
                pass
            synced = payouts.sync(since=start)
        except (stripe_api.StripeUnavailable, stripe_api.StripeRefused) as error:
            raise CommandError(
                f"Stripe did not answer as expected ({error}). Nothing is lost: run it again later."
            ) from error
        self.stdout.write(f"new events {events}, new entries {synced.new_entries}")
        for item in synced.unplaced:
            self.stdout.write(f"unplaced: {item}")
