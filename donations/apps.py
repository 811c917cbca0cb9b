from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

# Registers the system checks.
from . import checks as checks


class DonationsConfig(AppConfig):
    name = "donations"
    verbose_name = _("The money")
