"""Money: exact decimals, wide enough for large sums in pesos and for currencies of three decimals."""

from functools import partial

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

MoneyField = partial(models.DecimalField, max_digits=21, decimal_places=3)

CurrencyField = partial(
    models.CharField,
    max_length=3,
    validators=[RegexValidator(r"\A[A-Z]{3}\Z", _("Three capital letters, like EUR."))],
)
