"""A fund whose purpose is over and that nobody needs, and a policy that names a partner: for tests of payments to it."""

from donations import allocation
from donations.cleaning import Cleaned
from donations.models import AccountKey, SurplusMove
from tests import factories
from tests.donations.spending import Ready, make_ready
from tests.factories import NOW, TODAY

PARTNER = "Casa de muestra"
CURRENCIES = ("EUR", "USD", "ARS")
LIMITS = [(currency, "5000", "0") for currency in CURRENCIES]
ORDER = ["appeal", "others", "partner"]


def make_over(third_person_above="5000", **policy):
    """1,000 EUR are left in a case's fund; its cost has ended. The policy's last step is the partner, who is a payee."""
    r = make_ready()
    allocation.end_cost(r.cost, ending="settled", by=r.treasurer, at=NOW)
    r.fund.fallback = r.general
    r.fund.save()
    limits = [(currency, third_person_above, "0") for currency in CURRENCIES]
    factories.make_policy(**{"limits": limits, "surplus_order": ORDER, "partner": PARTNER} | policy)
    r.partner = factories.make_payee("casa  de Muestra", "ES9121000418450200051332")
    return r


def ask(r, **fields):
    return allocation.request_partner_payment(
        **{
            "fund": r.fund,
            "currency": "EUR",
            "cause": SurplusMove.Cause.CASE_ENDED,
            "payee": r.partner,
            "bank_account": r.bank,
            "document": Cleaned("application/pdf", factories.PDF),
            "by": r.treasurer,
            "at": NOW,
        }
        | fields
    )


def make_asked(nth=0):
    """Of a case without costs, whose fund has 10 dollars; by a policy that names nobody before the partner."""
    r = Ready()
    r.treasurer, r.fund = (
        factories.make_user(),
        factories.make_fund("case", case=factories.make_case()),
    )
    r.bank = factories.make_bank_account("USD", f"partner-{nth}")
    factories.give(r.fund, "10", currency="USD", into=AccountKey.bank(r.bank))
    factories.make_policy(limits=LIMITS, surplus_order=["partner"], partner=PARTNER, by=r.treasurer)
    r.partner = factories.make_payee(PARTNER)
    asked = ask(r, currency="USD", cause=SurplusMove.Cause.NOT_NEEDED)
    # Whatever is made after it is under rules that name no order.
    factories.make_policy(limits=LIMITS, by=r.treasurer)
    return asked


def approve(r, row, by=None, at=NOW):
    return allocation.approve_partner_payment(
        row, content_hash=row.content_hash, by=by or r.approver, at=at
    )


def pay(r, row, **fields):
    return allocation.pay_partner(row, **{"paid_on": TODAY, "by": r.treasurer, "at": NOW} | fields)


def make_paid(**fields):
    r = make_over(**fields)
    r.row = pay(r, approve(r, ask(r)))
    return r
