"""What of a cost is paid, with a court, back, set aside and missing: the same on the list, its own page, the pages of person
and case, the statements and the public books, whatever became of it."""

import re
from dataclasses import fields
from decimal import Decimal
from html import unescape
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from defensefund.templatetags.formats import money
from donations import allocation, costs, disbursement, ledger, reports
from donations.cost_shares import spread
from donations.models import AccountKey, LegalCost
from donations.models.cost_figures import Figures
from donations.reconciliation import CameBack, match
from donations.transparency import books
from tests import factories
from tests.donations.reading import ALL_DAYS, figures_of, table
from tests.donations.reconciliation.files import make_line
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.donations.test_bail import give_back, keep
from tests.factories import NOW, TODAY, log_in, make_user

DIFFERENCES = "/admin/donations/account/differences/"
COST = "/admin/donations/legalcost/"
NAMES = [each.name for each in fields(Figures)]
HEADS = dict(
    zip(
        ["Owed", "Paid", "With a court", "Came back", "Set aside", "Missing", "Not needed"],
        NAMES,
        strict=True,
    )
)


def figures(owed, **others):
    return Figures(Decimal(owed), **{name: Decimal(amount) for name, amount in others.items()})


def pay(r, amount):
    row = approve(r, requested(r, amount))
    return disbursement.pay(row, paid_on=TODAY, by=r.treasurer, at=NOW)


def deposit(r, amount="90"):
    allocate(r, amount)
    return pay(r, amount)


def undo(r, row):
    allocation.request_bail_undo(row, reason="another amount came", by=r.treasurer, at=NOW)
    allocation.undo_bail_outcome(row, by=r.approver, at=NOW)


def end(r):
    allocation.end_cost(r.cost, ending=LegalCost.Ending.SETTLED, by=r.treasurer, at=NOW)


def paid_in_part(r):
    allocate(r, "80")
    pay(r, "50")
    return figures(90, paid=50, set_aside=30, missing=10)


def sent_back_by_the_bank(r):
    row = deposit(r)
    match(line=make_line("-90", r.bank), target=row, by=r.treasurer, at=NOW)
    match(line=make_line("90", r.bank), target=CameBack(row), by=r.treasurer, at=NOW)
    return figures(90, set_aside=90)


def ended(r):
    deposit(r, "40")
    end(r)
    return figures(90, paid=40, not_needed=50)


def held_by_a_court(r):
    deposit(r)
    return figures(90, with_court=90)


def returned(r):
    deposit(r)
    give_back(r, "90")
    return figures(90, came_back=90)


def returned_in_part(r):
    deposit(r)
    give_back(r, "30")
    return figures(90, with_court=60, came_back=30)


def lost_in_part(r):
    deposit(r)
    keep(r, "20")
    give_back(r, "60")
    return figures(90, paid=20, with_court=10, came_back=60)


def returned_and_undone(r):
    deposit(r)
    undo(r, give_back(r, "90"))
    return figures(90, with_court=90)


def lost_and_undone(r):
    deposit(r)
    undo(r, keep(r, "90"))
    return figures(90, with_court=90)


def in_instalments(r):
    """The court gave the first back before the second was paid."""
    costs.agree_plan(r.cost, [(TODAY, Decimal(30)), (TODAY.replace(year=2030), Decimal(60))])
    deposit(r, "30")
    give_back(r, "30")
    allocate(r, "20")
    return figures(90, came_back=30, set_aside=20, missing=40)


def deposit_that_never_left(r):
    row = deposit(r)
    disbursement.doubt(row, reason="the bank refused the order", by=r.treasurer, at=NOW)
    disbursement.take_back(row, by=r.approver, at=NOW)
    return figures(90, set_aside=90)


def returned_and_ended(r):
    deposit(r, "60")
    give_back(r, "60")
    end(r)
    return figures(90, came_back=60, not_needed=30)


