"""What of a bank's text is ours: references of gifts and payments, and the names of payouts. Only these stand unencrypted."""

import re
from collections.abc import Iterable

from defensefund.privacy import keyed_hash

from ..models.numbers import UNAMBIGUOUS
from ..references import Slip, in_squeezed, repaired, squeeze

PAYMENT = re.compile(rf"(?=(PAY|REF)([{UNAMBIGUOUS}]{{8}}))")
# What may stand at each place of a payment's and of a refund's reference, squeezed.
PLACES = {kind: (*kind, *[UNAMBIGUOUS] * 8) for kind in ("PAY", "REF")}
# With one slip in it, something of the three letters is left where it was, or next to it.
HINTS = {kind: re.compile(f"(?={kind[:2]}|{kind[1:]}|{kind[0]}.?{kind[2]})") for kind in PLACES}
WHOLE = {kind: re.compile(f"{kind}[{UNAMBIGUOUS}]{{8}}") for kind in PLACES}
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


def code_slips(text: str) -> list[Slip]:
    """Every payment's or refund's reference that something in `text` is one slip away from; which of them is one, a look-up
    says. No check digit lessens them: they are some hundreds for each place where one nearly stands, and none elsewhere."""
    searched = squeeze(text)
    found: dict[str, Slip] = {}
    for kind, places in PLACES.items():
        hints = (hint.start() for hint in HINTS[kind].finditer(searched))
        starts = {start for at in hints for start in range(max(at - 2, 0), at + 1)}
        for start in sorted(starts):
            piece = searched[start : start + len(places) + 1]
            for right, written, slip in repaired(piece, places):
                if right != written and WHOLE[kind].fullmatch(right):
                    reference = f"{kind}-{right[len(kind) :]}"
                    found.setdefault(reference, Slip(reference, written, slip))
    return list(found.values())


def payer_hash(account: str, name: str) -> str:
    """By which a payer is known again: of the account, or of the name where the bank says no account; empty without both."""
    if account and (account := squeeze(account)):
        return keyed_hash(f"account {account}", purpose="payer")
    name = " ".join(name.split())
    return keyed_hash(f"name {name}", purpose="payer") if name else ""
