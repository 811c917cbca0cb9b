"""Bank statements: the files imported so far, and the way in for the next one."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.office import ReadOnlyAdmin, require, sent
from defensefund.templatetags.formats import money

from .. import reconciliation
from ..models import BankAccount, StatementImport
from ..statements import LeftOut
from ..statements.files import needs_columns
from .bank_account import columns_page
from .carried import Carried, NotCarried, carried
from .opening import opening_note
from .uploads import UploadForm, file_of, preview_page, upload_page

# What a notification says and nothing can be done with: unlike rows that move no money, somebody has to know of it.
NOT_TOLD = {"unnamed", "otherwise"}
# So many of them are named; the count of all is said.
SHOWN = 10


@admin.register(StatementImport)
class StatementImportAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "account",
        "first_on",
        "last_on",
        "new_lines",
        "known_lines",
        "imported_at",
        "imported_by",
    )
    list_filter = ("account",)
    list_select_related = ("account", "imported_by")
    search_fields = ("name",)
    fields = (
        "name", "account", "first_on", "last_on", "opens_with", "closes_with", "new_lines", "known_lines",
        "imported_at", "imported_by", "sha256",
    )  # fmt: skip
    readonly_fields = ("opens_with", "closes_with")
    change_list_template = "admin/donations/statementimport/change_list.html"

    @admin.display(description=gettext_lazy("opening balance"))
    def opens_with(self, statement: StatementImport) -> str:
        balance = statement.opening_balance
        return "–" if balance is None else money(balance, statement.account.currency)

    @admin.display(description=gettext_lazy("closing balance"))
    def closes_with(self, statement: StatementImport) -> str:
        balance = statement.closing_balance
        return "–" if balance is None else money(balance, statement.account.currency)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="donations_statementimport_upload"),
            path("confirm/", view(self.confirm_view), name="donations_statementimport_confirm"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("donations.import_statement")
        return super().changelist_view(request, {**(extra_context or {}), "may_import": may})

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """The form; after it what the file holds. A CSV file of an account without columns asks for those first."""
        user = require(request, "donations.import_statement")
        form = UploadForm(*sent(request))
        if request.method != "POST" or not form.is_valid():
            return upload_page(self, request, form)
        account = form.cleaned_data["account"]
        file = Carried(account.pk, *file_of(form))
        if (
            not account.csv_mapping
            and needs_columns(file.content)
            and user.has_perm("donations.change_bankaccount")
        ):
            messages.info(
                request,
                _("It is not yet said how this bank's CSV files are read. Say it once, here."),
            )
            return columns_page(self, request, account, file, by=user)
        try:
            return preview_page(self, request, account, file, by=user)
        except reconciliation.ImportRefused as refusal:
            form.add_error("file", str(refusal))
            is_csv = needs_columns(file.content) and account.csv_mapping
            if is_csv and user.has_perm("donations.change_bankaccount"):
                href = reverse("admin:donations_bankaccount_csv", args=[account.pk])
                link = format_html('<a href="{}">{}</a>', href, _("How this account's CSV is read"))
                form.add_error("file", link)
            return upload_page(self, request, form)

    def confirm_view(self, request: HttpRequest) -> HttpResponse:
        """Imports the file of the preview; everything is checked again."""
        user = require(request, "donations.import_statement")
        upload = HttpResponseRedirect(reverse("admin:donations_statementimport_upload"))
        if request.method != "POST":
            return upload
        try:
            file = carried(request.POST.get("file", ""), by=user)
        except NotCarried:
            messages.error(request, _("The page was open for too long. Choose the file again."))
            return upload
        return self._import(request, file, by=user) or upload

    def _import(self, request: HttpRequest, file: Carried, *, by: User) -> HttpResponse | None:
        account = get_object_or_404(BankAccount, pk=file.account_id)
        try:
            result = reconciliation.import_statement(
                account=account, name=file.name, content=file.content, by=by, at=timezone.now()
            )
        except reconciliation.ImportRefused as refusal:
            messages.error(request, str(refusal))
            return None
        if unusable := [row for row in result.left_out if row.reason in NOT_TOLD]:
            messages.warning(request, _left_out(unusable))
        for difference in result.differences[:SHOWN]:
            messages.warning(request, str(difference))
        if result.details:
            messages.success(
                request,
                ngettext(
                    "Kept: %(details)d payment within a line.",
                    "Kept: %(details)d payments within lines.",
                    result.details,
                )
                % {"details": result.details},
            )
            return HttpResponseRedirect(reverse("admin:donations_statementline_open"))
        if not result.new + result.known:
            messages.info(
                request, _("All that this file tells is kept already: nothing was added.")
            )
            return HttpResponseRedirect(reverse("admin:donations_statementline_open"))
        messages.success(request, _imported(result.new, result.known, result.open))
        if result.booked and result.statement:
            href = reverse("admin:donations_statementline_changelist")
            said = ngettext(
                "%(count)d line was booked by itself, since reference, amount and currency agree.",
                "%(count)d lines were booked by themselves, since reference, amount and currency agree.",
                result.booked,
            ) % {"count": result.booked}
            messages.success(
                request,
                format_html(
                    '{} <a href="{}?file={}&amp;state=automatic">{}</a>',
                    said, href, result.statement.pk, _("Look at them"),
                ),
            )  # fmt: skip
        if result.new and (note := opening_note(account, by=by)):
            messages.warning(request, note)
        if result.slipped:
            messages.warning(
                request,
                ngettext(
                    "%(count)d line has a gift's reference with one character wrong: compare it before you say yes.",
                    "%(count)d lines have a gift's reference with one character wrong: compare them before you say yes.",
                    result.slipped,
                )
                % {"count": result.slipped},
            )
        return HttpResponseRedirect(reverse("admin:donations_statementline_open"))


def _imported(new: int, known: int, still_open: int) -> str:
    sentences = (
        ngettext("Imported: %(count)d new line.", "Imported: %(count)d new lines.", new) % {"count": new},
        ngettext("%(count)d was known already.", "%(count)d were known already.", known) % {"count": known},
        ngettext("%(count)d is open.", "%(count)d are open.", still_open) % {"count": still_open},
    )  # fmt: skip
    return " ".join(sentences)


def _left_out(rows: Sequence[LeftOut]) -> str:
    said = ngettext(
        "%(count)d entry of the file was left out: %(entries)s.",
        "%(count)d entries of the file were left out: %(entries)s.",
        len(rows),
    )
    entries = "; ".join(f"{row.line} ({row.why})" for row in rows[:SHOWN])
    return said % {"count": len(rows), "entries": entries}
