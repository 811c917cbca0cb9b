from .appeal import Appeal
from .case import Case
from .defendant import Defendant

__all__ = ["Appeal", "Case", "Defendant"]
