"""The first appeal says what its authors said: their figures, their cases, the people they named, and no more."""

import re

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from appeals import consent
from appeals.markdown import keys_in
from appeals.models import (
    Appeal,
    AppealText,
    Case,
    CaseText,
    Consent,
    Defendant,
    Figure,
    FigureText,
    Hearing,
    PublicParty,
    Source,
)
from appeals.real_appeal import load_real_appeal
from tests.appeals.factories import NOW

NAMES = {
    "Eduardo “Chiquito” Belliboni",
    "Jeremías Cantero",
    "Isolda “Tango” Dotti",
    "Vanina Biasi",
}


@pytest.fixture
def real(ana: User) -> Appeal:
    return load_real_appeal(by=ana, at=NOW)


def test_figures_are_the_four_of_the_appeal_with_who_states_them(real: Appeal) -> None:
    rows = Figure.objects.confirmed().values_list("value", "is_more_than", "source__publisher")
    assert [(int(value), more, publisher) for value, more, publisher in rows] == [
        (665, False, "Centro de Estudios Legales y Sociales (CELS)"),
        (80, False, "Centro de Estudios Legales y Sociales (CELS)"),
        (47, False, "Centro de Estudios Legales y Sociales (CELS)"),
        (700, True, "Partido Obrero"),
    ]


def test_what_the_appeal_does_not_give_stays_empty(real: Appeal) -> None:
    assert (real.goal_amount, real.goal_currency, real.starts_on, real.ends_on) == (
        None,
        "",
        None,
        None,
    )
    assert set(Case.objects.values_list("court", "docket")) == {("", "")}
    assert set(Source.objects.values_list("title", "url", "retrieved_on")) == {("", "", None)}
    assert not Hearing.objects.exists()
    assert set(Consent.objects.values_list("given_on", "expires_on")) == {(None, None)}


def test_no_text_states_a_year(real: Appeal) -> None:
    texts = [
        *AppealText.objects.values_list("title", "summary", "body"),
        *CaseText.objects.values_list("title", "charge", "summary"),
        *FigureText.objects.values_list("label", "place", "period"),
    ]
    assert [text for row in texts for text in row if re.search(r"\b(19|20)\d\d\b", text)] == []


def test_people_are_the_four_it_names_by_name_only(real: Appeal) -> None:
    scopes = Consent.objects.values_list(
        "has_name", "has_photo", "has_charge", "has_quotes", "source"
    )
    assert set(scopes) == {(True, False, False, False, "published")}
    assert {party.display_name for party in PublicParty.objects.all()} == NAMES


def test_texts_hold_keys_and_no_names(real: Appeal) -> None:
    rows = [
        *AppealText.objects.values_list("title", "summary", "body"),
        *CaseText.objects.values_list("title", "charge", "summary"),
    ]
    consent.refuse_plain_names(part for row in rows for part in row)
    for text in AppealText.objects.all():
        assert keys_in(text.body) == set(Defendant.objects.values_list("key", flat=True))


@pytest.mark.django_db(transaction=True)
def test_load_commits() -> None:
    """The database checks some rules only when a transaction ends."""
    load_real_appeal(by=User.objects.create_user("ana"), at=NOW)
    assert Case.objects.published().count() == 4


def test_pages_are_light(client: Client, real: Appeal) -> None:
    assert len(client.get("/es/protesta-argentina/").content) < 40_000


def test_everything_is_there_in_both_languages(real: Appeal) -> None:
    for rows in (real.texts, CaseText.objects, FigureText.objects):
        languages = rows.values_list("language", flat=True)
        assert sorted(set(languages)) == ["en", "es", "fr", "pt"]
        assert list(languages).count("en") == list(languages).count("es")


def test_load_twice_keeps_what_people_changed(real: Appeal, ana: User) -> None:
    AppealText.objects.filter(language="en").update(title="Changed")
    again = load_real_appeal(by=ana, at=NOW)
    assert again == real
    assert AppealText.objects.get(language="en").title == "Changed"
    assert (Appeal.objects.count(), Case.objects.count(), Defendant.objects.count()) == (1, 4, 4)


def test_pages_name_the_four_until_they_withdraw(client: Client, real: Appeal, ana: User) -> None:
    page = client.get("/es/protesta-argentina/").content.decode()
    assert all(name in page for name in NAMES)
    for defendant in Defendant.objects.all():
        consent.withdraw(defendant=defendant, by=ana, at=NOW)
    paths = ["", "protesta-argentina/", "protesta-argentina/updates.atom"]
    paths += [f"protesta-argentina/cases/{case.slug}/" for case in Case.objects.all()]
    words = [word for name in NAMES for word in re.findall(r"\w{5,}", name)]
    for path in paths:
        for language in ("es", "en"):
            page = client.get(f"/{language}/{path}").content.decode()
            assert [word for word in words if word in page] == [], (language, path)


def test_published_by_who_answers_for_it(real: Appeal, ana: User) -> None:
    assert real.published_by == ana
    assert not Case.objects.exclude(published_by=F("appeal__published_by")).exists()


def test_command_names_an_unknown_user(db: None) -> None:
    with pytest.raises(CommandError, match="no user 'nobody'"):
        call_command("load_real_appeal", by="nobody")
    assert not Appeal.objects.exists()
