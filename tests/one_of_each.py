"""A row of each model of the office, for tests that go through all of its pages."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

from defensefund import security_log
from defensefund.jobs import prune_finished_jobs
from defensefund.models import SecurityEvent
from donations import allocation, cash, disbursement, receipts, refunds
from donations.models import (
    CashReceipt,
    Conflict,
    Entry,
    FundCover,
    Payout,
    Period,
    StaffAccount,
    TaxSentence,
)
from donations.tokens import gift_token
from tests import factories
from tests.appeals import factories as editorial
from tests.donations.monthly_gifts import make_subscription
from tests.donations.partner import make_asked
from tests.donations.past.rows import make_past_row
from tests.donations.reconciliation.files import make_line
from tests.factories import NOW, make_user


def make_one_of_each(nth=0):
    """A row of each model of the office, by label; and a donor's token. With each `nth` up to 2 another one of each."""
    author, reviewer = make_user(), make_user()
    appeal = factories.make_appeal(("sample", "second", "third")[nth], by=author)
    case = factories.make_case(appeal, ("sample-case", "second-case", "third-case")[nth], by=author)
    figure = editorial.make_figure(appeal)
    update = editorial.make_published_update(
        appeal,
        author=author,
        reviewer=reviewer,
        slug=("sample-update", "second-news", "third-news")[nth],
    )
    donation = factories.make_donation(factories.make_pledge(appeal))
    letter = factories.make_receipt(donation)
    event = security_log.record(SecurityEvent.Kind.LOGGED_IN, user=author, by=author, at=NOW)
    account = factories.make_bank_account(code=f"bank-{nth}")
    line = make_line(account=account)
    factories.give(factories.make_fund(), "10")
    entry = Entry.objects.latest("pk")
    payout = Payout.objects.create(
        stripe_payout_id=f"po_1{nth}",
        amount=10,
        currency="EUR",
        created_at=NOW,
        arrives_on=NOW.date(),
    )
    cost = factories.make_cost(case, by=author)
    document = factories.make_document(cost)
    allocation.allocate(fund=entry.credit.fund, cost=cost, amount=Decimal(10), by=author, at=NOW)
    payment = disbursement.request(
        cost=cost,
        document=document,
        bank_account=line.account,
        amount=Decimal(10),
        by=author,
        at=NOW,
    )
    conflict = Conflict.objects.create(
        user=make_user(),
        payee=factories.make_payee(),
        relation=Conflict.Relation.SELF,
        recorded_by=author,
        recorded_at=NOW,
    )
    cover = FundCover.objects.create(
        source=entry.credit.fund,
        target=factories.make_fund(),
        amount=1,
        currency="EUR",
        reason="Sample",
        requested_by=author,
        requested_at=NOW,
    )
    slip = cash.record(
        key=uuid4(),
        kind=CashReceipt.Kind.CASH,
        fund=factories.make_fund(),
        amount=Decimal(5),
        currency="EUR",
        received_on=NOW.date(),
        by=author,
        at=NOW,
    )
    deposit = cash.deposit(
        number=uuid4(),
        bank_account=line.account,
        amount=Decimal(2),
        deposited_on=NOW.date(),
        by=author,
        at=NOW,
    )
    past_row = make_past_row(entry.credit.fund, line.account, author, reviewer)
    refund_request = refunds.request(
        donation=donation, amount=Decimal(5), reason="asked", by=author, at=NOW
    )
    return {
        "donations.condition": factories.make_condition(appeal).pk,
        "donations.refundrequest": refund_request.pk,
        "donations.dispute": factories.make_dispute(donation).pk,
        "donations.fraudwarning": factories.make_fraud_warning(donation).pk,
        "donations.balancetransaction": factories.make_balance_transaction().pk,
        "donations.cashreceipt": slip.pk,
        "donations.pastimport": past_row.past_import_id,
        "donations.pastrow": past_row.pk,
        "donations.cashdeposit": deposit.pk,
        "donations.fund": cover.target_id,
        "donations.fundcover": cover.pk,
        "donations.exchange": factories.make_exchange(
            by=author,
            given_from=account,
            received_into=factories.make_bank_account("ARS", f"bank-ars-{nth}"),
        ).pk,
        "donations.surplusmove": factories.make_surplus(by=author).pk,
        "donations.partnerpayment": make_asked(nth).pk,
        "donations.movementexplanation": factories.make_explanation(by=author).pk,
        "donations.lineexplanation": factories.make_line_explanation(by=author).pk,
        "donations.legalcost": cost.pk,
        "donations.costdocument": document.pk,
        "donations.payee": cost.payee_id,
        "donations.payeeaccount": cost.payee.account_id,
        "donations.conflict": conflict.pk,
        "donations.staffaccount": StaffAccount.objects.create(
            user=make_user(), account_hash="0" * 64, declared_at=NOW
        ).pk,
        "donations.sealingkey": factories.make_sealing_key().pk,
        "donations.disbursement": payment.pk,
        "donations.account": entry.debit_id,
        "donations.entry": entry.pk,
        "donations.paymentpause": factories.make_pause(currency=("EUR", "USD", "ARS")[nth]).pk,
        "donations.payout": payout.pk,
        "donations.period": Period.objects.create(month=date(2026, 2 + nth, 1)).pk,
        "donations.bankaccount": line.account_id,
        "donations.policy": factories.make_policy(enacted=False).pk,
        "donations.rate": factories.make_rate("EUR", ("ARS", "USD", "UYU")[nth], "1350").pk,
        "donations.umavalue": factories.make_uma(
            "100", f"2026-01-0{1 + nth}", f"2026-01-0{2 + nth}"
        ).pk,
        "donations.statementimport": line.statement_id,
        "donations.statementline": line.pk,
        "appeals.appeal": appeal.pk,
        "appeals.case": case.pk,
        "appeals.defendant": factories.make_defendant(cases=[case]).pk,
        "appeals.source": figure.source_id,
        "appeals.figure": figure.pk,
        "appeals.update": update.pk,
        "auth.user": author.pk,
        "defensefund.securityevent": event.pk,
        "procrastinate.procrastinatejob": prune_finished_jobs.configure(
            queueing_lock=f"sample-{nth}"
        ).defer(timestamp=0),
        "donations.donation": donation.pk,
        "donations.letter": letter.pk,
        "donations.receipt": receipts.issue(donation, at=NOW).pk,
        "donations.taxsentence": TaxSentence.objects.create(
            country=("AR", "UY", "CL")[nth], language="es", sentence="Sample"
        ).pk,
        "donations.pledge": donation.pledge.pk,
        "donations.subscription": make_subscription().pk,
        "donations.supporter": factories.make_supporter(f"person{nth}@example.org").pk,
        "donations.stripeevent": factories.make_event().pk,
        "token": gift_token(factories.make_pledge(appeal)),
    }
