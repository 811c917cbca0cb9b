"""What a browser does with a challenge: the same search as static/defensefund/proof.js."""

from hashlib import sha256


def solve(challenge):
    """The number, as text."""
    start = sha256(challenge.salt.encode())
    for number in range(challenge.largest + 1):
        tried = start.copy()
        tried.update(str(number).encode())
        if tried.hexdigest() == challenge.digest:
            return str(number)
    raise AssertionError("a challenge without a solution")
