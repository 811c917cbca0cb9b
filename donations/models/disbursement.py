"""Payment of a legal cost: requested, approved by another person, paid, proved."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .amounts import AmountQuerySet
from .bank_account import BankAccount
from .bank_payment import BankPayment, paid_in_steps
from .conflict import Conflict
from .cost_share import CostShare
from .fields import MoneyField
from .legal_cost import CostDocument, LegalCost
from .payee import PayeeAccount
from .statement_match import StatementMatch


def _proof() -> models.QuerySet[StatementMatch]:
    left = StatementMatch.objects.standing().filter(amount__lt=0)
    return left.filter(disbursement=models.OuterRef("pk"))


# All the approvals a payment needs before it is made: in an emergency the second may follow.
APPROVED = Q(approved_at__isnull=False) & (
    Q(approvals_needed=1) | Q(seconded_at__isnull=False) | ~Q(emergency_reason="")
)
# Until when that second approval of a paid emergency is to be there, by the policy it was asked for under.
SIGN_WITHIN = models.ExpressionWrapper(
    models.Value(timedelta(hours=1)) * F("policy__emergency_hours"),
    output_field=models.DurationField(),
)
SIGN_BY = models.ExpressionWrapper(F("paid_at") + SIGN_WITHIN, output_field=models.DateTimeField())


class DisbursementQuerySet(AmountQuerySet["Disbursement"]):
    def undecided(self) -> "DisbursementQuerySet":
        """Not paid, and waiting for an approval without which it is not."""
        return self.filter(~APPROVED, refused_at=None, paid_at=None)

    def payable(self) -> "DisbursementQuerySet":
        return self.filter(APPROVED, refused_at=None, paid_at=None)

    def unsigned(self) -> "DisbursementQuerySet":
        """Paid in an emergency with one approval; the second is still to come."""
        return self.emergencies().filter(seconded_at=None)

    def emergencies(self) -> "DisbursementQuerySet":
        return self.filter(paid_at__isnull=False, undone_at=None).exclude(emergency_reason="")

    def with_sign_by(self) -> "DisbursementQuerySet":
        """Annotates `sign_by`: until when a payment made in an emergency is to be signed by a third person, by its policy."""
        return self.annotate(sign_by=SIGN_BY)

    def overdue(self, *, at: datetime) -> "DisbursementQuerySet":
        """Of the unsigned ones, those whose time for the second approval is over."""
        return self.unsigned().alias(due=SIGN_BY).filter(due__lt=at)

    def objected(self) -> "DisbursementQuerySet":
        """With an objection that nobody has answered yet."""
        return self.filter(objections__isnull=False, objections__answered_at=None).distinct()

    def to_approve_by(self, user: Any) -> "DisbursementQuerySet":
        """What waits for an approval that this person may give: neither asked for nor approved by them, nor one in which
        they have a stake by the register of conflicts."""
        waiting = self.filter(refused_at=None, approved_at=None, paid_at=None) | self.filter(
            refused_at=None, approvals_needed=2, seconded_at=None, approved_at__isnull=False
        )
        shared = CostShare.objects.filter(cost=models.OuterRef(models.OuterRef("cost")))
        stakes = Conflict.objects.standing().filter(
            Q(payee=models.OuterRef("payee_account__payee"))
            | Q(defendant=models.OuterRef("cost__defendant"))
            | Q(defendant__in=shared.values("defendant")),
            user=user,
        )
        return (
            waiting.exclude(requested_by=user)
            .exclude(approved_by=user)
            .exclude(models.Exists(stakes))
        )

    def paid(self) -> "DisbursementQuerySet":
        """Recorded as paid, and neither come back since nor found never to have left."""
        return self.filter(paid_at__isnull=False, came_back_on=None)

    def unproved(self) -> "DisbursementQuerySet":
        """Paid, and not yet seen on a bank statement."""
        standing = models.FilteredRelation("matches", condition=Q(matches__undone_at=None))
        return self.annotate(standing=standing).filter(
            standing=None, paid_at__isnull=False, undone_at=None
        )

    def doubted(self) -> "DisbursementQuerySet":
        """Recorded as paid, and somebody says that the money never left: another person is to decide."""
        return self.filter(undo_requested_at__isnull=False, undone_at=None)

    def open(self) -> "DisbursementQuerySet":
        """Asked for and neither paid nor refused: money that is as good as spoken for."""
        return self.filter(refused_at=None, paid_at=None)

    def with_proof(self) -> "DisbursementQuerySet":
        """Annotates `is_proved`: a line of the bank was matched to the payment."""
        return self.annotate(is_proved=models.Exists(_proof()))

    def in_state(self, state: "Disbursement.State") -> "DisbursementQuerySet":
        match state:
            case Disbursement.State.TO_APPROVE:
                return self.undecided()
            case Disbursement.State.TO_PAY:
                return self.payable()
            case Disbursement.State.TO_PROVE:
                return self.filter(~models.Exists(_proof()), paid_at__isnull=False, undone_at=None)
            case Disbursement.State.DONE:
                return self.paid().filter(models.Exists(_proof()))
            case Disbursement.State.CAME_BACK:
                return self.filter(came_back_on__isnull=False, undone_at=None)
            case Disbursement.State.NEVER_LEFT:
                return self.filter(undone_at__isnull=False)
            case Disbursement.State.REFUSED:
                return self.filter(refused_at__isnull=False)

    def standing(self) -> "DisbursementQuerySet":
        """Asked for or paid: neither refused nor come back."""
        return self.filter(refused_at=None, came_back_on=None)


class Disbursement(BankPayment):
    """One payment of a legal cost.

    The database computes `content_hash` over cost, amount, currency, payee, bank account, the document asked with, all
    documents of the cost and `same_document_reason`, and drops the approval when any of them changes, or another document
    comes (the migrations "spending" and "same_document"); a payee who is not the confirmed one is neither
    approved nor paid. A document that is also with another cost, paid or asked for, is not asked with a second time unless
    that reason is given.
    """

    cost = models.ForeignKey(
        LegalCost, models.PROTECT, related_name="disbursements", verbose_name=_("legal cost")
    )
    document = models.ForeignKey(
        CostDocument, models.PROTECT, related_name="disbursements", verbose_name=_("document")
    )
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="disbursements", verbose_name=_("from account")
    )
    payee_account = models.ForeignKey(
        PayeeAccount, models.PROTECT, related_name="disbursements", verbose_name=_("payee")
    )
    approved_hash = models.CharField(_("approved content"), max_length=64, blank=True)
    voided_by_document = models.ForeignKey(
        CostDocument,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("document that voided the approval"),
        help_text=_(
            "It came after the approval, which was void from then on; empty again with the next."
        ),
    )
    seconded_hash = models.CharField(
        _("content the third person approved"), max_length=64, blank=True
    )
    emergency_reason = models.TextField(
        _("why it could not wait"), blank=True, db_default="", max_length=500
    )
    same_document_reason = models.TextField(
        _("why this document is paid here too"),
        blank=True,
        db_default="",
        max_length=500,
        help_text=_("Where the document asked with is also with another cost, paid or asked for."),
    )
    received = MoneyField(_("what the payee received"), null=True)
    received_currency = models.CharField(
        _("in the currency"), max_length=3, blank=True, db_default=""
    )

    objects = DisbursementQuerySet.as_manager()

    class Meta:
        verbose_name = _("disbursement")
        verbose_name_plural = _("disbursements")
        ordering = ["-pk"]
        permissions = [
            ("request_disbursement", "Can request a disbursement"),
            ("approve_disbursement", "Can approve or refuse a disbursement"),
            ("pay_disbursement", "Can record a disbursement as paid"),
            ("undo_disbursement", "Can take back a payment that never left the bank"),
            ("object_disbursement", "Can object to a payment made in an emergency"),
            ("answer_disbursement", "Can answer an objection to a payment"),
        ]
        constraints = [
            *paid_in_steps("disbursement"),
            models.CheckConstraint(
                name="disbursement_approval_complete_and_of_this_content",
                condition=Q(approved_by__isnull=True, approved_at__isnull=True, approved_hash="")
                | Q(
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    approved_hash=F("content_hash"),
                ),
            ),
            models.CheckConstraint(
                name="disbursement_third_person_is_a_third",
                condition=Q(seconded_by__isnull=True, seconded_at__isnull=True, seconded_hash="")
                | Q(
                    seconded_by__isnull=False,
                    seconded_at__isnull=False,
                    seconded_hash=F("content_hash"),
                    approved_at__isnull=False,
                )
                & ~Q(seconded_by=F("requested_by"))
                & ~Q(seconded_by=F("approved_by")),
            ),
            models.CheckConstraint(
                name="disbursement_received_in_another_currency",
                condition=Q(received=None, received_currency="")
                | (
                    Q(received__gt=0)
                    & ~Q(received_currency="")
                    & ~Q(received_currency=F("currency"))
                ),
            ),
        ]

    @property
    def is_emergency(self) -> bool:
        return bool(self.emergency_reason)

    @property
    def is_unsigned(self) -> bool:
        """As the query set's unsigned()."""
        return self.is_emergency and bool(self.paid_at) and not (self.undone_at or self.seconded_at)

    @property
    def is_approved(self) -> bool:
        """Also in an emergency with the first approval."""
        return super().is_approved or bool(self.approved_at and self.is_emergency)

    @property
    def obtained_rate(self) -> Decimal | None:
        """How much of the other currency the payee received for one of ours."""
        return self.received / self.amount if self.received else None
