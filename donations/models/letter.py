"""Mail to be sent: written in the transaction of the fact it tells of, sent afterwards, at least once."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .donation import Donation
from .pledge import Pledge
from .supporter import Supporter


class LetterQuerySet(models.QuerySet["Letter"]):
    def due(self, at: datetime) -> "LetterQuerySet":
        return self.filter(sent_at=None, bounced_at=None, due_at__lte=at)

    def failing(self) -> "LetterQuerySet":
        """Tried in vain, to be tried again."""
        return self.filter(sent_at=None, bounced_at=None, attempts__gt=0)

    def about_a_receipt(self) -> "LetterQuerySet":
        return self.filter(kind__in=[Letter.Kind.RECEIPT, Letter.Kind.RECEIPT_COPY])


class Letter(models.Model):
    """One mail, about a gift or to who gave it. Holds no address and no text: both come from the gift when it is sent."""

    class Kind(models.TextChoices):
        RECEIPT = "receipt", _("receipt")
        TRANSFER_DETAILS = "transfer_details", _("details for the transfer")
        PAYMENT_FAILED = "payment_failed", _("a payment did not go through")
        ACTION_REQUIRED = "action_required", _("a payment is to be confirmed")
        UPCOMING_CHARGE = "upcoming_charge", _("reminder before a monthly charge")
        MONTHLY_STOPPED = "monthly_stopped", _("the monthly gift has ended")
        PROMISE = "promise", _("what was promised")
        REMINDER = "reminder", _("reminder of a promise")
        CONDITION_MET = "condition_met", _("the target is met")
        CONDITION_FAILED = "condition_failed", _("the target was not met")
        KEPT_CARD_FAILED = "kept_card_failed", _("a kept card was not charged")
        RECEIPT_COPY = "receipt_copy", _("copy of a receipt")
        STATEMENT = "statement", _("yearly statement")
        NEW_LINK = "new_link", _("new private link")
        ADDRESS_CHANGED = "address_changed", _("letters go elsewhere")
        REFUND = "refund", _("refund")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    pledge = models.ForeignKey(
        Pledge,
        models.PROTECT,
        # The key of an occasion begins with it.
        db_index=False,
        related_name="letters",
        verbose_name=_("pledge"),
    )
    donation = models.ForeignKey(
        Donation, models.PROTECT, null=True, related_name="letters", verbose_name=_("donation")
    )
    occasion = models.CharField(
        _("occasion"),
        max_length=255,
        blank=True,
        help_text=_(
            "Which of several facts of its kind it tells of: a day, or Stripe's name of an invoice."
        ),
    )
    supporter = models.ForeignKey(
        Supporter,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="letters",
        verbose_name=_("supporter"),
        help_text=_("To whom, when no longer to the gift's own address."),
    )
    created_at = models.DateTimeField(_("created at"))
    due_at = models.DateTimeField(_("next try at"))
    attempts = models.PositiveSmallIntegerField(_("failed tries"), default=0)
    error = models.TextField(_("error"), blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    bounced_at = models.DateTimeField(
        _("bounced at"),
        null=True,
        help_text=_("When a mail server said for good that it does not know the address."),
    )

    objects = LetterQuerySet.as_manager()

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        permissions = [
            ("resend_letter", "Can have a receipt sent again"),
            ("note_bounce_letter", "Can note that a letter came back"),
        ]
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="letter_receipt_names_its_donation",
                condition=~Q(kind__in=["receipt", "receipt_copy"]) | Q(donation__isnull=False),
            ),
            models.CheckConstraint(
                name="letter_refund_names_its_donation",
                condition=~Q(kind="refund") | Q(donation__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["pledge", "kind", "donation", "occasion"],
                name="letter_once_per_occasion",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="letter_elsewhere_tells_of_that",
                condition=Q(supporter=None) | Q(kind="address_changed"),
            ),
        ]
        indexes = [
            models.Index(
                name="letter_unsent", fields=["due_at"], condition=Q(sent_at=None, bounced_at=None)
            ),
            # Hardly any has one.
            models.Index(
                name="letter_elsewhere",
                fields=["supporter"],
                condition=Q(supporter__isnull=False),
            ),
            # The office lists those of one kind, and those that came back.
            models.Index(name="letter_kind", fields=["kind", "id"]),
            models.Index(
                name="letter_bounced", fields=["id"], condition=Q(bounced_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
