"""Somebody at a browser without scripts: reads a page, fills in the form on it, sends it with all it carried."""

from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.test import Client

from tests.factories import log_in


class Forms(HTMLParser):
    """The POST forms of a page: each its action and the fields a browser would send untouched."""

    def __init__(self, page):
        super().__init__()
        self.forms = []
        self._field = self._text = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        if tag == "form":
            is_post = (has.get("method") or "").lower() == "post"
            self.forms.append((has.get("action") or "", {}, is_post))
        name = has.get("name")
        if not self.forms or not name or "__prefix__" in name:
            if tag == "option" and self._field is not None:
                self._option(has)
            return
        fields = self.forms[-1][1]
        if tag == "input" and has.get("type") not in {"file", "submit", "button", "image"}:
            if has.get("type") not in {"checkbox", "radio"} or "checked" in has:
                fields.setdefault(name, []).append(has.get("value") or "")
        elif tag == "select":
            self._field = fields.setdefault(name, [])
        elif tag == "textarea":
            self._field, self._text = fields.setdefault(name, []), ""

    def _option(self, has):
        if "selected" in has or not self._field:
            self._field[:] = [has.get("value") or ""]

    def handle_data(self, data):
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._text is not None:
            self._field.append(self._text.removeprefix("\n"))
            self._field = self._text = None
        elif tag == "select":
            self._field = None


class Person:
    """`user`: somebody of the office, logged in with a second factor; else a stranger."""

    def __init__(self, user=None, language="en"):
        self.client = Client(headers={"accept-language": language})
        self.user = user
        if user:
            log_in(self.client, user)

    def read(self, url, status=200):
        """The words of the page, entities and line breaks undone."""
        response = self.client.get(url, follow=True)
        assert response.status_code == status, (url, response.status_code)
        return words(response)

    def send(self, url, fields=None, *, action=None):
        """Fills `fields` into the page's last form (or the one that goes to `action`); the answer, redirects followed.

        A redirect to a payment page of another address is followed here too: all pages are ours in a test.
        """
        page = self.client.get(url)
        assert page.status_code == 200, (url, page.status_code)
        forms = [
            (urljoin(url, where), carried)
            for where, carried, is_post in Forms(page.content.decode()).forms
            if is_post and where.endswith(action or "") and not where.endswith("/logout/")
        ]
        assert forms, f"{url} has no form for {action}"
        where, carried = forms[-1]
        return self.client.post(where, carried | (fields or {}), follow=True)


def words(response):
    return " ".join(unescape(response.content.decode()).split())


def place(response):
    """The path where following the redirects ended."""
    return urlsplit(response.redirect_chain[-1][0]).path
