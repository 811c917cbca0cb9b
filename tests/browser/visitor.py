"""Somebody at a browser: every page they come to, results and lists too, is looked at with all of axe's rules."""

from tests.stories.parts import row_of


class Visitor:
    """`faults(page)` lists what is wrong with the page they see."""

    def __init__(self, page, faults):
        self.page, self._faults = page, faults

    def look(self):
        assert self._faults(self.page) == [], self.page.url

    def open(self, path, *, status=200):
        assert self.page.goto(path).status == status, path
        self.look()

    def follow(self, name, *, within="body", exact=False):
        self.page.locator(within).get_by_role("link", name=name, exact=exact).first.click()
        self.look()

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).first.click()
        self.look()

    def field(self, label, **options):
        return self.page.get_by_label(label, **options).first

    def choose(self, name):
        self.page.get_by_role("radio", name=name, exact=True).check()

    def words(self, within="main"):
        return self.page.locator(within).inner_text()

    def said(self):
        """What the office says above the page about what was just done."""
        return self.words(".messagelist")

    def row(self, head):
        """The cells of the row of a table headed so."""
        return row_of(self.page.content(), head)
