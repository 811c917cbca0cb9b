"""What of the money waits for whom: what is to be decided by another person, and what went wrong."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Exists, Max, Min, OuterRef
from django.utils import timezone
from django.utils.translation import ngettext

from defensefund.work import Work, offer

from ..models import (
    Account,
    Disbursement,
    Dispute,
    Exchange,
    Fund,
    FundCover,
    LegalCost,
    Letter,
    LineExplanation,
    MovementExplanation,
    OpenDifference,
    PastImport,
    Payee,
    PayeeAccount,
    PaymentPause,
    Period,
    Policy,
    RefundRequest,
    SealingKey,
    StatementLine,
    StripeEvent,
    SurplusMove,
)
from .doubted import DOUBTED
from .legal_cost import SOON
from .waiting import nobody_asked, takes_no_gifts, who_said_nothing


def _signed_first(user: User) -> datetime | None:
    """Until when this person, or another, signs the first of the emergencies."""
    waiting = Disbursement.objects.to_approve_by(user).unsigned().with_sign_by()
    first: datetime | None = waiting.aggregate(first=Min("sign_by"))["first"]
    return first


offer(
    Work(
        "donations.add_fund",
        takes_no_gifts,
        lambda count: ngettext(
            "public appeal that takes no gifts: it has no fund",
            "public appeals that take no gifts: they have no fund",
            count,
        ),
        "admin:donations_fund_add",
        f"kind={Fund.Kind.APPEAL}",
    ),
    Work(
        "donations.verify_period",
        lambda _user: OpenDifference.objects.all(),
        lambda count: ngettext(
            "difference between Stripe, the banks and the books",
            "differences between Stripe, the banks and the books",
            count,
        ),
        "admin:donations_account_differences",
        as_of=lambda: OpenDifference.objects.aggregate(at=Max("found_at"))["at"],
    ),
    Work(
        "donations.match_statementline",
        lambda _user: StatementLine.objects.unmatched().exclude(
            Exists(LineExplanation.objects.undecided().filter(line=OuterRef("pk")))
        ),
        lambda count: ngettext("bank line to match", "bank lines to match", count),
        "admin:donations_statementline_open",
    ),
    Work(
        "donations.declare_staffaccount",
        who_said_nothing,
        lambda count: ngettext(
            "account of yours to declare, or that you have none, before you ask for payments or approve them",
            "accounts of yours to declare, or that you have none, before you ask for payments or approve them",
            count,
        ),
        "admin:donations_staffaccount_record",
    ),
    Work(
        "donations.approve_disbursement",
        lambda user: Disbursement.objects.to_approve_by(user).filter(paid_at=None),
        lambda count: ngettext("payment to approve", "payments to approve", count),
        "admin:donations_disbursement_changelist",
        f"state={Disbursement.State.TO_APPROVE}",
    ),
    Work(
        "donations.approve_disbursement",
        lambda user: Disbursement.objects.to_approve_by(user).unsigned(),
        lambda count: ngettext(
            "payment made in an emergency, to sign", "payments made in an emergency, to sign", count
        ),
        "admin:donations_disbursement_changelist",
        "state=unsigned",
        until=_signed_first,
    ),
    Work(
        "donations.pay_disbursement",
        lambda _user: Disbursement.objects.overdue(at=timezone.now()),
        lambda count: ngettext(
            "emergency without its second approval in time: no other is paid",
            "emergencies without their second approval in time: no other is paid",
            count,
        ),
        "admin:donations_disbursement_changelist",
        "state=unsigned",
    ),
    Work(
        "donations.answer_disbursement",
        lambda _user: Disbursement.objects.objected(),
        lambda count: ngettext(
            "emergency payment somebody objects to",
            "emergency payments somebody objects to",
            count,
        ),
        "admin:donations_disbursement_changelist",
        "state=objected",
    ),
    Work(
        "donations.enact_policy",
        lambda user: Policy.objects.drafts().exclude(drafted_by=user),
        lambda count: ngettext(
            "draft of the fund's policy to enact", "drafts of the fund's policy to enact", count
        ),
        "admin:donations_policy_changelist",
    ),
    Work(
        "donations.confirm_payee",
        lambda user: Payee.objects.to_confirm().exclude(account__given_by=user),
        lambda count: ngettext("payee's account to confirm", "payees' accounts to confirm", count),
        "admin:donations_payee_changelist",
        "state=confirm",
    ),
    Work(
        "donations.confirm_sealingkey",
        lambda user: SealingKey.objects.to_confirm().exclude(user=user),
        lambda count: ngettext("sealing key to confirm", "sealing keys to confirm", count),
        "admin:donations_sealingkey_changelist",
    ),
    Work(
        "donations.unseal_payee",
        lambda _user: PayeeAccount.objects.sealed_otherwise(SealingKey.objects.in_use()),
        lambda count: ngettext(
            "payee's account not sealed to exactly the present treasurers",
            "payees' accounts not sealed to exactly the present treasurers",
            count,
        ),
        "admin:donations_payee_reseal",
    ),
    Work(
        "donations.pay_disbursement",
        lambda _user: Disbursement.objects.payable(),
        lambda count: ngettext("approved payment to make", "approved payments to make", count),
        "admin:donations_disbursement_changelist",
        f"state={Disbursement.State.TO_PAY}",
    ),
    Work(
        "donations.approve_refundrequest",
        lambda user: RefundRequest.objects.undecided().exclude(requested_by=user),
        lambda count: ngettext("refund to approve", "refunds to approve", count),
        "admin:donations_refundrequest_changelist",
        f"state={RefundRequest.State.TO_APPROVE}",
    ),
    Work(
        "donations.pay_refundrequest",
        lambda _user: RefundRequest.objects.payable(),
        lambda count: ngettext(
            "approved refund to transfer", "approved refunds to transfer", count
        ),
        "admin:donations_refundrequest_changelist",
        f"state={RefundRequest.State.TO_PAY}",
    ),
    Work(
        "donations.approve_fundcover",
        lambda user: FundCover.objects.undecided().exclude(requested_by=user),
        lambda count: ngettext(
            "decision over a frozen fund to approve",
            "decisions over frozen funds to approve",
            count,
        ),
        "admin:donations_fundcover_changelist",
        "state=approve",
    ),
    Work(
        "donations.approve_exchange",
        lambda user: Exchange.objects.undecided().exclude(recorded_by=user),
        lambda count: ngettext("exchange to approve", "exchanges to approve", count),
        "admin:donations_exchange_changelist",
        f"state={Exchange.State.TO_APPROVE}",
    ),
    Work(
        "donations.approve_surplusmove",
        lambda user: SurplusMove.objects.undecided().exclude(requested_by=user),
        lambda count: ngettext(
            "fund's rest to move to its fallback", "funds' rests to move to their fallback", count
        ),
        "admin:donations_surplusmove_changelist",
        "state=approve",
    ),
    *DOUBTED,
    Work(
        "donations.approve_movementexplanation",
        lambda user: MovementExplanation.objects.undecided().exclude(requested_by=user),
        lambda count: ngettext(
            "movement at Stripe somebody explained, to approve",
            "movements at Stripe somebody explained, to approve",
            count,
        ),
        "admin:donations_movementexplanation_changelist",
        "state=approve",
    ),
    Work(
        "donations.approve_lineexplanation",
        lambda user: LineExplanation.objects.undecided().exclude(requested_by=user),
        lambda count: ngettext(
            "bank line somebody explained, to approve",
            "bank lines somebody explained, to approve",
            count,
        ),
        "admin:donations_lineexplanation_changelist",
        "state=approve",
    ),
    Work(
        "donations.record_bailoutcome",
        lambda _user: LegalCost.objects.bail_overdue(on=timezone.now().date()),
        lambda count: ngettext(
            "deposit of bail that should have come back",
            "deposits of bail that should have come back",
            count,
        ),
        "admin:donations_legalcost_changelist",
        "need=bail",
    ),
    Work(
        "donations.approve_pastimport",
        lambda user: PastImport.objects.undecided().exclude(requested_by=user),
        lambda count: ngettext(
            "opening balance or spreadsheet of the past to approve",
            "opening balances or spreadsheets of the past to approve",
            count,
        ),
        "admin:donations_pastimport_changelist",
    ),
    Work(
        "donations.request_fundcover",
        lambda _user: nobody_asked(Account.objects.lacking()),
        lambda count: ngettext(
            "fund below zero that another must cover",
            "funds below zero that others must cover",
            count,
        ),
        "admin:donations_fund_changelist",
        "state=below",
    ),
    Work(
        "donations.request_fundcover",
        lambda _user: nobody_asked(Account.objects.refilled()),
        lambda count: ngettext(
            "fund still frozen though gifts have refilled it",
            "funds still frozen though gifts have refilled them",
            count,
        ),
        "admin:donations_fund_changelist",
        "state=refilled",
    ),
    Work(
        "donations.accept_dispute",
        lambda _user: Dispute.objects.to_answer(),
        lambda count: ngettext("dispute to answer", "disputes to answer", count),
        "admin:donations_dispute_changelist",
        "state=answer",
    ),
    Work(
        "donations.request_disbursement",
        lambda _user: LegalCost.objects.due_by(timezone.now().date() + SOON),
        lambda count: ngettext(
            "legal cost due within seven days, or overdue",
            "legal costs due within seven days, or overdue",
            count,
        ),
        "admin:donations_legalcost_changelist",
        "need=due",
    ),
    Work(
        "donations.allocate_fund",
        lambda _user: LegalCost.objects.without_their_money(),
        lambda count: ngettext(
            "legal cost without all its money set aside",
            "legal costs without all their money set aside",
            count,
        ),
        "admin:donations_legalcost_changelist",
        "need=money",
    ),
    Work(
        "donations.request_disbursement",
        lambda _user: LegalCost.objects.requestable(),
        lambda count: ngettext(
            "legal cost to ask payment for", "legal costs to ask payment for", count
        ),
        "admin:donations_legalcost_changelist",
        "need=request",
    ),
    Work(
        "donations.close_period",
        lambda user: Period.objects.requested().exclude(requested_by=user),
        lambda count: ngettext("month to close", "months to close", count),
        "admin:donations_period_changelist",
        "state=requested",
    ),
    Work(
        "donations.verify_period",
        lambda _user: Period.objects.over(timezone.now()).filter(requested_at=None),
        lambda count: ngettext("month is over and open", "months are over and open", count),
        "admin:donations_period_changelist",
        "state=open",
    ),
    Work(
        "donations.switch_payment",
        lambda _user: PaymentPause.objects.in_force(),
        lambda count: ngettext("way to give is paused", "ways to give are paused", count),
        "admin:donations_paymentpause_changelist",
    ),
    Work(
        "donations.retry_stripeevent",
        lambda _user: StripeEvent.objects.refused(),
        lambda count: ngettext(
            "message of Stripe refused: nothing was booked",
            "messages of Stripe refused: nothing was booked",
            count,
        ),
        "admin:donations_stripeevent_changelist",
        "state=refused",
    ),
    Work(
        "donations.retry_stripeevent",
        lambda _user: StripeEvent.objects.failing(),
        lambda count: ngettext(
            "message of Stripe failed and is tried again",
            "messages of Stripe failed and are tried again",
            count,
        ),
        "admin:donations_stripeevent_changelist",
        "state=failing",
    ),
    Work(
        "donations.view_letter",
        lambda _user: Letter.objects.failing(),
        lambda count: ngettext(
            "letter could not be sent and is tried again",
            "letters could not be sent and are tried again",
            count,
        ),
        "admin:donations_letter_changelist",
        "state=failing",
    ),
)
