"""Texts come in several languages; which one a reader gets is decided here."""

from copy import copy
from itertools import chain
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, F, Func, OuterRef, Subquery, Value
from django.utils.translation import get_language

from appeals.markdown import with_names


def languages() -> list[tuple[str, str]]:
    """The languages this site speaks; a function, so that changing LANGUAGES is no migration."""
    return list(settings.LANGUAGES)


def language_name(code: str) -> str:
    """What its speakers call it; the code alone where the site speaks it no more."""
    return dict(settings.LANGUAGES).get(code, code)


def first_language() -> str:
    return settings.LANGUAGE_CODE


class LanguageField(models.CharField):  # type: ignore[type-arg]
    """A language code of settings.LANGUAGES, e.g. "es"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 12)
        kwargs.setdefault("choices", languages)
        super().__init__(*args, **kwargs)


class IsBest(Func):
    """Whether a text, (its key, its thing's, a language, another), is of all texts of its thing the one to be read in the
    first language, else in the other, else in any.

    A subquery of Django's own says the same, but takes longer to be put together than the database needs to answer.
    """

    output_field = BooleanField()

    def as_sql(self, compiler: Any, *_args: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:
        table, parent = self.extra["table"], self.extra["parent"]
        parts = [compiler.compile(part) for part in self.get_source_expressions()]
        text, thing, language, other = (part for part, _values in parts)
        # Nothing but names of columns and places for values is put together here.
        best = (
            f"SELECT t.id FROM {table} t WHERE t.{parent} = {thing}"  # noqa: S608
            f" ORDER BY array_position(ARRAY[{language}, {other}], t.language), t.language LIMIT 1"
        )
        return f"{text} = ({best})", tuple(chain.from_iterable(values for _part, values in parts))


class TextQuerySet[Text: models.Model](models.QuerySet[Text]):
    """Rows of a text model: one row per thing and language."""

    # The foreign key to the thing, and the path to its appeal's default language.
    parent: ClassVar[str]
    default_language: ClassVar[str]

    def best(self, language: str) -> Self:
        """One row per thing: in `language`, else in its appeal's default language, else in any."""
        parent = f"{self.parent}_id"
        wanted = (F("pk"), F(parent), Value(language), F(self.default_language))
        return self.filter(IsBest(*wanted, table=self.model._meta.db_table, parent=parent))


def titles(texts: TextQuerySet[Any], of: str) -> Subquery:
    """For an annotation: the title, in the reader's language where there is one, of the row whose key is `of`."""
    best = texts.best(get_language() or "").filter(**{f"{texts.parent}_id": OuterRef(of)})
    return Subquery(best.values("title")[:1])


def called(title: str | None, otherwise: str) -> str:
    """A title as the office writes it, people in it by key; `otherwise` where nothing is written yet."""
    return with_names(title or "", {}) or otherwise


class TitledQuerySet[Row: models.Model](models.QuerySet[Row]):
    def titled(self) -> Self:
        """Of rows that are `Titled`: each is called by its title in the reader's language."""
        texts: Any = self.model._meta.get_field("texts").related_model
        return self.annotate(own_title=titles(texts.objects.all(), "pk"))


class Titled(models.Model):
    """A row with an address and texts. Its title is looked up with it where somebody reads it (`titled`); anywhere else,
    as in a log, its address says which it is."""

    slug: Any

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return called(self.__dict__.get("own_title"), str(self.slug))

    def by_address(self) -> Self:
        """The same row, called by its address."""
        row = copy(self)
        row.__dict__.pop("own_title", None)
        return row
