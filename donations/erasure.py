"""VERB: forget who gave. Identity goes; entries, amounts and totals stay as they are. There is no way back."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from .models import (
    CashReceipt,
    KeptCard,
    Letter,
    Pledge,
    Receipt,
    RefundRequest,
    StatementDetail,
    StatementLine,
    StatementMatch,
    Subscription,
    Supporter,
)


class ForgetError(Exception):
    """Says why not, in a sentence to the supporter."""


class AlreadyForgotten(ForgetError):
    """There is nothing left to forget."""


class StillGiving(ForgetError):
    """A card is still charged, or money is still to be sent back: without the private link nobody could see to that."""


@transaction.atomic
def forget(pledge: Pledge, *, at: datetime) -> int:
    """Forgets whoever gave `pledge`, in all their gifts if they left an address; returns how many gifts that were.

    Gone are the address and its search hash, names on receipts and in public, the country, letters not sent yet,
    and what names the payer on slips for cash, on refunds paid, and on bank lines matched to the gifts or these. All private links close.
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
    keys = dict(lines.values_list("key", "names"))
    # Of a batch the payments within it that are theirs, by reference or by what was matched; also of one that a notification
    # names with another amount.
    theirs = StatementMatch.objects.filter(donation__pledge__in=gifts)
    StatementDetail.objects.filter(
        Q(amount__in=list(theirs.values_list("amount", flat=True)))
        | Q(
            references__overlap=list(
                Pledge.objects.filter(pk__in=gifts, reference__isnull=False).values_list(
                    "reference", flat=True
                )
            )
        ),
        Q(key__in=list(keys))
        | Q(names__overlap=[name for said in keys.values() for name in said or ()]),
    ).update(counterparty="", counterparty_account="", text="")
    lines.update(counterparty="", counterparty_account="", text="", payer_hash="")
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
