"""VERB: keep the register of who may be paid. Bank data is sealed to the treasurers' keys and confirmed by a second person.

`register` is the payees, `keys` the treasurers' public keys, `resealing` seals anew when a treasurer came or went.
"""

from .errors import (
    AlreadyDone,
    Conflicted,
    NoKeys,
    NotTheSame,
    PayeeError,
    SamePerson,
    WrongAccount,
    WrongBundle,
    WrongKey,
    WrongState,
)
from .keys import confirm_key, register_key, withdraw_key
from .register import change_account, confirm, record, retire
from .resealing import bundle, take_back

__all__ = [
    "AlreadyDone",
    "Conflicted",
    "NoKeys",
    "NotTheSame",
    "PayeeError",
    "SamePerson",
    "WrongAccount",
    "WrongBundle",
    "WrongKey",
    "WrongState",
    "bundle",
    "change_account",
    "confirm",
    "confirm_key",
    "record",
    "register_key",
    "retire",
    "take_back",
    "withdraw_key",
]
