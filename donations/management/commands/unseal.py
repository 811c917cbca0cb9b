from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from defensefund import sealing
from donations.sealed_accounts import NotAnAccount, read_account, short


class Command(BaseCommand):
    help = (
        "Open a payee's sealed account, downloaded from the office, with your own key file. "
        "Run it on your own computer, never on the server. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the sealed file, P-….age")
        parser.add_argument("--identity", type=Path, required=True, help="your key file")

    def handle(self, *args: object, file: Path, identity: Path, **options: object) -> None:
        try:
            sealed, key_file = file.read_bytes(), identity.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"A file cannot be read: {error}") from error
        try:
            account = read_account(sealing.unseal(sealed, key_file))
        except (sealing.WrongKey, sealing.Unopened, NotAnAccount) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Payee    {account.payee}")
        self.stdout.write(f"Holder   {account.name}")
        self.stdout.write(f"Account  {account.account} ({account.kind})")
        self.stdout.write(f"Code     {short(account.code)}")
        self.stdout.write("The code must be the one on the payee's page: else do not pay there.")
