"""All defendants with money on one page, and the differences counted on the first."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.utils import timezone

from defensefund.templatetags.formats import moment
from donations import costs, jobs, open_differences
from donations.admin import defendant_money
from donations.models import OpenDifference
from tests import factories
from tests.donations.spending import allocate, make_ready

PAGE = "/admin/donations/legalcost/defendants/"


def words(response):
    return " ".join(unescape(response.content.decode()).split())


@pytest.fixture
def shared(treasurer):
    r = make_ready(owed="100")
    r.ana, r.bo = r.cost.defendant, factories.make_defendant("Bo (sample)", [r.case])
    costs.share(r.cost, parts={r.ana: 1, r.bo: 3})
    allocate(r, "10")
    factories.make_cost(r.case, r.bo, owed="7", currency="USD")
    r.due = timezone.now().date() - timedelta(days=1)
    costs.agree_plan(r.cost, [(r.due, Decimal(100))])
    return r


def test_each_has_their_share_in_each_currency_and_is_led_to(shared, treasurer):
    page = words(treasurer.get(PAGE))

    assert 'Ana (sample)</a></th><td class="amount">€25.00</td>' in page
    assert '>€75.00</td><td class="amount">€0.00</td><td class="amount">€7.50</td>' in page
    assert ">US$7.00</td>" in page
    assert "late" in page
    assert f"/admin/donations/legalcost/defendant/{shared.bo.pk}/" in page
    said = treasurer.get(f"/admin/donations/legalcost/defendant/{shared.bo.pk}/").context["sums"]
    rows = dict(treasurer.get(PAGE).context["people"])
    assert rows[shared.bo] == said
    assert PAGE in treasurer.get("/admin/").content.decode()
    for path in (
        f"legalcost/defendant/{shared.bo.pk}/",
        f"legalcost/case/{shared.case.pk}/",
        f"fund/{shared.fund.pk}/change/",
    ):
        (statement,) = set(
            re.findall(
                r'href="([^"]*reports/[^"]*)"', words(treasurer.get(f"/admin/donations/{path}"))
            )
        )
        assert treasurer.get(statement).context["report"] is not None


def test_only_those_for_whom_money_is_missing(shared, treasurer):
    full = factories.make_defendant("Cy (sample)", [shared.case])
    shared.cost = factories.make_cost(shared.case, full, owed="5")
    allocate(shared, "5")

    everybody, lacking = (
        [person for person, _sums in treasurer.get(PAGE + query).context["people"]]
        for query in ("", "?need=money")
    )

    assert everybody == [shared.ana, shared.bo, full]
    assert lacking == [shared.ana, shared.bo]


def test_page_of_many_is_parted_at_the_same_cost(
    treasurer, monkeypatch, django_assert_max_num_queries
):
    assert "No cost is recorded yet." in words(treasurer.get(PAGE))
    case = factories.make_case()
    payee = factories.make_payee()
    factories.make_cost(case, payee=payee)
    with django_assert_max_num_queries(12):
        treasurer.get(PAGE)
    monkeypatch.setattr(defendant_money, "SHOWN", 2)
    for _number in range(4):
        factories.make_cost(case, payee=payee)

    with django_assert_max_num_queries(12):
        page = words(treasurer.get(PAGE + "?p=2"))

    assert "Page 2 of 3" in page
    assert "?p=3" in page


def test_first_page_counts_the_differences_of_the_last_look(treasurer):
    factories.make_balance_transaction(type="adjustment", amount=-5, fee=0)
    assert "between Stripe, the banks" not in words(treasurer.get("/admin/"))

    jobs.count_differences(timestamp=0)

    row = OpenDifference.objects.get()
    assert row.kind == "unknown"
    page = words(treasurer.get("/admin/"))
    assert "difference between Stripe, the banks and the books" in page
    assert f"as of {moment(row.found_at)}" in page
    open_differences.note([], at=timezone.now())
    assert "between Stripe, the banks" not in words(treasurer.get("/admin/"))
    treasurer.get("/admin/donations/account/differences/")
    assert OpenDifference.objects.count() == 1
