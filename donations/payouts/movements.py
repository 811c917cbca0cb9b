"""What a movement on Stripe's balance means for a donation: its fee, money sent back, money its bank took."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from donations.ledger import Posting
from donations.models import (
    AccountKey,
    BalanceTransaction,
    Dispute,
    Donation,
    Entry,
    Letter,
    Refund,
    RefundRequest,
    bulk,
)
from donations.stripe_facts import BalanceTransaction as Movement

PAYMENTS = frozenset(BalanceTransaction.PAYMENTS)
REFUNDS = frozenset(BalanceTransaction.REFUNDS)
RETURNS = frozenset(BalanceTransaction.RETURNS)


class Booking:
    """A run of movements, placed one by one and written at once.

    `donations` are found by Stripe's payment, what two people `explained` by Stripe's name of the movement; what Stripe tells
    of refunds and disputes is as of `read_at`. After `write`, `postings` is to be posted in the same transaction.
    """

    def __init__(
        self,
        donations: Mapping[str, Donation],
        *,
        explained: Collection[str] = (),
        read_at: datetime,
    ) -> None:
        self.donations = donations
        self.explained = explained
        self.read_at = read_at
        self.postings: list[Posting] = []
        self.unplaced: list[str] = []
        self._payments: dict[str, Donation] = {}
        self._refunds: list[tuple[Movement, Donation]] = []
        self._disputes: list[tuple[Movement, Donation]] = []

    def place(self, movement: Movement) -> None:
        """Notes what is to be written and posted for it, or adds it to `unplaced`."""
        if movement.type in BalanceTransaction.PAYOUTS:
            # Booked from the list of payouts.
            return
        is_refund = movement.type in REFUNDS | RETURNS
        if movement.id in self.explained:
            return
        if not (movement.type in PAYMENTS or is_refund or movement.is_dispute):
            self.unplaced.append(f"{movement.id}: {movement.type}")
            return
        donation = self.donations.get(movement.payment_intent_id)
        if donation is None or donation.currency != movement.currency:
            what = "dispute" if movement.is_dispute else movement.type
            self.unplaced.append(f"{movement.id}: {what} without a donation")
        elif movement.is_dispute:
            self._disputes.append((movement, donation))
        else:
            self._payments[movement.payment_intent_id] = donation
            if is_refund:
                self._refunds.append((movement, donation))
            elif movement.fee:
                self.postings.append(out_of_fund(movement, donation, Entry.Kind.FEE, "fee"))

    def write(self) -> None:
        # Refunds before donations, as everybody else locks them.
        self._write_refunds()
        self._write_fees()
        self._write_disputes()

    def _write_fees(self) -> None:
        """A donation's fee: what Stripe kept of the payment, less what it gave back when the payment went back."""
        fees = dict(
            BalanceTransaction.objects.of_payments()
            .filter(stripe_payment_intent_id__in=self._payments)
            .order_by()
            .values_list("stripe_payment_intent_id")
            .annotate(total=Sum("fee"))
        )
        changed = []
        for payment, donation in self._payments.items():
            if donation.fee != fees[payment]:
                donation.fee = fees[payment]
                changed.append(donation)
        bulk.write(changed, ["fee"])

    def _write_refunds(self) -> None:
        if not self._refunds:
            return
        rows = self._refund_rows()
        letters: list[Letter] = []
        changed: dict[int, Refund] = {}
        for movement, donation in self._refunds:
            refund = rows.get(movement.source_id)
            if refund is None:
                self.unplaced.append(
                    f"{movement.id}: {movement.type} of more than is left of the donation"
                )
                continue
            if movement.type in RETURNS and refund.source is None:
                # It left before the time looked at; a run that goes further back books both.
                self.unplaced.append(f"{movement.id}: {movement.type} of what has not left yet")
                continue
            before = (refund.source, refund.return_source)
            if movement.type in RETURNS:
                refund.return_source, refund.returned_at = movement.source, movement.created_at
                kind = Entry.Kind.REFUND_RETURNED
            else:
                is_new = refund.source is None
                refund.source, kind = movement.source, Entry.Kind.REFUND
                if is_new:
                    letters += refund.letters(donation, at=movement.created_at)
            if before != (refund.source, refund.return_source):
                changed[refund.pk] = refund
            self.postings.append(out_of_fund(movement, donation, kind))
            if movement.fee:
                self.postings.append(out_of_fund(movement, donation, Entry.Kind.FEE, "fee"))
        bulk.write(changed.values(), ["source", "return_source", "returned_at"])
        Letter.objects.bulk_create(letters, ignore_conflicts=True)

    def _refund_rows(self) -> dict[str, Refund]:
        """The rows of all refunds that moved, by Stripe's name; their states as Stripe tells them now.

        A new one for which nothing is left has none: what came back before it is not known here yet.
        """
        told = {movement.source_id: (movement, donation) for movement, donation in self._refunds}
        # Held, so that no event changes them at the same time.
        known = Refund.objects.select_for_update().in_bulk(told, field_name="stripe_refund_id")
        heard = [row for name, row in known.items() if row.hear(told[name][0].source_facts)]
        bulk.write(heard, ["status", "failure_reason"])
        left: dict[int, Decimal] = {}
        new = []
        for name, (movement, donation) in told.items():
            if name in known:
                continue
            row = Refund.told(movement.source_facts, donation)
            if row.status in Refund.STANDING:
                if donation.pk not in left:
                    left[donation.pk] = donation.amount - donation.refunds.standing().total()
                if row.amount > left[donation.pk]:
                    continue
                left[donation.pk] -= row.amount
            new.append(row)
        Refund.objects.bulk_create(new)
        RefundRequest.objects.link(
            (told[str(row.stripe_refund_id)][0].source_facts, row) for row in new
        )
        return known | {str(row.stripe_refund_id): row for row in new}

    def _write_disputes(self) -> None:
        if not self._disputes:
            return
        told = {movement.source_id: (movement, donation) for movement, donation in self._disputes}
        known = Dispute.objects.select_for_update().in_bulk(told, field_name="stripe_dispute_id")
        heard = [
            row
            for name, row in known.items()
            if row.hear(told[name][0].source_facts, at=self.read_at)
        ]
        bulk.write(heard, Dispute.TOLD)
        Dispute.objects.bulk_create(
            Dispute.told(movement.source_facts, donation, at=self.read_at)
            for name, (movement, donation) in told.items()
            if name not in known
        )
        for movement, donation in self._disputes:
            self.postings += dispute_postings(movement, donation)


def out_of_fund(
    movement: Movement, donation: Donation, kind: Entry.Kind, part: str = ""
) -> Posting:
    """The movement's amount, or its fee when `part` is "fee", out of the donation's fund; into it when it came back."""
    amount = movement.fee if part == "fee" else -movement.amount
    fund = AccountKey.fund(donation.fund, movement.currency)
    stripe = AccountKey.stripe(movement.currency)
    return Posting(
        kind=kind,
        debit=fund if amount > 0 else stripe,
        credit=stripe if amount > 0 else fund,
        amount=abs(amount),
        booked_on=movement.created_at.date(),
        source=f"{movement.source}:{part}" if part else movement.source,
    )


def dispute_postings(movement: Movement, donation: Donation) -> Iterable[Posting]:
    """A supporter's bank takes a payment back, for a fee; or returns it, and maybe the fee, when we won."""
    if movement.amount:
        kind = Entry.Kind.DISPUTE if movement.amount < 0 else Entry.Kind.DISPUTE_WON
        yield out_of_fund(movement, donation, kind)
    if movement.fee:
        yield out_of_fund(movement, donation, Entry.Kind.DISPUTE_FEE, "fee")
