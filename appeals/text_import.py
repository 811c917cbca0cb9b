"""A file somebody has the appeal in → an unpublished draft, its numbers proposed for a human to confirm."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from . import documents, text_figures
from .models import Appeal, AppealText, Figure, FigureText

# More numbers than anybody would confirm one by one are a table, not an appeal.
MOST_FIGURES = 100


class NotImportable(Exception):
    """The draft cannot be made; the message says why. Nothing was written."""


@dataclass(frozen=True)
class Imported:
    appeal: Appeal
    text: AppealText
    paragraphs: int
    proposed: int  # figures waiting for confirmation
    notices: list[str]


@transaction.atomic
def import_appeal(*, data: bytes, name: str, slug: str, language: str) -> Imported:
    """Make a draft from `data`, or add a language to the draft at `slug`; all of it or nothing.

    Never touches a published appeal or a text that is there. Raises documents.Unreadable, NotImportable.
    """
    if language not in dict(settings.LANGUAGES):
        raise NotImportable(
            _("There is no language %(language)s here: choose one of %(languages)s.")
            % {"language": language, "languages": ", ".join(dict(settings.LANGUAGES))}
        )
    document = documents.read(data, name=name)
    appeal = _draft_at(slug, language)
    text = AppealText.objects.create(
        appeal=appeal, language=language, title=document.title, body=document.body
    )
    found = list(text_figures.find([document.title, *document.paragraphs], language=language))
    notices = list(document.notices)
    if len(found) > MOST_FIGURES:
        notices.append(
            _("The text has %(count)s numbers; the first %(most)s are proposed as figures.")
            % {"count": len(found), "most": MOST_FIGURES}
        )
    for position, figure in enumerate(found[:MOST_FIGURES], 1):
        _propose(appeal, figure, language, position)
    return Imported(
        appeal=appeal,
        text=text,
        paragraphs=len(document.paragraphs),
        proposed=min(len(found), MOST_FIGURES),
        notices=notices,
    )


def _draft_at(slug: str, language: str) -> Appeal:
    appeal = Appeal.objects.select_for_update().filter(slug=slug).first()
    if appeal is None:
        appeal = Appeal(slug=slug, default_language=language)
        try:
            appeal.full_clean()
        except ValidationError as error:
            raise NotImportable(
                _("The address “%(slug)s” will not do: %(why)s")
                % {"slug": slug, "why": " ".join(error.messages)}
            ) from error
        appeal.save()
        return appeal
    if appeal.is_published:
        raise NotImportable(
            _("The appeal “%(slug)s” is published: change it in the office.") % {"slug": slug}
        )
    if appeal.texts.filter(language=language).exists():
        raise NotImportable(
            _("The draft “%(slug)s” has a text in this language: nothing was overwritten.")
            % {"slug": slug}
        )
    return appeal


def _propose(appeal: Appeal, found: text_figures.FoundFigure, language: str, position: int) -> None:
    """A new unconfirmed figure, or a label in one more language for the same number of a translation."""
    same = Figure.objects.proposed().filter(appeal=appeal, value=found.value, unit=found.unit)
    figure = same.exclude(texts__language=language).first()
    if figure is None:
        figure = Figure.objects.create(
            appeal=appeal,
            value=found.value,
            unit=found.unit,
            is_more_than=found.is_more_than,
            sentence=found.sentence,
            position=position,
        )
    if found.label:
        FigureText.objects.create(figure=figure, language=language, label=found.label)
