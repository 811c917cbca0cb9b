"""Who works here and how they prove it: the admin site, groups, second factor."""

from django.contrib.admin import AdminSite


class StaffSite(AdminSite):
    """The office."""
