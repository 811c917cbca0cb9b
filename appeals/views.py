"""The pages everyone may read. They read published texts and the consent views, set no cookie, and are the same for all."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.paginator import EmptyPage, Paginator
from django.db.models import BigIntegerField, BooleanField, Func, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from .feeds import updates_feed
from .models import (
    Appeal,
    AppealText,
    CaseText,
    FigureText,
    PublicDefendant,
    PublicParty,
    UpdateText,
)

UPDATES_ON_THE_APPEAL = 3
UPDATES_ON_A_PAGE = 10

KEYS = ArrayField(BigIntegerField())


class HasChargeApart(Func):
    """Whether a case states a charge beside which one of these defendants, named elsewhere, must not be named."""

    function = "appeals_has_charge_apart"
    output_field = BooleanField()


View = Callable[..., HttpResponse]


def public_page(view: View) -> View:
    """Reading only; kept a minute by browsers and caches, so that a withdrawn name is gone soon everywhere."""
    return require_safe(cache_control(public=True, max_age=60)(conditional_page(view)))


def language() -> str:
    code = get_language()
    assert code, "public pages stand under a language"
    return code


# What each of these reads is the same for all pages of a language: it is put together once, and never run as it is, but
# narrowed to an appeal by whoever asks.


@cache
def appeal_texts(language: str) -> QuerySet[AppealText]:
    return AppealText.objects.published().best(language).select_related("appeal")


@cache
def figure_texts(language: str) -> QuerySet[FigureText]:
    return FigureText.objects.confirmed().best(language).select_related("figure__source").order_by()


@cache
def case_texts(language: str) -> QuerySet[CaseText]:
    return CaseText.objects.published().best(language).select_related("case").order_by()


@cache
def update_texts(language: str) -> QuerySet[UpdateText]:
    """Latest first."""
    return UpdateText.objects.published().best(language).select_related("update")


def published_text(appeal: str) -> AppealText:
    """The text of the published appeal with this slug, in the reader's language or the next best."""
    return get_object_or_404(appeal_texts(language()), appeal__slug=appeal)


def names_in(appeal: Appeal) -> dict[str, str]:
    """What each person of the appeal may be called, by key."""
    people = PublicDefendant.objects.filter(appeal=appeal)
    return {person.key: person.display_name for person in people}


def appeal_page(text: AppealText, people: Iterable[PublicDefendant]) -> dict[str, Any]:
    """Everything the appeal's page shows, in one query each; `people` may be of more appeals than this.

    What comes whole is put in order here: Django takes longer to write ORDER BY than Python to sort so few.
    """
    people = sorted(people, key=lambda person: person.defendant_id)
    here = [person for person in people if person.appeal_id == text.appeal_id]
    figures = figure_texts(language()).filter(figure__appeal=text.appeal_id)
    cases = case_texts(language()).filter(case__appeal=text.appeal_id)
    if named := [person.defendant_id for person in here if person.name]:
        # Who agreed to be named, but not beside a charge, has their name on this page: the charge is left to the case's own.
        cases = cases.annotate(has_charge_apart=HasChargeApart("case", Value(named, KEYS)))
    updates = update_texts(language()).filter(update__appeal=text.appeal_id)
    return {
        "appeal": text.appeal,
        "is_over": text.appeal.is_over(timezone.now().date()),
        "text": text,
        "figures": sorted(figures, key=lambda text: (text.figure.position, text.figure_id)),
        "cases": sorted(cases, key=lambda text: (text.case.position, text.case_id)),
        "updates": updates[:UPDATES_ON_THE_APPEAL],
        "people": here,
        "has_named_by_appeal": any(person.is_named_by_appeal for person in here),
        "names": {person.key: person.display_name for person in people},
    }


@public_page
def home(request: HttpRequest) -> HttpResponse:
    texts = list(appeal_texts(language()).order_by("-appeal__published_at", "-appeal_id"))
    if not texts:
        return render(request, "appeals/home.html")
    people = PublicDefendant.objects.filter(
        appeal__in=[text.appeal_id for text in texts]
    ).order_by()
    newest, *others = texts
    context = appeal_page(newest, people) | {"others": others}
    return render(request, "appeals/home.html", context)


@public_page
def appeal(request: HttpRequest, appeal: str) -> HttpResponse:
    text = published_text(appeal)
    people = PublicDefendant.objects.filter(appeal=text.appeal_id).order_by()
    return render(request, "appeals/appeal.html", appeal_page(text, people))


@public_page
def case(request: HttpRequest, appeal: str, case: str) -> HttpResponse:
    appeal_text = published_text(appeal)
    texts = case_texts(language()).filter(case__appeal=appeal_text.appeal_id)
    text = get_object_or_404(texts, case__slug=case)
    people = list(PublicParty.objects.filter(case=text.case_id))
    # Beside a charge a person may have to stay an alias who is named elsewhere in the appeal.
    parties = {person.key: person.display_name for person in people}
    context = {
        "appeal": appeal_text.appeal,
        "is_over": appeal_text.appeal.is_over(timezone.now().date()),
        "appeal_text": appeal_text,
        "case": text.case,
        "text": text,
        "hearings": text.case.hearings.all(),
        "people": people,
        "has_named_by_appeal": any(person.is_named_by_appeal for person in people),
        "names": names_in(appeal_text.appeal) | parties,
        "updates": update_texts(language()).filter(update__case=text.case_id)[:UPDATES_ON_A_PAGE],
    }
    return render(request, "appeals/case.html", context)


@public_page
def updates(request: HttpRequest, appeal: str, page: int = 1) -> HttpResponse:
    appeal_text = published_text(appeal)
    texts = update_texts(language()).filter(update__appeal=appeal_text.appeal_id)
    paginator = Paginator(texts, UPDATES_ON_A_PAGE)
    try:
        shown = paginator.page(page)
    except EmptyPage as error:
        raise Http404 from error
    context = {
        "appeal": appeal_text.appeal,
        "appeal_text": appeal_text,
        "page": shown,
        "names": names_in(appeal_text.appeal),
    }
    return render(request, "appeals/updates.html", context)


@public_page
def update(request: HttpRequest, appeal: str, update: str) -> HttpResponse:
    appeal_text = published_text(appeal)
    texts = update_texts(language()).filter(update__appeal=appeal_text.appeal_id)
    text = get_object_or_404(texts, update__slug=update)
    case = case_texts(language()).filter(case=text.update.case_id)
    context = {
        "appeal": appeal_text.appeal,
        "is_over": appeal_text.appeal.is_over(timezone.now().date()),
        "appeal_text": appeal_text,
        "update": text.update,
        "text": text,
        "case_text": case.first() if text.update.case_id else None,
        "names": names_in(appeal_text.appeal),
    }
    return render(request, "appeals/update.html", context)


@public_page
def feed(request: HttpRequest, appeal: str) -> HttpResponse:
    appeal_text = published_text(appeal)
    texts = update_texts(language()).filter(update__appeal=appeal_text.appeal_id)
    xml = updates_feed(
        appeal_text,
        texts[:20],
        names=names_in(appeal_text.appeal),
        language=language(),
    )
    return HttpResponse(xml, content_type="application/atom+xml; charset=utf-8")
