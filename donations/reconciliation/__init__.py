"""Bank lines and what they prove: a file imported whole, candidates suggested with reasons, a match confirmed by a person."""

from .errors import AlreadyMatched, DoesNotFit, ImportRefused, ReconciliationError
from .imports import ImportResult, Reading, import_statement, read
from .matches import Target, explain, match, unmatch
from .suggestions import Suggestion, suggest, suggest_many

__all__ = [
    "AlreadyMatched",
    "DoesNotFit",
    "ImportRefused",
    "ImportResult",
    "Reading",
    "ReconciliationError",
    "Suggestion",
    "Target",
    "explain",
    "import_statement",
    "match",
    "read",
    "suggest",
    "suggest_many",
    "unmatch",
]
