"""What stops a step of reconciliation; each message is a sentence for the person who took the step."""


class ReconciliationError(Exception):
    """Nothing was changed."""


class ImportRefused(ReconciliationError):
    """The file cannot be read, is of another account, or contradicts itself or what was imported before."""


class AlreadyMatched(ReconciliationError):
    """The line, payout or disbursement has a standing match."""


class DoesNotFit(ReconciliationError):
    """The target is not what the line moved: other amount, currency, direction or account."""
