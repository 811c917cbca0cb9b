"""What a closed month's statements say stays, whatever is entered, renamed, shared anew or comes to light afterwards."""

import importlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from appeals.models import CaseText, Defendant
from donations import (  # fmt: skip
    allocation,
    assertions,
    costs,
    disbursement,
    exchange_gains,
    ledger,
    past,
    periods,
    reports,
    tracing,
)
from donations.models import (
    Account,
    AccountKey,
    CostShare,
    Fund,
    KeptGain,
    KeptShare,
    LegalCost,
    Period,
)
from donations.proofs import prove_guards
from donations.reports import Span
from tests import factories
from tests.donations.past.test_past import row, table
from tests.donations.reading import ALL_DAYS
from tests.donations.reading import table as table_of
from tests.donations.test_tracing import World
from tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db

MARCH = reports.month_of(TODAY)
CLOSED_AT, LATER = datetime(2026, 4, 2, 9, tzinfo=UTC), datetime(2026, 4, 19, 9, tzinfo=UTC)
YEAR_TO_DATE, MID_MARCH = Span(date(2026, 1, 1), MARCH.last_on), Span(MARCH.first_on, date(2026, 3, 20))  # fmt: skip
SINCE = Span(MARCH.first_on, ALL_DAYS.last_on)


def close(month, people):
    """By the verbs, each balance as somebody read it on paper."""
    by, other = people
    periods.begin_due(at=CLOSED_AT)
    period = Period.objects.get(month=month)
    periods.verify(period, by=by, at=CLOSED_AT)
    for account in Account.objects.filter(place="bank"):
        seen = ledger.balance_on(AccountKey.of(account), period.last_day)
        seen += sum(item.amount for item in assertions.items(account, period.last_day))
        periods.state_balance(period, account=account, stated=seen, by=by, at=CLOSED_AT)
    periods.reconcile(period, by=by, at=CLOSED_AT)
    periods.request_close(period, by=by, at=CLOSED_AT)
    return periods.close(period, by=other, at=CLOSED_AT)


def make_march():
    """March: a cost in pesos that Ana and Bo share, paid in part by exchanged euros, once more approved and not paid; one that
    has ended, one that no money was set aside for, and a payment of before these books began."""
    w = World()
    w.give("1000")
    w.give("300", fund=w.general)
    w.exchange("100", "100000")
    w.ana, w.bo = (factories.make_defendant(f"{name} (sample)", [w.case]) for name in ("Ana", "Bo"))
    w.shared = factories.make_cost(w.case, w.ana, owed="250000", by=w.by, currency="ARS")
    costs.share(w.shared, parts={w.ana: 1, w.bo: 1})
    w.set_aside(w.shared, "100000")
    w.paid = w.pay(w.shared, "50000")
    document = factories.make_document(w.shared, b"%PDF-1.4 late")
    ready = disbursement.request(
        cost=w.shared, document=document, bank_account=w.pesos, amount=Decimal(1000), by=w.by, at=NOW
    )  # fmt: skip
    w.ready = disbursement.approve(ready, content_hash=ready.content_hash, by=w.other, at=NOW)
    w.ended, w.bare = w.cost("40"), factories.make_cost(w.case, w.ana, owed="60", by=w.by)
    w.set_aside(w.ended, "25")
    allocation.end_cost(w.ended, ending="withdrawn", by=w.by, at=NOW)
    take_over(w, "120.00", at=NOW)
    return w


def take_over(w, amount, *, at):
    told = {"case": w.case.slug, "defendant": w.ana.key, "date": "2026-03-09"}
    text = table(
        row("payment", amount, fund=w.general.code, place=w.bank.code, cost_kind="fees", **told),
        row("cost", amount, cost_kind="experts", **told),
    )
    past.approve(past.request(text, name="past.csv", by=w.by, at=at), by=w.other, at=at)


@pytest.fixture(scope="module")
def closed_once(rows_of_a_module):
    with rows_of_a_module():
        w = make_march()
        close(MARCH.first_on, (w.by, w.other))
        w.before = {span: made(w, span) for span in (MARCH, YEAR_TO_DATE, MID_MARCH)}
        w.files = files(w)
        return w


@pytest.fixture
def march(closed_once, db):
    return closed_once


