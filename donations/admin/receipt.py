"""Receipts in the office, and what they say on taxes."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from defensefund.office import ReadOnlyAdmin, WritableAdmin
from donations.models import Receipt, TaxSentence
from donations.models.receipt import bare_serial


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    """Every number once and none missing; whom a receipt names is not shown here."""

    list_display = ("number", "issued_at", "donation", "country", "downloaded_at")
    list_select_related = ("donation__receipt",)
    is_long = True
    search_fields = ("=serial",)
    search_help_text = _("A receipt's number, like R-0000012.")
    fields = ("number", "issued_at", "donation", "country", "tax_sentence", "downloaded_at")
    readonly_fields = ("number",)

    def _values(self, path: str, term: str) -> list[Any]:
        return super()._values(path, bare_serial(term))

    @admin.display(description=_("number"), ordering="serial")
    def number(self, receipt: Receipt) -> str:
        return receipt.number


@admin.register(TaxSentence)
class TaxSentenceAdmin(WritableAdmin):
    """What receipts say on taxes, by country; a change reaches receipts issued from then on."""

    list_display = ("country", "language", "sentence")
    fields = ("country", "language", "sentence")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "language":
            return forms.ChoiceField(
                label=db_field.verbose_name.capitalize(), choices=settings.LANGUAGES
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)
