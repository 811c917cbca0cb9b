"""What came in and went out by month, as a picture: SVG made here, coloured by the stylesheet, with no style of its own.

Places and sizes are percent and letters have the page's size, so the same picture is read on a phone and on a wall.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal
from django.utils.translation import gettext as _

from defensefund.templatetags.formats import MINUS, money, page_locale

from ..currencies import exponent
from ..reports import MonthSums

# Percent of the picture: numbers stand left of the bars, months below them.
LEFT, TOP, BOTTOM = Decimal(11), Decimal(4), Decimal(10)
# A scale has about so many lines.
LINES = 4
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Bar:
    """A rectangle, in percent of the picture."""

    x: Decimal
    y: Decimal
    width: Decimal
    height: Decimal


@dataclass(frozen=True)
class ChartMonth:
    """What is drawn of one month; `words` says it all, `is_labelled_small` whether a narrow picture names it too."""

    came_in: Bar
    went_out: Bar
    area: Bar
    middle: Decimal
    label: str
    words: str
    is_labelled_small: bool


@dataclass(frozen=True)
class ChartLine:
    y: Decimal
    label: str
    is_zero: bool


@dataclass(frozen=True)
class Chart:
    currency: str
    months: tuple[ChartMonth, ...]
    lines: tuple[ChartLine, ...]
    left: Decimal
    rows: tuple[tuple[str, str, str, str], ...]
    total: tuple[str, str, str]


def chart(currency: str, sums: Sequence[MonthSums]) -> Chart:
    """Of the months given, the first one left; what came in rises from the line of zero, what went out hangs from it.

    `rows` are the table beside it: month, in, out, and the difference. Months below zero, as when a day's refunds were
    more than its gifts, are drawn as zero, and the table says them.
    """
    high = max((max(each.came_in, Decimal(0)) for each in sums), default=Decimal(0))
    low = max((max(each.went_out, Decimal(0)) for each in sums), default=Decimal(0))
    step = _step(high + low)
    above, below = _steps(high, step), _steps(low, step)
    if not above + below:
        above = 1
    unit = (100 - TOP - BOTTOM) / ((above + below) * step)
    zero = TOP + above * step * unit
    lines = tuple(
        ChartLine(_rounded(zero - nth * step * unit), _short(nth * step), nth == 0)
        for nth in range(above, -below - 1, -1)
    )
    width = (100 - LEFT) / max(len(sums), 1)
    months = tuple(
        _month(nth, each, currency, width=width, zero=zero, unit=unit)
        for nth, each in enumerate(sums)
    )
    came_in = sum((each.came_in for each in sums), Decimal(0))
    went_out = sum((each.went_out for each in sums), Decimal(0))
    return Chart(
        currency,
        months,
        lines,
        LEFT,
        tuple(
            (
                _named(each),
                _bare(each.came_in, currency),
                _bare(each.went_out, currency),
                _bare(each.came_in - each.went_out, currency),
            )
            for each in reversed(sums)
        ),
        (
            _bare(came_in, currency),
            _bare(went_out, currency),
            _bare(came_in - went_out, currency),
        ),
    )


def _month(
    nth: int, sums: MonthSums, currency: str, *, width: Decimal, zero: Decimal, unit: Decimal
) -> ChartMonth:
    left = LEFT + nth * width
    x, bar = _rounded(left + width * Decimal("0.2")), _rounded(width * Decimal("0.6"))
    up, down = max(sums.came_in, Decimal(0)) * unit, max(sums.went_out, Decimal(0)) * unit
    locale = page_locale()
    words = _("%(month)s: %(in)s in, %(out)s out") % {
        "month": _named(sums),
        "in": money(sums.came_in, currency),
        "out": money(sums.went_out, currency),
    }
    return ChartMonth(
        came_in=Bar(x, _rounded(zero - up), bar, _rounded(up)),
        went_out=Bar(x, _rounded(zero), bar, _rounded(down)),
        area=Bar(_rounded(left), TOP, _rounded(width), 100 - TOP - BOTTOM),
        middle=_rounded(left + width / 2),
        label=format_date(sums.first_on, "LLL", locale=locale),
        words=words,
        is_labelled_small=nth % 3 == 2,
    )


def _named(sums: MonthSums) -> str:
    return format_date(sums.first_on, "LLLL y", locale=page_locale())


def _bare(amount: Decimal, currency: str) -> str:
    """Without the currency, which stands above the table; nothing is a dash."""
    if not amount:
        return "–"
    places = exponent(currency)
    form = "#,##0" + ("." + "0" * places if places else "")
    return str(format_decimal(amount, form, locale=page_locale())).replace("-", MINUS)


def _step(reach: Decimal) -> Decimal:
    """1, 2 or 5 with zeros: the smallest that makes about LINES lines of `reach`."""
    if reach <= 0:
        return Decimal(1)
    rough = reach / LINES
    ten = Decimal(1).scaleb(rough.adjusted())
    return next(factor * ten for factor in STEPS if factor * ten >= rough)


def _steps(reach: Decimal, step: Decimal) -> int:
    return int((reach / step).to_integral_value(ROUND_CEILING))


def _short(amount: Decimal) -> str:
    text: str = format_compact_decimal(abs(amount), locale=page_locale(), fraction_digits=1)
    return f"{MINUS}{text}" if amount < 0 else text


def _rounded(percent: Decimal) -> Decimal:
    return percent.quantize(Decimal("0.001"))
