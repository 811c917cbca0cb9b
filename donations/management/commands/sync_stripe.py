from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import catching_up, stripe_api
from donations.catching_up import Found
from donations.models import Entry, StripeEvent

# What events are about, by the beginning of their type.
NOUNS = {
    "checkout.session.": "payment pages",
    "payment_intent.payment_failed": "declined cards",
    "payment_intent.": "payments",
    "invoice.": "months of monthly gifts",
    "customer.subscription.": "changes of monthly gifts",
    "refund.": "refunds",
    "charge.dispute.": "disputes",
    "radar.early_fraud_warning.": "warnings of fraud",
}


class Command(BaseCommand):
    help = "Fetch from Stripe what did not arrive here: events, fees, refunds, disputes, payouts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="a day like 2026-03-01 (30 days ago if not named)")

    def handle(self, *args: object, since: str | None = None, **options: object) -> None:
        now = timezone.now()
        try:
            start = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
        except ValueError as error:
            raise CommandError(f"--since {since}: write a day like 2026-03-01.") from error
        try:
            found = catching_up.sync(since=start, at=now) if start else catching_up.sync_far(at=now)
        except (stripe_api.StripeUnavailable, stripe_api.StripeRefused) as error:
            raise CommandError(
                f"Stripe did not answer as expected ({error}). Nothing is lost: run it again later."
            ) from error
        for line in _in_words(found):
            self.stdout.write(line)


def _in_words(found: Found) -> Iterator[str]:
    if found.told:
        yield f"Events that had not arrived: {found.told.total()} ({_nouns(found.told)})."
    else:
        yield "Every event had arrived."
    if found.read:
        yield f"Read from what is older than Stripe's events: {found.read.total()} ({_nouns(found.read)})."
    if found.booked:
        by_kind = Counter({str(Entry.Kind(kind).label): n for kind, n in found.booked.items()})
        yield f"New in the books: {found.booked.total()} entries ({_listed(by_kind)})."
    else:
        yield "Nothing new in the books."
    for item in found.unplaced:
        yield f"On Stripe's balance and not placed: {item}"
    if left := StripeEvent.objects.filter(processed_at=None).count():
        yield f"Events not acted on: {left}. The office lists them with their reasons."


def _nouns(types: Counter[str]) -> str:
    counts: Counter[str] = Counter()
    for type_, count in types.items():
        noun = next((noun for start, noun in NOUNS.items() if type_.startswith(start)), type_)
        counts[noun] += count
    return _listed(counts)


def _listed(counts: Counter[str]) -> str:
    # In this order a noun need not know one from many.
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
