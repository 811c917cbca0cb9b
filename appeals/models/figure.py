"""A number the appeal cites, and the source that states it."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .appeal import Appeal
from .language import LanguageField, TextQuerySet


class Source(models.Model):
    publisher = models.CharField(
        _("publisher"), max_length=200, help_text=_("Who states it, by its own name.")
    )
    title = models.CharField(
        _("title"), max_length=300, blank=True, help_text=_("Of the report. Empty: not known.")
    )
    url = models.URLField(
        _("link"),
        blank=True,
        max_length=500,
        validators=[RegexValidator(r"^https?://", _("A link starts with https://."))],
    )
    retrieved_on = models.DateField(_("retrieved on"), null=True, blank=True)
    is_as_cited = models.BooleanField(
        _("known only as the appeal cites it"),
        default=False,
        help_text=_("The page then says so. Clear it once somebody has read the report itself."),
    )

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["publisher", "title"]
        constraints = [
            models.CheckConstraint(
                condition=Q(publisher__regex=r"\S"),
                name="source_has_publisher",
                violation_error_message=_("A source needs a publisher."),
            ),
            models.CheckConstraint(
                condition=Q(url="") | Q(url__regex=r"^https?://"),
                name="source_link_is_web",
                violation_error_message=_("A link starts with https://."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.publisher}: {self.title}" if self.title else self.publisher


class FigureQuerySet(models.QuerySet["Figure"]):
    def confirmed(self) -> "FigureQuerySet":
        return self.filter(confirmed_at__isnull=False)

    def proposed(self) -> "FigureQuerySet":
        return self.filter(confirmed_at__isnull=True)


class Figure(models.Model):
    appeal = models.ForeignKey(
        Appeal, models.CASCADE, verbose_name=_("appeal"), related_name="figures"
    )
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=3)
    is_more_than = models.BooleanField(
        _("more than"), default=False, help_text=_("The source says “more than” this number.")
    )
    unit = models.CharField(
        _("unit"), max_length=20, blank=True, help_text=_("For example %. Empty: a plain count.")
    )
    sentence = models.TextField(
        _("sentence"), blank=True, help_text=_("Where it stands in the text it was taken from.")
    )
    source = models.ForeignKey(
        Source,
        models.PROTECT,
        verbose_name=_("source"),
        related_name="figures",
        null=True,
        blank=True,
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Smaller numbers come first.")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("confirmed by"),
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )

    objects = FigureQuerySet.as_manager()

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["position", "pk"]
        permissions = [("confirm_figure", _("Can confirm figures"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="figure_confirmed_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) | Q(source__isnull=False),
                name="figure_confirmed_with_source",
                violation_error_message=_("A figure needs its source before it is confirmed."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value.normalize():f}{self.unit and ' ' + self.unit}"

    @property
    def in_words(self) -> str:
        """As it is said of it: “more than 1200”, “40 %”."""
        return f"{_('more than')} {self}" if self.is_more_than else str(self)

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None


class FigureTextQuerySet(TextQuerySet["FigureText"]):
    parent = "figure"
    default_language = "figure__appeal__default_language"

    def confirmed(self) -> "FigureTextQuerySet":
        return self.filter(figure__confirmed_at__isnull=False)


class FigureText(models.Model):
    figure = models.ForeignKey(Figure, models.CASCADE, related_name="texts")
    language = LanguageField(_("language"))
    label = models.CharField(
        _("label"), max_length=200, help_text=_("What is counted: “people injured”.")
    )
    place = models.CharField(_("place"), max_length=200, blank=True)
    period = models.CharField(
        _("period or date"), max_length=200, blank=True, help_text=_("Empty: not stated.")
    )

    objects = FigureTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of the figure")
        verbose_name_plural = _("texts of the figure")
        ordering = ["language"]
        constraints = [
            models.UniqueConstraint(
                fields=["figure", "language"], name="figure_text_once_per_language"
            ),
            models.CheckConstraint(
                condition=Q(label__regex=r"\S"),
                name="figure_text_labelled",
                violation_error_message=_("Say what the figure counts."),
            ),
        ]

    def __str__(self) -> str:
        return self.label
