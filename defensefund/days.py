"""The field of a form in which a day is written."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class DayField(forms.DateField):
    """Picked in the browser's own field; typed, it is 2027-01-31, 31/01/2027 or 31.01.2027. `missing` is said where it is empty."""

    def __init__(self, *, missing: Any = None, **kwargs: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            error_messages={
                "required": missing or _("Choose the day."),
                "invalid": _("This is no day. Write it like 2027-01-31."),
            },
            **kwargs,
        )
