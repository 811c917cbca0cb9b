from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _

from defensefund import checks  # noqa: F401  registers the checks


class DefenseFundConfig(AppConfig):
    name = "defensefund"
    verbose_name = _("Access")
    default = True


class StaffAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "defensefund.staff.StaffSite"
