"""The first appeal, from `content/` into the database: texts, figures, cases and the people it names."""

import tomllib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from . import consent, publishing
from .models import (
    Appeal,
    AppealText,
    Case,
    CaseText,
    Consent,
    Defendant,
    Figure,
    FigureText,
    Source,
)

CONTENT = Path(__file__).parent / "content"


@transaction.atomic
def load_real_appeal(*, by: User, at: datetime) -> Appeal:
    """Publish the appeal with what belongs to it, all of it or nothing.

    Comes back with the appeal that is there if it was loaded before: what people changed since stays.
    """
    content = tomllib.loads((CONTENT / "appeal.toml").read_text("utf-8"))
    present = Appeal.objects.filter(slug=content["slug"]).first()
    if present is not None:
        return present
    appeal = Appeal.objects.create(
        slug=content["slug"], default_language=content["default_language"]
    )
    for language, text in content["texts"].items():
        body = (CONTENT / f"{language}.md").read_text("utf-8")
        AppealText.objects.create(appeal=appeal, language=language, body=body, **text)
    cases = _load_cases(appeal, content["cases"])
    _load_people(content["people"], cases, by=by, at=at)
    _load_figures(appeal, content, by=by, at=at)
    appeal = publishing.publish_appeal(appeal=appeal, by=by, at=at)
    for case in cases.values():
        publishing.publish_case(case=case, by=by, at=at)
    return appeal


def _languages(row: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {key: value for key, value in row.items() if isinstance(value, dict)}


def _load_cases(appeal: Appeal, rows: list[dict[str, Any]]) -> dict[str, Case]:
    cases = {}
    for position, row in enumerate(rows, 1):
        case = Case.objects.create(
            appeal=appeal, slug=row["slug"], stage=row["stage"], position=position
        )
        for language, text in _languages(row).items():
            CaseText.objects.create(
                case=case, language=language, **text | {"summary": text["summary"].strip()}
            )
        cases[case.slug] = case
    return cases


def _load_people(
    rows: list[dict[str, Any]], cases: dict[str, Case], *, by: User, at: datetime
) -> None:
    for row in rows:
        defendant = Defendant.objects.create(key=row["key"], alias=row["alias"])
        defendant.cases.set([cases[slug] for slug in row["cases"]])
        consent.identify(defendant=defendant, name=row["name"])
        consent.record(
            defendant=defendant,
            source=Consent.Source.PUBLISHED,
            evidence="Named in the published appeal.",
            given_on=None,
            has_name=True,
            by=by,
            at=at,
        )


def _load_figures(appeal: Appeal, content: dict[str, Any], *, by: User, at: datetime) -> None:
    sources = {key: Source.objects.create(**row) for key, row in content["sources"].items()}
    for position, row in enumerate(content["figures"], 1):
        figure = Figure.objects.create(
            appeal=appeal,
            value=Decimal(row["value"]),
            is_more_than=row.get("is_more_than", False),
            source=sources[row["source"]],
            position=position,
        )
        for language, text in _languages(row).items():
            FigureText.objects.create(figure=figure, language=language, **text)
        publishing.confirm_figure(figure=figure, by=by, at=at)
