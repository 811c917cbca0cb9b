"""How often something happened within one span of time (limits.py)."""

from datetime import datetime
from typing import ClassVar

from django.db import models


class TallyQuerySet(models.QuerySet["Tally"]):
    def over(self, at: datetime) -> "TallyQuerySet":
        """Of spans that have ended at the instant `at`."""
        return self.filter(ends_at__lte=at)


class Tally(models.Model):
    """Its key is a keyed hash of what is counted and when: the table tells nobody who came, nor that they came again."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    objects = TallyQuerySet.as_manager()

    class Meta:
        default_permissions: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at:%Y-%m-%d %H:%M}"
