"""Why the buttons of what one person asks for and another decides are closed (models/proposal.py)."""

from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _


def why_decided(row: Any, _by: User) -> str:
    return _("This is decided already.") if row.approved_at or row.refused_at else ""


def why_not_approve(row: Any, by: User) -> str:
    if why := why_decided(row, by):
        return why
    if row.requested_by_id == by.pk:
        return _("You asked for this yourself: another person must approve it.")
    return ""


def why_not_withdraw(row: Any, by: User) -> str:
    if row.requested_by_id != by.pk:
        return _("Only who asked for it can withdraw it; who approves can refuse it.")
    return why_decided(row, by)
