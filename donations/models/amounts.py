"""Rows that are an amount of money each, of one currency where they are summed."""

from decimal import Decimal

from django.db import models


class AmountQuerySet[Row: models.Model](models.QuerySet[Row]):
    def total(self) -> Decimal:
        """The sum of their amounts; 0 of none."""
        amount: Decimal | None = self.aggregate(total=models.Sum("amount"))["total"]
        return amount or Decimal(0)
