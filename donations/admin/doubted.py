"""What somebody says to be wrong, and another person is to take back, or keep."""

from django.utils.translation import ngettext

from defensefund.work import Work

from ..models import BailOutcome, Disbursement, Exchange, SurplusMove

DOUBTED = (
    Work(
        "donations.undo_surplusmove",
        lambda user: SurplusMove.objects.doubted().exclude(undo_requested_by=user),
        lambda count: ngettext(
            "fund's rest said to be moved wrongly, to take back",
            "funds' rests said to be moved wrongly, to take back",
            count,
        ),
        "admin:donations_surplusmove_changelist",
        "state=doubted",
    ),
    Work(
        "donations.undo_exchange",
        lambda user: Exchange.objects.doubted().exclude(undo_requested_by=user),
        lambda count: ngettext(
            "exchange recorded wrongly, to take back",
            "exchanges recorded wrongly, to take back",
            count,
        ),
        "admin:donations_exchange_changelist",
        "state=doubted",
    ),
    Work(
        "donations.undo_bailoutcome",
        lambda user: BailOutcome.objects.doubted().exclude(undo_requested_by=user),
        lambda count: ngettext(
            "outcome of bail recorded wrongly, to take back",
            "outcomes of bail recorded wrongly, to take back",
            count,
        ),
        "admin:donations_legalcost_changelist",
        "need=doubt",
    ),
    Work(
        "donations.undo_disbursement",
        lambda user: Disbursement.objects.doubted().exclude(undo_requested_by=user),
        lambda count: ngettext(
            "payment said never to have left the bank, to take back",
            "payments said never to have left the bank, to take back",
            count,
        ),
        "admin:donations_disbursement_changelist",
        "state=doubted",
    ),
)
