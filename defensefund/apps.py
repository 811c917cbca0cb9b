from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class DefenseFundConfig(AppConfig):
    name = "defensefund"
    default = True


class StaffAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "defensefund.staff.StaffSite"
