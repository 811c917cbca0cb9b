"""What a month of the books refuses; each message is a sentence for the office."""


class PeriodError(Exception):
    """A step of a month that is refused."""


class NotYet(PeriodError):
    """The month is not over, an earlier one is open, or an earlier step is not taken."""


class NotVerified(PeriodError):
    """The books do not hold."""


class NotReconciled(PeriodError):
    """What bank or Stripe says is not what the books say, and nothing explains it."""


class Changed(PeriodError):
    """Something was booked in the month since the last step."""


class SamePerson(PeriodError):
    """Who asked to close a month does not close it."""


class AlreadyDone(PeriodError):
    """The month is closed, or closing is asked for already."""
