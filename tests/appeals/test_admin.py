"""The editors' desk: every button does its verb for whom it may, says why where it may not."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from appeals import publishing
from appeals.models import Appeal, Case, Consent, Defendant, Figure, Identity, Update, UpdateText
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

Office = Callable[..., Client]
NAME = "Rosa Inventada Prueba"
VIEWS = (
    "view_appeal",
    "view_appealtext",
    "view_case",
    "view_casetext",
    "view_hearing",
    "view_defendant",
    "view_consent",
    "view_figure",
    "view_figuretext",
    "view_update",
    "view_updatetext",
)


def press(client: Client, row: object, button: str, **data: object) -> str:
    """Post a button's page; the sentences shown afterwards."""
    name = f"admin:appeals_{row._meta.model_name}_{button}"
    page = client.post(reverse(name, args=[row.pk]), data, follow=True)
    assert page.status_code == 200, page.status_code
    html = page.content.decode()
    said = re.findall(r'<li class="(?:success|warning|error)">(.*?)</li>', html)
    errors = re.findall(r'<ul class="errorlist[^"]*"[^>]*>(.*?)</ul>', html, re.DOTALL)
    return " ".join([*said, *(re.sub(r"<[^>]+>", " ", error).strip() for error in errors)])


def change_url(row: object) -> str:
    return reverse(f"admin:appeals_{row._meta.model_name}_change", args=[row.pk])


def buttons_of(client: Client, row: object) -> list[str]:
    html = client.get(change_url(row)).content.decode()
    _before, *verbs = html.split('<p class="verbs">')
    found = verbs[0].split("</p>")[0] if verbs else ""
    return re.findall(rf'href="/admin/appeals/\w+/{row.pk}/(\w+)/">', found)


@pytest.mark.parametrize(
    ("model", "make"),
    [
        ("appeal", lambda ana: make_appeal(by=ana)),
        ("case", lambda ana: make_case(make_appeal(by=ana), by=ana)),
        ("defendant", lambda ana: make_defendant(make_case(make_appeal()), name=NAME)),
        ("figure", lambda ana: make_figure(make_appeal(), by=ana)),
        ("update", lambda ana: make_update(make_appeal(), by=ana)),
    ],
)
def test_pages_open_for_who_may_view(
    office: Office, ana: User, bruno: User, model: str, make: Callable[[User], object]
) -> None:
    row = make(ana)
    client = office(bruno, *VIEWS)
    assert client.get(reverse(f"admin:appeals_{model}_changelist")).status_code == 200
    assert client.get(change_url(row)).status_code == 200
    assert client.get(reverse(f"admin:appeals_{model}_add")).status_code == 403


def test_update_goes_from_desk_to_page(office: Office, ana: User, bruno: User) -> None:
    appeal = make_appeal(by=ana)
    client = office(
        ana, *VIEWS, "add_update", "change_update", "add_updatetext", "change_updatetext"
    )
    page = client.post(
        reverse("admin:appeals_update_add"),
        {
            "appeal": appeal.pk,
            "case": "",
            "slug": "first",
            "texts-TOTAL_FORMS": 1,
            "texts-INITIAL_FORMS": 0,
            "texts-0-language": "es",
            "texts-0-title": "Título",
            "texts-0-body": "Se alega *algo*.",
        },
    )
    assert page.status_code == 302, page.content.decode()
    update = Update.objects.get()
    assert (update.created_by, update.texts.get().written_by) == (ana, ana)
    assert buttons_of(client, update) == ["submit"]
    assert press(client, update, "submit") == "The text waits for somebody else&#x27;s review."

    client = office(bruno, *VIEWS, "review_update", "publish_update")
    assert buttons_of(client, update) == ["review"]
    form = client.get(reverse("admin:appeals_update_review", args=[update.pk])).content.decode()
    assert "<p>Se alega <em>algo</em>.</p>" in form
    seen = re.findall(r'name="seen_hash" value="(\w{64})"', form)[0]
    unread = press(client, update, "review", seen_hash=seen)
    assert unread == "Tick this when you have read it. Nothing was signed yet."
    assert "Reviewed" in press(client, update, "review", seen_hash=seen, has_read="on")
    assert press(client, update, "publish") == "The text is public."
    assert client.get("/es/strike/updates/first/").status_code == 200
    assert list(LogEntry.objects.values_list("change_message", flat=True))[:2] == [
        "Publish",
        "Review",
    ]


