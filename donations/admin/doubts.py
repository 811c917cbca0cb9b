"""Of what somebody said to be wrong (models/undoing.py): why this person cannot decide it now; "" where they can."""

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from ..models.undoing import Undoing


def why_nothing_doubted(row: Undoing, _by: User) -> str:
    if not row.is_doubted:
        return _("Nobody asked to take this back, or it is done already.")
    return ""


def why_not_another(row: Undoing, by: User) -> str:
    if why := why_nothing_doubted(row, by):
        return why
    if row.undo_requested_by_id == by.pk:
        return _("You asked for this yourself: another person must approve it.")
    return ""
