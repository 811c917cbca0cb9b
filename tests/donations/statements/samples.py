"""Where the bank files lie that the tests read: our own beside the tests, the collected ones outside the repository."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OWN = ROOT / "tests" / "data" / "statements"


def own(name: str) -> bytes:
    return (OWN / name).read_bytes()


def collected(name: str) -> bytes:
    """A file of the collection `shared/statements`, which is not part of this repository for its licences."""
    for folder in (ROOT.parent, ROOT.parent.parent):
        path = folder / "shared" / "statements" / name
        if path.exists():
            return path.read_bytes()
    pytest.skip("The collected bank files (shared/statements) are not beside this repository.")
