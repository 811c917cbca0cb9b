from .appeal import Appeal, AppealText
from .case import Case, CaseText, Hearing
from .defendant import Consent, Defendant, Identity
from .figure import Figure, FigureText, Source
from .public_person import PublicDefendant, PublicParty
from .update import Update, UpdateText

__all__ = [
    "Appeal",
    "AppealText",
    "Case",
    "CaseText",
    "Consent",
    "Defendant",
    "Figure",
    "FigureText",
    "Hearing",
    "Identity",
    "PublicDefendant",
    "PublicParty",
    "Source",
    "Update",
    "UpdateText",
]
