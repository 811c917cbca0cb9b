"""News on an appeal or a case: drafted, reviewed by another person, published; an edit voids the review.

The database keeps that order (migration 0002): the verbs in `publishing` only ask for it.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .appeal import Appeal
from .case import Case
from .language import LanguageField, TextQuerySet, Titled, TitledQuerySet


class UpdateQuerySet(TitledQuerySet["Update"]):
    def published(self) -> "UpdateQuerySet":
        return self.filter(
            Q(case__isnull=True) | Q(case__published_at__isnull=False),
            published_at__isnull=False,
            appeal__published_at__isnull=False,
        )

    def drafts(self) -> "UpdateQuerySet":
        """Not submitted, or not again since a change made its review void."""
        return self.filter(submitted_at__isnull=True)

    def waiting(self) -> "UpdateQuerySet":
        """Submitted, and not yet reviewed."""
        return self.filter(submitted_at__isnull=False, reviewed_at__isnull=True)

    def publishable(self) -> "UpdateQuerySet":
        """Reviewed, and not public."""
        return self.filter(reviewed_at__isnull=False, published_at__isnull=True)


def together(instant: str, person: str) -> Q:
    """Both are set, or neither."""
    return Q(**{f"{instant}__isnull": True, f"{person}__isnull": True}) | Q(
        **{f"{instant}__isnull": False, f"{person}__isnull": False}
    )


class Update(Titled):
    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("waiting for review")
        REVIEWED = "reviewed", _("reviewed")
        PUBLISHED = "published", _("published")

    appeal = models.ForeignKey(
        Appeal, models.PROTECT, verbose_name=_("appeal"), related_name="updates"
    )
    case = models.ForeignKey(
        Case,
        models.PROTECT,
        verbose_name=_("case"),
        related_name="updates",
        null=True,
        blank=True,
        help_text=_("Empty: news on the appeal as a whole."),
    )
    slug = models.SlugField(_("address"), help_text=_("The last part of the page's address."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("author"),
        related_name="+",
        editable=False,
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True, editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("submitted by"),
        related_name="+",
        null=True,
        editable=False,
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, editable=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("reviewed by"),
        related_name="+",
        null=True,
        editable=False,
    )
    reviewed_hash = models.CharField(
        _("what was reviewed"),
        max_length=64,
        blank=True,
        default="",
        editable=False,
        help_text=_("SHA-256 over the texts the reviewer read."),
    )
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("published by"),
        related_name="+",
        null=True,
        editable=False,
    )

    objects = UpdateQuerySet.as_manager()

    class Meta:
        verbose_name = _("update")
        verbose_name_plural = _("updates")
        ordering = ["-published_at", "-pk"]
        permissions = [
            ("review_update", _("Can review updates")),
            ("publish_update", _("Can publish and withdraw updates")),
        ]
        indexes = [
            models.Index(
                fields=["appeal", "-published_at"],
                condition=Q(published_at__isnull=False),
                name="update_published",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["appeal", "slug"], name="update_slug_once_per_appeal"),
            models.CheckConstraint(
                condition=together("submitted_at", "submitted_by"),
                name="update_submitted_by_someone",
            ),
            models.CheckConstraint(
                condition=together("reviewed_at", "reviewed_by"), name="update_reviewed_by_someone"
            ),
            models.CheckConstraint(
                condition=together("published_at", "published_by"),
                name="update_published_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True, reviewed_hash="")
                | Q(reviewed_at__isnull=False, reviewed_hash__regex=r"^[0-9a-f]{64}$"),
                name="update_review_bound_to_content",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("created_by")),
                name="update_reviewer_is_not_author",
                violation_error_message=_(
                    "An update is reviewed by somebody else than its author."
                ),
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True) | Q(submitted_at__isnull=False),
                name="update_submitted_before_review",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(reviewed_at__isnull=False),
                name="update_reviewed_before_publishing",
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("appeals:update", kwargs={"appeal": self.appeal.slug, "update": self.slug})

    @property
    def state(self) -> "Update.State":
        if self.published_at:
            return self.State.PUBLISHED
        if self.reviewed_at:
            return self.State.REVIEWED
        return self.State.SUBMITTED if self.submitted_at else self.State.DRAFT

    def writers(self) -> set[int]:
        """Keys of the people who wrote any of it: none of them reviews it."""
        return {self.created_by_id, *self.texts.values_list("written_by_id", flat=True)}

    def content_hash(self) -> str | None:
        """What a review of the present texts is bound to: 64 hex digits, None without any text."""
        present: str | None = (
            Update.objects.filter(pk=self.pk)
            .values_list(
                Func(F("pk"), function="appeals_update_hash", output_field=models.CharField()),
                flat=True,
            )
            .get()
        )
        return present


class UpdateTextQuerySet(TextQuerySet["UpdateText"]):
    parent = "update"
    default_language = "update__appeal__default_language"

    def published(self) -> "UpdateTextQuerySet":
        """Latest first."""
        texts = self.filter(
            Q(update__case__isnull=True) | Q(update__case__published_at__isnull=False),
            update__published_at__isnull=False,
            update__appeal__published_at__isnull=False,
        )
        return texts.order_by("-update__published_at", "-update_id")


class UpdateText(models.Model):
    update = models.ForeignKey(Update, models.CASCADE, related_name="texts")
    language = LanguageField(_("language"))
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(
        _("text"),
        help_text=_(
            "Markdown. Say only what the authorities allege, never what anyone did. "
            "Write people as [[their key]], not by name."
        ),
    )
    # Who wrote this version; the database refuses their review as well as the author's.
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        verbose_name=_("written by"),
        related_name="+",
        editable=False,
    )

    objects = UpdateTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of the update")
        verbose_name_plural = _("texts of the update")
        ordering = ["language"]
        constraints = [
            models.UniqueConstraint(
                fields=["update", "language"], name="update_text_once_per_language"
            ),
            models.CheckConstraint(
                condition=Q(title__regex=r"\S") & Q(body__regex=r"\S"),
                name="update_text_not_blank",
                violation_error_message=_("An update needs a title and a text."),
            ),
        ]

    def __str__(self) -> str:
        return self.title
