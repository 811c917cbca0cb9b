"""Buttons of a row: none is out of reach."""

from pathlib import Path

from django.contrib import admin
from django.template.loader import get_template

from defensefund.verbs import VerbAdmin


def test_buttons_stand_on_every_row_that_has_some():
    pages = [
        page for page in admin.site._registry.values() if isinstance(page, VerbAdmin) and page.verbs
    ]
    assert len(pages) > 8

    names = {page.facts_template for page in pages} - {"admin/_verbs.html"}
    sources = {name: Path(get_template(name).origin.name).read_text() for name in names}

    assert [name for name in names if '"admin/_verbs.html"' not in sources[name]] == []
