"""Every public page and feed: what it shows, what it must never show, what it costs."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from appeals import consent, publishing
from appeals.models import (
    Appeal,
    AppealText,
    Case,
    CaseText,
    Consent,
    Defendant,
    Hearing,
    UpdateText,
)
from tests.appeals.factories import (
    NOW,
    make_appeal,
    make_case,
    make_consent,
    make_defendant,
    make_figure,
    make_published_update,
    make_update,
)

NAME = "Rosa Inventada Prueba"


def public_pages(appeal: str = "strike", case: str = "arrest", update: str = "news") -> list[str]:
    """The address of every kind of page, in both languages."""
    pages = []
    for language in ("es", "en"):
        with override(language):
            pages += [
                reverse("appeals:home"),
                reverse("appeals:appeal", kwargs={"appeal": appeal}),
                reverse("appeals:case", kwargs={"appeal": appeal, "case": case}),
                reverse("appeals:updates", kwargs={"appeal": appeal}),
                reverse("appeals:updates", kwargs={"appeal": appeal, "page": 1}),
                reverse("appeals:update", kwargs={"appeal": appeal, "update": update}),
                reverse("appeals:feed", kwargs={"appeal": appeal}),
            ]
    return pages


@pytest.fixture
def world(ana: User, bruno: User) -> Defendant:
    """One of everything, published; every text mentions the one defendant, who agreed to nothing yet."""
    appeal = make_appeal()
    case = make_case(appeal, slug="arrest")
    rosa = make_defendant(case, alias="Persona R", name=NAME, key="r")
    AppealText.objects.update(title="For [[r]]", summary="About [[r]].", body="Stand by *[[r]]*.")
    CaseText.objects.update(title="Against [[r]]", summary="They accuse [[r]].")
    publishing.publish_appeal(appeal=appeal, by=ana, at=NOW)
    publishing.publish_case(case=case, by=ana, at=NOW)
    make_figure(appeal, by=ana)
    update = make_update(appeal, by=ana, slug="news", case=case, body="On [[r]].")
    UpdateText.objects.update(title="News of [[r]]")
    publishing.submit(update=update, by=ana, at=NOW)
    publishing.review(update=update, seen_hash=update.content_hash() or "", by=bruno, at=NOW)
    publishing.publish(update=update, by=ana, at=NOW)
    return rosa


def pages_with(client: Client, text: str) -> list[str]:
    found = []
    for page in public_pages():
        response = client.get(page)
        assert response.status_code == 200, page
        if text in response.content.decode():
            found.append(page)
    return found


def test_name_is_on_every_page_inside_consent_and_on_none_outside(
    client: Client, world: Defendant, ana: User
) -> None:
    assert pages_with(client, "Inventada") == []
    assert pages_with(client, "Persona R") == public_pages()
    make_consent(world, by=ana)
    assert pages_with(client, NAME) == public_pages()
    consent.withdraw(defendant=world, by=ana, at=NOW)
    assert pages_with(client, "Inventada") == []
    assert pages_with(client, "Persona R") == public_pages()


def test_name_is_on_no_page_once_consent_expired(
    client: Client, world: Defendant, ana: User
) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    make_consent(world, by=ana, given_on=yesterday - timedelta(days=9), expires_on=yesterday)
    assert pages_with(client, "Inventada") == []


def test_name_beside_a_charge_needs_consent_to_the_charge(
    client: Client, world: Defendant, ana: User
) -> None:
    CaseText.objects.update(charge="intimidación pública")
    make_consent(world, by=ana)
    case_pages = [page for page in public_pages() if "/cases/" in page]
    # On no page do both stand: the appeal's has the name, the case's the charge.
    with_charge = pages_with(client, "intimidación pública")
    assert with_charge == case_pages
    assert set(with_charge).isdisjoint(pages_with(client, "Inventada"))
    make_consent(world, by=ana, has_charge=True)
    assert [page for page in case_pages if page in pages_with(client, NAME)] == case_pages
    assert "/en/strike/" in set(pages_with(client, NAME)) & set(
        pages_with(client, "intimidación pública")
    )


def test_cached_page_is_stale_once_consent_is_withdrawn(
    client: Client, world: Defendant, ana: User
) -> None:
    make_consent(world, by=ana)
    first = client.get("/en/strike/")
    same = client.get("/en/strike/", headers={"if-none-match": first["ETag"]})
    consent.withdraw(defendant=world, by=ana, at=NOW)
    changed = client.get("/en/strike/", headers={"if-none-match": first["ETag"]})
    assert [same.status_code, changed.status_code] == [304, 200]
    assert first["Cache-Control"] == "public, max-age=60"


def test_public_pages_set_no_cookie_and_know_no_session(client: Client, world: Defendant) -> None:
    for page in public_pages():
        response = client.get(page)
        assert not response.cookies, page
        assert "Cookie" not in response.get("Vary", ""), page
        assert "csrf" not in response.content.decode(), page
        assert client.post(page).status_code == 405, page


def test_root_leads_to_the_home_page_of_the_readers_language(client: Client, db: None) -> None:
    response = client.get("/", headers={"accept-language": "en"})
    assert response["Location"] == "/en/"


def test_home_without_an_appeal_says_so(client: Client, db: None) -> None:
    assert "No appeal is published at the moment." in client.get("/en/").content.decode()


def test_home_shows_the_newest_appeal_and_lists_the_others(client: Client, ana: User) -> None:
    make_appeal(slug="old", by=ana)
    new = make_appeal(slug="new", by=ana)
    Appeal.objects.filter(pk=new.pk).update(published_at=NOW + timedelta(days=1))
    make_appeal(slug="draft")
    page = client.get("/en/").content.decode()
    assert re.findall(r"Appeal (\w+) en</(\w+)>", page) == [("new", "h1"), ("old", "a")]
    assert "draft" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/en/draft/",
        "/en/draft/updates/",
        "/en/draft/updates.atom",
        "/en/strike/cases/hidden/",
        "/en/strike/updates/hidden/",
        "/en/strike/updates/page/2/",
        "/en/nothing/",
    ],
)
def test_unpublished_pages_are_not_found(
    client: Client, world: Defendant, ana: User, path: str
) -> None:
    make_appeal(slug="draft")
    make_case(Appeal.objects.get(slug="strike"), slug="hidden")
    make_update(Appeal.objects.get(slug="strike"), by=ana, slug="hidden")
    assert client.get(path).status_code == 404


def test_update_edited_after_review_is_not_found_and_in_no_list(
    client: Client, world: Defendant
) -> None:
    UpdateText.objects.filter(language="es").update(body="Slipped in")
    assert client.get("/en/strike/updates/news/").status_code == 404
    for page in ("/en/", "/en/strike/", "/en/strike/updates/", "/en/strike/updates.atom"):
        assert "News of" not in client.get(page).content.decode()


@pytest.mark.parametrize(("days", "is_asked"), [(0, True), (-1, False)])
def test_appeal_asks_for_money_until_its_last_day(
    client: Client, world: Defendant, days: int, is_asked: bool
) -> None:
    Appeal.objects.update(ends_on=timezone.now().date() + timedelta(days=days))
    for path in ("/en/", "/en/strike/", "/en/strike/cases/arrest/", "/en/strike/updates/news/"):
        main = client.get(path).content.decode().split("<main")[1]
        assert ('href="/en/strike/donate/"' in main) == is_asked, path
        assert ("This appeal ended on" in main) != is_asked, path


def test_unconfirmed_figure_is_not_shown(client: Client, world: Defendant) -> None:
    make_figure(Appeal.objects.get(), value="12345")
    page = client.get("/en/strike/").content.decode()
    assert "665" in page
    assert "12,345" not in page


def test_figure_says_where_it_comes_from(client: Client, world: Defendant, ana: User) -> None:
    figure = Appeal.objects.get().figures.get()
    figure.source.is_as_cited = True
    figure.source.save(update_fields=["is_as_cited"])
    assert "CELS, as cited in the appeal" in client.get("/en/strike/").content.decode()


@pytest.mark.parametrize("source", ["signed", "published"])
def test_people_named_by_the_appeal_itself_are_said_to_be(
    client: Client, world: Defendant, ana: User, source: str
) -> None:
    make_consent(world, by=ana, source=Consent.Source(source))
    for path in ("/en/strike/", "/en/strike/cases/arrest/"):
        page = client.get(path).content.decode()
        assert NAME in page
        assert ("as the published appeal itself names" in page) == (source == "published"), path


def test_missing_language_falls_back_with_a_note_and_its_lang(client: Client, ana: User) -> None:
    make_appeal(by=ana, languages=("es",))
    page = client.get("/en/strike/").content.decode()
    assert "you are reading it in Español" in page
    assert re.search(r'<h1[^>]* lang="es">Appeal strike es</h1>', page)
    assert "not there in your language" not in client.get("/es/strike/").content.decode()


def test_unknown_facts_of_a_case_are_said_to_be_unknown(client: Client, world: Defendant) -> None:
    page = client.get("/en/strike/cases/arrest/").content.decode()
    assert page.count("not stated") == 4  # stage, charge, court, docket
    assert "No hearing is announced." in page


def test_case_shows_its_hearings(client: Client, world: Defendant) -> None:
    case = Case.objects.get()
    Hearing.objects.create(case=case, held_on="2026-05-04", local_time="09:30", place="Sala 2")
    page = client.get("/en/strike/cases/arrest/").content.decode()
    assert "May 4, 2026" in page
    assert "09:30" in page
    assert "Sala 2" in page


def test_updates_are_paged_newest_first(client: Client, ana: User, bruno: User) -> None:
    appeal = make_appeal(by=ana)
    for number in range(11):
        at = NOW + timedelta(hours=number)
        make_published_update(appeal, author=ana, reviewer=bruno, slug=f"n{number}", at=at)
    first = client.get("/en/strike/updates/").content.decode()
    second = client.get("/en/strike/updates/page/2/").content.decode()
    shown = [re.findall(r"News (n\d+) en", page) for page in (first, second)]
    assert shown == [[f"n{number}" for number in range(10, 0, -1)], ["n0"]]


def test_feed_is_atom_under_the_sites_own_address(client: Client, world: Defendant) -> None:
    response = client.get("/en/strike/updates.atom", headers={"host": "elsewhere.example"})
    atom = {"a": "http://www.w3.org/2005/Atom"}
    root = ElementTree.fromstring(response.content)
    assert response["Content-Type"].startswith("application/atom+xml")
    assert [entry.findtext("a:title", None, atom) for entry in root.findall("a:entry", atom)] == [
        "News of Persona R"
    ]
    assert root.findtext("a:updated", None, atom) == "2026-03-01T12:00:00+00:00"
    assert "elsewhere" not in response.content.decode()


def test_empty_feed_does_not_change_from_read_to_read(client: Client, ana: User) -> None:
    make_appeal(by=ana)
    feeds = {client.get("/en/strike/updates.atom").content for _ in range(2)}
    assert len(feeds) == 1


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/en/", 6),
        ("/en/strike/", 7),
        ("/en/strike/cases/arrest/", 7),
        ("/en/strike/updates/", 4),
        ("/en/strike/updates/news/", 4),
        ("/en/strike/updates.atom", 3),
    ],
)
def test_pages_cost_the_same_however_many_rows(
    client: Client,
    world: Defendant,
    ana: User,
    bruno: User,
    django_assert_num_queries: object,
    rows: int,
    path: str,
    queries: int,
) -> None:
    appeal = Appeal.objects.get(slug="strike")
    case = Case.objects.get()
    for _number in range(rows - 1):
        make_appeal(slug=f"other-{_number}", by=ana)
        make_case(appeal, by=ana)
        make_defendant(case, name="Nadie Más Inventado", alias=f"Persona {_number}")
        make_figure(appeal, by=ana)
        make_published_update(appeal, author=ana, reviewer=bruno, case=case)
    with django_assert_num_queries(queries):
        assert client.get(path).status_code == 200
