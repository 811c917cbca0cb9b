"""VERB: forget who gave. Identity goes; entries, amounts and totals stay as they are. There is no way back."""

from datetime import datetime

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from .models import (
    CashReceipt,
    Donation,
    KeptCard,
    Letter,
    PastRow,
    Pledge,
    Receipt,
    RefundRequest,
    StatementDetail,
    StatementLine,
    StatementMatch,
    Subscription,
    Supporter,
)

EVERYTHING = Q()


class ForgetError(Exception):
    """Says why not, in a sentence to the supporter."""


class AlreadyForgotten(ForgetError):
    """There is nothing left to forget."""


class NotAPayer(ForgetError):
    """The line is a payment of ours."""


class StillGiving(ForgetError):
    """A card is still charged, or money is still to be sent back: without the private link nobody could see to that."""


@transaction.atomic
def forget(pledge: Pledge, *, at: datetime) -> int:
    """Forgets whoever gave `pledge`, in all their gifts if they left an address; returns how many gifts that were.

    Gone are the address and its search hash, names on receipts and in public, the country, letters not sent yet,
    and what names the payer on slips for cash, on refunds paid, and on bank lines matched to the gifts or these; and on all other
    lines of the same account at a bank, or with a reference of theirs, that are nobody else's gift. All private links close.
    Receipts keep number and sentence: the fund must be able to show them, and they name nobody. Raises AlreadyForgotten, StillGiving.
    """
    pledge = Pledge.objects.get(pk=pledge.pk)
    supporter = None
    if pledge.supporter_id:
        # Held first: who gives again meanwhile under the same address waits, and is a new supporter then.
        supporter = Supporter.objects.select_for_update().get(pk=pledge.supporter_id)
    mine = (
        Pledge.objects.filter(supporter=supporter)
        if supporter
        else Pledge.objects.filter(pk=pledge.pk)
    )
    gifts = list(mine.select_for_update().filter(erased_at=None).values_list("pk", flat=True))
    if not gifts:
        raise AlreadyForgotten(_("This was done already."))
    if Subscription.objects.live().filter(pledge__in=gifts).exists():
        raise StillGiving(
            _("A monthly gift still runs. Stop it first: afterwards nobody could do that for you.")
        )
    if KeptCard.objects.filter(pledge__in=gifts, released_at=None).exists():
        raise StillGiving(
            _(
                "A card is kept for a gift on condition. Take that back first, or wait until it is charged or forgotten: "
                "it takes up to an hour."
            )
        )
    to_pay = RefundRequest.objects.open().filter(bank_account__isnull=False)
    if to_pay.filter(donation__pledge__in=gifts).exists():
        raise StillGiving(_("Money is being sent back to your account. Wait until it is paid."))
    # Addresses that letters went to before, kept until they are told so.
    before = list(Supporter.objects.filter(letters__pledge__in=gifts).values_list("pk", flat=True))
    dropped = Letter.objects.filter(Q(sent_at=None) | Q(supporter__isnull=False))
    dropped.filter(pledge__in=gifts).delete()
    Supporter.objects.filter(pk__in=before, pledges=None, letters=None).delete()
    lines = StatementLine.objects.filter(
        Q(matches__donation__pledge__in=gifts)
        | Q(matches__refund_request__donation__pledge__in=gifts)
    )
    # Of a batch the payments within it that are theirs, by reference or by what was matched; also of one that a notification
    # names with another amount.
    theirs = StatementMatch.objects.filter(donation__pledge__in=gifts)
    references = Pledge.objects.filter(pk__in=gifts, reference__isnull=False)
    codes = [str(each) for each in references.values_list("reference", flat=True)]
    also = _of_the_same(lines, codes, but=gifts)
    _empty(
        _held(lines),
        only=Q(amount__in=list(theirs.values_list("amount", flat=True)))
        | Q(references__overlap=codes),
        at=at,
    )
    if also:
        _forget_lines(Q(pk__in=also), at=at)
    RefundRequest.objects.filter(donation__pledge__in=gifts).update(payee_name="", payee_account="")
    CashReceipt.objects.filter(Q(pledge__in=gifts) | Q(donation__pledge__in=gifts)).update(payer="")
    Receipt.objects.filter(donation__pledge__in=gifts).update(country="")
    Pledge.objects.filter(pk__in=gifts).update(
        supporter=None,
        visibility=Pledge.Visibility.SECRET,
        public_name="",
        receipt_name="",
        country="",
        erased_at=at,
    )
    if supporter:
        # Told of an address they no longer use: that gift is another's by now.
        supporter.letters.all().delete()
        supporter.delete()
    return len(gifts)


