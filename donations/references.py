"""Transfer references by ISO 11649 ("RF"): made, written in groups of four, and found again in what banks pass on."""

import re
import secrets

from stdnum import iso11649

# Letters alone: the check digits find every single wrong letter, but not every digit taken for a letter.
# No O, I, L, S, Z, B, U, V: read aloud or copied by hand, none of the rest is taken for another or for a digit.
ALPHABET = "ACDEFGHJKMNPQRTWXY"
LENGTH = 10


def new_reference() -> str:
    """A fresh reference like "RF60TARMXKNQHY": two check digits and ten random characters (18^10 of them)."""
    body = "".join(secrets.choice(ALPHABET) for _i in range(LENGTH))
    return f"RF{_check_digits(body)}{body}"


def _check_digits(body: str) -> str:
    # ISO 11649, like ISO 7064 mod 97-10: letters become two digits, "RF00" stands at the end.
    digits = "".join(str(int(character, 36)) for character in f"{body}RF00")
    return f"{98 - int(digits) % 97:02d}"


def format_reference(reference: str) -> str:
    """In groups of four, as ISO 11649 has it printed: "RF60 TARM XKNQ HY"."""
    return str(iso11649.format(reference))


def find_references(text: str) -> list[str]:
    """Our valid references in a bank's text, each once in order; spaces, points, dashes and lower case do not matter."""
    squeezed = re.sub(r"[^0-9A-Z]", "", text.upper())
    found = re.finditer(rf"(?=(RF\d{{2}}[{ALPHABET}]{{{LENGTH}}}))", squeezed)
    return list(dict.fromkeys(m[1] for m in found if iso11649.is_valid(m[1])))
