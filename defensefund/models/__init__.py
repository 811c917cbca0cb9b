from .authenticator import Authenticator, RecoveryCode
from .security_event import SecurityEvent
from .tally import Tally

__all__ = ["Authenticator", "RecoveryCode", "SecurityEvent", "Tally"]
