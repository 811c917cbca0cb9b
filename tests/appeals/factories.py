"""Rows for tests, made the short way; every default is visible here."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

from django.contrib.auth.models import User

from appeals import consent, publishing
from appeals.models import (
    Appeal,
    AppealText,
    Case,
    CaseText,
    Consent,
    Defendant,
    Figure,
    FigureText,
    Source,
    Update,
    UpdateText,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count(1)


def make_appeal(
    *, slug: str = "strike", by: User | None = None, languages: tuple[str, ...] = ("es", "en")
) -> Appeal:
    """Published when `by` is given."""
    appeal = Appeal.objects.create(slug=slug, default_language="es")
    for language in languages:
        AppealText.objects.create(
            appeal=appeal,
            language=language,
            title=f"Appeal {slug} {language}",
            summary=f"Summary {language}",
            body=f"Body {language}",
        )
    return publishing.publish_appeal(appeal=appeal, by=by, at=NOW) if by else appeal


def make_case(
    appeal: Appeal,
    *,
    slug: str = "",
    charge: str = "",
    by: User | None = None,
    languages: tuple[str, ...] = ("es", "en"),
) -> Case:
    """Published when `by` is given."""
    case = Case.objects.create(appeal=appeal, slug=slug or f"case-{next(_numbers)}")
    for language in languages:
        CaseText.objects.create(
            case=case,
            language=language,
            title=f"Case {case.slug} {language}",
            charge=charge,
            summary=f"Case summary {language}",
        )
    return publishing.publish_case(case=case, by=by, at=NOW) if by else case


def make_defendant(
    *cases: Case, alias: str = "Persona A", name: str = "", key: str = ""
) -> Defendant:
    defendant = Defendant.objects.create(alias=alias, key=key or f"person-{next(_numbers)}")
    defendant.cases.set(cases)
    if name:
        consent.identify(defendant=defendant, name=name)
    return defendant


def make_consent(
    defendant: Defendant,
    *,
    by: User,
    has_name: bool = True,
    has_charge: bool = False,
    source: Consent.Source = Consent.Source.SIGNED,
    given_on: date | None = date(2026, 2, 1),
    expires_on: date | None = None,
) -> Consent:
    return consent.record(
        defendant=defendant,
        source=source,
        evidence="Folder 3, page 1",
        given_on=given_on,
        expires_on=expires_on,
        has_name=has_name,
        has_charge=has_charge,
        by=by,
        at=NOW,
    )


def make_figure(
    appeal: Appeal, *, value: str = "665", by: User | None = None, publisher: str = "CELS"
) -> Figure:
    """Confirmed when `by` is given."""
    source = Source.objects.create(publisher=publisher)
    figure = Figure.objects.create(appeal=appeal, value=Decimal(value), source=source)
    for language in ("es", "en"):
        FigureText.objects.create(
            figure=figure, language=language, label=f"people injured {language}", place="city"
        )
    return publishing.confirm_figure(figure=figure, by=by, at=NOW) if by else figure


def make_update(
    appeal: Appeal,
    *,
    by: User,
    slug: str = "",
    case: Case | None = None,
    languages: tuple[str, ...] = ("es", "en"),
    body: str = "What is alleged.",
) -> Update:
    update = Update.objects.create(
        appeal=appeal, case=case, slug=slug or f"news-{next(_numbers)}", created_by=by
    )
    for language in languages:
        UpdateText.objects.create(
            update=update,
            language=language,
            title=f"News {update.slug} {language}",
            body=body,
            written_by=by,
        )
    return update


def make_published_update(
    appeal: Appeal,
    *,
    author: User,
    reviewer: User,
    slug: str = "",
    case: Case | None = None,
    at: datetime = NOW,
    body: str = "What is alleged.",
    languages: tuple[str, ...] = ("es", "en"),
) -> Update:
    update = make_update(appeal, by=author, slug=slug, case=case, body=body, languages=languages)
    publishing.submit(update=update, by=author, at=at)
    seen_hash = update.content_hash() or ""
    publishing.review(update=update, seen_hash=seen_hash, by=reviewer, at=at)
    return publishing.publish(update=update, by=author, at=at)