FEES = [paid_in_part, sent_back_by_the_bank, ended]
BAIL = [
    *(held_by_a_court, returned, returned_in_part, lost_in_part, returned_and_undone),
    *(lost_and_undone, in_instalments, deposit_that_never_left, returned_and_ended),
]


@pytest.fixture(scope="module")
def world(rows_of_a_module):
    """A cost of 90 for each thing that can become of one, all of one person; and `r.wanted`, by number."""
    with rows_of_a_module():
        return make_world()


def make_world():
    r = make_ready(owed="90")
    r.person, r.wanted, r.costs, r.become = r.cost.defendant, {}, {}, {}
    for kind, become in [("fees", each) for each in FEES] + [("bail", each) for each in BAIL]:
        if r.costs:
            r.cost = factories.make_cost(
                r.case, r.person, owed="90", kind=kind, payee=r.cost.payee, by=r.treasurer
            )
            r.document = factories.make_document(r.cost)
        r.wanted[r.cost.number] = become(r)
        r.costs[r.cost.number], r.become[r.cost.number] = r.cost, become
    return r


def cells(html):
    return [
        " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split())
        for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", html, re.S)
    ]


def shown(html, part):
    """Of the table named `part`: by a row's first word, its amounts under their headings."""
    head, body = re.search(
        rf'aria-labelledby="{part}"><table>(.*?)</thead>(.*?)</table>', html, re.S
    ).groups()
    rows = [dict(zip(cells(head), cells(row), strict=True)) for row in body.split("</tr>")[:-1]]
    return {
        next(iter(row.values())).split()[0]: {
            HEADS[head]: row[head] for head in HEADS if head in row
        }
        for row in rows
    }


def written(of, names=NAMES):
    return {name: money(getattr(of, name), "EUR") for name in names}


def test_every_page_and_statement_says_the_same_of_a_cost(world, treasurer):
    total = sum(world.wanted.values(), Figures())
    known = {cost.number: Figures.told_by(cost) for cost in LegalCost.objects.with_figures()}

    assert known == world.wanted
    for wanted in (*world.wanted.values(), total):
        assert wanted.owed == sum(getattr(wanted, name) for name in NAMES[1:])
    for number, cost in world.costs.items():
        keys = AccountKey.cost(cost), AccountKey.bail(cost)
        assert (ledger.free(keys[0]), ledger.balance(keys[1])) == (
            known[number].set_aside, known[number].with_court,
        )  # fmt: skip
        # The page of one reads what was compared above: some will do.
        if world.become[number] not in {ended, lost_in_part, in_instalments}:
            continue
        facts = re.findall(
            r"<dt>(\w[\w ]+).*?</dt><dd[^>]*>(.*?)</dd>",
            treasurer.get(f"{COST}{cost.pk}/change/").content.decode(),
            re.S,
        )
        said = {HEADS[label]: unescape(amount) for label, amount in facts if label in HEADS}
        assert said == written(world.wanted[number], said)
        assert {name for name in NAMES if getattr(world.wanted[number], name)} <= set(said)

    for page in (f"defendant/{world.person.pk}", f"case/{world.case.pk}"):
        html = treasurer.get(f"{COST}{page}/").content.decode()
        assert shown(html, "costs") == {
            number: written(wanted) for number, wanted in world.wanted.items()
        }
        assert shown(html, "sums") == {"EUR": written(total)}
    assert list(shown(html, "people").values()) == [written(total)]

    for report in (
        reports.of_case(world.case, ALL_DAYS),
        reports.of_defendant(world.person, ALL_DAYS),
    ):
        stated = table(report, "costs")
        assert {row[0]: figures_of(stated, row) for row in stated.rows} == world.wanted
        assert figures_of(stated, stated.total) == total

    [fund] = [each.figures for each in books(language="en", at=NOW).funds if each.code == world.fund.code]  # fmt: skip
    assert (fund.paid, fund.allocated) == (total.paid, total.with_court + total.set_aside)


