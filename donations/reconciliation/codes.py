"""What of a bank's text is ours: references of gifts and payments, and the names of payouts. Only these stand unencrypted."""

import re
from collections.abc import Iterable

from defensefund.privacy import keyed_hash

from ..models.numbers import UNAMBIGUOUS
from ..references import in_squeezed, squeeze

PAYMENT = re.compile(rf"(?=(PAY|REF)([{UNAMBIGUOUS}]{{8}}))")
PAYOUT = re.compile(r"\bpo_[A-Za-z0-9]{8,32}\b")


def find_codes(texts: Iterable[str]) -> list[str]:
    """Our references in what a bank passed on, each once: transfers' (RF…), payments' and refunds' (PAY-, REF-), payouts'."""
    text = " ".join(texts)
    squeezed = squeeze(text)
    found = in_squeezed(squeezed)
    if "po_" in text:
        found += PAYOUT.findall(text)
    if "PAY" in squeezed or "REF" in squeezed:
        found += [f"{kind}-{code}" for kind, code in PAYMENT.findall(squeezed)]
    return list(dict.fromkeys(found))


def payer_hash(account: str, name: str) -> str:
    """By which a payer is known again: of the account, or of the name where the bank says no account; empty without both."""
    if account and (account := squeeze(account)):
        return keyed_hash(f"account {account}", purpose="payer")
    name = " ".join(name.split())
    return keyed_hash(f"name {name}", purpose="payer") if name else ""
