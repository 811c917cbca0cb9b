from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from appeals.models import Appeal
from appeals.real_appeal import load_real_appeal
from donations import periods
from donations.demo import bank, funds, money, people, spending
from donations.models import Entry

STATEMENT = "sample-statement.csv"
SAVINGS = "sample-savings.xml"
KEY = "sample-treasurer.key"


class Command(BaseCommand):
    help = (
        "Load the first appeal and sample data, once; prints the sample logins when it makes them."
    )

    def handle(self, *args: object, **options: object) -> None:
        if not settings.EMBEDDED:
            raise CommandError(
                "Sample data is for the demonstration only: this installation has a database of its own."
            )
        if Appeal.objects.exists():
            return
        if User.objects.exists() or Entry.objects.exists():
            raise CommandError(
                "The sample data was loaded half and then cut off. "
                f"Remove {settings.DATA_DIR} and start again."
            )
        now = timezone.now()
        staff, passwords = people.make_staff()
        people.declare_accounts(staff, at=now)
        sample, case, defendants = people.make_appeal(staff, at=now)
        # Published last, so that it comes first on the front page.
        real = load_real_appeal(by=staff.organizer, at=timezone.now())
        (settings.DATA_DIR / KEY).write_text(spending.make_key(staff, at=now))
        fund = funds.make_funds([real, sample], case)
        statement = money.make_money(sample, case, defendants, fund, staff, now=now)
        periods.begin_due(at=timezone.now())
        path = settings.DATA_DIR / STATEMENT
        path.write_bytes(statement)
        savings = settings.DATA_DIR / SAVINGS
        savings.write_bytes(bank.savings(now=now))
        self.stdout.write("Office logins, shown this once (./run demo_passwords makes new ones):")
        for name, password in passwords.items():
            self.stdout.write(f"  {name:<10} {password}")
        self.stdout.write(f"A bank statement to import and match: {path}")
        self.stdout.write(f"Another, of the savings, that says its balances: {savings}")
        self.stdout.write(
            f"The treasurer's key, to open payees' accounts: {settings.DATA_DIR / KEY}"
        )
