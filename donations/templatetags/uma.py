"""UMA as a reader of the page's language writes them; presentation only."""

from decimal import Decimal

from babel.numbers import format_decimal
from django import template

from defensefund.templatetags.formats import NO_BREAK_SPACE, page_locale

register = template.Library()


@register.filter
def uma(units: Decimal) -> str:
    """`12.5` → "12,5 UMA" in Spanish; all decimals it has, without zeros at the end."""
    number = format_decimal(units, format="#,##0.############", locale=page_locale())
    return f"{number}{NO_BREAK_SPACE}UMA"
