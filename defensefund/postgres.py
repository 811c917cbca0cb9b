"""Embedded PostgreSQL for when DATABASE_URL is unset."""

from pathlib import Path


def address(data: Path) -> dict[str, str]:
    """Where the server for `data` listens, as Django database settings; starts nothing."""
    return {"HOST": str(data), "USER": "app", "NAME": "defensefund"}


def ensure_for_command(argv: list[str]) -> None:
    """Start the embedded server unless DATABASE_URL names another or the command needs none."""
