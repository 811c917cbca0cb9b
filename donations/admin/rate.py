"""Exchange rates for the estimates, and the page on which a table of them is pasted or uploaded and looked at first."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.lists import DayFilter, FixedFilter
from defensefund.office import ReadOnlyAdmin, fieldset, page, require, sent
from defensefund.templatetags.formats import exact_number

from .. import rates
from ..currencies import offered
from ..estimates import PIVOTS
from ..models import Rate
from ..rate_tables import LARGEST, UnreadableRates
from .table_form import TableForm

# More rows than anybody looks at; the count of the rest is said.
SHOWN = 100


class RatesForm(TableForm):
    largest = LARGEST
    too_large = gettext_lazy("The file is larger than 2 MB. Import fewer days at a time.")

    source = forms.CharField(
        label=gettext_lazy("Who publishes the rates"),
        required=False,
        max_length=120,
        help_text=gettext_lazy(
            "Shown beside the estimate. Not needed when the table has a column source."
        ),
    )
    base = forms.ChoiceField(
        label=gettext_lazy("Rates are of one"),
        help_text=gettext_lazy("For a table of one day a row; a column base says it otherwise."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = _("CSV in UTF-8, at most 2 MB.")
        base = self.fields["base"]
        assert isinstance(base, forms.ChoiceField)
        codes = dict.fromkeys(["EUR", "USD", *offered()])
        base.choices = [(code, code) for code in codes]


class BaseFilter(FixedFilter):
    title = gettext_lazy("one unit of")
    parameter_name = "base"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What is read of a table: currencies of ours, and those that others are compared by."""
        return [(code, code) for code in dict.fromkeys([*PIVOTS, *offered()])]


class QuoteFilter(BaseFilter):
    title = gettext_lazy("is worth so many")
    parameter_name = "quote"


@admin.register(Rate)
class RateAdmin(ReadOnlyAdmin):
    list_display = ("rated_on", "base", "quote", "plain_rate", "source", "entered_by", "entered_at")
    list_display_links = ("rated_on",)
    sortable_by = ("rated_on",)
    list_filter = (DayFilter, BaseFilter, QuoteFilter)
    search_fields = ("source",)
    search_help_text = gettext_lazy("Who publishes the rate.")
    list_select_related = ("entered_by",)
    day_field = "rated_on"
    fields = ("base", "quote", "plain_rate", "rated_on", "source", "entered_by", "entered_at")
    readonly_fields = ("plain_rate",)
    change_list_template = "admin/donations/rate/change_list.html"

    @admin.display(description=gettext_lazy("rate"), ordering="rate")
    def plain_rate(self, rate: Rate) -> str:
        return exact_number(rate.rate)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="donations_rate_import"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("donations.import_rate")
        return super().changelist_view(request, {**(extra_context or {}), "may_import": may})

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """The form; then what the table holds, with the same form hidden behind the button that enters it."""
        user = require(request, "donations.import_rate")
        form = RatesForm(*sent(request))
        found = None
        if request.method == "POST" and form.is_valid():
            try:
                if form.cleaned_data["is_seen"]:
                    return self._entered(request, form, by=user)
                found = rates.read(**self._table(form), at=timezone.now())
            except UnreadableRates as refusal:
                form.add_error("file" if form.cleaned_data["file"] else "table", str(refusal))
        return page(
            self,
            request,
            "admin/donations/rate/import.html",
            title=_("Import exchange rates"),
            form=form,
            fieldset=fieldset(form),
            found=found,
            shown=found.new[:SHOWN] if found else (),
            more=max(len(found.new) - SHOWN, 0) if found else 0,
            table=self._table(form) if found else None,
        )

    def _table(self, form: RatesForm) -> dict[str, str]:
        return {name: form.cleaned_data[name] for name in ("base", "source")} | {
            "text": form.cleaned_data["table"]
        }

    def _entered(self, request: HttpRequest, form: RatesForm, *, by: User) -> HttpResponse:
        done = rates.enter(**self._table(form), by=by, at=timezone.now())
        count = len(done.new)
        messages.success(
            request,
            ngettext("%(count)d rate entered.", "%(count)d rates entered.", count)
            % {"count": count},
        )
        return HttpResponseRedirect(reverse("admin:donations_rate_changelist"))
