"""An offer to give only if an appeal's target is met by a day; the card Stripe keeps for it, and each try to charge it."""

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appeals.models import Appeal
from defensefund.templatetags.formats import money, plain_day

from .fields import CurrencyField, MoneyField


class ConditionQuerySet(models.QuerySet["Condition"]):
    def undecided(self) -> "ConditionQuerySet":
        return self.filter(met_at=None, failed_at=None)

    def open_for(self, appeal: Appeal, currency: str, *, today: date) -> "ConditionQuerySet":
        """The one that supporters of `appeal` may still join, if there is one."""
        return self.undecided().filter(appeal=appeal, currency=currency, ends_on__gte=today)


class Condition(models.Model):
    """What supporters agreed to: the target and its last day. The database keeps these, and decides once."""

    appeal = models.ForeignKey(
        Appeal, models.PROTECT, related_name="conditions", verbose_name=_("appeal")
    )
    currency = CurrencyField(_("currency"))
    target = MoneyField(
        _("target"),
        help_text=_("What has arrived and what is promised on this condition, together."),
    )
    ends_on = models.DateField(
        _("last day"), help_text=_("The target must be met by its end (UTC).")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("set by")
    )
    created_at = models.DateTimeField(_("set at"))
    met_at = models.DateTimeField(_("met at"), null=True)
    failed_at = models.DateTimeField(
        _("not met at"), null=True, help_text=_("Or called off: no card is charged.")
    )

    objects = ConditionQuerySet.as_manager()

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")
        ordering = ["-pk"]
        permissions = [("call_off_condition", "Can call a condition off")]
        constraints = [
            models.CheckConstraint(name="condition_target_positive", condition=Q(target__gt=0)),
            models.CheckConstraint(
                name="condition_decided_once", condition=Q(met_at=None) | Q(failed_at=None)
            ),
            models.UniqueConstraint(
                fields=["appeal", "currency"],
                name="condition_one_at_a_time",
                condition=Q(met_at=None, failed_at=None),
                violation_error_message=_(
                    "This appeal has an open condition in this currency: it has to be decided or called off first."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{money(self.target, self.currency)}, {plain_day(self.ends_on)}"

    @property
    def is_decided(self) -> bool:
        return self.met_at is not None or self.failed_at is not None


class KeptCard(models.Model):
    """A card that lies at Stripe for one pledge; of it we hold Stripe's two names and nothing else."""

    pledge = models.OneToOneField(
        "Pledge", models.PROTECT, related_name="kept_card", verbose_name=_("pledge")
    )
    stripe_customer_id = models.CharField(_("Stripe customer"), max_length=255, unique=True)
    stripe_payment_method_id = models.CharField(
        _("Stripe payment method"), max_length=255, unique=True
    )
    kept_at = models.DateTimeField(_("kept at"))
    released_at = models.DateTimeField(_("released at"), null=True)

    class Meta:
        verbose_name = _("kept card")
        verbose_name_plural = _("kept cards")
        indexes = [
            models.Index(name="kept_card_lying", fields=["pledge"], condition=Q(released_at=None))
        ]

    def __str__(self) -> str:
        return f"{_('kept card')} {self.pk}"


class CardCharge(models.Model):
    """One try to charge a kept card; committed, with its key, before Stripe is asked. Without an outcome it is asked again."""

    # Beyond this many the supporter is left alone: their private link is how they may still give.
    MOST = 3

    pledge = models.ForeignKey(
        "Pledge", models.PROTECT, related_name="card_charges", verbose_name=_("pledge")
    )
    idempotency_key = models.CharField(_("idempotency key"), max_length=100, unique=True)
    asked_at = models.DateTimeField(_("asked at"))
    succeeded_at = models.DateTimeField(_("succeeded at"), null=True)
    declined_at = models.DateTimeField(_("declined at"), null=True)
    code = models.CharField(_("why"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("charge of a kept card")
        verbose_name_plural = _("charges of kept cards")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="card_charge_ends_one_way",
                condition=Q(succeeded_at=None) | Q(declined_at=None),
            ),
            # While one is open, and after one succeeded, there is no other: never charged twice.
            models.UniqueConstraint(
                fields=["pledge"], name="card_charge_once", condition=Q(declined_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.idempotency_key

    @property
    def asks_supporter(self) -> bool:
        """The bank wants the supporter to confirm: trying again without them is in vain."""
        return self.code == "authentication_required"
