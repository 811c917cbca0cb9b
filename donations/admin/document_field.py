"""A scan or PDF that somebody chooses from their computer."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..cleaning import MAX_BYTES


class DocumentField(forms.FileField):
    """The uploaded file, whole; donations/cleaning.py says whether it is a document at all."""

    widget = forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"})
    default_error_messages = {
        "required": gettext_lazy("Choose the document."),
        "empty": gettext_lazy("This file is empty."),
    }

    def __init__(self, *, help_text: Any) -> None:
        super().__init__(label=gettext_lazy("Document"), help_text=help_text)

    def to_python(self, data: Any) -> Any:
        file = super().to_python(data)
        # Before it is read into memory.
        if file and file.size > MAX_BYTES:
            raise ValidationError(_("This file is larger than 10 MB: scan it in fewer colours."))
        return file
