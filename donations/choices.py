"""VERB: what a supporter decides about one gift: what others see of it, and what its receipts say."""

from django.db import transaction

from . import receipts
from .models import Pledge, Receipt


@transaction.atomic
def show(pledge: Pledge, *, visibility: Pledge.Visibility, name: str = "") -> None:
    """Has others see nothing of the gift, its amount, or its amount under a name the supporter wrote for that."""
    pledge.visibility = visibility
    pledge.public_name = name if visibility == Pledge.Visibility.NAME else ""
    pledge.save(update_fields=["visibility", "public_name"])


@transaction.atomic
def word_receipts(pledge: Pledge, *, names_fund: bool, name: str, country: str) -> None:
    """Chooses what the gift's receipts call it, whom they name, and whose tax sentence they have.

    A receipt issued before gets the sentence of another country as it stands now; with the same country it keeps its own.
    """
    pledge = Pledge.objects.select_for_update(no_key=True).get(pk=pledge.pk)
    pledge.receipt_names_fund, pledge.receipt_name, pledge.country = names_fund, name, country
    pledge.save(update_fields=["receipt_names_fund", "receipt_name", "country"])
    Receipt.objects.filter(donation__pledge=pledge).exclude(country=country).update(
        country=country, tax_sentence=receipts.tax_sentence(country, pledge.language)
    )
