"""Texts as readers will see them, for who decides whether they may."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from appeals import markdown
from appeals.models import Appeal, Case, Defendant, PublicDefendant, Update

from .desk import Preview


def names_for(appeal: Appeal) -> dict[str, str]:
    """What pages call people, and aliases for those not public yet."""
    aliases = Defendant.objects.filter(cases__appeal=appeal).values_list("key", "alias")
    public = PublicDefendant.objects.filter(appeal=appeal)
    return dict(aliases) | {person.key: person.display_name for person in public}


def of_appeal(appeal: Appeal) -> Iterator[Preview]:
    return _previews(appeal.texts.all(), "body", names_for(appeal))


def of_case(case: Case) -> Iterator[Preview]:
    return _previews(case.texts.all(), "summary", names_for(case.appeal))


def of_update(update: Update) -> Iterator[Preview]:
    return _previews(update.texts.all(), "body", names_for(update.appeal))


def _previews(texts: Iterable[Any], body: str, names: Mapping[str, str]) -> Iterator[Preview]:
    for text in texts:
        html = markdown.render(getattr(text, body), names)
        yield Preview(text.language, markdown.with_names(text.title, names), html)
