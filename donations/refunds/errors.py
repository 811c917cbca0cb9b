"""Why a step of a refund is refused; each message is a sentence for the office."""


class RefundError(Exception):
    """A step of a refund that is refused."""


class WrongAmount(RefundError):
    """Not above zero, finer than the currency or the card can carry, or more than is left."""


class WrongPayee(RefundError):
    """By bank transfer, and nobody is named whom to pay."""


class WrongAccount(RefundError):
    """The bank account is closed, in another currency, or missing."""


class WrongDay(RefundError):
    """The day of payment lies in the future."""


class NoReason(RefundError):
    """A refusal has a reason."""


class SamePerson(RefundError):
    """Who asked for a refund cannot approve it, whatever their rights."""


class ContentChanged(RefundError):
    """What is to be approved, or paid, is not what the approver saw."""


class WrongState(RefundError):
    """The step does not fit: decided, sent or refused already."""


class AlreadyDone(RefundError):
    """The same request was sent twice; it was made once."""
