"""Who may be named: recording and withdrawing consent, keeping names apart from texts.

Reading is not here: public pages read PublicDefendant and PublicParty, and nothing else knows a name.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise, permutations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from .markdown import PERSON
from .models import (
    AppealText,
    Case,
    CaseText,
    Consent,
    Defendant,
    FigureText,
    Hearing,
    Identity,
    Source,
    UpdateText,
)


class NameInText(Exception):
    """A text names a defendant in plain words; the message says who (by alias) and what to write instead."""


@dataclass(frozen=True)
class Place:
    """A text that a public page may show, in words; and on the page of which row (its model's name, its key) it is written."""

    label: str
    model: str
    pk: int


@dataclass(frozen=True)
class Withdrawal:
    """What `withdraw` did: how many consents ended, and the texts that may still mention the person."""

    ended: int
    mentions: list[Place]


@transaction.atomic
def record(
    *,
    defendant: Defendant,
    source: Consent.Source,
    evidence: str,
    given_on: date | None,
    by: User,
    at: datetime,
    has_name: bool = False,
    has_photo: bool = False,
    has_charge: bool = False,
    has_quotes: bool = False,
    expires_on: date | None = None,
) -> Consent:
    """Write down what `defendant` agreed to have shown. ValidationError says what is missing."""
    consent = Consent(
        defendant=defendant,
        source=source,
        evidence=evidence.strip(),
        given_on=given_on,
        expires_on=expires_on,
        has_name=has_name,
        has_photo=has_photo,
        has_charge=has_charge,
        has_quotes=has_quotes,
        recorded_by=by,
        recorded_at=at,
    )
    consent.full_clean()
    consent.save()
    return consent


@transaction.atomic
def withdraw(*, defendant: Defendant, by: User, at: datetime) -> Withdrawal:
    """End every consent of `defendant` that still stands; from then on no page shows the name.

    A second withdrawal ends nothing and is no error: what was wanted holds.
    """
    Defendant.objects.select_for_update().get(pk=defendant.pk)
    ended = Consent.objects.filter(defendant=defendant, withdrawn_at__isnull=True).update(
        withdrawn_at=at, withdrawn_by=by
    )
    return Withdrawal(ended=ended, mentions=list(_loose_mentions(defendant)))


@transaction.atomic
def identify(*, defendant: Defendant, name: str) -> Identity:
    """Keep the person's name, encrypted; NameInText when a text already says it in plain words."""
    name = " ".join(name.split())
    found = [place.label for place, text in _all_texts() if _names(name, text)]
    if found:
        raise NameInText(
            _("This name stands in plain words in: %(where)s. Write [[%(key)s]] there first.")
            % {"where": ", ".join(found), "key": defendant.key}
        )
    identity, _created = Identity.objects.update_or_create(
        defendant=defendant, defaults={"name": name}
    )
    return identity


@transaction.atomic
def forget(*, defendant: Defendant) -> None:
    """Erase the name; alias, cases and the consent history stay."""
    Identity.objects.filter(defendant=defendant).delete()


def refuse_plain_names(texts: Iterable[str]) -> None:
    """NameInText when one of `texts` says a defendant's name in plain words.

    Only [[key]] vanishes when consent does, so a name in a text would outlive the consent to it.
    """
    words = [_words(text) for text in texts]
    for identity in Identity.objects.select_related("defendant"):
        if any(_pairs(identity.name) & _neighbours(text) for text in words):
            raise NameInText(
                _(
                    "The text names %(alias)s in plain words. Write [[%(key)s]] instead: "
                    "the name then disappears by itself when consent is withdrawn."
                )
                % {"alias": identity.defendant.alias, "key": identity.defendant.key}
            )


def _words(text: str) -> list[str]:
    """Lower-case words without accents and punctuation, so that “Cantéro” and "CANTERO" are one."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c)))


def _neighbours(words: list[str]) -> set[tuple[str, ...]]:
    return {(word,) for word in words} | set(pairwise(words))


def _pairs(name: str) -> set[tuple[str, ...]]:
    """What counts as the name: any two of its words, as courts put the surname first; or its only word."""
    words = _words(name)
    return {(words[0],)} if len(words) == 1 else set(permutations(words, 2))


def _names(name: str, text: str) -> bool:
    return bool(_pairs(name) & _neighbours(_words(text)))


def _loose_mentions(defendant: Defendant) -> Iterator[Place]:
    """Texts with any longer word of the name, e.g. the surname alone: for a human to look at. A key in brackets is none,
    though it may be made of the name: that shows what the consents allow, by itself."""
    identity = Identity.objects.filter(defendant=defendant).first()
    if identity is None:
        return
    telling = {word for word in _words(identity.name) if len(word) > 3}
    for place, text in _all_texts():
        if telling & set(_words(PERSON.sub(" ", text))):
            yield place


def _all_texts() -> Iterator[tuple[Place, str]]:
    """Everything people wrote that a public page may show, with the words to find it by."""

    def place(text: Model, title: str, model: str, pk: int) -> Place:
        return Place(f"{text._meta.verbose_name} “{title}”", model, pk)

    for appeal in AppealText.objects.all():
        where = place(appeal, appeal.title, "appeal", appeal.appeal_id)
        yield where, f"{appeal.title}\n{appeal.summary}\n{appeal.body}"
    for case in CaseText.objects.all():
        where = place(case, case.title, "case", case.case_id)
        yield where, f"{case.title}\n{case.charge}\n{case.summary}"
    for update in UpdateText.objects.all():
        where = place(update, update.title, "update", update.update_id)
        yield where, f"{update.title}\n{update.body}"
    for figure in FigureText.objects.all():
        where = place(figure, figure.label, "figure", figure.figure_id)
        yield where, f"{figure.label}\n{figure.place}\n{figure.period}"
    # Courts head their papers with the accused's name, and newspapers their reports.
    for proceeding in Case.objects.titled():
        where = place(proceeding, str(proceeding), "case", proceeding.pk)
        yield where, f"{proceeding.court}\n{proceeding.docket}"
    for hearing in Hearing.objects.all():
        yield place(hearing, str(hearing), "case", hearing.case_id), hearing.place
    for source in Source.objects.all():
        yield place(source, str(source), "source", source.pk), f"{source.publisher}\n{source.title}"
