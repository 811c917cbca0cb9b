from django.db import models

from .case import Case


class Defendant(models.Model):
    alias = models.CharField(max_length=80)
    cases = models.ManyToManyField(Case, related_name="defendants")

    def __str__(self) -> str:
        return self.alias
