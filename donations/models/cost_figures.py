"""What of a legal cost is owed, paid, with a court, back from it, set aside and missing: one meaning for every page and file."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce

from .fields import MoneyField

ZERO = Decimal(0)
# Of an allocation: what it set aside, or as less than nothing what it released.
SIGNED = Case(When(is_release=True, then=-F("amount")), default=F("amount"))


@dataclass(frozen=True)
class Figures:
    """Of a cost, or of the part of it that is one defendant's, in its currency: `owed` is the sum of all the others.

    `paid` is gone for good: to the payee, or of bail what the court keeps; what the payee's bank sent back is not. So the
    paid of all costs is what the public books call paid. `with_court` lies there as bail. `came_back` is bail that a court
    gave back: it is free in its funds, and not owed again. `set_aside` is there for the cost and has not left, asked for or
    not. `missing` is still to be set aside; below zero when a bill in UMA came to less than is set aside. `not_needed` was
    still missing when the cost ended.
    """

    owed: Decimal = ZERO
    paid: Decimal = ZERO
    with_court: Decimal = ZERO
    came_back: Decimal = ZERO
    set_aside: Decimal = ZERO
    missing: Decimal = ZERO
    not_needed: Decimal = ZERO

    @classmethod
    def of(
        cls,
        *,
        owed: Decimal,
        given: Decimal,
        paid: Decimal,
        with_court: Decimal,
        came_back: Decimal,
        has_ended: bool,
    ) -> "Figures":
        """`given` is what funds set aside for it, less what was released to them again. `annotated` says the same in SQL."""
        rest = owed - given - came_back
        missing, not_needed = (ZERO, rest) if has_ended else (rest, ZERO)
        set_aside = given - paid - with_court
        return cls(owed, paid, with_court, came_back, set_aside, missing, not_needed)

    @classmethod
    def told_by(cls, cost: Any) -> "Figures":
        """Of a cost of a queryset that was `annotated`."""
        return cls(*(getattr(cost, each.name) for each in fields(Figures)))

    @property
    def given(self) -> Decimal:
        """What funds set aside for it, whether or not it has left since."""
        return self.paid + self.with_court + self.set_aside

    def __add__(self, other: "Figures") -> "Figures":
        names = [each.name for each in fields(Figures)]
        return Figures(*(getattr(self, name) + getattr(other, name) for name in names))


def annotated(costs: Any) -> Any:
    """A queryset of legal costs, each with the Figures of now, and besides with `given`; what is `requested`; what is
    `paid_out`, to the payee or the court, whether or not a court gave it back since; and what of it is still `to_pay`."""
    is_open = Q(disbursements__refused_at=None, disbursements__paid_at=None)
    left = Q(disbursements__paid_at__isnull=False, disbursements__came_back_on=None)
    is_bail, has_ended = Q(kind="bail"), Q(ended_on__isnull=False)
    rest = F("owed") - F("given") - F("came_back")
    return (
        costs.annotate(
            given=_of_rows("Allocation", SIGNED),
            came_back=_of_rows("BailOutcome", F("amount"), kind="returned", undone_at=None),
            kept=_of_rows("BailOutcome", F("amount"), kind="forfeited", undone_at=None),
            requested=Coalesce(Sum("disbursements__amount", filter=is_open), _zero()),
            paid_out=Coalesce(Sum("disbursements__amount", filter=left), _zero()),
        )
        .annotate(
            paid=_either(is_bail, F("kept"), F("paid_out")),
            with_court=_either(is_bail, F("paid_out") - F("came_back") - F("kept"), _zero()),
        )
        .annotate(
            set_aside=F("given") - F("paid") - F("with_court"),
            missing=_either(has_ended, _zero(), rest),
            to_pay=_either(has_ended, _zero(), F("owed") - F("paid_out")),
            not_needed=_either(has_ended, rest, _zero()),
        )
    )


def _of_rows(model: str, amount: Any, **of: Any) -> Coalesce:
    """The sum of `amount` of a cost's rows of a model; zero where it has none."""
    rows = apps.get_model("donations", model)._default_manager.filter(cost=OuterRef("pk"), **of)
    total = rows.order_by().values("cost").annotate(total=Sum(amount)).values("total")
    return Coalesce(Subquery(total, output_field=MoneyField()), _zero())


def _either(condition: Q, then: Any, default: Any) -> Case:
    return Case(When(condition, then=then), default=default, output_field=MoneyField())


def _zero() -> models.Value:
    return models.Value(ZERO, output_field=MoneyField())
