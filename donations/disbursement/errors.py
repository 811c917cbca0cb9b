"""What the steps of a payment refuse; each message is a sentence for the office."""


class DisbursementError(Exception):
    """A step of a payment that is refused."""


class WrongAmount(DisbursementError):
    """Not above zero, or finer than the currency."""


class WrongDocument(DisbursementError):
    """The document belongs to another cost."""


class SameDocument(DisbursementError):
    """The document is with another cost too, paid or asked for there, and nobody says why it is paid here too."""


class NotByPolicy(DisbursementError):
    """The policy in force does not pay such costs, or wants documents that are not there."""


class WrongAccount(DisbursementError):
    """The bank account is closed or in another currency."""


class WrongDay(DisbursementError):
    """The day of payment lies in the future."""


class NoReason(DisbursementError):
    """A refusal has a reason."""


class SamePerson(DisbursementError):
    """Who asked for a payment cannot approve it, whatever their rights."""


class ContentChanged(DisbursementError):
    """What is to be approved, or paid, is not what the approver saw."""


class PayeeNotReady(DisbursementError):
    """The payee's account is not confirmed, was changed since, or the payee is retired."""


class WrongState(DisbursementError):
    """The step does not fit: already approved, refused, paid, or not approved yet."""


class Conflicted(DisbursementError):
    """Somebody with a stake in it would ask, approve or pay; or the account is one of staff."""


class Undeclared(DisbursementError):
    """Who asks or approves has not said which account is theirs, nor that they have none."""


class NoEmergency(DisbursementError):
    """By the policy this is none, or an earlier one still waits for its second approval."""


class NotEnoughMoney(DisbursementError):
    """Less is set aside for the cost than asked for."""


class AlreadyDone(DisbursementError):
    """The same request was sent twice; it was made once."""


class AtTheBank(DisbursementError):
    """A bank line proves the payment: it did leave."""
