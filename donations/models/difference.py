"""The differences found when somebody, or the hourly look, last looked: so that the office's first page need not look."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class OpenDifference(models.Model):
    """One case on the work list (differences.work_list), as of `found_at`. Written anew with each look."""

    kind = models.CharField(_("kind"), max_length=20)
    name = models.CharField(_("fact"), max_length=300)
    found_at = models.DateTimeField(_("found at"))

    class Meta:
        verbose_name = _("open difference")
        verbose_name_plural = _("open differences")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"
