"""A case: one court proceeding, told as the authorities allege it; and its hearings."""

from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .appeal import Appeal
from .language import LanguageField, TextQuerySet, Titled, TitledQuerySet


class CaseQuerySet(TitledQuerySet["Case"]):
    def published(self) -> "CaseQuerySet":
        return self.filter(published_at__isnull=False, appeal__published_at__isnull=False)

    def heard_soon(self, today: date) -> "CaseQuerySet":
        """With a hearing today or within seven days."""
        hearings = Hearing.objects.filter(
            case=OuterRef("pk"), held_on__range=(today, today + timedelta(days=7))
        )
        return self.filter(Exists(hearings))


class Case(Titled):
    class Stage(models.TextChoices):
        UNKNOWN = "unknown", _("Stage not stated")
        OPEN = "open", _("Open; stage not stated")
        INVESTIGATION = "investigation", _("Under investigation")
        SUMMONED = "summoned", _("People summoned")
        CHARGED = "charged", _("Charges brought")
        TRIAL = "trial", _("On trial")
        REVIEW = "review", _("Before a higher court")
        DISMISSED = "dismissed", _("Dismissed")
        ACQUITTED = "acquitted", _("Acquitted")
        CONVICTED = "convicted", _("Convicted")

    appeal = models.ForeignKey(
        Appeal, models.PROTECT, verbose_name=_("appeal"), related_name="cases"
    )
    slug = models.SlugField(
        _("address"),
        help_text=_("The last part of the page's address; no personal names."),
    )
    court = models.CharField(
        _("court"), max_length=200, blank=True, help_text=_("As it calls itself. Empty: not known.")
    )
    docket = models.CharField(
        _("docket number"), max_length=100, blank=True, help_text=_("Empty: not known.")
    )
    stage = models.CharField(
        _("stage"), max_length=20, choices=Stage.choices, default=Stage.UNKNOWN
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Smaller numbers come first.")
    )
    published_at = models.DateTimeField(
        _("published at"),
        null=True,
        blank=True,
        editable=False,
    )
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("published by"),
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering = ["position", "pk"]
        permissions = [("publish_case", _("Can publish and withdraw cases"))]
        constraints = [
            models.UniqueConstraint(fields=["appeal", "slug"], name="case_slug_once_per_appeal"),
            # Lets an update's (case, appeal) pair refer to a case of the same appeal.
            models.UniqueConstraint(fields=["id", "appeal"], name="case_with_its_appeal"),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, published_by__isnull=True)
                | Q(published_at__isnull=False, published_by__isnull=False),
                name="case_published_by_someone",
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("appeals:case", kwargs={"appeal": self.appeal.slug, "case": self.slug})

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


class CaseTextQuerySet(TextQuerySet["CaseText"]):
    parent = "case"
    default_language = "case__appeal__default_language"

    def published(self) -> "CaseTextQuerySet":
        return self.filter(
            case__published_at__isnull=False, case__appeal__published_at__isnull=False
        )


class CaseText(models.Model):
    case = models.ForeignKey(Case, models.CASCADE, related_name="texts")
    language = LanguageField(_("language"))
    title = models.CharField(_("title"), max_length=200)
    charge = models.CharField(
        _("charge, as alleged"),
        max_length=300,
        blank=True,
        help_text=_(
            "In the authorities' words. With a charge here, people are named on the case's page "
            "only if they agreed to be named with it. Empty: not known."
        ),
    )
    summary = models.TextField(
        _("summary"),
        blank=True,
        help_text=_(
            "Markdown. Say only what the authorities allege, never what anyone did. "
            "Write people as [[their key]], not by name."
        ),
    )

    objects = CaseTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of the case")
        verbose_name_plural = _("texts of the case")
        ordering = ["language"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "language"], name="case_text_once_per_language"
            ),
            models.CheckConstraint(
                condition=Q(title__regex=r"\S"),
                name="case_text_titled",
                violation_error_message=_("A case needs a title."),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Hearing(models.Model):
    class Kind(models.TextChoices):
        HEARING = "hearing", _("Hearing")
        STATEMENT = "statement", _("Statement before the judge")
        BAIL = "bail", _("Hearing on release or bail")
        PRELIMINARY = "preliminary", _("Preliminary hearing")
        TRIAL = "trial", _("Trial")
        REVIEW = "review", _("Hearing before a higher court")
        VERDICT = "verdict", _("Verdict")
        SENTENCE = "sentence", _("Sentence")

    case = models.ForeignKey(Case, models.CASCADE, related_name="hearings")
    held_on = models.DateField(_("day"))
    local_time = models.TimeField(
        _("time"), null=True, blank=True, help_text=_("The court's local time. Empty: not known.")
    )
    place = models.CharField(_("place"), max_length=200, blank=True)
    kind = models.CharField(_("what"), max_length=20, choices=Kind.choices, default=Kind.HEARING)

    class Meta:
        verbose_name = _("hearing")
        verbose_name_plural = _("hearings")
        ordering = ["held_on", "local_time"]

    def __str__(self) -> str:
        return f"{self.held_on:%Y-%m-%d} {self.get_kind_display()}"
