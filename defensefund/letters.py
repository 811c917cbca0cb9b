"""Letters in plain text, as their templates word them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.template.loader import render_to_string


class Words(NamedTuple):
    """A letter as it will be read; `subject` on one line."""

    subject: str
    body: str


def words_of(template: str, context: Mapping[str, Any]) -> Words:
    """What `template`_subject.txt and `template`.txt say, in the language in force."""
    subject = render_to_string(f"{template}_subject.txt", dict(context))
    return Words(" ".join(subject.split()), render_to_string(f"{template}.txt", dict(context)))
