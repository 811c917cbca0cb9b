"""The receipt of a donation: a number without gaps, and the tax sentence as it stood when it was issued."""

import re

from babel import Locale, UnknownLocaleError
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language, gettext, to_locale
from django.utils.translation import gettext_lazy as _

from .donation import Donation


def countries(language: str | None = None) -> dict[str, str]:
    """ISO 3166 codes of two letters with the countries' names in `language` (that in force by default)."""
    try:
        locale = Locale.parse(to_locale(language or get_language() or "en"))
    except UnknownLocaleError:
        locale = Locale("en")
    return {
        code: name
        for code, name in locale.territories.items()
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
    }


# Babel's territories that are none: unions, unknown ones, and those reserved for testing.
NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB"})


def validate_country(code: str) -> None:
    if code not in countries("en"):
        raise ValidationError(_("Two capital letters of a country, like AR or ES."))


class TaxSentenceQuerySet(models.QuerySet["TaxSentence"]):
    def best(self, country: str, language: str) -> "TaxSentence | None":
        """The sentence of `country` in `language`, else in another one; None when the country has none."""
        order = models.Case(models.When(language=language, then=0), default=1)
        return self.filter(country=country).order_by(order, "language").first()

    def country_choices(self, *, also: str = "") -> list[tuple[str, str]]:
        """Code and name of each country with a sentence of its own, and of `also`, by name; none where there is none."""
        known = set(self.values_list("country", flat=True)) | {also} - {""}
        names = sorted((countries()[code], code) for code in known)
        another = [("", gettext("Another, or none"))]
        return [*another, *((code, name) for name, code in names)] if names else []


class TaxSentence(models.Model):
    """What receipts say on taxes to supporters of a country; those of all others say that the gift is not deductible."""

    country = models.CharField(
        _("country"),
        max_length=2,
        validators=[validate_country],
        help_text=_("Two capital letters of a country, like AR or ES."),
    )
    language = models.CharField(_("language"), max_length=5)
    sentence = models.TextField(
        _("sentence"),
        max_length=500,
        help_text=_(
            "Stands on receipts from now on, where a supporter names this country. Receipts issued before keep theirs."
        ),
    )

    objects = TaxSentenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("tax sentence")
        verbose_name_plural = _("tax sentences")
        ordering = ["country", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["country", "language"],
                name="tax_sentence_once_per_language",
                violation_error_message=_("This country has a sentence in this language already."),
            ),
            models.CheckConstraint(
                name="tax_sentence_country_two_capitals", condition=Q(country__regex="^[A-Z]{2}$")
            ),
            models.CheckConstraint(name="tax_sentence_not_empty", condition=~Q(sentence="")),
        ]

    def __str__(self) -> str:
        return f"{self.country} ({self.language})"


class Receipt(models.Model):
    """Issued once for a donation, when somebody is to read it. Names nobody: a name is the gift's, as long as it is kept.

    The database gives the number, the next without a gap, and lets neither it nor the sentence be changed
    (migrations, `donations_receipt_number`).
    """

    donation = models.OneToOneField(
        Donation, models.PROTECT, related_name="receipt", verbose_name=_("donation")
    )
    serial = models.PositiveBigIntegerField(
        _("serial number"), unique=True, editable=False, db_default=0
    )
    issued_at = models.DateTimeField(_("issued at"))
    country = models.CharField(
        _("country"),
        max_length=2,
        blank=True,
        help_text=_("Whose tax sentence it has; empty for the general one."),
    )
    tax_sentence = models.TextField(_("tax sentence"))
    downloaded_at = models.DateTimeField(
        _("first downloaded at"),
        null=True,
        help_text=_("Every later download says that it is a copy."),
    )

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="receipt_says_something_on_taxes", condition=~Q(tax_sentence="")
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"R-{self.serial:07d}"


def bare_serial(number: str) -> str:
    """ "R-0000012" as "12"; any other text as it is."""
    return re.sub(r"^\s*[Rr]-?0*(?=\d+\s*$)", "", number)
