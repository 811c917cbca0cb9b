"""Why a decision over fund money is refused."""


class AllocationError(Exception):
    """A decision over fund money that is refused; the message is a sentence for the office."""


class WrongFund(AllocationError):
    """The fund's purpose does not reach this cost, or the fund needs no cover."""


class WrongAmount(AllocationError):
    """Not above zero, finer than the currency, or more than the cost still lacks or holds."""


class NotEnoughMoney(AllocationError):
    """The fund, or the cost, has not that much free."""


class Frozen(AllocationError):
    """A fact took the fund below zero, and two people have not covered it yet."""


class NoReason(AllocationError):
    """A cover is asked for, and refused, with a reason."""


class SamePerson(AllocationError):
    """Two different people must decide."""


class WrongState(AllocationError):
    """The step does not fit: approved or refused already."""


class CostsOpen(AllocationError):
    """Costs are said to be paid, and are not."""


class NotDormant(AllocationError):
    """A fund is said to be dormant, and by the policy is not."""


class WrongPayee(AllocationError):
    """The payee is not the partner whom the policy names, or is not ready to be paid."""


class ContentChanged(AllocationError):
    """What is to be approved is not what the approver saw."""


class Conflicted(AllocationError):
    """Somebody with a stake in it would ask, approve or pay; or the account is one of staff."""


class Undeclared(AllocationError):
    """Who asks or approves has not said which account is theirs, nor that they have none."""


class AtTheBank(AllocationError):
    """A bank line proves the payment: it did leave."""


class AlreadyDone(AllocationError):
    """The same decision was sent twice; it was carried out once."""


class WrongAccount(AllocationError):
    """The bank account is closed or in another currency."""


class WrongDay(AllocationError):
    """The day lies in the future."""
