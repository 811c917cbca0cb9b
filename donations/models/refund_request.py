"""People's decision to send money back, or the system's own upon a warning of fraud, and how far it has come."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.privacy import EncryptedTextField
from donations.currencies import written

from .bank_account import BankAccount
from .donation import Donation
from .fields import CurrencyField, MoneyField
from .payee import hash_payee
from .proposal import Decision
from .refund import Refund

# The states of a refund that did not succeed.
FAILED = (Refund.Status.FAILED, Refund.Status.CANCELED)


def _number_in(facts: Mapping[str, Any]) -> uuid.UUID | None:
    """Our request's number, which Stripe carries along."""
    try:
        return uuid.UUID(facts["metadata"]["refund"])
    except (KeyError, ValueError):
        return None


class RefundRequestQuerySet(models.QuerySet["RefundRequest"]):
    def undecided(self) -> "RefundRequestQuerySet":
        """Waits for a second person."""
        return self.filter(needs_two=True, approved_at=None, refused_at=None)

    def decided(self) -> "RefundRequestQuerySet":
        """To be carried out: approved, or small enough for one person."""
        return self.filter(Q(needs_two=False) | Q(approved_at__isnull=False), refused_at=None)

    def unanswered(self) -> "RefundRequestQuerySet":
        """By card, decided, and Stripe has not said yes or no."""
        return self.decided().filter(bank_account=None, refund=None, failed_at=None)

    def due(self, at: datetime) -> "RefundRequestQuerySet":
        return self.unanswered().filter(due_at__lte=at)

    def payable(self) -> "RefundRequestQuerySet":
        """By bank transfer, approved, and not recorded as paid."""
        return self.decided().filter(bank_account__isnull=False, paid_at=None)

    def unproved(self) -> "RefundRequestQuerySet":
        """Paid by bank transfer, and not yet seen on a bank statement."""
        standing = models.FilteredRelation("matches", condition=Q(matches__undone_at=None))
        return self.annotate(standing=standing).filter(standing=None, paid_at__isnull=False)

    def open(self) -> "RefundRequestQuerySet":
        """Asked for, and neither refused nor carried out: money that is as good as spoken for."""
        return self.filter(refused_at=None, failed_at=None, refund=None)

    def link(self, told: Iterable[tuple[Mapping[str, Any], "Refund"]]) -> None:
        """Notes at each request the refund Stripe made of it, which carries the request's number among its facts."""
        made = {number: refund for facts, refund in told if (number := _number_in(facts))}
        if not made:
            return
        for request in self.decided().filter(number__in=made, refund=None).select_for_update():
            refund = made[request.number]
            if request.donation_id == refund.donation_id and not request.bank_account_id:
                request.refund, request.failed_at, request.error = refund, None, ""
                request.sent_at = request.sent_at or refund.refunded_at
                request.save(update_fields=["refund", "failed_at", "error", "sent_at"])

    def in_state(self, state: "RefundRequest.State") -> "RefundRequestQuerySet":
        match state:
            case RefundRequest.State.TO_APPROVE:
                return self.undecided()
            case RefundRequest.State.TO_SEND:
                return self.unanswered()
            case RefundRequest.State.TO_PAY:
                return self.payable()
            case RefundRequest.State.TO_PROVE:
                return self.unproved()
            case RefundRequest.State.ON_ITS_WAY:
                return self.filter(refund__status=Refund.Status.PENDING)
            case RefundRequest.State.DONE:
                return self.filter(refund__status=Refund.Status.SUCCEEDED).exclude(
                    pk__in=self.unproved().values("pk")
                )
            case RefundRequest.State.FAILED:
                return self.filter(Q(failed_at__isnull=False) | Q(refund__status__in=FAILED))
            case RefundRequest.State.REFUSED:
                return self.filter(refused_at__isnull=False)


