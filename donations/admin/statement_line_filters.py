"""By what the list of bank lines is narrowed: state, account, and the file a line came in."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Q, QuerySet, Subquery
from django.db.models.functions import JSONArray
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from ..models import BankAccount, StatementImport, StatementMatch


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", pgettext_lazy("bank line", "open")),
            ("part", gettext_lazy("matched in part")),
            ("matched", gettext_lazy("matched")),
            ("automatic", gettext_lazy("matched by themselves")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "open":
                return queryset.unmatched()
            case "part":
                return queryset.unmatched().exclude(explained=0)
            case "matched":
                return queryset.filter(explained=F("amount"))
            case "automatic":
                by_themselves = StatementMatch.objects.standing().filter(confirmed_by=None)
                return queryset.filter(Q(pk__in=by_themselves.values("line")))
        return queryset


def accounts_to_choose() -> ArraySubquery:
    """For each row of a list, as `accounts`: all there are, found once with the list's own query (AccountFilter)."""
    rows = BankAccount.objects.order_by("name")
    return ArraySubquery(rows.values(pair=JSONArray("code", "name", "currency")))


class AccountFilter(admin.ListFilter):
    """Which accounts there are comes with the rows, in the list's own query; where there are none, nothing is to be chosen."""

    title = gettext_lazy("bank account")
    NAME = FIELD = "account"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.chosen = (params.pop(self.NAME, None) or [""])[-1]
        self.used_parameters = {self.NAME: self.chosen} if self.chosen else {}

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.NAME]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.chosen:
            return queryset
        account = BankAccount.objects.filter(code=self.chosen)
        return queryset.filter(**{self.FIELD: Subquery(account.values("pk")[:1])})

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        shown = changelist.result_list
        accounts = shown[0].accounts if shown else ()
        named = [(code, f"{name} ({currency})") for code, name, currency in accounts]
        for code, words in [("", _("All")), *named]:
            yield {
                "display": words,
                "selected": code == self.chosen,
                "query_string": changelist.get_query_string({self.NAME: code or None}),
            }


class BankAccountFilter(AccountFilter):
    FIELD = "bank_account"


class ImportFilter(admin.SimpleListFilter):
    """The file that the list of files leads here for."""

    title = gettext_lazy("file")
    parameter_name = "file"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = self.value() or ""
        files = StatementImport.objects.filter(pk=int(chosen)) if chosen.isdecimal() else ()
        return [(str(file.pk), f"{file} ({file.imported_at.date()})") for file in files]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value() or ""
        return queryset.filter(statement=int(chosen)) if chosen.isdecimal() else queryset