def test_review_own_update_says_why_not(office: Office, ana: User) -> None:
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    client = office(ana, *VIEWS, "review_update")
    said = press(client, update, "review", seen_hash=update.content_hash(), has_read="on")
    assert said == "You wrote some of this text: another person reviews it."
    assert Update.objects.get().state == Update.State.SUBMITTED


def test_review_of_a_text_changed_meanwhile_shows_the_new_one(
    office: Office, ana: User, bruno: User
) -> None:
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    client = office(bruno, *VIEWS, "review_update")
    said = press(client, update, "review", seen_hash="0" * 64, has_read="on")
    assert said == "The text was changed while you read it. Read it again, then sign off."
    page = client.get(reverse("admin:appeals_update_review", args=[update.pk])).content.decode()
    assert f'name="seen_hash" value="{update.content_hash()}"' in page


def closed(client: Client, row: object, button: str) -> str:
    """What the page of a button says instead of its form."""
    name = f"admin:appeals_{row._meta.model_name}_{button}"
    html = client.get(reverse(name, args=[row.pk])).content.decode()
    return re.findall(r'<p class="panel panel--warning">(.*?)</p>', html)[0]


def test_button_out_of_its_time_says_why(office: Office, ana: User, bruno: User) -> None:
    appeal = make_appeal(by=ana)
    draft = make_update(appeal, by=ana)
    own = publishing.submit(update=make_update(appeal, by=bruno, slug="own"), by=bruno, at=NOW)
    public = make_published_update(appeal, author=ana, reviewer=bruno, slug="public")
    rosa = make_defendant(make_case(appeal))
    figure = make_figure(appeal, by=ana)
    names = ("change_update", "review_update", "publish_update", "publish_appeal", "publish_case")
    more = ("confirm_figure", "identify_defendant", "withdraw_consent")
    client = office(bruno, *VIEWS, *names, *more)

    assert [closed(client, row, button) for row, button in (
        (own, "submit"), (draft, "review"), (own, "review"), (public, "review"), (draft, "publish"),
        (public, "publish"), (draft, "withdraw"), (appeal, "publish"), (rosa.cases.get(), "withdraw"),
        (figure, "confirm"), (rosa, "forget"), (rosa, "withdraw_consent"),
    )] == [
        "This text is submitted already.",
        "This is a draft: its author submits it for review first.",
        "You wrote some of this text: another person reviews it.",
        "This text is reviewed already.",
        "Nobody has reviewed this text: it is published after a review.",
        "This is public already.",
        "This is not public.",
        "This is public already.",
        "This is not public.",
        "This figure is confirmed already.",
        "No name of this person is kept.",
        "This person agreed to nothing that could be withdrawn.",
    ]  # fmt: skip


def test_figure_is_confirmed_in_sight_of_its_sentence(office: Office, ana: User) -> None:
    figure = make_figure(make_appeal())
    client = office(ana, *VIEWS, "confirm_figure")
    page = client.get(reverse("admin:appeals_figure_confirm", args=[figure.pk])).content.decode()
    assert figure.sentence in page
    assert str(figure.source) in page
    # Who only reads it reads 665, not 665.000.
    seen = client.get(reverse("admin:appeals_figure_change", args=[figure.pk])).content.decode()
    assert '<div class="readonly">665</div>' in seen


