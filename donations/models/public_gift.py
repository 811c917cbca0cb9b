"""The gifts everyone may see: a database view that has no row of a secret gift, and a name only where it was chosen."""

from django.db import models

from appeals.models import Appeal
from defensefund.privacy import EncryptedTextField

from .fields import CurrencyField, MoneyField


class ChosenName(EncryptedTextField):
    """Ciphertext of Pledge.public_name; the view gives NULL where the supporter chose to show no name."""

    def _context(self) -> str:
        return "donations.pledge.public_name"


class PublicGift(models.Model):
    """One row for each donation whose supporter chose to show it, less what went back. The only thing public pages read."""

    appeal = models.ForeignKey(Appeal, models.DO_NOTHING, related_name="public_gifts")
    amount = MoneyField()
    currency = CurrencyField()
    received_on = models.DateField()
    name = ChosenName(null=True)

    class Meta:
        managed = False
        db_table = "donations_publicgift"
        ordering = ["-received_on", "-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
