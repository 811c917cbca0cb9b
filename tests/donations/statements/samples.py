"""Where the bank files lie that the tests read: our own beside the tests, the collected ones outside the repository."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OWN = ROOT / "tests" / "data" / "statements"


def own(name: str) -> bytes:
    return (OWN / name).read_bytes()


def collection() -> Path:
    """The collection `shared/statements`, which is not part of this repository for its licences."""
    for folder in (ROOT.parent, ROOT.parent.parent):
        path = folder / "shared" / "statements"
        if path.is_dir():
            return path
    pytest.skip("The collected bank files (shared/statements) are not beside this repository.")


def collected(name: str) -> bytes:
    return (collection() / name).read_bytes()