def test_list_says_the_same_and_below_it_what_bail_is_besides(world, treasurer):
    page = treasurer.get(COST).content.decode()
    listed = {}
    for row in page.split("<tr>")[2:]:
        number, *_rest = cells(row)
        listed[number] = {
            name: " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for name, cell in re.findall(r'class="field-amount_(\w+)">(.*?)</td>', row, re.S)
        }

    def paid(of):
        more = [(of.with_court, "with a court"), (of.came_back, "came back")]
        return " ".join([money(of.paid, "EUR"), *(f"{money(a, 'EUR')} {b}" for a, b in more if a)])

    def missing(of):
        rest = f" {money(of.not_needed, 'EUR')} not needed" if of.not_needed else ""
        return money(of.missing, "EUR") + rest

    assert listed == {
        number: written(of, ["owed", "set_aside"]) | {"paid": paid(of), "missing": missing(of)}
        for number, of in world.wanted.items()
    }
    assert "Bail is paid only as far as a court keeps it for good" in page
    for need, found in {
        "request": [paid_in_part, sent_back_by_the_bank, in_instalments, deposit_that_never_left],
        "money": [paid_in_part, in_instalments],
        "nothing": [
            ended,
            *(each for each in BAIL if each not in {in_instalments, deposit_that_never_left}),
        ],
    }.items():
        rows = treasurer.get(COST, {"need": need}).context["cl"].result_list
        assert {world.become[row.number] for row in rows} == set(found)


def test_differences_name_bail_by_its_cost_and_whose_it_is_to_who_may_see_that(world, treasurer):
    numbers = {become: number for number, become in world.become.items()}
    of_court, back = numbers[held_by_a_court], numbers[returned]
    page = treasurer.get(DIFFERENCES).content.decode()
    bookkeeper = make_user(None)
    bookkeeper.user_permissions.add(Permission.objects.get(codename="view_account"))
    nobodys = log_in(treasurer, bookkeeper).get(DIFFERENCES).content.decode()

    # As money on its way, and on the account of the deposit.
    assert page.count(f">Bail of {of_court}, Ana (sample)</a>") == 2
    assert f">Bail of {back}, Ana (sample) that came back</a>" in page
    assert f">Bail of {of_court}<" in nobodys
    assert f">Bail of {back} that came back<" in nobodys
    assert "Ana (sample)" not in nobodys
    assert "bail:" not in page + nobodys


def test_bail_that_came_back_was_owed(world, treasurer):
    [cost] = [cost for number, cost in world.costs.items() if world.become[number] == returned]

    page = treasurer.post(
        f"{COST}{cost.pk}/change/", {"description": "x", "owed": "89", "due_on": ""}
    )

    assert "€90.00 of this bail is with the court, or came back" in page.content.decode()
    with pytest.raises(IntegrityError, match="more is set aside than this"), transaction.atomic():
        LegalCost.objects.filter(pk=cost.pk).update(owed=Decimal("89.99"))
    LegalCost.objects.filter(pk=cost.pk).update(description="y")


@settings(max_examples=25)
@given(
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    amounts=st.lists(st.integers(0, 500), min_size=5, max_size=5),
    has_ended=st.booleans(),
)
def test_shares_add_up_to_the_cost_and_each_to_what_it_owes(parts, amounts, has_ended):
    paid, with_court, came_back, set_aside, missing = (Decimal(each) / 100 for each in amounts)
    of_all = Figures.of(
        owed=paid + with_court + came_back + set_aside + missing,
        given=paid + with_court + set_aside,
        paid=paid,
        with_court=with_court,
        came_back=came_back,
        has_ended=has_ended,
    )
    rows = [SimpleNamespace(defendant_id=n, defendant=n, parts=part) for n, part in enumerate(parts)]  # fmt: skip
    cost = SimpleNamespace(currency="EUR", shares=SimpleNamespace(all=lambda: rows))

    shares = spread(cost, of_all, {})

    assert sum(shares, Figures()) == of_all
    for share in shares:
        assert share.owed == sum(getattr(share, name) for name in NAMES[1:])
        assert min(getattr(share, name) for name in NAMES) >= 0
