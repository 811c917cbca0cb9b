"""Exchange rates of a day, for estimates alone: nothing is ever booked by them."""

from collections.abc import Iterable
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from defensefund.templatetags.formats import exact_number, plain_day

from .fields import CurrencyField

LATEST = """
SELECT found.* FROM unnest(%s::text[], %s::text[]) AS wanted (base, quote)
CROSS JOIN LATERAL (
    SELECT * FROM donations_rate r WHERE r.base = wanted.base AND r.quote = wanted.quote AND r.rated_on <= %s
    ORDER BY r.rated_on DESC, r.id DESC LIMIT 1) found
"""


class RateQuerySet(models.QuerySet["Rate"]):
    def latest_of(self, pairs: Iterable[tuple[str, str]], *, on: date) -> list["Rate"]:
        """The rate in force for each (base, quote) on that day: the newest day's, and of one day what was entered last.

        Pairs without any rate are not in it. One query, one step in the index for each pair.
        """
        bases, quotes = zip(*pairs, strict=True) if (pairs := list(pairs)) else ((), ())
        return list(self.raw(LATEST, [list(bases), list(quotes), on]))

    def standing(self) -> "RateQuerySet":
        """Of each pair and day what was entered last; the earlier ones are mistakes it mended."""
        return self.order_by("base", "quote", "rated_on", "-pk").distinct(
            "base", "quote", "rated_on"
        )


class Rate(models.Model):
    """One unit of `base` is worth `rate` units of `quote` on a day. Never changed: a later row of the same day mends it."""

    base = CurrencyField(_("one unit of"))
    quote = CurrencyField(_("is worth so many"))
    rate = models.DecimalField(_("rate"), max_digits=24, decimal_places=12)
    rated_on = models.DateField(_("day"))
    source = models.CharField(_("source"), max_length=120, help_text=_("Who publishes the rate."))
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("entered by"),
        help_text=_("Empty when a command did it."),
    )
    entered_at = models.DateTimeField(_("entered at"))

    objects = RateQuerySet.as_manager()

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["-rated_on", "base", "quote", "-pk"]
        permissions = [("import_rate", "Can import exchange rates")]
        indexes = [
            # RateQuerySet.latest_of takes one step in it for each pair.
            models.Index(name="rate_latest", fields=["base", "quote", "-rated_on", "-id"])
        ]
        constraints = [
            models.CheckConstraint(name="rate_positive", condition=Q(rate__gt=0)),
            models.CheckConstraint(
                name="rate_of_two_currencies",
                condition=Q(base__regex=r"^[A-Z]{3}$", quote__regex=r"^[A-Z]{3}$")
                & ~Q(base=F("quote")),
            ),
            models.CheckConstraint(name="rate_has_source", condition=~Q(source="")),
            models.CheckConstraint(
                name="rate_not_of_the_future", condition=Q(rated_on__lte=F("entered_at__date"))
            ),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {exact_number(self.rate)} {self.quote}, {plain_day(self.rated_on)}"
