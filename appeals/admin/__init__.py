"""The editors' desk. Every button is a form on a page of its own that calls one verb."""

from . import work  # noqa: F401  offers what waits
from .appeal import AppealAdmin
from .case import CaseAdmin
from .defendant import DefendantAdmin
from .figure import FigureAdmin, SourceAdmin
from .update import UpdateAdmin

__all__ = [
    "AppealAdmin",
    "CaseAdmin",
    "DefendantAdmin",
    "FigureAdmin",
    "SourceAdmin",
    "UpdateAdmin",
]
