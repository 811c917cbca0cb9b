"""The lock: complete, hashed, without an address, and made from the dependencies that pyproject.toml names now."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked() -> dict[str, str]:
    """Every locked package: its name and its block of lines."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    return {canonicalize_name(re.split(r"[=\[ ]", block)[0]): block for block in blocks}


def test_every_package_has_one_version_and_a_hash():
    for name, block in locked().items():
        assert re.match(r"[\w.-]+==[\w.]+ ", block), name
        assert "--hash=sha256:" in block, name


def test_lock_names_no_address():
    assert "http" not in LOCK
    assert " @ " not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE)  # no option of pip's


def needed() -> dict[str, list[Requirement]]:
    """Every package that pyproject.toml leads to on this machine, with all that is asked of it."""
    asked: dict[str, list[Requirement]] = {}
    names = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement in asked.setdefault(name, []):
            continue
        asked[name].append(requirement)
        for text in requires(name) or []:
            further = Requirement(text)
            extras = requirement.extras or {""}
            if not further.marker or any(further.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(further)
    return asked


def test_lock_holds_what_pyproject_leads_to():
    """Fails when a dependency was added or raised and the lock was not made again: see README, Dependencies."""
    packages = locked()

    for name, requirements in needed().items():
        assert name in packages, f"{name} is missing in requirements.lock"
        version = packages[name].split("==")[1].split()[0]
        for requirement in requirements:
            assert requirement.specifier.contains(version), f"{requirement} is asked for"


def test_lock_holds_nothing_else():
    """Fails when a dependency was dropped and the lock was not made again: see README, Dependencies."""
    elsewhere = {name for name, block in locked().items() if not applies_here(block)}

    assert set(locked()) - set(needed()) - elsewhere == set()


def applies_here(block: str) -> bool:
    """Whether the markers of a locked package name this machine."""
    head = block.split("\\")[0]
    marker = Requirement(head.strip()).marker
    return marker is None or marker.evaluate()
