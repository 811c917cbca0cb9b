"""What is left of a fund whose purpose is over and that nobody needs, paid to the partner whom the policy names."""

import uuid
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .bank_account import BankAccount
from .bank_payment import BankPayment, paid_in_steps
from .conflict import Conflict
from .fund import Fund
from .legal_cost import CostDocument
from .payee import PayeeAccount
from .statement_match import StatementMatch
from .surplus import SurplusMove

APPROVED = Q(approved_at__isnull=False) & (Q(approvals_needed=1) | Q(seconded_at__isnull=False))


def _proof() -> models.Exists:
    left = StatementMatch.objects.standing().filter(amount__lt=0)
    return models.Exists(left.filter(partner_payment=models.OuterRef("pk")))


class PartnerPaymentQuerySet(models.QuerySet["PartnerPayment"]):
    def open(self) -> "PartnerPaymentQuerySet":
        """Neither paid nor refused."""
        return self.filter(refused_at=None, paid_at=None)

    def to_approve_by(self, user: Any) -> "PartnerPaymentQuerySet":
        """Neither asked for nor approved by this person, nor one in which they have a stake by the register of conflicts."""
        stakes = Conflict.objects.standing().filter(
            Q(payee=models.OuterRef("payee_account__payee"))
            | Q(defendant=models.OuterRef("fund__defendant")),
            user=user,
        )
        return (
            self.open()
            .filter(~APPROVED)
            .exclude(requested_by=user)
            .exclude(approved_by=user)
            .exclude(models.Exists(stakes))
        )

    def payable(self) -> "PartnerPaymentQuerySet":
        return self.open().filter(APPROVED)

    def paid(self) -> "PartnerPaymentQuerySet":
        """Recorded as paid, also those that came back or never left."""
        return self.filter(paid_at__isnull=False)

    def standing(self) -> "PartnerPaymentQuerySet":
        return self.paid().filter(came_back_on=None)

    def unproved(self) -> "PartnerPaymentQuerySet":
        """Paid, and not yet seen on a bank statement."""
        return self.paid().filter(~_proof(), undone_at=None)

    def doubted(self) -> "PartnerPaymentQuerySet":
        """Somebody says that the money never left; another person is to decide."""
        return self.filter(undo_requested_at__isnull=False, undone_at=None)

    def with_proof(self) -> "PartnerPaymentQuerySet":
        """Annotates `is_proved`: a line of the bank was matched to the payment."""
        return self.annotate(is_proved=_proof())

    def in_state(self, state: BankPayment.State) -> "PartnerPaymentQuerySet":
        match state:
            case BankPayment.State.TO_APPROVE:
                return self.open().filter(~APPROVED)
            case BankPayment.State.TO_PAY:
                return self.payable()
            case BankPayment.State.TO_PROVE:
                return self.standing().filter(~_proof())
            case BankPayment.State.DONE:
                return self.standing().filter(_proof())
            case BankPayment.State.CAME_BACK:
                return self.filter(came_back_on__isnull=False, undone_at=None)
            case BankPayment.State.NEVER_LEFT:
                return self.filter(undone_at__isnull=False)
            case BankPayment.State.REFUSED:
                return self.filter(refused_at__isnull=False)


def agreement_path(payment: "PartnerPayment", filename: str) -> str:
    """A random name: the file's own could name people."""
    return f"partner/{uuid.uuid4().hex}.{CostDocument.EXTENSIONS[payment.content_type]}"


class PartnerPayment(BankPayment):
    """One payment of all that is free of a fund, in one currency, to the partner.

    What is asked for is never changed, and so neither what `content_hash` stands for: fund, amount, currency, partner, payee,
    bank account and document. That the purpose is over, that nobody whom the policy names before the partner needs the
    money, and that the payee is confirmed, the database looks at too (the migration "partner_payment"); that the payee is
    the partner, the verb alone: names of payees are encrypted.
    """

    fund = models.ForeignKey(
        Fund, models.PROTECT, related_name="partner_payments", verbose_name=_("fund")
    )
    cause = models.CharField(_("why the purpose is over"), max_length=10, choices=SurplusMove.Cause)
    note = models.TextField(_("note for the office"), blank=True)
    partner = models.CharField(
        _("partner"),
        max_length=120,
        help_text=_("As the policy named it on the day of the request."),
    )
    bank_account = models.ForeignKey(
        BankAccount, models.PROTECT, related_name="partner_payments", verbose_name=_("from account")
    )
    payee_account = models.ForeignKey(
        PayeeAccount, models.PROTECT, related_name="partner_payments", verbose_name=_("payee")
    )
    file = models.FileField(_("document"), upload_to=agreement_path)
    content_type = models.CharField(
        _("type"), max_length=20, choices=[(key, key) for key in CostDocument.EXTENSIONS]
    )
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)

    objects = PartnerPaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment to the partner")
        verbose_name_plural = _("payments to the partner")
        ordering = ["-pk"]
        permissions = [
            ("request_partnerpayment", "Can ask to pay a fund's rest to the partner"),
            ("approve_partnerpayment", "Can approve or refuse a payment to the partner"),
            ("pay_partnerpayment", "Can record a payment to the partner as paid"),
            ("undo_partnerpayment", "Can take back a payment to the partner that never left"),
        ]
        constraints = [
            *paid_in_steps("partner"),
            models.CheckConstraint(
                name="partner_approval_complete",
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="partner_third_person_is_a_third",
                condition=Q(seconded_by__isnull=True, seconded_at__isnull=True)
                | Q(seconded_by__isnull=False, seconded_at__isnull=False, approved_at__isnull=False)
                & ~Q(seconded_by=F("requested_by"))
                & ~Q(seconded_by=F("approved_by")),
            ),
            models.CheckConstraint(
                name="partner_named_by_a_policy", condition=Q(policy__isnull=False) & ~Q(partner="")
            ),
            models.UniqueConstraint(
                name="partner_asked_once",
                fields=["fund", "currency"],
                condition=Q(paid_at=None, refused_at=None),
            ),
        ]

    @property
    def entry_source(self) -> str:
        """Its entry's name in the ledger."""
        return f"partner_payment:{self.number}"
