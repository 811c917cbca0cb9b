"""Texts come in several languages; which one a reader gets is decided here."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Func, OuterRef, Subquery, Value


def languages() -> list[tuple[str, str]]:
    """The languages this site speaks; a function, so that changing LANGUAGES is no migration."""
    return list(settings.LANGUAGES)


def first_language() -> str:
    return settings.LANGUAGE_CODE


class LanguageField(models.CharField):  # type: ignore[type-arg]
    """A language code of settings.LANGUAGES, e.g. "es"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 12)
        kwargs.setdefault("choices", languages)
        super().__init__(*args, **kwargs)


class TextQuerySet[Text: models.Model](models.QuerySet[Text]):
    """Rows of a text model: one row per thing and language."""

    # The foreign key to the thing, and the path to its appeal's default language.
    parent: ClassVar[str]
    default_language: ClassVar[str]

    def best(self, language: str) -> Self:
        """One row per thing: in `language`, else in its appeal's default language, else in any."""
        wanted = Func(Value(language), F(self.default_language), template="ARRAY[%(expressions)s]")
        preference = Func(wanted, F("language"), function="array_position")
        best = (
            self.model._default_manager.filter(**{self.parent: OuterRef(self.parent)})
            .order_by(preference, "language")
            .values("pk")[:1]
        )
        return self.filter(pk=Subquery(best))
