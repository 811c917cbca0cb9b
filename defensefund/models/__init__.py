from .authenticator import Authenticator, RecoveryCode
from .security_event import SecurityEvent

__all__ = ["Authenticator", "RecoveryCode", "SecurityEvent"]
