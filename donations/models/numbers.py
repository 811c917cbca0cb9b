"""Numbers that people read out and type: short, unique, saying nothing about whose they are."""

import secrets

# Without what is mistaken for something else: 0 and O, 1, I and L.
UNAMBIGUOUS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def new_number(prefix: str, length: int = 6) -> str:
    """ "C-7GK2MP" for the prefix "C"."""
    return f"{prefix}-" + "".join(secrets.choice(UNAMBIGUOUS) for _i in range(length))
