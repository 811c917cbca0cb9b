"""The money's pages change nothing by themselves: only what says so is written by hand, and nothing is deleted."""

from django.apps import apps
from django.contrib import admin

from defensefund.office import ReadOnlyAdmin, WritableAdmin

WRITTEN_BY_HAND = {"BankAccount", "Condition", "Fund", "LegalCost", "Policy", "TaxSentence"}


def test_money_is_read_only_unless_said():
    pages = {
        model.__name__: admin.site.get_model_admin(model)
        for model in apps.get_app_config("donations").get_models()
        if admin.site.is_registered(model)
    }

    assert [name for name, page in pages.items() if not isinstance(page, ReadOnlyAdmin)] == []
    assert {
        name for name, page in pages.items() if isinstance(page, WritableAdmin)
    } == WRITTEN_BY_HAND
