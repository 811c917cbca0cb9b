"""Whom and what statements are of, and the codes they stand by in them.

A name may be changed, an alias because it gave somebody away; so a statement has neither. Each code is that of the
statement's own file. What they are called today stands beside a statement: on its page, and in the bundle's names.csv.
"""

from collections.abc import Iterator

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from appeals.models import Case, Defendant
from appeals.models.case import CaseQuerySet

from ..models import Fund, KeptShare, LegalCost, PastRow
from ..models.cost_share import CostShare
from .tables import Report

NAMED = ("fund", "case", "defendant")


def fund_code(fund: Fund) -> str:
    return f"fund-{fund.code}"


def case_code(case: int) -> str:
    """Of the case with this key."""
    return f"case-{case}"


def defendant_code(defendant: int) -> str:
    """Of the defendant with this key."""
    return f"defendant-{defendant}"


def funds() -> QuerySet[Fund]:
    """Those of which the books tell something."""
    return Fund.objects.filter(accounts__isnull=False).distinct()


def cases() -> CaseQuerySet:
    """Those of which the books tell something, or told it in a closed month."""
    return Case.objects.filter(_told_of("case", LegalCost, KeptShare, PastRow))


def people() -> QuerySet[Defendant]:
    """Those of whom the books tell something, or told it in a closed month, also of no cost but a share."""
    return Defendant.objects.filter(_told_of("defendant", LegalCost, CostShare, KeptShare, PastRow))


def _told_of(subject: str, *models: type[Model]) -> Q:
    """That a row of one of `models` is of the `subject`, or a fund of its that stands in the ledger."""
    of_it = {subject: OuterRef("pk")}
    told = Q(Exists(Fund.objects.filter(accounts__isnull=False, **of_it)))
    for model in models:
        told |= Q(Exists(model._default_manager.filter(**of_it)))
    return told


def names_today(report: Report) -> Iterator[tuple[str, str]]:
    """What stands by a code in `report`, code and name, as it is called today; one query for each sort of them."""
    codes = {report.slug}
    for table in report.tables:
        codes |= {f"fund-{code}" for code in table.funds}
        for at, column in enumerate(table.columns):
            if column.key in NAMED:
                codes |= {str(row[at]) for row in table.rows if row[at]}
    named: dict[str, list[str]] = {sort: [] for sort in NAMED}
    for code in codes:
        sort, _dash, rest = code.partition("-")
        if sort in named:
            named[sort].append(rest)
    if named["fund"]:
        for fund in Fund.objects.filter(code__in=named["fund"]).order_by("code"):
            yield fund_code(fund), fund.name
    if named["case"]:
        for case in Case.objects.filter(pk__in=named["case"]).titled().order_by("pk"):
            yield case_code(case.pk), str(case)
    if named["defendant"]:
        for person in Defendant.objects.filter(pk__in=named["defendant"]).order_by("pk"):
            yield defendant_code(person.pk), person.alias
