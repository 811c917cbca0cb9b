"""Our bank accounts, and how each one's CSV files are read."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import WritableAdmin, fieldset, page, require, sent
from defensefund.step_up import recent_login_required

from .. import reconciliation
from ..models import BankAccount
from ..statements import UnreadableStatement
from ..statements.files import needs_columns
from ..statements.guess import Guess, guess
from ..statements.mapping import CsvMapping
from .bank_account_form import FIELDSETS, BankAccountForm
from .carried import Carried, NotCarried, carried, carry
from .csv_columns import RULES, WRITING, ColumnsForm
from .opening import opening_page
from .uploads import FileForm, file_of, preview_page


@admin.register(BankAccount)
class BankAccountAdmin(WritableAdmin):
    form = BankAccountForm
    fieldsets = FIELDSETS
    list_display = (
        "name", "code", "currency", "scheme", "addressed_by", "takes_gifts", "reads_csv", "closed_on",
    )  # fmt: skip
    change_form_template = "admin/donations/bankaccount/change_form.html"

    @admin.display(description=gettext_lazy("account number"))
    def addressed_by(self, account: BankAccount) -> str:
        return account.pix_key or account.number or account.alias or "–"

    @admin.display(description=gettext_lazy("CSV columns"), boolean=True)
    def reads_csv(self, account: BankAccount) -> bool:
        return bool(account.csv_mapping)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Code and currency stand in the ledger once there is a line or an entry."""
        is_used = obj is not None and (obj.lines.exists() or obj.accounts.exists())
        return ("code", "currency") if is_used else ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Who changes where supporters send their money proves first that it is they."""
        view = super().changeform_view
        if request.method == "POST":
            view = recent_login_required(view)
        return view(request, object_id, form_url, extra_context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/csv/", view(self.csv_view), name="donations_bankaccount_csv"),
            path(
                "<int:pk>/opening/", view(self.opening_view), name="donations_bankaccount_opening"
            ),
            *super().get_urls(),
        ]

    def opening_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was on the account before its first statement, and the form that asks to book it."""
        user = require(request, "donations.request_pastimport")
        return opening_page(self, request, get_object_or_404(BankAccount, pk=pk), by=user)

    def csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """First a sample file is asked for; then what its columns are, with what would be read from it beneath."""
        user = require(request, "donations.change_bankaccount")
        account = get_object_or_404(BankAccount, pk=pk)
        if "sample" in request.POST:
            try:
                sample = carried(request.POST["sample"], by=user)
            except NotCarried:
                messages.error(request, _("The page was open for too long. Choose the file again."))
                return HttpResponseRedirect(request.path)
            return columns_page(self, request, account, sample, by=user)
        form = FileForm(*sent(request))
        if request.method == "POST" and form.is_valid():
            sample = Carried(account.pk, *file_of(form))
            return columns_page(self, request, account, sample, by=user)
        return page(
            self,
            request,
            "admin/donations/bankaccount/sample.html",
            title=_("CSV columns"),
            account=account,
            form=form,
            fieldset=fieldset(form),
        )


def columns_page(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    account: BankAccount,
    sample: Carried,
    *,
    by: User,
) -> HttpResponse:
    """The form over a sample file: filled from the account's mapping or a guess, checked by reading the file."""
    posted = request.POST if "role_0" in request.POST else None
    try:
        if not needs_columns(sample.content):
            raise UnreadableStatement(
                _("This file says itself what is what, and needs no columns. Just import it.")
            )
        guessed = _guess(sample.content, posted)
    except UnreadableStatement as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:donations_bankaccount_csv", args=[account.pk]))
    mapping = _stored(account, guessed) or guessed.mapping
    has_same_columns = posted is not None and posted.get("header") == _joined(guessed.header)
    form = ColumnsForm(posted if has_same_columns else None, header=guessed.header, mapping=mapping)
    reading, refusal = None, ""
    if form.is_valid():
        account.csv_mapping = form.cleaned_data["mapping"].as_json()
        try:
            reading = reconciliation.read(
                account=account, content=sample.content, at=timezone.now()
            )
        except reconciliation.ImportRefused as error:
            refusal = str(error)
        if reading and "save" in request.POST:
            account.save(update_fields=["csv_mapping"])
            messages.success(request, _("The columns are saved. This is what the file holds:"))
            return preview_page(model_admin, request, account, sample, by=by)
    return page(
        model_admin,
        request,
        "admin/donations/bankaccount/columns.html",
        title=_("CSV columns"),
        account=account,
        sample=carry(sample, by=by),
        file_name=sample.name,
        form=form,
        header=_joined(guessed.header),
        columns=[
            (role, [row[number] for row in guessed.sample[:3] if row[number]])
            for number, role in enumerate(form.roles())
        ],
        writing=fieldset(form, *WRITING),
        rules=fieldset(form, *RULES),
        doubts=guessed.doubts if not form.is_bound else (),
        rules_open=bool(guessed.doubts or refusal) or any(form[name].value() for name in RULES),
        reading=reading,
        refusal=refusal,
    )


def _guess(content: bytes, posted: Any) -> Guess:
    if posted is None:
        return guess(content)
    return guess(
        content, encoding=posted.get("encoding", ""), delimiter=posted.get("delimiter", "")
    )


def _stored(account: BankAccount, guessed: Guess) -> CsvMapping | None:
    """The account's mapping, if the file has its columns."""
    if not account.csv_mapping:
        return None
    mapping = CsvMapping.from_json(account.csv_mapping)
    return mapping if mapping.columns() <= set(guessed.header) else None


def _joined(header: tuple[str, ...]) -> str:
    return "\x1f".join(header)
