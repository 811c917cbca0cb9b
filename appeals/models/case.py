from django.db import models

from .appeal import Appeal


class Case(models.Model):
    appeal = models.ForeignKey(Appeal, models.PROTECT, related_name="cases")
    slug = models.SlugField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appeal", "slug"], name="case_slug_once_per_appeal")
        ]

    def __str__(self) -> str:
        return self.slug
