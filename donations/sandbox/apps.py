from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "donations.sandbox"
    label = "sandbox"
