"""Numbers in a text that may be figures of an appeal, each with the sentence it stands in. Pure functions."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

MONTHS = (
    "january february march april may june july august september october november december "
    "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre "
    "janeiro fevereiro março maio junho julho setembro outubro novembro dezembro "
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
)
MONTH = rf"(?:{'|'.join(MONTHS.split())})"
NUMBER = re.compile(
    # Not inside a word, a date, a time, an address or a longer number.
    r"(?<![\w.,:/#@-])(\d{1,3}(?:[.,\u00a0\u202f]\d{3})+|\d{1,12})([.,]\d{1,3})?(?![\w:/@-]|[.,]\d)(\s?%)?"
)
BEFORE_DATE = re.compile(rf"{MONTH}\s+$", re.IGNORECASE)
AFTER_DATE = re.compile(rf"\s+(?:of\s+|de\s+)?{MONTH}\b", re.IGNORECASE)
MORE_THAN = re.compile(r"(?:more than|over|más de|mais de|plus de)\s+$", re.IGNORECASE)
# Emphasis and links of Markdown: a sentence is quoted as it is read. A person's [[key]] stays.
LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
EMPHASIS = re.compile(r"\*+|__|`")
LAST_DAY = 31
SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”»)]*\s+")
LONGEST_SENTENCE = 600


@dataclass(frozen=True)
class FoundFigure:
    value: Decimal
    unit: str
    is_more_than: bool
    sentence: str
    label: str  # the words after the number: a start for whoever labels it


def find(paragraphs: Iterable[str], *, language: str) -> Iterator[FoundFigure]:
    """Every number that is neither a date, a year, nor a list's numbering. `language` decides what "1.200" is."""
    for paragraph in (EMPHASIS.sub("", LINK.sub(r"\1", each)) for each in paragraphs):
        for sentence in SENTENCE_END.split(re.sub(r"^\d{1,3}[.)]\s", "", paragraph)):
            for match in NUMBER.finditer(sentence):
                if not _is_date(sentence, match):
                    yield _figure(sentence, match, language)


def _is_date(sentence: str, match: re.Match[str]) -> bool:
    is_day = match[1].isdigit() and int(match[1]) <= LAST_DAY
    if is_day and BEFORE_DATE.search(sentence[max(0, match.start() - 15) : match.start()]):
        return True
    if is_day and AFTER_DATE.match(sentence, match.end()):
        return True
    is_year = re.fullmatch(r"(?:19|20)\d\d", match[1]) and not match[2] and not match[3]
    return bool(is_year)


def _figure(sentence: str, match: re.Match[str], language: str) -> FoundFigure:
    start = max(0, match.start() - LONGEST_SENTENCE // 2)
    before = sentence[max(0, match.start() - 20) : match.start()]
    after = re.split(r"[.,;:()]", sentence[match.end() : match.end() + 120])[0]
    return FoundFigure(
        value=_value(match[1], match[2] or "", language),
        unit="%" if match[3] else "",
        is_more_than=bool(MORE_THAN.search(before)),
        sentence=" ".join(sentence[start : start + LONGEST_SENTENCE].split()),
        label=" ".join(after.split()[:8]),
    )


def _value(whole: str, fraction: str, language: str) -> Decimal:
    """Thousands are grouped as in the language; a lone group in the other way is a fraction ("1.200" in English)."""
    thousands = "," if language == "en" else "."
    groups = re.split(r"[.,\u00a0\u202f]", whole)
    separators = set(re.findall(r"[.,]", whole))
    if len(groups) == 2 and separators and separators != {thousands} and not fraction:
        return Decimal(f"{groups[0]}.{groups[1]}")
    return Decimal("".join(groups) + fraction.replace(",", "."))
