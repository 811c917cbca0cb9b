"""An appeal: a call for support, with its text in each language."""

from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .language import LanguageField, TextQuerySet, Titled, TitledQuerySet, first_language

# Addresses beside an appeal's own (/<lang>/<appeal>/) that belong to other pages.
RESERVED_SLUGS = frozenset(
    {
        "admin",
        "appeals",
        "books",
        "feed",
        "gift",
        "healthz",
        "pledge",
        "static",
        "stripe",
        "updates",
    }
)


def not_reserved(slug: str) -> None:
    if slug in RESERVED_SLUGS:
        raise ValidationError(
            _("“%(slug)s” is the address of another page: choose another word."),
            params={"slug": slug},
        )


class AppealQuerySet(TitledQuerySet["Appeal"]):
    def published(self) -> "AppealQuerySet":
        return self.filter(published_at__isnull=False)


class Appeal(Titled):
    slug = models.SlugField(
        _("address"),
        unique=True,
        validators=[not_reserved],
        help_text=_("The last part of the page's address. Links break when it changes."),
    )
    default_language = LanguageField(
        _("main language"),
        default=first_language,
        help_text=_("Shown, with a note, where a text is missing in the reader's language."),
    )
    starts_on = models.DateField(_("starts on"), null=True, blank=True)
    ends_on = models.DateField(
        _("ends on"), null=True, blank=True, help_text=_("The last day. Empty: open end.")
    )
    goal_amount = models.DecimalField(
        _("goal"),
        max_digits=18,
        decimal_places=3,
        null=True,
        blank=True,
        help_text=_("Leave empty when the appeal names no sum."),
    )
    goal_currency = models.CharField(
        _("currency of the goal"),
        max_length=3,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, for example EUR."))],
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("published by"),
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )

    objects = AppealQuerySet.as_manager()

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        ordering = ["-published_at", "-pk"]
        permissions = [("publish_appeal", _("Can publish and withdraw appeals"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True)
                | Q(starts_on__isnull=True)
                | Q(ends_on__gte=F("starts_on")),
                name="appeal_ends_after_it_starts",
                violation_error_message=_("The appeal ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(goal_amount__isnull=True, goal_currency="")
                | Q(
                    goal_amount__isnull=False, goal_amount__gt=0, goal_currency__regex=r"^[A-Z]{3}$"
                ),
                name="appeal_goal_with_currency",
                violation_error_message=_(
                    "A goal is a sum above zero and its currency: give both, or neither."
                ),
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, published_by__isnull=True)
                | Q(published_at__isnull=False, published_by__isnull=False),
                name="appeal_published_by_someone",
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("appeals:appeal", kwargs={"appeal": self.slug})

    @property
    def is_published(self) -> bool:
        return self.published_at is not None

    def is_over(self, today: date) -> bool:
        """The last day is behind: the page stays, but asks for nothing any more."""
        return self.ends_on is not None and self.ends_on < today


class AppealTextQuerySet(TextQuerySet["AppealText"]):
    parent = "appeal"
    default_language = "appeal__default_language"

    def published(self) -> "AppealTextQuerySet":
        return self.filter(appeal__published_at__isnull=False)


class AppealText(models.Model):
    appeal = models.ForeignKey(Appeal, models.CASCADE, related_name="texts")
    language = LanguageField(_("language"))
    title = models.CharField(_("title"), max_length=200)
    summary = models.TextField(
        _("summary"),
        blank=True,
        max_length=600,
        help_text=_("Two or three sentences: shown on the start page and when the link is shared."),
    )
    body = models.TextField(
        _("text"),
        help_text=_(
            "Markdown. Say only what the authorities allege, never what anyone did. "
            "Write people as [[their key]], not by name: "
            "the name then disappears everywhere when consent is withdrawn."
        ),
    )

    objects = AppealTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of the appeal")
        verbose_name_plural = _("texts of the appeal")
        ordering = ["language"]
        constraints = [
            models.UniqueConstraint(
                fields=["appeal", "language"], name="appeal_text_once_per_language"
            ),
            models.CheckConstraint(
                condition=Q(title__regex=r"\S") & Q(body__regex=r"\S"),
                name="appeal_text_not_blank",
                violation_error_message=_("A text needs a title and a body."),
            ),
        ]

    def __str__(self) -> str:
        return self.title
