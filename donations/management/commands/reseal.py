import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from defensefund import sealing
from donations.sealed_accounts import NotAnAccount, read_account


class Command(BaseCommand):
    help = (
        "Seal payees' accounts anew when a treasurer came or went: opens the bundle from the office with your key, and "
        "writes one to send back. Run it on your own computer. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", type=Path, help="downloaded from the office")
        parser.add_argument("result", type=Path, help="where the one to send back is written")
        parser.add_argument("--identity", type=Path, required=True, help="your key file")

    def handle(
        self, *args: object, bundle: Path, result: Path, identity: Path, **options: object
    ) -> None:
        try:
            said, key_file = json.loads(bundle.read_text()), identity.read_text(encoding="utf-8")
            seal_to, accounts = dict(said["seal_to"]), dict(said["accounts"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CommandError(f"A file cannot be read: {error}") from error
        for public, person in seal_to.items():
            self.stdout.write(f"Sealing to {person}: {public}")
        sealed = {pk: self._anew(row, key_file, list(seal_to)) for pk, row in accounts.items()}
        result.write_text(json.dumps({"sealed_to": list(seal_to), "accounts": sealed}, indent=1))
        self.stdout.write(f"{len(sealed)} sealed anew in {result}: send that back to the office.")
        self.stdout.write("If a key above is not one you know, do not.")

    def _anew(self, row: dict[str, Any], key_file: str, seal_to: list[str]) -> str:
        try:
            content = sealing.unseal(b64decode(row["sealed"]), key_file)
            account = read_account(content)
            if account.code != row["code"]:
                raise CommandError(
                    f"{row['payee']}: the sealed file is not the one that was recorded. Record its account anew."
                )
            return b64encode(sealing.seal(content, seal_to)).decode()
        except (sealing.WrongKey, sealing.Unopened, NotAnAccount) as error:
            raise CommandError(f"{row['payee']}: {error}") from error
