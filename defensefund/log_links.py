"""READ: what a log line leaves out: the part of an address that opens somebody's private page."""

import logging
import re

# A token of a private link, as long as no other part of our addresses is (donations/tokens.py, defensefund/step_up.py).
LINK = re.compile(r"(?<=/)[^/\s?]{40,}")


class WithoutLinks(logging.Filter):
    """Shortens tokens in what a line says: a request that failed is logged with its path."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if LINK.search(said):
            record.msg, record.args = LINK.sub("…", said), ()
        return True
