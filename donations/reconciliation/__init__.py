"""Bank lines and what they prove: a file imported whole, candidates suggested with reasons, a match confirmed by a person or beyond doubt."""

from ..line_names import Difference
from .alone import NeedsAnother
from .codes import find_codes
from .details import details_of
from .errors import AlreadyMatched, DoesNotFit, ImportRefused, ReconciliationError
from .evidence import Certainty, Suggestion
from .explaining import SamePerson, approve_explanation, refuse_explanation, request_explanation
from .imports import ImportResult, Reading, import_statement, read
from .matches import (
    Between,
    BetweenLess,
    CameBack,
    Charge,
    GivenBack,
    Less,
    Returned,
    Target,
    explain,
    match,
    note_of,
    unmatch,
)
from .own_transfers import likely_short_of, short_of
from .rekeying import rekey_payers
from .suggestions import suggest, suggest_many

__all__ = [
    "AlreadyMatched",
    "Between",
    "BetweenLess",
    "CameBack",
    "Certainty",
    "Charge",
    "Difference",
    "DoesNotFit",
    "GivenBack",
    "ImportRefused",
    "ImportResult",
    "Less",
    "NeedsAnother",
    "Reading",
    "ReconciliationError",
    "Returned",
    "SamePerson",
    "Suggestion",
    "Target",
    "approve_explanation",
    "details_of",
    "explain",
    "find_codes",
    "import_statement",
    "likely_short_of",
    "match",
    "note_of",
    "read",
    "refuse_explanation",
    "rekey_payers",
    "request_explanation",
    "short_of",
    "suggest",
    "suggest_many",
    "unmatch",
]
