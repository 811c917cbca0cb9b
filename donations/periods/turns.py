"""Whose turn it is: months are closed in their order, each when it is over."""

from datetime import datetime

from django.utils.translation import gettext as _

from defensefund.templatetags.formats import plain_day
from donations.assertions import end_of
from donations.models import Period
from donations.month_days import next_month

from .errors import AlreadyDone, NotYet


def waiting(period: Period) -> list[Period]:
    """The open months up to `period` that nobody asked to close yet, the oldest first."""
    months = Period.objects.open().filter(requested_at=None, month__lte=period.month)
    return list(months.order_by("month"))


def why_not_yet(period: Period, *, at: datetime) -> str:
    """Why an open month cannot be closed for now, in a sentence; empty when it can."""
    if at < end_of(period.last_day):
        return _("The month is not over: it can be closed from %(day)s on.") % {
            "day": plain_day(next_month(period.month))
        }
    # One that is only to be closed by another person holds nobody up; months are closed in turn all the same.
    earlier = [month for month in waiting(period) if month.month < period.month]
    return _("%(month)s is open: close that first.") % {"month": earlier[0].name} if earlier else ""


def locked(period: Period) -> Period:
    return Period.objects.select_for_update(no_key=True).get(pk=period.pk)


def in_turn(period: Period, *, at: datetime) -> Period:
    """Held until the end of the transaction. Raises NotYet, AlreadyDone."""
    period = locked(period)
    if period.closed_at:
        raise AlreadyDone(_("This month is closed: it stays so."))
    if period.requested_at:
        raise AlreadyDone(_("Closing is asked for: withdraw that first."))
    if why := why_not_yet(period, at=at):
        raise NotYet(why)
    return period