def told(w, span):
    """How to make the statement of every subject."""
    return {
        "books": lambda: reports.of_books(span),
        "fund": lambda: reports.of_fund(Fund.objects.get(pk=w.fund.pk), span),
        "case": lambda: reports.of_case(w.case, span),
        "ana": lambda: reports.of_defendant(Defendant.objects.get(pk=w.ana.pk), span),
        "bo": lambda: reports.of_defendant(Defendant.objects.get(pk=w.bo.pk), span),
    }


def made(w, span):
    return {subject: make() for subject, make in told(w, span).items()}


def files(w):
    return [
        [write(each) for _type, write in reports.FORMS.values()] for each in made(w, MARCH).values()
    ]


def rate(_w):
    factories.make_rate("EUR", "ARS", "1250", entered_at=LATER)


def late_payment(w):
    disbursement.pay(w.ready, paid_on=TODAY, by=w.by, at=LATER)
    tracing.follow(1000)


def payment_back(w):
    entry = ledger.latest(f"disbursement:{w.paid.number}")
    ledger.reverse(entry, by=w.by, reason="It came back.", at=LATER)
    tracing.follow(1000)


def shared_anew(w):
    costs.share(w.shared, parts={w.ana: 1, w.bo: 4})


def shared_by_nobody(w):
    costs.share(w.shared)


def alias(w):
    Defendant.objects.filter(pk=w.ana.pk).update(alias="Somebody else")


def renamed(w):
    Fund.objects.filter(pk=w.fund.pk).update(name="Another name", purpose="Another purpose.")
    CaseText.objects.update(title="Another title")


def reopened(w):
    allocation.reopen_cost(LegalCost.objects.get(pk=w.ended.pk), by=w.by, at=LATER)


def ended(w):
    allocation.end_cost(LegalCost.objects.get(pk=w.bare.pk), ending="covered", by=w.by, at=LATER)


def owed_more(w):
    LegalCost.objects.filter(pk=w.bare.pk).update(owed=Decimal(90))


def of_another_case(w):
    case = factories.make_case()
    w.bo.cases.add(case)
    LegalCost.objects.filter(pk=w.bare.pk).update(case=case, defendant=w.bo, kind="court")


def past_corrected(w):
    with pytest.raises(past.NotFit, match="is closed"):
        take_over(w, "11.00", at=LATER)


def gift(w):
    factories.give(w.fund, "7", booked_on=TODAY, source="bank:late")


# Whose statement tells of it, if it is one up to an open day. None tells a name, nothing more is taken over into a closed
# month, and what was paid in one is explained as it was then.
ABOUT = {
    rate: "books", late_payment: "case", payment_back: "books", shared_anew: "bo", shared_by_nobody: "bo", alias: "ana",
    renamed: "fund", reopened: "case", ended: "ana", owed_more: "case", of_another_case: "case", past_corrected: "case",
    gift: "fund",
}  # fmt: skip
UNTOLD = {rate, alias, renamed, past_corrected}


@pytest.mark.parametrize("change", ABOUT)
def test_statement_of_a_closed_month_stays_and_one_up_to_today_tells_of_it(march, change):
    closed, still_open = (told(march, span)[ABOUT[change]] for span in (MARCH, SINCE))
    before = still_open()

    change(march)

    assert closed() == march.before[MARCH][ABOUT[change]]
    assert (still_open() == before) == (change in UNTOLD)


def test_files_of_a_closed_month_stay_to_the_byte_whatever_comes_after(march):
    for change in ABOUT:
        if change is not shared_by_nobody:
            change(march)

    assert files(march) == march.files
    # A year that ends in it, and a part of it, as well.
    for span in (YEAR_TO_DATE, MID_MARCH):
        assert made(march, span) == march.before[span]


def test_no_name_and_no_alias_is_in_a_statement_and_its_page_says_whom_the_codes_are_of(march):
    for each in march.before[MARCH].values():
        written = reports.as_csv(each) + each.title + str(each.facts)
        assert not {n for n in ("Ana", "Bo (", "Sample case", march.fund.name) if n in written}
    names = dict(reports.names_today(reports.of_case(march.case, MARCH)))
    assert names == {
        f"case-{march.case.pk}": "Sample case (en)",
        f"defendant-{march.ana.pk}": "Ana (sample)",
        f"defendant-{march.bo.pk}": "Bo (sample)",
        f"fund-{march.general.code}": march.general.name,
        f"fund-{march.fund.code}": march.fund.name,
    } | {f"defendant-{march.ended.defendant_id}": march.ended.defendant.alias}
    books = reports.names_today(reports.of_books(MARCH))
    assert dict(books) == {f"fund-{fund.code}": fund.name for fund in (march.general, march.fund)}