def test_superuser_reviews_no_own_text_either(office: Office, ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_superuser=True)
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    client = office(User.objects.get(pk=ana.pk))
    said = press(client, update, "review", seen_hash=update.content_hash(), has_read="on")
    assert "another person" in said
    assert Update.objects.get().state == Update.State.SUBMITTED


@pytest.mark.parametrize(
    "button",
    ["submit", "review", "publish", "withdraw"],
)
def test_button_without_the_permission_is_refused(
    office: Office, ana: User, bruno: User, button: str
) -> None:
    update = make_update(make_appeal(), by=ana)
    client = office(bruno, *VIEWS)
    url = reverse(f"admin:appeals_update_{button}", args=[update.pk])
    assert [client.get(url).status_code, client.post(url).status_code] == [403, 403]
    assert buttons_of(client, update) == []


def test_button_of_a_row_that_is_gone_is_not_found(office: Office, ana: User) -> None:
    client = office(ana, *VIEWS, "publish_update")
    assert client.get(reverse("admin:appeals_update_publish", args=[9999])).status_code == 404


def save_update(client: Client, update: Update, **texts: str) -> str:
    """Save the change page with new titles by language; the messages shown."""
    data: dict[str, object] = {
        "appeal": update.appeal_id,
        "case": update.case_id or "",
        "slug": update.slug,
        "texts-TOTAL_FORMS": update.texts.count(),
        "texts-INITIAL_FORMS": update.texts.count(),
    }
    for number, text in enumerate(update.texts.all()):
        data |= {
            f"texts-{number}-id": text.pk,
            f"texts-{number}-update": update.pk,
            f"texts-{number}-language": text.language,
            f"texts-{number}-title": texts.get(text.language, text.title),
            f"texts-{number}-body": text.body,
        }
    page = client.post(change_url(update), data, follow=True)
    html = page.content.decode()
    errors = re.findall(r'<ul class="errorlist[^"]*"[^>]*>(.*?)</ul>', html, re.DOTALL)
    said = re.findall(r'<li class="(?:warning|error)">(.*?)</li>', html)
    return " ".join([*said, *(re.sub(r"<[^>]+>", " ", error).strip() for error in errors)])


def test_edit_of_a_published_update_voids_the_review_and_says_so(
    office: Office, ana: User, bruno: User
) -> None:
    update = make_published_update(make_appeal(by=ana), author=ana, reviewer=bruno)
    client = office(bruno, *VIEWS, "change_update", "change_updatetext")
    assert "This text is public." in client.get(change_url(update)).content.decode()
    assert save_update(client, update) == ""
    assert Update.objects.get().state == Update.State.PUBLISHED
    assert "its review is void" in save_update(client, update, es="Otro título")
    assert Update.objects.get().state == Update.State.DRAFT
    assert {text.language: text.written_by for text in UpdateText.objects.all()} == {
        "es": bruno,
        "en": ana,
    }


def test_key_of_nobody_is_said_when_it_is_saved(office: Office, ana: User) -> None:
    appeal = make_appeal(by=ana)
    make_defendant(make_case(appeal), alias="Persona R", key="r")
    update = make_update(appeal, by=ana)
    client = office(ana, *VIEWS, "change_update", "change_updatetext")

    assert save_update(client, update, es="Sobre [[r]]") == ""
    said = save_update(client, update, es="Sobre [[r]] y [[nobody]]")

    assert "has the key [[nobody]]. Saved, but it cannot be published like that." in said
    assert UpdateText.objects.filter(title="Sobre [[r]] y [[nobody]]").exists()


