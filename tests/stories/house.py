"""A fund on its first day: the real appeal, two purposes, one bank account, a sample case; money and people are invented."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth.models import User
from django.utils import timezone

from appeals.models import Appeal, Case, Defendant
from appeals.real_appeal import load_real_appeal
from donations import jobs
from donations.models import Account, BankAccount, Fund
from donations.sandbox import deliveries
from tests import factories
from tests.donations.reconciliation.files import make_account


@dataclass
class House:
    """What stands before the story begins, and the machine that works beside it."""

    webhook: str
    appeal: Appeal
    needed_most: Fund
    base_law: Fund
    general: Fund
    bank: BankAccount
    case: Case
    defendant: Defendant
    people: dict[str, User] = field(default_factory=dict)

    def work(self) -> int:
        """Delivers the payment service's webhooks over HTTP, acts on them, sends the letters; how many were taken."""
        taken = deliveries.deliver_due(at=timezone.now(), url=self.webhook)
        jobs.process_events()
        jobs.send_letters()
        return taken

    def balances(self) -> dict[str, Decimal]:
        """Every account that is not empty, by its code without the currency."""
        accounts = Account.objects.with_balance()
        return {a.code.rsplit(":", 1)[0]: a.balance for a in accounts if a.balance}


def make_house(webhook):
    now = timezone.now()
    people = {
        "admin": factories.make_user("admin", is_superuser=True),
        "treasurer": factories.make_user("tess", "treasurer"),
        "approver": factories.make_user("april", "approver"),
        "organizer": factories.make_user("omar", "organizer"),
    }
    appeal = load_real_appeal(by=people["admin"], at=now)
    case = Case.objects.create(appeal=appeal, slug="sample", position=99)
    general = factories.make_fund(code="general")
    needed_most = factories.make_fund("appeal", "needed-most", appeal=appeal, fallback=general)
    return House(
        webhook=webhook,
        appeal=appeal,
        needed_most=needed_most,
        base_law=factories.make_fund(
            "case", "base-law", case=appeal.cases.get(slug="ley-bases"), fallback=needed_most
        ),
        general=general,
        bank=make_account(code="bank", scheme="iban", takes_gifts=True, holder="Sample fund"),
        case=case,
        defendant=factories.make_defendant(cases=[case]),
        people=people,
    )
