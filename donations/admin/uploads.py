"""Upload a bank file: first what it holds, then, once a person has looked, the import."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import fieldset, page

from .. import openings, reconciliation
from ..models import BankAccount
from ..statements.files import LARGEST
from .carried import Carried, carry

# More rows than anybody looks at; the count of the rest is said.
SHOWN = 100


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File from the bank"),
        error_messages={
            "required": gettext_lazy("Choose the file you downloaded from your bank."),
            "empty": gettext_lazy("The file is empty. Download it again."),
        },
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise ValidationError(
                _(
                    "The file is larger than 10 MB. Download fewer days at a time and upload one file after the other."
                )
            )
        return file


class UploadForm(FileForm):
    account = forms.ModelChoiceField(
        BankAccount.objects.order_by("closed_on", "name"),
        label=gettext_lazy("Bank account"),
        error_messages={"required": gettext_lazy("Choose the account the file is of.")},
    )
    field_order = ("account", "file")


def file_of(form: FileForm) -> tuple[str, bytes]:
    file = form.cleaned_data["file"]
    return file.name, file.read()


def preview_page(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    account: BankAccount,
    file: Carried,
    *,
    by: User,
) -> HttpResponse:
    """What the file holds and which of it is new. Raises ImportRefused."""
    reading = reconciliation.read(account=account, content=file.content, at=timezone.now())
    new = reading.new_rows
    opening = None
    if reading.span and reading.opening is not None and reading.closing is not None:
        opening = openings.opening_with(account, reading.span[0], reading.opening)
    return page(
        model_admin,
        request,
        "admin/donations/statementimport/preview.html",
        title=_("What the file holds"),
        account=account,
        file_name=file.name,
        file=carry(file, by=by),
        reading=reading,
        opening_gap=opening if opening and opening.missing else None,
        new=[row for row, _key in new[:SHOWN]],
        new_count=len(new),
        told=[row for movement in reading.told for row in movement.rows][:SHOWN],
        told_count=sum(len(movement.rows) for movement in reading.told),
        told_here=sum(
            movement.is_here or movement.difference is not None for movement in reading.told
        ),
        told_split=sum(movement.is_split for movement in reading.told),
        told_fitted=sum(movement.is_fitted for movement in reading.told),
        more=max(len(new) - SHOWN, 0),
        left_out=reading.left_out,
        differences=reading.differences[:SHOWN],
    )


def upload_page(
    model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, form: UploadForm
) -> HttpResponse:
    return page(
        model_admin,
        request,
        "admin/donations/statementimport/upload.html",
        title=_("Import a bank statement"),
        form=form,
        fieldset=fieldset(form),
        has_accounts=BankAccount.objects.exists(),
    )
