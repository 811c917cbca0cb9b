import sys

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.apps import ProcrastinateConfig

from defensefund import checks  # noqa: F401  registers the checks


class DefenseFundConfig(AppConfig):
    name = "defensefund"
    verbose_name = _("Access")
    default = True

    def ready(self) -> None:
        # In the office's words. With a config of our own for it, mypy would not know the accounts any more.
        apps.get_app_config("auth").verbose_name = _("People of the office")


class QueueConfig(ProcrastinateConfig):
    """The job queue, under a name that says what it does."""

    default = False
    verbose_name = _("Work in the background")


class StaffAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "defensefund.staff.StaffSite"

    def ready(self) -> None:
        # The job worker has nobody to show the office to, and would carry a third more memory for it.
        if sys.argv[1:2] == ["work"]:
            admin_apps.SimpleAdminConfig.ready(self)
        else:
            super().ready()
