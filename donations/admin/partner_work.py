"""What of the payments to the partner waits for whom; among the rest of the work (work.py)."""

from django.utils.translation import ngettext

from defensefund.work import Work, offer

from ..models import PartnerPayment

offer(
    Work(
        "donations.approve_partnerpayment",
        lambda user: PartnerPayment.objects.to_approve_by(user),
        lambda count: ngettext(
            "payment to the partner to approve", "payments to the partner to approve", count
        ),
        "admin:donations_partnerpayment_changelist",
        f"state={PartnerPayment.State.TO_APPROVE}",
    ),
    Work(
        "donations.pay_partnerpayment",
        lambda _user: PartnerPayment.objects.payable(),
        lambda count: ngettext(
            "approved payment to the partner to make",
            "approved payments to the partner to make",
            count,
        ),
        "admin:donations_partnerpayment_changelist",
        f"state={PartnerPayment.State.TO_PAY}",
    ),
    Work(
        "donations.undo_partnerpayment",
        lambda user: PartnerPayment.objects.doubted().exclude(undo_requested_by=user),
        lambda count: ngettext(
            "payment to the partner said never to have left, to take back",
            "payments to the partner said never to have left, to take back",
            count,
        ),
        "admin:donations_partnerpayment_changelist",
        "state=doubted",
    ),
)
