"""Taking back what was decided or recorded: one person asks with a reason, another does it, or keeps it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from donations.models.undoing import Undoing

from .errors import NoReason, SamePerson, WrongState


def ask(row: Undoing, *, reason: str, by: User, at: datetime) -> None:
    """Keeps who asks and why. Raises WrongState, NoReason."""
    if why := row.why_not_asked:
        raise WrongState(why)
    if not reason.strip():
        raise NoReason(_("Say what was wrong about it."))
    row.ask(reason=reason.strip(), by=by, at=at)


def check_asked(row: Undoing) -> None:
    if why := row.why_not_decided:
        raise WrongState(why)


def check_another(row: Undoing, *, by: User) -> None:
    if why := row.why_not_by(by):
        raise SamePerson(why)
