"""Stylesheets, error pages, links between languages, and how amounts and days are written."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import Resolver404, resolve
from django.utils.translation import override

from defensefund.context import site
from defensefund.templatetags import formats
from defensefund.templatetags.site import LanguageLink, language_links, public_url

STATIC = Path(settings.BASE_DIR) / "defensefund" / "static" / "defensefund"
SHEETS = ("site.css", "public_books.css", "admin.css", "staff.css", "bank.css")


# --- Stylesheets --------------------------------------------------------------------------------


def tokens(css, opening):
    """The colour tokens of the first rule that starts with `opening`."""
    block = css[css.index(opening) + len(opening) :].partition("}")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block))


def luminance(colour):
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """WCAG's ratio of two colours, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TEXT_ON_GROUND = [
    *[
        (text, ground)
        for text in ("ink", "soft", "accent", "accent-deep", "bad")
        for ground in ("paper", "sheet", "tint")
    ],
    *[(sign, f"{sign}-tint") for sign in ("good", "warn", "bad", "accent")],
    *[("ink", f"{sign}-tint") for sign in ("good", "warn", "bad", "info", "accent")],
    *[("accent", f"{sign}-tint") for sign in ("good", "warn", "bad", "info")],
    ("accent-ink", "button"),
    ("accent-ink", "button-deep"),
    ("paper", "ink"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme):
    css = (STATIC / "site.css").read_text()
    colours = tokens(css, ":root {")
    if scheme == "dark":
        dark = css.partition("@media (prefers-color-scheme: dark)")[2]
        colours |= tokens(dark, ":root {")

    weak = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for text, ground in TEXT_ON_GROUND
        if contrast(colours[text], colours[ground]) < 4.5
    }

    assert weak == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_inputs_stand_out_from_the_page(scheme):
    css = (STATIC / "site.css").read_text()
    rules = css if scheme == "light" else css.partition("@media (prefers-color-scheme: dark)")[2]
    colours = tokens(rules, ":root {")

    assert contrast(colours["edge"], colours["paper"]) >= 3
    assert contrast(colours["edge"], colours["sheet"]) >= 3


def test_office_is_the_same_dark_by_system_and_by_switch():
    css = (STATIC / "admin.css").read_text()

    by_system = tokens(css, ':root:not([data-theme="light"]) {')
    by_switch = tokens(css, 'html[data-theme="dark"] {')

    assert by_system
    assert by_system == by_switch


def test_what_a_reader_loads_is_small():
    sizes = {
        name: (STATIC / name).stat().st_size
        for name in ("site.css", "site.js", "favicon.svg", "fonts/alegreya.woff2")
    }

    assert sizes["site.css"] <= 30_000
    assert sum(sizes.values()) <= 62_000


@pytest.mark.parametrize("name", SHEETS)
def test_stylesheet_asks_no_other_host(name):
    css = (STATIC / name).read_text()

    assert re.findall(r"@import|https?:|//[a-z]", css) == []
    assert set(re.findall(r"url\(([^)]*)\)", css)) <= {'"fonts/alegreya.woff2"'}


def test_templates_style_nothing_in_line():
    found = [
        f"{path.name}: {hit}"
        for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")
        for hit in re.findall(
            r"<style|\sstyle=|\son\w+=\"|<script(?![^>]*\ssrc=)", path.read_text()
        )
    ]

    assert found == []


# --- Error pages --------------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "404.html"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_error_page_needs_no_database(template, language):
    request = RequestFactory().get(f"/{language}/x/")

    with override(language):
        page = render_to_string(template, site(request) | {"request": request})

    assert f'<html lang="{language}"' in page
    assert f'<p class="masthead__name"><a href="/{language}/">{settings.FUND_NAME}</a>' in page
    assert '<meta name="robots" content="noindex">' in page
    assert "canonical" not in page


def test_fault_page_needs_neither_database_nor_request_nor_list_of_static_files(settings):
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }

    page = render_to_string("500.html")

    assert '<html lang="es">' in page
    assert '<div lang="en">' in page
    assert 'href="/static/defensefund/site.css"' in page


def test_fault_page_says_not_to_pay_twice():
    page = render_to_string("500.html")

    assert "no pague otra vez" in page
    assert "do not pay again" in page


def test_unknown_address_sets_no_cookie(client, db):
    response = client.get("/es/no/such/page/")

    assert response.status_code == 404
    assert not response.cookies
    assert "csrf" not in response.content.decode().lower()


# --- The frame ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_sandbox", "is_demo", "words"),
    [(True, True, ["TEST", "Sample data"]), (True, False, ["TEST"]), (False, False, [])],
)
def test_frame_says_what_is_not_real(is_sandbox, is_demo, words):
    request = RequestFactory().get("/en/")
    context = {"request": request, "fund_name": "F", "is_sandbox": is_sandbox, "is_demo": is_demo}

    with override("en"):
        page = render_to_string("base.html", context)

    assert re.findall(r'class="banner[^>]*><strong>([^<]*)', page) == words


def request_at(path):
    """As a handler leaves it: with what was found at the path, if anything was."""
    request = RequestFactory().get(path)
    with suppress(Resolver404):
        request.resolver_match = resolve(request.path)
    return request


def test_frame_names_the_page_in_every_language():
    with override("es"):
        request = request_at("/es/books/?page=2")
        page = render_to_string("base.html", {"request": request, "fund_name": "F"})

    assert f'<link rel="canonical" href="{settings.SITE_URL}/es/books/">' in page
    assert re.findall(r'hreflang="(\w+)" href="([^"]*)"', page) == [
        ("es", f"{settings.SITE_URL}/es/books/"),
        ("en", f"{settings.SITE_URL}/en/books/"),
        ("pt", f"{settings.SITE_URL}/pt/books/"),
        ("fr", f"{settings.SITE_URL}/fr/books/"),
    ]


