"""Money, numbers and dates as a reader of the page's language writes them; presentation only."""

from datetime import UTC, date, datetime
from decimal import Decimal

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, to_locale

register = template.Library()

# Signs that name one currency only. "$" is a dozen of them, so pesos are written with their code.
SIGNS = {"EUR": "€", "GBP": "£", "USD": "US$", "BRL": "R$"}
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def page_locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))


@register.filter
def money(amount: Decimal | int, currency: str) -> str:
    """`1234.5|money:"ARS"` → "1.234,50 ARS" in Spanish, "ARS 1,234.50" in English.

    All decimals of the currency, never a line break inside. Refuses floats and missing values: a
    wrong amount on a page is worse than an error.
    """
    return _with_sign(amount, currency, decimals=True)


@register.filter
def money_whole(amount: Decimal | int, currency: str) -> str:
    """As `money`, without decimals where they are all zero: for choices and goals, not for books."""
    return _with_sign(amount, currency, decimals=amount != int(amount))


def _with_sign(amount: Decimal | int, currency: str, *, decimals: bool) -> str:
    if type(amount) not in {Decimal, int}:  # bool is an int too
        raise TypeError(f"An amount is a Decimal, not {type(amount).__name__}.")
    locale = page_locale()
    number = format_currency(
        Decimal(amount).copy_abs(),
        currency,
        format="#,##0.00" if decimals else "#,##0",
        currency_digits=decimals,
        locale=locale,
    )
    sign = SIGNS.get(currency, currency)
    pattern = locale.currency_formats["standard"].pattern
    if pattern.index("¤") < pattern.index("#"):
        gap = NO_BREAK_SPACE if sign[-1].isalpha() or "¤" + NO_BREAK_SPACE in pattern else ""
        text = f"{sign}{gap}{number}"
    else:
        text = f"{number}{NO_BREAK_SPACE}{sign}"
    return f"{MINUS}{text}" if amount < 0 else text


@register.filter
def number(value: Decimal | int) -> str:
    """A count or quantity with the language's separators: 1.234 or 1,234."""
    return format_decimal(value, locale=page_locale()).replace("-", MINUS)


@register.filter
def exact_number(value: Decimal) -> str:
    """A rate with the decimals it has, and no zeros behind them: 1.550,25 or 1,550.25."""
    return format_decimal(value, format="#,##0.##########", locale=page_locale())


@register.filter
def near_number(value: Decimal) -> str:
    """A rate that was divided out, to four decimals at most."""
    return exact_number(round(value, 4))


@register.filter
def percent(share: Decimal) -> str:
    """A share between 0 and 1 as whole percent, rounded down, so that 99.9 % is not yet all."""
    whole = Decimal(int(share * 100)) / 100
    return format_percent(whole, locale=page_locale())


@register.filter
def plain_day(value: date) -> str:
    """The day in words, for letters and sentences."""
    return format_date(value, format="long", locale=page_locale())


@register.filter
def day(value: date) -> SafeString:
    """A `<time>` with the day in words; a moment counts by its day in UTC, as in the books."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).date()
    words = format_date(value, format="long", locale=page_locale())
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), words)


def plain_moment(value: datetime) -> str:
    """Day and minute in words, in UTC and saying so, for sentences."""
    utc = value.astimezone(UTC)
    return f"{plain_day(utc)}, {utc:%H:%M} UTC"


@register.filter
def moment(value: datetime) -> SafeString:
    """A `<time>` with day and minute, in UTC and saying so."""
    instant = value.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}">{}</time>', instant, plain_moment(value))
