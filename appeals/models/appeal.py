from django.db import models


class Appeal(models.Model):
    slug = models.SlugField(unique=True)

    def __str__(self) -> str:
        return self.slug
