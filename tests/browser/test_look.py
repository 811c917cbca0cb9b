"""What the pages look like cannot be asserted; that they can be read by everyone, on anything, can."""

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import overflow
from tests.factories import make_appeal, make_case, make_user

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.browser.urls"),
]


@pytest.mark.parametrize(
    ("path", "status"), [("/specimen/", 200), ("/es/no/such/page/", 404), ("/fault/", 500)]
)
def test_page_is_readable(page, faults_in_each_window, path, status):
    response = page.goto(path)

    assert response.status == status
    assert faults_in_each_window(page) == []


def test_office_is_readable(page, faults_in_each_window, enter_office):
    user = make_user(is_superuser=True)
    case = make_case(make_appeal(by=user), by=user)
    paths = [
        "/admin/login/",
        "/admin/",
        f"/admin/appeals/case/{case.pk}/change/",
        f"/admin/auth/user/{user.pk}/change/",
    ]

    found = {}
    for path in paths:
        if path == "/admin/":
            enter_office(page, user)
        page.goto(path)
        found[path] = faults_in_each_window(page, with_sidebar=True)

    assert found == {path: [] for path in paths}


# What narrows a list stands folded up before its rows on a phone.
FOLDED = """() => { const [filters, rows] = [".filters", "#changelist-form"].map(e => document.querySelector(e));
return !filters || !filters.open && filters.getBoundingClientRect().bottom <= rows.getBoundingClientRect().top; }"""


@pytest.mark.parametrize(("width", "what"), [(320, "changelist"), (1280, "add")])
def test_every_list_and_form_of_the_office_is_readable(
    new_page, accessibility_faults, enter_office, width, what
):
    user = make_user(is_superuser=True)
    make_case(make_appeal(by=user), by=user)
    page = new_page(width=width)
    enter_office(page, user)

    found = {}
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}")
        if page.goto(path).status == 200:  # 403 where nothing is added by hand
            found[path] = (accessibility_faults(page), overflow(page), page.evaluate(FOLDED))

    assert found == {path: ([], 0, True) for path in found}
    assert len(found) > 8


def test_page_reflows_at_the_widest_and_narrowest(new_page):
    for width in (280, 320, 390, 768, 1920, 3840):
        page = new_page(width=width)
        page.goto("/specimen/")
        assert overflow(page) == 0, width


def test_first_tab_stop_skips_to_the_content(page):
    page.goto("/specimen/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_every_stop_of_the_keyboard_shows_where_it_is(page):
    page.goto("/specimen/")
    unseen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const e = document.activeElement; if (e === document.body) return true;
            const drawn = x => getComputedStyle(x).outlineStyle !== "none" && parseFloat(getComputedStyle(x).outlineWidth) >= 2;
            return drawn(e) || drawn(e.closest("label") || e) || e.outerHTML.slice(0, 80); }"""
        )
        if seen is not True:
            unseen.append(seen)

    assert unseen == []


def test_headline_face_comes_from_here(page):
    page.goto("/specimen/")
    page.evaluate("document.fonts.ready")

    loaded = page.evaluate(
        "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    )

    assert loaded == ["Alegreya"]


def test_copy_button_copies_its_text(new_page):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/specimen/")

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == "RF20GRPJHTJYQDNC"


def test_page_without_javascript_has_no_copy_button(new_page):
    page = new_page(has_scripts=False)

    page.goto("/specimen/")

    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    expect(page.get_by_text("RF20 GRPJ HTJY QDNC")).to_be_visible()


def test_print_leaves_out_what_paper_cannot_do(page):
    page.goto("/specimen/")
    page.emulate_media(media="print")

    visible = {
        part: page.locator(part).first.is_visible()
        for part in (".nav", ".languages", ".actions", ".ledger", ".prose", ".masthead__name")
    }

    assert visible == {
        ".nav": False,
        ".languages": False,
        ".actions": False,
        ".ledger": True,
        ".prose": True,
        ".masthead__name": True,
    }


def test_forced_colours_keep_the_choice_visible(new_page):
    page = new_page(forced_colors="active")
    page.goto("/specimen/")

    outline = page.evaluate(
        "getComputedStyle(document.querySelector('.radio-card:has(:checked)')).outlineStyle"
    )

    assert outline == "solid"