def test_address_of_an_update_is_made_from_its_title(office: Office, ana: User) -> None:
    appeal = make_appeal(by=ana)
    client = office(
        ana, *VIEWS, "add_update", "change_update", "add_updatetext", "change_updatetext"
    )
    data = {
        "appeal": appeal.pk,
        "case": "",
        "slug": "",
        "texts-TOTAL_FORMS": 1,
        "texts-INITIAL_FORMS": 0,
        "texts-0-language": "es",
        "texts-0-title": "La audiencia, después",
        "texts-0-body": "Se alega algo.",
    }

    for _time in range(2):
        client.post(reverse("admin:appeals_update_add"), data)
    page = client.post(reverse("admin:appeals_update_add"), data | {"texts-0-title": "¿?"})

    assert list(Update.objects.order_by("pk").values_list("slug", flat=True)) == [
        "la-audiencia-despues",
        "la-audiencia-despues-2",
    ]
    assert "Write a title, or an address of small letters" in page.content.decode()


def test_update_and_its_case_stay_with_one_appeal(office: Office, ana: User) -> None:
    ours, theirs = make_appeal(), make_appeal(slug="theirs")
    case, other = make_case(ours), make_case(theirs)
    update = make_update(ours, by=ana, case=case)
    client = office(ana, *VIEWS, "change_update", "change_case")

    update.case = other
    said = save_update(client, update)
    form = {"appeal": theirs.pk, "slug": case.slug, "stage": case.stage, "position": 0}
    form |= {
        f"{name}-{count}_FORMS": 0
        for name in ("texts", "hearings")
        for count in ("TOTAL", "INITIAL")
    }
    moved = client.post(change_url(case), form)

    assert said == "This case belongs to another appeal: choose one of this appeal."
    assert "There is news on this case: it stays with its appeal." in moved.content.decode()
    assert Update.objects.values_list("case", "case__appeal").get() == (case.pk, ours.pk)


def test_name_in_plain_words_does_not_get_through_a_form(office: Office, ana: User) -> None:
    appeal = make_appeal()
    make_defendant(make_case(appeal), name=NAME, alias="Persona R", key="r")
    update = make_update(appeal, by=ana)
    client = office(ana, *VIEWS, "change_update", "change_updatetext")
    said = save_update(client, update, es=f"Sobre {NAME}")
    assert "The text names Persona R in plain words. Write [[r]] instead" in said
    assert not UpdateText.objects.filter(title__contains="Rosa").exists()


def test_consent_is_recorded_shown_and_withdrawn(office: Office, ana: User) -> None:
    rosa = make_defendant(make_case(make_appeal(by=ana), by=ana), alias="Persona R", name=NAME)
    client = office(ana, *VIEWS, "record_consent", "withdraw_consent")
    assert buttons_of(client, rosa) == ["record_consent"]
    assert (
        press(client, rosa, "record_consent", has_name="on", source="signed").count("required") == 1
    )
    agreed = {"has_name": "on", "source": "signed", "evidence": "Folder 3"}
    agreed |= {"given_on": "2026-02-01"}
    nameless = make_defendant()
    assert (
        press(client, nameless, "record_consent", **agreed)
        == "The consent is recorded. No name of this person is kept."
    )
    assert press(client, rosa, "record_consent", **agreed) == "The consent is recorded."
    page = client.get(change_url(rosa)).content.decode()
    assert "Folder 3" in page
    assert 'name="consents-0-has_name"' not in page
    assert NAME in client.get("/es/strike/").content.decode()
    update = make_update(Appeal.objects.get(), by=ana, slug="s", languages=("en",), body="Prueba.")
    said = press(client, rosa, "withdraw_consent")
    assert "1 consent is withdrawn" in said
    look = f'<a href="{change_url(update)}">text of the update “News s en”</a>'
    assert f"which may still mention the person: {look}" in said
    assert NAME not in client.get("/es/strike/").content.decode()
    assert Consent.objects.get(defendant=rosa).withdrawn_by == ana


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"source": "signed", "evidence": "x", "given_on": "2026-02-01"},
            "Say what the person agreed",
        ),
        ({"has_name": "on", "source": "signed", "evidence": "x"}, "Say on which day"),
        (
            {
                "has_name": "on",
                "source": "signed",
                "evidence": "x",
                "given_on": "2026-02-01",
                "expires_on": "2026-01-01",
            },
            "expires before it was given",
        ),
    ],
)
def test_consent_that_says_too_little_is_refused(
    office: Office, ana: User, data: dict[str, str], words: str
) -> None:
    rosa = make_defendant()
    assert words in press(office(ana, *VIEWS, "record_consent"), rosa, "record_consent", **data)
    assert not Consent.objects.exists()


