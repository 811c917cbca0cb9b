"""What the register of payees refuses; each message is a sentence for the office."""


class PayeeError(Exception):
    """A step in the register that is refused."""


class AlreadyDone(PayeeError):
    """The same was sent twice; it was done once."""


class NoKeys(PayeeError):
    """No treasurer's key is in use: there is nobody to seal to."""


class WrongAccount(PayeeError):
    """The number is none of its kind, or its check digits do not fit."""


class NotTheSame(PayeeError):
    """The account typed to confirm it is not the one that was recorded."""


class SamePerson(PayeeError):
    """Two different people must do it."""


class Conflicted(PayeeError):
    """Who has a stake in the payee does not confirm the account; and an account of staff is nobody's."""


class WrongState(PayeeError):
    """The step does not fit: confirmed, retired or withdrawn already."""


class WrongKey(PayeeError):
    """No public key, or one that is registered already."""


class WrongBundle(PayeeError):
    """The file of accounts sealed anew is not what was asked for; nothing of it is kept."""