def test_private_frame_is_not_for_search_engines():
    request = RequestFactory().get("/es/books/")

    with override("es"):
        page = render_to_string("base_private.html", {"request": request, "fund_name": "F"})

    assert '<meta name="robots" content="noindex, nofollow">' in page
    assert "canonical" not in page
    assert 'rel="alternate"' not in page


# --- Links between languages --------------------------------------------------------------------


def links_at(path, language="es", **context):
    with override(language):
        request = request_at(path)
        return language_links(Context({"request": request} | context))


def test_language_links_keep_page_and_query():
    assert links_at("/es/books/?page=2") == [
        LanguageLink("es", "Español", "/es/books/?page=2", True, True),
        LanguageLink("en", "English", "/en/books/?page=2", False, True),
        LanguageLink("pt", "Português", "/pt/books/?page=2", False, True),
        LanguageLink("fr", "Français", "/fr/books/?page=2", False, True),
    ]


def test_language_links_lead_home_where_the_page_is_unknown():
    assert links_at("/es/no/such/page/") == [
        LanguageLink("es", "Español", "/es/no/such/page/", True, True),
        LanguageLink("en", "English", "/en/", False, False),
        LanguageLink("pt", "Português", "/pt/", False, False),
        LanguageLink("fr", "Français", "/fr/", False, False),
    ]


def test_language_links_lead_home_where_the_page_is_not_written():
    assert links_at("/es/books/", page_languages=["es"])[1] == LanguageLink(
        "en", "English", "/en/", False, False
    )


def test_language_links_are_none_without_a_request():
    assert language_links(Context({})) == []


def test_public_url_is_the_settings_one_whatever_host_asks(settings):
    settings.SITE_URL = "https://fund.example"
    request = RequestFactory(headers={"Host": "evil.example"}).get("/es/books/?page=2")

    assert public_url(Context({"request": request})) == "https://fund.example/es/books/"
    assert public_url(Context({"request": request}), "/es/?a=1") == "https://fund.example/es/"


# --- Amounts, numbers, days ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "amount", "currency", "written"),
    [
        ("es", Decimal("1234.5"), "EUR", "1.234,50 €"),
        ("es", Decimal("1234567.89"), "ARS", "1.234.567,89 ARS"),
        ("es", Decimal("-0.01"), "USD", "−0,01 US$"),
        ("es", Decimal("1234"), "CLP", "1.234 CLP"),
        ("es", Decimal("1.5"), "KWD", "1,500 KWD"),
        ("es", 25, "GBP", "25,00 £"),
        ("en", Decimal("1234.5"), "EUR", "€1,234.50"),
        ("en", Decimal("1234.5"), "USD", "US$1,234.50"),
        ("en", Decimal("-1234.5"), "ARS", "−ARS 1,234.50"),
        ("pt", Decimal("1234.5"), "BRL", "R$ 1.234,50"),
        ("fr", Decimal("1234.5"), "EUR", "1\N{NARROW NO-BREAK SPACE}234,50 €"),
        ("es", Decimal("25.000"), "EUR", "25,00 €"),
        ("es", Decimal("99999999999999.99"), "ARS", "99.999.999.999.999,99 ARS"),
    ],
)
def test_money_is_written_exactly(language, amount, currency, written):
    with override(language):
        text = formats.money(amount, currency)

    assert text.replace("\N{NO-BREAK SPACE}", " ") == written
    assert " " not in text


@pytest.mark.parametrize("amount", [1.5, "", "12", None, True])
def test_money_refuses_what_is_no_amount(amount):
    with pytest.raises(TypeError, match="An amount is a Decimal"):
        formats.money(amount, "EUR")


@pytest.mark.parametrize(
    ("amount", "written"),
    [(Decimal("25.000"), "25 €"), (Decimal("25.50"), "25,50 €"), (Decimal("20000"), "20.000 €")],
)
def test_money_whole_drops_only_empty_decimals(amount, written):
    with override("es"):
        assert formats.money_whole(amount, "EUR").replace("\N{NO-BREAK SPACE}", " ") == written


def test_number_has_the_languages_separators():
    with override("es"):
        assert formats.number(-12345) == "−12.345"
    with override("en"):
        assert formats.number(12345) == "12,345"


@pytest.mark.parametrize(
    ("share", "written"), [("0.999", "99"), ("1", "100"), ("0", "0"), ("0.305", "30")]
)
def test_percent_rounds_down(share, written):
    with override("es"):
        assert formats.percent(Decimal(share)).replace("\N{NO-BREAK SPACE}", " ") == f"{written} %"


def test_day_is_a_time_element_in_words():
    with override("es"):
        assert (
            formats.day(date(2026, 3, 1)) == '<time datetime="2026-03-01">1 de marzo de 2026</time>'
        )


def test_day_of_a_moment_is_its_day_in_utc():
    late = datetime(2026, 2, 28, 22, 30, tzinfo=timezone(-timedelta(hours=3)))

    with override("en"):
        assert formats.day(late) == '<time datetime="2026-03-01">March 1, 2026</time>'


def test_moment_says_utc():
    at = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)

    with override("en"):
        assert (
            formats.moment(at)
            == '<time datetime="2026-03-01T09:05:00+00:00">March 1, 2026, 09:05 UTC</time>'
        )


def test_filters_work_in_a_template():
    template = Template('{% load formats %}{{ amount|money:"EUR" }}')

    with override("en"):
        assert template.render(Context({"amount": Decimal("2")})) == "€2.00"
