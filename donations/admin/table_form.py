"""A table to take in, from a file or pasted; what it holds is shown before anything of it is kept."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class TableForm(forms.Form):
    """A file or pasted lines, either comes out as `table`, its text. `is_seen` comes with the button of the preview."""

    # Bytes, and what is said of a file that has more.
    largest: ClassVar[int]
    too_large: ClassVar[str | Promise]

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        help_text=gettext_lazy("CSV in UTF-8."),
        error_messages={"empty": gettext_lazy("The file is empty. Choose it again.")},
    )
    table = forms.CharField(
        label=gettext_lazy("Or paste the lines"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 60, "spellcheck": "false"}),
    )
    is_seen = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > self.largest:
            raise ValidationError(str(self.too_large))
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if file := cleaned.get("file"):
            try:
                cleaned["table"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", _("The file is no text in UTF-8. Save it as CSV."))
        elif "file" not in self.errors and not cleaned.get("table", "").strip():
            self.add_error("file", _("Choose a file, or paste its lines below."))
        return cleaned
