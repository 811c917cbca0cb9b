"""A real browser before the running site. Whatever test uses it, a blocked or foreign request fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Page, Request, sync_playwright

from tests.browser.visitor import Visitor
from tests.factories import log_in
from tests.stories.house import House, make_house

# The first that is there. The one without windows has no pages of its own to draw: it costs little more than half.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), "")
# A test browser that asks its maker for nothing.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
# On a phone in the dark, and on a desk by day: no rule of the style sheets asks for a width and for darkness at once.
WINDOWS = ((320, "dark"), (1280, "light"))
# Pages whose scripts do not run, and what switches that: axe is a script itself, so they run for as long as it looks,
# on the page as it was read and drawn without them. (Playwright's own java_script_enabled=False cannot be lifted.)
SCRIPTLESS: WeakKeyDictionary[Page, CDPSession] = WeakKeyDictionary()

# From the site itself (tests/conftest.py), so that a browser that goes from page to page keeps it ready to run: half a
# megabyte, sent to each page through Playwright and read anew there, takes twice as long.
AXE = "/static/axe/axe.min.js"
# Every rule; and only what is wrong comes back, since what is right fills pages.
LOOK = "apart => axe.run({exclude: apart}, {resultTypes: ['violations']}).then(found => found.violations)"
# The same beside each page of the office; test_look.py looks at it.
SIDEBAR = "#nav-sidebar"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip(
            "no Chromium or Chrome on this machine (Debian: apt-get install chromium-headless-shell)"
        )
    # Playwright keeps an event loop running in this thread. Django has other connections for code in a loop: what is open
    # now would stay open unseen, and nobody could copy or drop the database.
    connections.close_all()
    # It also takes every query for one inside async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()
        # Of a test that came after a browser's on the same worker; nobody could reach it once the loop has ended.
        connections.close_all()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


def allow_scripts(page: Page, is_allowed: bool) -> None:
    SCRIPTLESS[page].send("Emulation.setScriptExecutionDisabled", {"value": not is_allowed})


class Watch:
    """Collects what a page must not do: ask another host, break the content policy, fail in a script."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.document = ""
        self.faults: list[str] = []

    def follow(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))

    def _request(self, request: Request) -> None:
        if request.is_navigation_request():
            self.document = request.url
        url = urlsplit(request.url)
        if url.scheme != "data" and f"{url.scheme}://{url.netloc}" != self.origin:
            self.faults.append(f"asked {url.scheme}://{url.netloc}")

    def _console(self, message: ConsoleMessage) -> None:
        # An error page is itself a "failed" resource; nothing else may fail to load.
        is_error_page = (
            message.text.startswith("Failed to load resource")
            and message.location["url"] == self.document
        )
        if message.type == "error" and not is_error_page:
            self.faults.append(f"console: {message.text}")


@pytest.fixture
def new_page(browser, live_server) -> Iterator[Callable[..., Page]]:
    """`new_page(width=320, dark=True, has_scripts=False, **context)`: addresses are relative to the live server."""
    watch = Watch(live_server.url)
    contexts = []

    def new_page(*, width=1280, height=900, dark=False, has_scripts=True, **options) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            # Colours halfway from one to another would be measured as they are.
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        if not has_scripts:
            SCRIPTLESS[page] = context.new_cdp_session(page)
            allow_scripts(page, False)
        watch.follow(page)
        return page

    yield new_page
    for context in contexts:
        context.close()
    assert watch.faults == []


@pytest.fixture
def page(new_page) -> Page:
    return new_page()


@pytest.fixture
def enter_office(live_server) -> Callable[[Page, object], None]:
    """`enter_office(page, user)`: the page's browser is logged in as that person, second factor and all."""

    def enter_office(page, user) -> None:
        # One for each: a second person's login would end the first one's session.
        client = log_in(Client(), user)
        cookie = client.cookies["sessionid"]
        page.context.add_cookies(
            [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
        )

    return enter_office


@pytest.fixture(scope="session")
def accessibility_faults() -> Callable[..., list[str]]:
    """`accessibility_faults(page)` lists what axe finds by all its rules, one line per element.

    `with_sidebar` in the list of the office's pages too, which stands beside each of them.
    """

    def accessibility_faults(page, *, with_sidebar=False) -> list[str]:
        # A click returns when the next page begins to arrive.
        page.wait_for_load_state()
        if page in SCRIPTLESS:
            allow_scripts(page, True)
        if not page.evaluate("'axe' in window"):
            page.add_script_tag(url=AXE)
        found = page.evaluate(LOOK, [] if with_sidebar else [[SIDEBAR]])
        if page in SCRIPTLESS:
            allow_scripts(page, False)
        return [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    return accessibility_faults


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(wider, 0)


@pytest.fixture(scope="session")
def faults_in_each_window(accessibility_faults) -> Callable[..., list[str]]:
    """`faults_in_each_window(page, …)`: what axe finds in each of WINDOWS, and where the page runs over the window's edge."""

    def faults_in_each_window(page, **options) -> list[str]:
        found = []
        for width, colours in WINDOWS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=colours)
            found += [
                f"{width} {colours}: {fault}" for fault in accessibility_faults(page, **options)
            ]
            if pixels := overflow(page):
                found.append(f"{width}: {pixels} pixels wider than the window")
        return found

    return faults_in_each_window


@pytest.fixture
def visitor(new_page, accessibility_faults) -> Callable[..., Visitor]:
    """`visitor(width=390, locale="es", …)`: somebody at a browser of their own."""
    return lambda **options: Visitor(new_page(**options), accessibility_faults)


@pytest.fixture
def house(transactional_db, live_server, settings, inbox) -> House:
    """A fund on its first day, whose payment pages stand on the live server and lead back there."""
    settings.SITE_URL = live_server.url
    return make_house(f"{live_server.url}/stripe/webhook/")
