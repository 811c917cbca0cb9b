"""Transfer references by ISO 11649 ("RF"): made, written in groups of four, and found again in what banks pass on."""

import re
import secrets
import unicodedata

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

# Letters only: then the check digits find every single wrong letter and every swap of two, which they do not where a
# digit may stand for a letter. No B, I, L, O, S, Z (taken for digits), no U/V, no vowel that could make a word.
ALPHABET = "CDFGHJKMNPQRTWXY"
# With "RF" and the check digits sixteen characters: four groups of four.
LENGTH = 12
WHOLE = LENGTH + 4


def new_reference() -> str:
    """A fresh reference like "RF89CDFGHJKMNPQR": two check digits and twelve random letters, 2^48 of them."""
    return with_check_digits("".join(secrets.choice(ALPHABET) for _i in range(LENGTH)))


def with_check_digits(body: str) -> str:
    """The whole reference for its last part: "RF", the check digits, `body`."""
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def format_reference(reference: str) -> str:
    """In groups of four, as ISO 11649 has it printed: "RF89 CDFG HJKM NPQR"."""
    return str(iso11649.format(reference))


def squeeze(text: str) -> str:
    """Only the letters and digits of `text`, in capitals: what is left of a reference in every bank's writing of it."""
    return re.sub(r"[^0-9A-Z]", "", unicodedata.normalize("NFKC", text).upper())


def find_references(text: str) -> list[str]:
    """Our valid references in a bank's text, each once in order; spaces, points, dashes and lower case do not matter.

    References of other issuers, which have another length or alphabet, are not found.
    """
    found = re.finditer(rf"(?=(RF[0-9]{{2}}[{ALPHABET}]{{{LENGTH}}}))", squeeze(text))
    return list(dict.fromkeys(m[1] for m in found if iso11649.is_valid(m[1])))


def near(reference: str, text: str) -> bool:
    """Whether `text` holds `reference` with at most one slip: a character wrong, missing, doubled, or two swapped.

    A hint for a person who looks, never a reason to book.
    """
    wanted, searched = squeeze(reference), squeeze(text)
    # One slip touches two of three thirds at most, so only the places where a third stands to the letter are compared.
    third = -(-len(wanted) // 3)
    for offset in range(0, len(wanted), third):
        piece = wanted[offset : offset + third]
        at = searched.find(piece)
        while at != -1:
            if _stands_around(wanted, searched, at - offset):
                return True
            at = searched.find(piece, at + 1)
    return False


def _stands_around(wanted: str, searched: str, start: int) -> bool:
    lengths = (len(wanted) - 1, len(wanted), len(wanted) + 1)
    return any(
        _one_slip(wanted, searched[first : first + length])
        for first in range(max(start - 1, 0), max(start + 2, 0))
        for length in lengths
    )


def _one_slip(wanted: str, written: str) -> bool:
    """Whether the two are equal, or differ by one character or by two neighbours swapped."""
    if len(written) < len(wanted):
        return len(written) == len(wanted) - 1 and _one_slip_longer(written, wanted)
    if len(written) > len(wanted):
        return len(written) == len(wanted) + 1 and _one_slip_longer(wanted, written)
    differing = [at for at in range(len(wanted)) if wanted[at] != written[at]]
    if len(differing) != 2:
        return len(differing) < 2
    one, two = differing
    return two == one + 1 and wanted[one] == written[two] and wanted[two] == written[one]


def _one_slip_longer(shorter: str, longer: str) -> bool:
    return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))
