from django.apps import AppConfig

# Registers the system check.
from . import checks as checks


class SandboxConfig(AppConfig):
    name = "donations.sandbox"
    label = "sandbox"
