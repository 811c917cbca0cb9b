"""Transfer references by ISO 11649 ("RF"): made, written in groups of four, and found again in what banks pass on."""

import re
import secrets
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

# Letters only: then the check digits find every single wrong letter and every swap of two, which they do not where a
# digit may stand for a letter. No B, I, L, O, S, Z (taken for digits), no U/V, no vowel that could make a word.
ALPHABET = "CDFGHJKMNPQRTWXY"
# With "RF" and the check digits sixteen characters: four groups of four.
LENGTH = 12
WHOLE = LENGTH + 4
SHAPE = rf"RF[0-9]{{2}}[{ALPHABET}]{{{LENGTH}}}"
FOUND = re.compile(f"(?=({SHAPE}))")
WHOLLY = re.compile(SHAPE)
NOT_OURS = re.compile(r"[^0-9A-Z]")
NOT_OURS_ASCII = bytes(code for code in range(128) if NOT_OURS.match(chr(code)))
# ISO 7064 counts letters as two digits: A is 10, Z is 35.
AS_DIGITS = {ord(letter): str(int(letter, 36)) for letter in string.ascii_uppercase}
# One slip leaves at least this many of the letters in a row: texts without them, as most are, need no closer look.
LEFT_WHOLE = re.compile(rf"[{ALPHABET}]{{{LENGTH // 2}}}")
# What may stand at each of a reference's places.
PLACES = ("R", "F", "0123456789", "0123456789", *[ALPHABET] * LENGTH)


class SlipKind(StrEnum):
    WRONG = "wrong"  # one character is another
    MISSING = "missing"  # one is left out
    EXTRA = "extra"  # one is too many
    SWAPPED = "swapped"  # two neighbours changed places


@dataclass(frozen=True)
class Slip:
    """`written` stands in a text and is one slip away from `reference`, which is valid and may be nobody's."""

    reference: str
    written: str
    kind: SlipKind


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
    if text.isascii():
        # Plain letters have one form only; most texts have no others.
        return text.upper().encode().translate(None, NOT_OURS_ASCII).decode()
    return NOT_OURS.sub("", unicodedata.normalize("NFKC", text).upper())


def find_references(text: str) -> list[str]:
    """Our valid references in a bank's text, each once in order; spaces, points, dashes and lower case do not matter.

    References of other issuers, which have another length or alphabet, are not found.
    """
    return in_squeezed(squeeze(text))


def in_squeezed(text: str) -> list[str]:
    """The same in what `squeeze` left of a text."""
    return list(dict.fromkeys([found for found in FOUND.findall(text) if _adds_up(found)]))


def _is_valid(reference: str) -> bool:
    """Whether it has our shape and right check digits."""
    return WHOLLY.fullmatch(reference) is not None and _adds_up(reference)


def _adds_up(reference: str) -> bool:
    """Whether the check digits of what has our shape are right (ISO 7064, mod 97-10)."""
    # 00, 01 and 99 leave the same rest as 97, 98 and 02, which are what is written.
    if not 2 <= int(reference[2:4]) <= 98:
        return False
    rearranged = reference[4:] + reference[:4]
    return int(rearranged.translate(AS_DIGITS)) % 97 == 1


def slips(text: str) -> list[Slip]:
    """Every valid reference that something in `text` is one slip away from; those that stand there rightly are not.

    The check digits leave about one reference for each place a slip may be at, so there are a few dozen at most, to be
    looked up at once, however many gifts are announced. Which of them is a gift's is for a person to confirm.
    """
    searched = squeeze(text)
    if not LEFT_WHOLE.search(searched):
        return []
    right = set(in_squeezed(searched))
    found: dict[str, Slip] = {}
    for start in range(len(searched) - WHOLE + 2):
        for reference, written, kind in repaired(searched[start : start + WHOLE + 1], PLACES):
            if reference not in right and reference not in found and _is_valid(reference):
                found[reference] = Slip(reference, written, kind)
    return list(found.values())


def repaired(piece: str, places: Sequence[str]) -> Iterator[tuple[str, str, SlipKind]]:
    """What `piece` (a reference's length and one more, less at the text's end) begins with, each possible slip undone:
    what would be right, what is written, and the slip. `places` are the characters that may stand at each place.

    Check digits are not looked at yet, only what may stand where.
    """
    whole = len(places)
    begins = _fits_until(piece, places)
    same, shorter = piece[:whole], piece[: whole - 1]
    if len(same) == whole:
        wrong = [at for at in range(begins, whole) if same[at] not in places[at]]
        for at in range(whole) if not wrong else wrong if len(wrong) == 1 else []:
            for right in places[at]:
                yield f"{same[:at]}{right}{same[at + 1 :]}", same, SlipKind.WRONG
        for at in range(whole - 1) if not wrong else wrong[:1] if len(wrong) == 2 else []:
            swapped = f"{same[:at]}{same[at + 1]}{same[at]}{same[at + 2 :]}"
            yield swapped, same, SlipKind.SWAPPED
    for at in range(_fits_from(shorter, places[1:]), min(begins, whole - 1) + 1):
        for left_out in places[at]:
            yield f"{shorter[:at]}{left_out}{shorter[at:]}", shorter, SlipKind.MISSING
    if len(piece) > whole:
        for at in range(_fits_from(piece[1:], places), min(begins, whole) + 1):
            yield f"{piece[:at]}{piece[at + 1 :]}", piece, SlipKind.EXTRA


def _fits_until(text: str, places: Sequence[str]) -> int:
    """How many characters from the left may stand where they stand."""
    for at, (character, allowed) in enumerate(zip(text, places, strict=False)):
        if character not in allowed:
            return at
    return min(len(text), len(places))


def _fits_from(text: str, places: Sequence[str]) -> int:
    """From which character on all the rest may stand at `places`."""
    for at in range(len(text) - 1, -1, -1):
        if text[at] not in places[at]:
            return at + 1
    return 0
