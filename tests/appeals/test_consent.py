"""A name is readable only inside consent: asked of the verbs and of the views the pages read."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from appeals import consent, publishing
from appeals.models import (
    Case,
    Consent,
    Defendant,
    Hearing,
    Identity,
    PublicDefendant,
    PublicParty,
    Source,
    Update,
)
from tests.appeals.factories import (
    NOW,
    make_appeal,
    make_case,
    make_consent,
    make_defendant,
    make_figure,
    make_update,
)

NAME = "Rosa Inventada Prueba"


@pytest.fixture
def rosa(ana: User) -> Defendant:
    """In one published case that states no charge; has agreed to nothing."""
    case = make_case(make_appeal(by=ana), by=ana)
    return make_defendant(case, alias="Persona R", name=NAME, key="r")


def shown() -> tuple[str, str]:
    """What the appeal's and the case's page call the only defendant."""
    return PublicDefendant.objects.get().display_name, PublicParty.objects.get().display_name


def test_name_without_consent_is_alias(rosa: Defendant) -> None:
    assert shown() == ("Persona R", "Persona R")


def test_name_inside_consent_is_shown(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana)
    assert shown() == (NAME, NAME)
    assert PublicDefendant.objects.get().name_source == "signed"


@pytest.mark.parametrize(
    "given",
    [
        {"has_name": False, "has_charge": True},
        {"expires_on": date(2026, 2, 2)},
        {"given_on": timezone.now().date() + timedelta(days=2)},
    ],
    ids=["only the charge", "expired", "not yet given"],
)
def test_name_outside_the_consent_is_alias(
    rosa: Defendant, ana: User, given: dict[str, object]
) -> None:
    make_consent(rosa, by=ana, **given)
    assert shown() == ("Persona R", "Persona R")
    assert PublicDefendant.objects.get().name_source is None


def test_name_on_the_last_day_of_consent_is_shown(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana, expires_on=timezone.now().date())
    assert shown() == (NAME, NAME)


def test_name_beside_a_charge_needs_consent_to_the_charge(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana)
    rosa.cases.get().texts.filter(language="es").update(charge="intimidación pública")
    assert shown() == (NAME, "Persona R")
    make_consent(rosa, by=ana, has_name=False, has_charge=True)
    assert shown() == (NAME, NAME)


def test_withdraw_ends_every_consent_and_says_where_the_person_is_mentioned(
    rosa: Defendant, ana: User, bruno: User
) -> None:
    make_consent(rosa, by=ana)
    make_consent(rosa, by=ana, has_charge=True)
    make_update(rosa.cases.get().appeal, by=ana, slug="s", languages=("es",), body="On Prueba.")
    # A longer word is not the name, and a key in brackets vanishes by itself.
    for slug, body in (("longer", "Pruebas."), ("key", "On [[prueba]].")):
        make_update(rosa.cases.get().appeal, by=ana, slug=slug, languages=("es",), body=body)
    result = consent.withdraw(defendant=rosa, by=bruno, at=NOW)
    told = consent.Place(
        "text of the update “News s es”", "update", Update.objects.get(slug="s").pk
    )
    assert result == consent.Withdrawal(ended=2, mentions=[told])
    assert shown() == ("Persona R", "Persona R")
    assert set(Consent.objects.values_list("withdrawn_at", "withdrawn_by")) == {(NOW, bruno.pk)}


def test_withdraw_twice_keeps_the_first_withdrawal(rosa: Defendant, ana: User, bruno: User) -> None:
    make_consent(rosa, by=ana)
    consent.withdraw(defendant=rosa, by=ana, at=NOW)
    again = consent.withdraw(defendant=rosa, by=bruno, at=NOW + timedelta(days=1))
    assert again.ended == 0
    assert Consent.objects.get().withdrawn_by == ana


def test_unpublished_case_shows_nobody(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana)
    publishing.withdraw_case(case=rosa.cases.get())
    assert not PublicDefendant.objects.exists()
    assert not PublicParty.objects.exists()


def test_name_is_ciphertext_in_table_and_view(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM appeals_identity UNION SELECT name FROM appeals_public_defendant"
        )
        rows = cursor.fetchall()
    assert len(rows) == 1
    assert "Rosa" not in rows[0][0]


def test_view_yields_not_even_ciphertext_without_consent(rosa: Defendant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM appeals_public_defendant UNION SELECT name FROM appeals_public_party"
        )
        assert cursor.fetchall() == [(None,)]


def test_forget_erases_the_name_and_keeps_the_history(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana)
    consent.forget(defendant=rosa)
    assert not Identity.objects.exists()
    assert shown() == ("Persona R", "Persona R")
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"has_name": False}, "Say what the person agreed to."),
        ({"given_on": None}, "Say on which day consent was given."),
        ({"expires_on": date(2026, 1, 1)}, "Consent expires before it was given."),
    ],
)
def test_record_says_what_is_missing(
    rosa: Defendant, ana: User, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        make_consent(rosa, by=ana, **changes)
    assert not Consent.objects.exists()


def test_record_without_evidence_refused(rosa: Defendant, ana: User) -> None:
    with pytest.raises(ValidationError, match="evidence"):
        consent.record(
            defendant=rosa,
            source=Consent.Source.SIGNED,
            evidence="  ",
            given_on=date(2026, 1, 1),
            has_name=True,
            by=ana,
            at=NOW,
        )


def test_record_from_the_published_appeal_needs_no_day(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana, source=Consent.Source.PUBLISHED, given_on=None)
    assert PublicDefendant.objects.get().is_named_by_appeal


@pytest.mark.parametrize(
    "act",
    [
        lambda: Consent.objects.update(has_charge=True),
        lambda: Consent.objects.update(expires_on=None, evidence="other"),
        lambda: Consent.objects.all().delete(),
        lambda: Consent.objects.update(withdrawn_at=NOW, withdrawn_by=1, has_name=False),
    ],
    ids=["widen", "rewrite", "delete", "withdraw and change"],
)
def test_recorded_consent_is_only_withdrawn(rosa: Defendant, ana: User, act: object) -> None:
    make_consent(rosa, by=ana)
    with pytest.raises(IntegrityError, match="only ever withdrawn"), transaction.atomic():
        act()


def test_withdrawn_consent_stays_withdrawn(rosa: Defendant, ana: User) -> None:
    make_consent(rosa, by=ana)
    consent.withdraw(defendant=rosa, by=ana, at=NOW)
    with pytest.raises(IntegrityError, match="only ever withdrawn"), transaction.atomic():
        Consent.objects.update(withdrawn_at=None, withdrawn_by=None)


def test_identify_a_person_whose_name_stands_in_a_text_refused(rosa: Defendant, ana: User) -> None:
    make_update(rosa.cases.get().appeal, by=ana, slug="s", body='Said of Juan "Cacho" Nadie.')
    other = make_defendant(rosa.cases.get(), alias="Persona J", key="j")
    with pytest.raises(consent.NameInText, match=r"News s .*\[\[j\]\]"):
        consent.identify(defendant=other, name="Juan Cacho  Nadie")
    assert not Identity.objects.filter(defendant=other).exists()


@pytest.mark.parametrize(
    ("place", "where"),
    [
        ("court", "case “The strike”"),
        ("docket", "case “The strike”"),
        ("hearing", "hearing “2026-03-01 Hearing”"),
        ("publisher", "source “Nadie, Juan s/ amenazas: Report”"),
        ("title", "source “Example: Nadie, Juan s/ amenazas”"),
    ],
)
def test_name_at_the_head_of_a_paper_is_found_like_one_in_a_text(
    rosa: Defendant, ana: User, place: str, where: str
) -> None:
    headed = "Nadie, Juan s/ amenazas"
    case = rosa.cases.get()
    case.texts.update(title="The strike")
    if place in {"court", "docket"}:
        Case.objects.update(**{place: headed})
    elif place == "hearing":
        Hearing.objects.create(case=case, held_on=date(2026, 3, 1), place=headed)
    else:
        Source.objects.create(**{"publisher": "Example", "title": "Report"} | {place: headed})
    other = make_defendant(case, alias="Persona J", key="j")
    with pytest.raises(consent.NameInText) as refused:
        consent.identify(defendant=other, name="Juan Nadie")
    assert str(refused.value) == (
        f"This name stands in plain words in: {where}. Write [[j]] there first."
    )
    # Written down all the same, as by an older program: it is said when consent ends.
    Identity.objects.create(defendant=other, name="Juan Nadie")
    mentions = consent.withdraw(defendant=other, by=ana, at=NOW).mentions
    assert [mention.label for mention in mentions] == [where]


def test_case_whose_hearing_names_somebody_is_not_published(rosa: Defendant, ana: User) -> None:
    case = rosa.cases.get()
    publishing.withdraw_case(case=case)
    Hearing.objects.create(case=case, held_on=date(2026, 3, 1), place=f"Sala {NAME}")
    with pytest.raises(consent.NameInText, match=r"Write \[\[r\]\] instead"):
        publishing.publish_case(case=case, by=ana, at=NOW)


def test_figure_whose_source_names_somebody_is_not_confirmed(rosa: Defendant, ana: User) -> None:
    figure = make_figure(rosa.cases.get().appeal, publisher=NAME)
    with pytest.raises(consent.NameInText, match=r"Write \[\[r\]\] instead"):
        publishing.confirm_figure(figure=figure, by=ana, at=NOW)


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("Rosa Inventada Prueba", True),
        ("rosa  PRUEBA", True),
        ("Inventada, Prueba", True),
        ("PRUEBA, Rosa s/ amenazas", True),
        ("Rosa de la Prueba", False),
        ("the prueba", False),
        ("[[r]]", False),
    ],
)
def test_refuse_plain_names(rosa: Defendant, text: str, is_named: bool) -> None:
    if is_named:
        with pytest.raises(consent.NameInText):
            consent.refuse_plain_names(["fine", text])
    else:
        consent.refuse_plain_names(["fine", text])
