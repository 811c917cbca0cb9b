"""The UMA, the unit lawyers' fees are owed in under Argentina's law 27.423: what it is worth, and what payments settled of it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from defensefund.templatetags.formats import exact_number, money, plain_day

# Pesos: the law values the unit in them alone.
CURRENCY = "ARS"


class UmaValueQuerySet(models.QuerySet["UmaValue"]):
    def standing(self) -> "UmaValueQuerySet":
        """Of each day of effect what was entered last."""
        return self.order_by("effective_from", "-pk").distinct("effective_from")

    def with_standing(self) -> Any:
        """Annotates `replaced_by`, the value that was entered later for the same day of effect, and `followed_on`, the next day
        of effect; both are None of the newest."""
        known = UmaValue.objects.order_by()
        later = known.filter(effective_from=OuterRef("effective_from"), pk__gt=OuterRef("pk"))
        following = known.filter(effective_from__gt=OuterRef("effective_from"))
        return self.annotate(
            replaced_by=Subquery(later.order_by("-pk").values("value")[:1]),
            followed_on=Subquery(following.order_by("effective_from").values("effective_from")[:1]),
        )

    def newest(self) -> "UmaValue | None":
        """The value what is open is owed at: the latest day of effect, and of one day what was entered last."""
        return self.order_by("-effective_from", "-pk").first()


class UmaValue(models.Model):
    """What one UMA is worth from a day on. Never changed: a later row of the same day of effect mends it.

    The court publishes late and with effect from an earlier day. What is open of a cost is owed at the newest value;
    what was paid stands at the value of its own day (UmaPayment), and the database revalues what is open as a value is
    entered.
    """

    value = models.DecimalField(
        _("pesos for one UMA"), max_digits=18, decimal_places=4, help_text=_("As the ruling says.")
    )
    effective_from = models.DateField(_("in effect from"))
    published_on = models.DateField(
        _("published on"), help_text=_("Payments of earlier days stay as they are.")
    )
    ruling = models.CharField(
        _("ruling"),
        max_length=200,
        help_text=_("The court's act that sets it, by name and number."),
    )
    source = models.CharField(
        _("source"),
        max_length=300,
        blank=True,
        help_text=_("Where it can be read: a link or a page."),
    )
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("entered by"),
        help_text=_("Empty when a command did it."),
    )
    entered_at = models.DateTimeField(_("entered at"))

    objects = UmaValueQuerySet.as_manager()

    class Meta:
        verbose_name = _("value of the UMA")
        verbose_name_plural = _("values of the UMA")
        ordering = ["-effective_from", "-pk"]
        permissions = [("enter_umavalue", "Can enter values of the UMA")]
        indexes = [models.Index(name="uma_newest", fields=["-effective_from", "-id"])]
        constraints = [
            models.CheckConstraint(name="uma_value_positive", condition=Q(value__gt=0)),
            models.CheckConstraint(name="uma_value_has_ruling", condition=~Q(ruling="")),
            models.CheckConstraint(
                name="uma_value_in_effect_and_published",
                condition=Q(effective_from__lte=F("entered_at__date"))
                & Q(published_on__lte=F("entered_at__date")),
            ),
        ]

    def __str__(self) -> str:
        return f"1 UMA = {money(self.value, CURRENCY)}, {plain_day(self.effective_from)}"


class UmaPayment(models.Model):
    """How many UMA one payment settled, at the value of its day. Written by the database when it is paid, and never changed."""

    disbursement = models.OneToOneField(
        "Disbursement", models.PROTECT, related_name="uma", verbose_name=_("payment")
    )
    cost = models.ForeignKey(
        "LegalCost", models.PROTECT, related_name="uma_payments", verbose_name=_("legal cost")
    )
    value = models.ForeignKey(
        UmaValue, models.PROTECT, related_name="payments", verbose_name=_("value of the UMA")
    )
    settled = models.DecimalField(
        _("UMA settled"),
        max_digits=30,
        decimal_places=12,
        help_text=_(
            "Amount by value, to twelve decimals; all the rest when all that is open is paid."
        ),
    )

    class Meta:
        verbose_name = _("payment of UMA")
        verbose_name_plural = _("payments of UMA")
        constraints = [
            models.CheckConstraint(name="uma_payment_not_negative", condition=Q(settled__gte=0))
        ]

    def __str__(self) -> str:
        return f"{exact_number(self.settled)} UMA"