def test_name_of_a_defendant_is_for_who_may_identify(office: Office, ana: User) -> None:
    rosa = make_defendant(name=NAME, alias="Persona R")
    assert "Inventada" not in office(ana, *VIEWS).get(change_url(rosa)).content.decode()
    client = office(ana, *VIEWS, "identify_defendant")
    assert NAME in client.get(change_url(rosa)).content.decode()
    assert press(client, rosa, "identify", name="Otra Persona Inventada") == (
        "The name is kept, encrypted."
    )
    assert Identity.objects.get().name == "Otra Persona Inventada"
    assert press(client, rosa, "forget") == "The name is erased."
    assert not Identity.objects.exists()
    assert not LogEntry.objects.filter(change_message__contains="Inventada").exists()


def test_alias_cannot_be_the_name(office: Office, ana: User) -> None:
    rosa = make_defendant(name=NAME, alias="Persona R", key="r")
    client = office(ana, *VIEWS, "change_defendant")
    page = client.post(change_url(rosa), {"alias": "Rosa Prueba", "key": "r", "cases": []})
    assert "in plain words" in page.content.decode()
    assert Defendant.objects.get().alias == "Persona R"


def test_defendant_is_entered_and_changed(office: Office, ana: User) -> None:
    case = make_case(make_appeal())
    client = office(ana, *VIEWS, "add_defendant", "change_defendant")
    data = {"alias": "Persona S", "key": "s", "cases": [case.pk]}
    data |= {"consents-TOTAL_FORMS": 0, "consents-INITIAL_FORMS": 0}

    added = client.post(reverse("admin:appeals_defendant_add"), data)
    changed = client.post(change_url(Defendant.objects.get()), data | {"alias": "Persona T"})

    assert [page.status_code for page in (added, changed)] == [302, 302]
    assert Defendant.objects.values_list("alias", "key", "cases").get() == (
        "Persona T",
        "s",
        case.pk,
    )


def test_figures_are_confirmed_one_by_one_or_together(office: Office, ana: User) -> None:
    appeal = make_appeal()
    figure, other = make_figure(appeal), make_figure(appeal, value="80")
    writer = office(ana, *VIEWS, "change_figure")
    form = writer.get(reverse("admin:appeals_figure_change", args=[other.pk])).content.decode()
    # Without the zeros that the database keeps: to many readers 80.000 is eighty thousand.
    assert re.findall(r'name="value" value="([^"]*)"', form) == ["80"]
    without_source = Figure.objects.create(appeal=appeal, value=3, is_more_than=True)
    listed = writer.get(reverse("admin:appeals_figure_changelist")).content.decode()
    assert re.findall(r'class="field-(?:in_words|label)">(?:<a [^>]*>)?([^<]*)', listed) == [
        *("665", "people injured en"),
        *("80", "people injured en"),
        *("more than 3", "–"),
    ]
    client = office(ana, *VIEWS, "confirm_figure")
    assert press(client, figure, "confirm") == "The figure is confirmed."
    page = client.post(
        reverse("admin:appeals_figure_changelist"),
        {"action": "confirm_selected", "_selected_action": [other.pk, without_source.pk]},
        follow=True,
    ).content.decode()
    assert "3: The figure has no source" in page
    assert "1 figure is confirmed." in page
    assert set(Figure.objects.confirmed()) == {figure, other}


