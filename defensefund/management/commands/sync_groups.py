"""Make the staff groups say what defensefund/roles.py says."""

from typing import Any

from django.core.management.base import BaseCommand

from defensefund.roles import GROUPS, sync_groups


class Command(BaseCommand):
    help = "Gives each staff group exactly the permissions of the table in defensefund/roles.py; members stay."

    def handle(self, *args: Any, **options: Any) -> None:
        sync_groups()
        for name, permissions in GROUPS.items():
            self.stdout.write(f"{name}: {len(permissions)} permissions")