class RefundRequest(Decision):
    """People's decision to send money back, or the system's own upon a warning of fraud; never changed, only decided.

    The database says whether one person may decide it (`needs_two`), computes `content_hash` over all that is decided,
    and lets no request exceed what is left of the donation (in the migration of refunds).
    """

    class Reason(models.TextChoices):
        ASKED = "asked", _("the supporter asked for it")
        DUPLICATE = "duplicate", _("given twice by mistake")
        UNWANTED = "unwanted", _("the fund does not accept it")
        CLOSED = "closed", _("what it was given for has ended")
        FRAUD = "fraud", _("the card was used by somebody else")

    class State(models.TextChoices):
        TO_APPROVE = "approve", _("to approve")
        TO_SEND = "send", _("being sent to Stripe")
        TO_PAY = "pay", _("to pay")
        TO_PROVE = "prove", _("paid, to be seen at the bank")
        ON_ITS_WAY = "on_its_way", _("on its way")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("refused")

    number = models.UUIDField(_("number"), unique=True, default=uuid.uuid4, editable=False)
    donation = models.ForeignKey(
        Donation, models.PROTECT, related_name="refund_requests", verbose_name=_("donation")
    )
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    note = models.TextField(_("note"), blank=True)
    # By bank transfer only.
    bank_account = models.ForeignKey(
        BankAccount,
        models.PROTECT,
        null=True,
        related_name="refund_requests",
        verbose_name=_("from account"),
    )
    payee_name = EncryptedTextField(_("payee"), blank=True)
    payee_account = EncryptedTextField(_("payee's account"), blank=True)
    payee_hash = models.CharField(_("payee, keyed hash"), max_length=64, blank=True)
    payment_reference = models.CharField(
        _("payment reference"),
        max_length=35,
        unique=True,
        null=True,
        blank=True,
        help_text=_("Write it on the bank transfer: the statement line is found by it."),
    )
    alone_limit = MoneyField(
        _("one person's limit"),
        help_text=_("Up to how much of this donation one person may send back by themselves."),
    )
    needs_two = models.BooleanField(_("needs two people"), editable=False, default=True)
    content_hash = models.CharField(_("content hash"), max_length=64, editable=False)

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("requested by"),
        help_text=_("Empty when the system asked, upon a warning of fraud."),
    )
    requested_at = models.DateTimeField(_("requested at"))
    approved_hash = models.CharField(_("approved content"), max_length=64, blank=True)

    # By card: Stripe is asked under `number`, again until it answers.
    due_at = models.DateTimeField(_("next try at"))
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    sent_at = models.DateTimeField(_("first sent at"), null=True)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    error = models.CharField(_("error"), max_length=100, blank=True)
    # By bank transfer: a person tells the bank.
    paid_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("paid by"),
    )
    paid_at = models.DateTimeField(_("recorded as paid at"), null=True)
    paid_on = models.DateField(_("paid on"), null=True)
    refund = models.OneToOneField(
        Refund, models.PROTECT, null=True, related_name="request", verbose_name=_("refund")
    )

    objects = RefundRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")
        ordering = ["-pk"]
        permissions = [
            ("request_refundrequest", "Can ask for a refund"),
            ("approve_refundrequest", "Can approve or refuse a refund"),
            ("pay_refundrequest", "Can record a refund by bank transfer as paid"),
        ]
        constraints = [
            models.CheckConstraint(name="refund_request_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="refund_request_limit_not_negative", condition=Q(alone_limit__gte=0)
            ),
            models.CheckConstraint(
                name="refund_request_by_bank_names_payee",
                condition=Q(bank_account=None, payee_hash="", payment_reference=None)
                | (
                    Q(bank_account__isnull=False, payment_reference__isnull=False)
                    & ~Q(payee_hash="")
                ),
            ),
            # Where the money goes is typed by a person: never by one alone.
            models.CheckConstraint(
                name="refund_request_by_bank_needs_two",
                condition=Q(bank_account=None) | Q(needs_two=True),
            ),
            models.CheckConstraint(
                name="refund_request_by_nobody_only_for_fraud",
                condition=Q(requested_by__isnull=False) | Q(reason="fraud"),
            ),
            models.CheckConstraint(
                name="refund_request_approved_by_another_person",
                condition=Q(approved_by=None)
                | Q(requested_by=None)
                | ~Q(approved_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="refund_request_approval_complete_and_of_this_content",
                condition=Q(approved_by__isnull=True, approved_at__isnull=True, approved_hash="")
                | Q(
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    approved_hash=F("content_hash"),
                ),
            ),
            models.CheckConstraint(
                name="refund_request_refusal_complete",
                condition=Q(refused_by__isnull=True, refused_at__isnull=True, refusal_reason="")
                | (
                    Q(refused_by__isnull=False, refused_at__isnull=False)
                    & Q(sent_at=None, paid_at=None)
                    & ~Q(refusal_reason="")
                ),
            ),
            models.CheckConstraint(
                name="refund_request_carried_out_only_when_decided",
                condition=Q(sent_at=None, paid_at=None, refund=None)
                | Q(needs_two=False)
                | Q(approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="refund_request_sent_or_paid",
                condition=Q(sent_at=None, paid_at=None)
                | Q(bank_account=None, paid_at=None)
                | Q(bank_account__isnull=False, sent_at=None),
            ),
            models.CheckConstraint(
                name="refund_request_paid_complete",
                condition=Q(paid_by=None, paid_at=None, paid_on=None)
                | Q(
                    paid_by__isnull=False,
                    paid_at__isnull=False,
                    paid_on__isnull=False,
                    refund__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="refund_request_failed_with_error",
                condition=Q(failed_at=None) | (Q(refund=None, paid_at=None) & ~Q(error="")),
            ),
        ]
        indexes = [
            models.Index(
                name="refund_request_unanswered",
                fields=["due_at"],
                condition=Q(refund=None, failed_at=None, refused_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.donation}: −{written(self.amount, self.currency)}"

    @property
    def idempotency_key(self) -> str:
        """Under which Stripe is asked, however often."""
        return f"refund-{self.number}"

    @property
    def source(self) -> str:
        """The fact in the ledger of one paid by bank transfer."""
        return f"refund:{self.number}"

    @property
    def has_its_payee(self) -> bool:
        """The payee is still the one `payee_hash`, and so the approval, stands for; forgotten ones of old count."""
        return (
            not self.payee_hash
            or bool(self.paid_at or self.refused_at)
            or hash_payee(self.payee_name, self.payee_account) == self.payee_hash
        )

    @property
    def is_decided(self) -> bool:
        return bool(self.approved_at) or not self.needs_two

    def state(self, *, is_proved: bool = False) -> "RefundRequest.State":
        """`is_proved`: a line of the bank was matched to the payment. Reads `refund`."""
        if self.refused_at:
            return self.State.REFUSED
        if self.failed_at or (self.refund and self.refund.status in FAILED):
            return self.State.FAILED
        if self.refund:
            if self.paid_at and not is_proved:
                return self.State.TO_PROVE
            is_pending = self.refund.status == Refund.Status.PENDING
            return self.State.ON_ITS_WAY if is_pending else self.State.DONE
        if not self.is_decided:
            return self.State.TO_APPROVE
        return self.State.TO_PAY if self.bank_account_id else self.State.TO_SEND