def test_figures_are_not_confirmed_without_permission(office: Office, ana: User) -> None:
    figure = make_figure(make_appeal())
    client = office(ana, *VIEWS, "change_figure")
    client.post(
        reverse("admin:appeals_figure_changelist"),
        {"action": "confirm_selected", "_selected_action": [figure.pk]},
    )
    assert not Figure.objects.confirmed().exists()


def test_appeal_and_case_are_published_and_withdrawn(office: Office, ana: User) -> None:
    appeal = make_appeal()
    case = make_case(appeal)
    client = office(ana, *VIEWS, "publish_appeal", "publish_case")
    assert press(client, case, "publish") == "The case will be public together with its appeal."
    assert press(client, appeal, "publish") == "The appeal is public."
    assert list(Case.objects.published()) == [case]
    assert press(client, case, "withdraw") == "The case is off the public pages."
    assert press(client, appeal, "withdraw") == "The appeal is off the public pages."
    assert not Appeal.objects.published().exists()


def test_publish_says_what_is_missing(office: Office, ana: User) -> None:
    appeal = make_appeal(languages=("en",))
    said = press(office(ana, *VIEWS, "publish_appeal"), appeal, "publish")
    assert said == "The appeal has no text in its main language (es): write it first."


def test_import_a_file_into_a_draft(office: Office, ana: User) -> None:
    client = office(ana, *VIEWS, "add_appeal")
    url = reverse("admin:appeals_appeal_import")
    assert url in client.get(reverse("admin:appeals_appeal_changelist")).content.decode()
    file = SimpleUploadedFile("a.txt", "Título\n\nHubo 665 heridos.".encode("latin-1"))
    page = client.post(url, {"file": file, "slug": "draft", "language": "es"}, follow=True)
    html = page.content.decode()
    assert "A draft with 1 paragraph. 1 figure waits to be confirmed." in html
    assert "read as Latin-1" in html
    assert (Appeal.objects.get().slug, Figure.objects.confirmed().count()) == ("draft", 0)


@pytest.mark.parametrize(
    ("content", "words"), [(b" ", "The file is empty."), (b"%PDF-1", "This is a PDF file.")]
)
def test_import_of_a_bad_file_says_why(
    office: Office, ana: User, content: bytes, words: str
) -> None:
    client = office(ana, *VIEWS, "add_appeal")
    file = SimpleUploadedFile("a.txt", content)
    data = {"file": file, "slug": "draft", "language": "es"}
    page = client.post(reverse("admin:appeals_appeal_import"), data)
    assert words in page.content.decode()
    assert not Appeal.objects.exists()


def test_import_needs_permission_to_add(office: Office, ana: User) -> None:
    assert office(ana, *VIEWS).get(reverse("admin:appeals_appeal_import")).status_code == 403


def test_save_writes_only_what_was_changed(office: Office, ana: User) -> None:
    make_consent(make_defendant(), by=ana, given_on=date(2026, 1, 1))
    appeal = make_appeal()
    client = office(ana, *VIEWS, "change_appeal")
    data = {"slug": "renamed", "default_language": "es", "goal_amount": "", "goal_currency": ""}
    data |= {
        f"{name}-{count}_FORMS": "0"
        for name in ("texts", "cases", "figures")
        for count in ("TOTAL", "INITIAL")
    }
    page = client.post(change_url(appeal), data)
    assert page.status_code == 302, page.content.decode()
    assert Appeal.objects.values_list("slug", "published_at").get() == ("renamed", None)


