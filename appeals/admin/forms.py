"""Forms of the office for everything the public may read: no name in plain words gets through them."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from appeals import consent
from appeals.documents import MOST_BYTES
from appeals.models import Consent
from defensefund.verbs import VerbForm


class TextForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        texts = [value for value in cleaned.values() if isinstance(value, str)]
        try:
            consent.refuse_plain_names(texts)
        except consent.NameInText as error:
            raise ValidationError(str(error)) from error
        return cleaned


class PlainNumberForm(TextForm):
    """Its number stands there without zeros behind it: to many readers 12.000 is twelve thousand."""

    number: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (value := getattr(self.instance, self.number)) is not None:
            self.initial[self.number] = f"{value.normalize():f}"


class PublicTextFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """The texts of something public are never all taken away."""

    def clean(self) -> None:
        super().clean()
        if self.instance.published_at and not self.is_enough(self._left()):
            raise ValidationError(self.sentence())

    def _left(self) -> list[str]:
        """The languages there will be after saving."""
        gone = self.deleted_forms
        rows = [form.cleaned_data for form in self.forms if form.is_valid() and form not in gone]
        return [row["language"] for row in rows if row.get("language")]

    def is_enough(self, languages: list[str]) -> bool:
        return bool(languages)

    def sentence(self) -> Any:
        return _("This is public: leave it a text, or take it off the public pages first.")


class AppealTextFormSet(PublicTextFormSet):
    def is_enough(self, languages: list[str]) -> bool:
        return self.instance.default_language in languages

    def sentence(self) -> Any:
        return _("This appeal is public: it keeps a text in its main language.")


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File"), help_text=_("Plain text (.txt), Markdown (.md) or Word (.docx).")
    )
    slug = forms.SlugField(
        label=_("Address"),
        help_text=_("Of a new draft; or of one that is there, to add a language to it."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=lambda: settings.LANGUAGES)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(
                _(
                    "The file is larger than %(most)s MB, more than an appeal can be: save its text alone."
                ),
                params={"most": MOST_BYTES // 1024**2},
            )
        return file


class NameForm(VerbForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Kept encrypted. Shown in public only inside recorded consent."),
    )


class ConsentForm(VerbForm, forms.ModelForm):  # type: ignore[type-arg]
    """The fields of a consent; `consent.record` writes it."""

    class Meta:
        model = Consent
        fields = (
            "has_name",
            "has_photo",
            "has_charge",
            "has_quotes",
            "source",
            "evidence",
            "given_on",
            "expires_on",
        )
        widgets = {
            "evidence": forms.Textarea(attrs={"rows": 3}),
            "given_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "expires_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }


class ReviewForm(VerbForm):
    seen_hash = forms.CharField(widget=forms.HiddenInput)
    has_read = forms.BooleanField(
        label=_(
            "I have read every language of this text. It says only what is alleged, and may be published."
        ),
        error_messages={"required": _("Tick this when you have read it. Nothing was signed yet.")},
    )

    def prepare(self) -> None:
        self.initial["seen_hash"] = self.row.content_hash()