@transaction.atomic
def forget_payer(line: StatementLine, *, with_others: bool = False, at: datetime) -> int:
    """Forgets who is on the other side of `line`, and of all lines of the same one if `with_others`; returns how many lines
    that were, with those of refunds of the same gifts.

    Gone are name, account, text and the hash by which they were known, there, in what notifications tell of the lines, on
    refunds, and at the gift of the past that a line proves. Day, amount, matches and what the line is known again by stay: its file adds nothing, and brings nothing
    back. Raises AlreadyForgotten, NotAPayer, StillGiving.
    """
    line = StatementLine.objects.select_for_update(no_key=True).get(pk=line.pk)
    if line.forgotten_at:
        raise AlreadyForgotten(_("This was done already."))
    if not StatementLine.objects.of_payers().filter(pk=line.pk).exists():
        raise NotAPayer(_("This is a payment of ours: the books keep who was paid."))
    same = Q(pk=line.pk)
    if with_others:
        same |= Q(pk__in=others_of(line))
    return _forget_lines(same, at=at)


def _forget_lines(same: Q, *, at: datetime) -> int:
    """Who is on the other side of the lines, and of refunds of the same gifts; returns how many lines. Raises StillGiving."""
    lines = StatementLine.objects.filter(same)
    gifts = list(
        Donation.objects.filter(
            Q(matches__line__in=lines) | Q(refund_requests__matches__line__in=lines)
        ).values_list("pk", flat=True)
    )
    requests = RefundRequest.objects.filter(donation__in=gifts)
    if requests.open().filter(bank_account__isnull=False).exists():
        raise StillGiving(_("Money is being sent back to this account. Wait until it is paid."))
    held = _held(
        StatementLine.objects.filter(
            same | Q(matches__donation__in=gifts) | Q(matches__refund_request__donation__in=gifts)
        )
    )
    _empty(held, at=at)
    requests.update(payee_name="", payee_account="")
    _forget_past(held, at=at)
    return len(held)


def _forget_past(lines: list[StatementLine], *, at: datetime) -> None:
    """Who gave what of the past the lines prove."""
    proved = StatementMatch.objects.standing().filter(line__in=lines, amount__gt=0)
    named = PastRow.objects.filter(pk__in=proved.values("past_row"), forgotten_at=None)
    named.update(supporter_name="", supporter_email="", note="", forgotten_at=at)


def _of_the_same(lines: QuerySet[StatementLine], codes: list[str], *, but: list[int]) -> list[int]:
    """The keys of further lines of whoever is on the other side of `lines`, as far as that is certain: by the account that the bank
    names, or by a reference of theirs among `codes`. Namesakes have one name and two accounts; and who pays from an account
    of two may be the other one, whose announced gift it is then, unless that is one of the pledges `but`."""
    accounts = {
        line.payer_hash
        for line in lines.only("payer_hash", "counterparty_account")
        if line.counterparty_account and line.payer_hash
    }
    of_others = StatementMatch.objects.standing().filter(
        line=OuterRef("pk"), donation__pledge__isnull=False
    )
    same = StatementLine.objects.of_payers().filter(
        Q(payer_hash__in=accounts) | Q(references__overlap=codes), forgotten_at=None
    )
    found = same.exclude(Exists(of_others.exclude(donation__pledge__in=but)))
    return list(found.exclude(pk__in=lines.values("pk")).order_by().values_list("pk", flat=True))


def others_of(line: StatementLine) -> QuerySet[StatementLine]:
    """The other lines of whoever is on the other side of `line`, as the bank's account or name tells; none where it says
    neither. Our own payments are not among them."""
    if not line.payer_hash:
        return StatementLine.objects.none()
    lines = StatementLine.objects.of_payers().filter(payer_hash=line.payer_hash)
    return lines.exclude(pk=line.pk)


def _held(lines: QuerySet[StatementLine]) -> list[StatementLine]:
    """Until the end of the transaction: a notification that tells of them meanwhile waits, and is kept without names."""
    pks = list(lines.order_by().values_list("pk", flat=True))
    held = StatementLine.objects.select_for_update(no_key=True).filter(pk__in=pks)
    return list(held.order_by("pk").only("key", "names"))


def _empty(lines: list[StatementLine], *, only: Q = EVERYTHING, at: datetime) -> None:
    """Of what notifications tell of the lines, `only` these. A batch in which others stay named is not done with."""
    keys = [line.key for line in lines]
    StatementDetail.objects.filter(
        only,
        Q(key__in=keys) | Q(names__overlap=[name for line in lines for name in line.names or ()]),
    ).update(counterparty="", counterparty_account="", text="")
    named = StatementDetail.objects.named().filter(key__in=keys)
    is_done = Q(forgotten_at=None) & ~Q(key__in=named.values("key"))
    StatementLine.objects.filter(pk__in=[line.pk for line in lines]).update(
        counterparty="",
        counterparty_account="",
        text="",
        payer_hash="",
        forgotten_at=Case(When(is_done, then=Value(at)), default=F("forgotten_at")),
    )
