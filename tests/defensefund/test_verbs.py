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

    def source(name):
        return Path(get_template(name).origin.name).read_text() if name else ""

    # With the facts, or on a form of its own.
    without = [
        page.facts_template
        for page in pages
        if page.facts_template != "admin/_verbs.html"
        and '"admin/_verbs.html"'
        not in source(page.facts_template) + source(page.change_form_template)
    ]
    assert without == []


def test_no_way_back_stands_out_as_the_next_step():
    back = {
        "amend",
        "call-off",
        "forget",
        "object",
        "refund",
        "refuse",
        "retire",
        "void",
        "withdraw",
    }
    found = {
        f"{page.opts.model_name}: {verb.name}"
        for page in admin.site._registry.values()
        if isinstance(page, VerbAdmin)
        for verb in page.verbs
        if verb.name in back and not verb.is_exception
    }

    assert found == set()