@pytest.mark.parametrize(("currency", "kept"), [("EUR", "EUR"), ("CHF", "CHF"), ("ZZZ", "CHF")])
def test_goal_is_in_a_currency_that_is_known_or_the_one_it_has(
    office: Office, ana: User, settings: Any, currency: str, kept: str
) -> None:
    settings.CURRENCIES = ["EUR", "ARS"]
    appeal = make_appeal()
    Appeal.objects.update(goal_amount=100, goal_currency="CHF")
    client = office(ana, *VIEWS, "change_appeal")
    chosen = client.get(change_url(appeal)).content.decode().split('id="id_goal_currency"')[1]
    data = {"slug": "a", "default_language": "es", "goal_amount": "100", "goal_currency": currency}
    data |= {
        f"{name}-{count}_FORMS": "0"
        for name in ("texts", "cases", "figures")
        for count in ("TOTAL", "INITIAL")
    }

    client.post(change_url(appeal), data)

    offered = re.findall(r'<option value="(\w*)"', chosen.split("</select>")[0])
    assert offered == ["", "EUR", "ARS", "CHF"]
    appeal.refresh_from_db()
    assert appeal.goal_currency == kept


def appeal_form(appeal: Appeal, *, delete: str = "", main: str = "es") -> dict[str, object]:
    """The change page of `appeal` as it stands, with one language's text marked for deletion."""
    data: dict[str, object] = {"slug": appeal.slug, "default_language": main}
    data |= {
        f"{name}-{count}_FORMS": 0
        for name in ("cases", "figures")
        for count in ("TOTAL", "INITIAL")
    }
    data |= {"texts-TOTAL_FORMS": 2, "texts-INITIAL_FORMS": 2}
    for number, text in enumerate(appeal.texts.all()):
        for field in ("id", "language", "title", "summary", "body"):
            data[f"texts-{number}-{field}"] = getattr(text, field)
        if text.language == delete:
            data[f"texts-{number}-DELETE"] = "on"
    return data


@pytest.mark.parametrize(
    ("form", "is_public", "is_saved"),
    [
        ({"delete": "es"}, True, False),
        ({"main": "en", "delete": "en"}, True, False),
        ({"delete": "en"}, True, True),
        ({"main": "en", "delete": "es"}, True, True),
        ({"delete": "es"}, False, True),
    ],
)
def test_public_appeal_keeps_a_text_in_its_main_language(
    office: Office, ana: User, form: dict[str, str], is_public: bool, is_saved: bool
) -> None:
    appeal = make_appeal(by=ana if is_public else None)
    client = office(ana, *VIEWS, "change_appeal", "change_appealtext", "delete_appealtext")
    page = client.post(change_url(appeal), appeal_form(appeal, **form))
    assert (page.status_code == 302) == is_saved
    assert ("keeps a text in its main language" in page.content.decode()) != is_saved
    connection.check_constraints()


def test_public_case_keeps_a_text(office: Office, ana: User) -> None:
    case = make_case(make_appeal(by=ana), by=ana, languages=("es",))
    text = case.texts.get()
    client = office(ana, *VIEWS, "change_case", "change_casetext", "delete_casetext")
    data = {"appeal": case.appeal_id, "slug": case.slug, "stage": "open", "position": 0}
    data |= {"hearings-TOTAL_FORMS": 0, "hearings-INITIAL_FORMS": 0}
    data |= {"texts-TOTAL_FORMS": 1, "texts-INITIAL_FORMS": 1, "texts-0-DELETE": "on"}
    data |= {f"texts-0-{name}": getattr(text, name) for name in ("id", "language", "title")}
    page = client.post(change_url(case), data)
    assert "leave it a text" in page.content.decode()
    assert case.texts.exists()