def test_gain_is_kept_as_it_was_known_and_a_rate_of_later_explains_what_is_paid_later(march):
    (kept,) = KeptGain.objects.all()
    assert (kept.payment, kept.received, kept.given, kept.worth) == (march.paid, 50_000, 50, None)

    rate(march)
    late_payment(march)

    gains = table_of(reports.of_books(SINCE), "gains").rows
    assert {line[0]: line[4] for line in gains} == {
        march.paid.payment_reference: "",
        march.ready.payment_reference: Decimal("0.80"),
    }
    april = table_of(reports.of_books(reports.month_of(LATER.date())), "gains").rows
    # It was paid in March and told of in April, where it is booked.
    assert [(line[0], line[1]) for line in april] == [(march.ready.payment_reference, TODAY)]


def test_payment_that_stands_again_is_told_of_in_the_month_it_is_booked_in(march):
    payment_back(march)
    ledger.reverse(
        ledger.latest(f"disbursement:{march.paid.number}"), by=march.by, reason="It did not.", at=LATER
    )  # fmt: skip
    tracing.follow(1000)

    assert list(exchange_gains.gains_between(date(2026, 4, 1))) == [march.paid]
    assert len(exchange_gains.gains_between()[march.paid]) == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda: KeptShare.objects.update(parts=3),
        lambda: KeptGain.objects.update(worth=1),
        lambda: KeptShare.objects.all()._raw_delete("default"),
        lambda: KeptGain.objects.all()._raw_delete("default"),
        lambda: KeptShare.objects.bulk_create([copied(KeptShare)]),
        lambda: KeptGain.objects.bulk_create([copied(KeptGain)]),
        lambda: run("TRUNCATE donations_keptshare"),
        lambda: run("TRUNCATE donations_keptgain"),
    ],
)
def test_what_was_kept_is_never_changed(march, act):
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        act()


def test_fund_in_the_ledger_stays_what_it_is_for(march):
    with pytest.raises(IntegrityError, match="what it is for stay"), transaction.atomic():
        Fund.objects.filter(pk=march.fund.pk).update(code="another")


def test_payments_not_followed_yet_are_waited_for(march, monkeypatch):
    april = Period.objects.filter(month=date(2026, 4, 1))
    steps = ("verified", "reconciled", "requested")
    by_whom = {f"{s}_{w}": v for s in steps for w, v in (("at", LATER), ("by", march.by))}
    april.update(**by_whom, sha256="0" * 64, entries=0)
    disbursement.pay(march.ready, paid_on=TODAY, by=march.by, at=LATER)
    monkeypatch.setattr("donations.exchange_gains.AT_ONCE", 0)  # more is new than one look follows

    with pytest.raises(periods.NotYet, match="try again in a minute"):
        periods.close(april.get(), by=march.other, at=LATER)


def test_months_closed_before_anything_was_kept_are_kept_as_known_now(march):
    """By the migration; the rows are those that closing would have kept."""
    rate(march)
    migration = importlib.import_module("donations.migrations.0037_kept")

    def kept():
        return [list(model.objects.order_by("pk").values_list(*names)) for model, names in KEPT]

    shares, [gain] = kept()
    run("SET CONSTRAINTS ALL IMMEDIATE")
    for model, _names in KEPT:
        name = model._meta.db_table
        run(f"ALTER TABLE {name} DISABLE TRIGGER USER; DELETE FROM {name}")
    run(migration.EARLIER_SHARES + migration.EARLIER_GAINS)

    assert kept() == [shares, [(*gain[:-1], Decimal(40))]]
    assert CostShare.objects.count() == 2 < len(shares)
    assert not prove_guards().holds


KEPT = (
    (KeptShare, ("period", "cost", "case", "defendant", "kind", "currency", "ended_on", "parts", "amount")),
    (KeptGain, ("period", "payment", "exchange", "booked_on", "received", "given", "worth")),
)  # fmt: skip


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def copied(model):
    each = model.objects.first()
    each.pk = None
    return each