def test_pages_say_the_title_and_the_log_the_address(office: Office, ana: User) -> None:
    appeal = make_appeal(slug="harbour", by=ana)
    case = make_case(appeal, slug="quay", languages=("es",))
    untold = make_case(appeal, slug="bare", languages=())
    client = office(ana)
    ana.is_superuser = True
    ana.save(update_fields=["is_superuser"])
    url = change_url(case)
    text = case.texts.get()
    data = {"appeal": appeal.pk, "slug": "quay", "stage": "open", "position": 0}
    data |= {"hearings-TOTAL_FORMS": 0, "hearings-INITIAL_FORMS": 0}
    data |= {"texts-TOTAL_FORMS": 1, "texts-INITIAL_FORMS": 1, "texts-0-id": text.pk}
    data |= {"texts-0-language": "es", "texts-0-title": "El muelle y [[p]]"}

    def told(address: str) -> str:
        return client.get(address).content.decode()

    def offered() -> list[str]:
        form = told(reverse("admin:donations_legalcost_add")).split('id="id_case"')[1]
        return re.findall(r'<option value="\d+">([^<]+)</option>', form.split("</select>")[0])

    page = client.post(url, data | {"_continue": "1"}, follow=True).content.decode()

    # There is no English title: the main language's stands in for it; where there is none, the address.
    assert "<h2>El muelle y a person</h2>" in page
    assert re.findall(r'<li class="success">.*?<a href="[^"]+">([^<]+)</a>', page) == [
        "El muelle y a person"
    ]
    assert f'<option value="{appeal.pk}" selected>Appeal harbour en</option>' in page
    assert "<h2>bare</h2>" in told(change_url(untold))
    assert "Change history: El muelle y a person" in told(url.replace("change", "history"))
    assert "El muelle y a person" in told(url.replace("change", "publish"))
    assert "“El muelle y a person”" in told(url.replace("change", "delete"))
    make_update(appeal, by=ana, slug="news", case=case)
    in_the_way = told(url.replace("change", "delete"))
    assert re.findall(r'<li>Update: <a href="[^"]+">([^<]+)</a>', in_the_way) == ["News news en"]
    Update.objects.all().delete()
    in_the_way = told(change_url(appeal).replace("change", "delete"))
    assert re.findall(r'<li>Case: <a href="[^"]+">([^<]+)</a>', in_the_way) == [
        "El muelle y a person",
        "bare",
    ]
    assert re.findall(r">(Appeal h[^<]*|El m[^<]*|bare)</a>", told(change_url(appeal))) == [
        "El muelle y a person",
        "bare",
    ]
    with CaptureQueriesContext(connection) as of_two:
        assert offered() == ["El muelle y a person", "bare"]
    make_case(appeal, slug="third")
    with CaptureQueriesContext(connection) as of_three:
        assert offered() == ["El muelle y a person", "bare", "Case third en"]
    assert len(of_three) == len(of_two)
    client.post(url.replace("change", "delete"), {"post": "yes"})
    assert not Case.objects.filter(pk=case.pk).exists()
    assert list(LogEntry.objects.values_list("object_repr", flat=True)) == ["quay", "quay"]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("model", "queries"),
    [("appeal", 5), ("case", 6), ("defendant", 6), ("figure", 6), ("update", 6)],
)
def test_lists_cost_the_same_however_many_rows(
    office: Office,
    ana: User,
    bruno: User,
    django_assert_num_queries: Callable[[int], object],
    rows: int,
    model: str,
    queries: int,
) -> None:
    for number in range(rows):
        appeal = make_appeal(slug=f"a{number}", by=ana)
        case = make_case(appeal, by=ana)
        make_defendant(case, alias=f"Persona {number}")
        make_figure(appeal, by=ana)
        make_published_update(appeal, author=ana, reviewer=bruno, case=case)
    client = office(ana, *VIEWS)
    client.get(reverse("admin:index"))  # the session's own bookkeeping
    with django_assert_num_queries(queries):
        page = client.get(reverse(f"admin:appeals_{model}_changelist"))
    called = re.findall(r'field-(\w*title)">(?:<a[^>]*>)?(\w+) [^<]+<', page.content.decode())
    titles = {
        "appeal": [("title", "Appeal")],
        "case": [("title", "Case"), ("appeal_title", "Appeal")],
        "figure": [("appeal_title", "Appeal")],
        "update": [("title", "News"), ("appeal_title", "Appeal"), ("case_title", "Case")],
    }
    assert called == titles.get(model, []) * rows
