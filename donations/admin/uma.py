"""Values of the UMA in the office: a table is pasted or uploaded and looked at first; one value is typed into a form."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.days import DayField
from defensefund.office import ReadOnlyAdmin, fieldset, page, require, sent
from defensefund.templatetags.formats import money, plain_day

from .. import uma
from ..models import UmaValue
from ..models.uma import CURRENCY
from ..uma_tables import LARGEST, UnreadableUma
from .table_form import TableForm

# More rows than anybody looks at; the count of the rest is said.
SHOWN = 100


class PastDayField(DayField):
    """A day that is not ahead."""

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day and day > timezone.now().date():
            raise ValidationError(_("This day is still to come: enter the value on that day."))
        return day


class UmaValueForm(forms.Form):
    value = forms.DecimalField(
        label=gettext_lazy("Pesos for one UMA"),
        min_value=0,
        max_digits=18,
        decimal_places=4,
        help_text=gettext_lazy("As the ruling says, with a point: 20595.50."),
    )
    effective_from = PastDayField(label=gettext_lazy("In effect from"))
    published_on = PastDayField(
        label=gettext_lazy("Published on"),
        help_text=gettext_lazy("Payments up to then stand as they were made."),
    )
    ruling = forms.CharField(
        label=gettext_lazy("Ruling"),
        max_length=200,
        help_text=gettext_lazy("The court's act that sets it, by name and number."),
    )
    source = forms.CharField(
        label=gettext_lazy("Source"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("Where it can be read: a link or a page."),
    )

    def clean_value(self) -> Any:
        value = self.cleaned_data["value"]
        if not value:
            raise ValidationError(_("The value is above zero."))
        return value


class UmaTableForm(TableForm):
    largest = LARGEST
    too_large = gettext_lazy("The file is larger than half a megabyte.")


@admin.register(UmaValue)
class UmaValueAdmin(ReadOnlyAdmin):
    list_display = (
        "effective_from", "pesos", "standing", "published_on", "ruling", "entered_by", "entered_at",
    )  # fmt: skip
    list_display_links = ("effective_from",)
    list_select_related = ("entered_by",)
    list_per_page = 50
    show_full_result_count = False
    fields = (
        "pesos", "effective_from", "standing", "published_on", "ruling", "source", "entered_by", "entered_at",
    )  # fmt: skip
    readonly_fields = ("pesos", "standing")
    change_list_template = "admin/donations/umavalue/change_list.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return UmaValue.objects.with_standing()

    @admin.display(description=gettext_lazy("state"))
    def standing(self, row: Any) -> SafeString | str:
        if row.replaced_by is not None:
            said = _("replaced by %(value)s") % {"value": money(row.replaced_by, CURRENCY)}
            return format_html('<span class="tag">{}</span>', said)
        if row.followed_on is None:
            return format_html('<span class="tag tag--good">{}</span>', _("in force today"))
        last_on = row.followed_on - timedelta(days=1)
        return _("in force until %(day)s") % {"day": plain_day(last_on)}

    @admin.display(description=gettext_lazy("pesos for one UMA"), ordering="value")
    def pesos(self, row: UmaValue) -> str:
        return money(row.value, CURRENCY)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"donations_umavalue_{name}")
            for name, view in (("enter", self.enter_view), ("import", self.import_view))
        ]
        return own + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("donations.enter_umavalue")
        return super().changelist_view(request, {**(extra_context or {}), "may_enter": may})

    def enter_view(self, request: HttpRequest) -> HttpResponse:
        user = require(request, "donations.enter_umavalue")
        form = UmaValueForm(sent(request)[0])
        if form.is_valid():
            done = uma.enter_one(**form.cleaned_data, by=user, at=timezone.now())
            return self._entered(request, done)
        return page(
            self,
            request,
            "admin/donations/umavalue/enter.html",
            title=_("Enter a value of the UMA"),
            form=form,
            fieldset=fieldset(form),
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """The form; then what the table holds, with the same form hidden behind the button that enters it."""
        user = require(request, "donations.enter_umavalue")
        form = UmaTableForm(*sent(request))
        found = None
        if form.is_valid():
            try:
                if form.cleaned_data["is_seen"]:
                    return self._imported(request, form, by=user)
                found = uma.read(form.cleaned_data["table"], at=timezone.now())
            except UnreadableUma as refusal:
                form.add_error("file" if form.cleaned_data["file"] else "table", str(refusal))
        return page(
            self,
            request,
            "admin/donations/umavalue/import.html",
            title=_("Import values of the UMA"),
            form=form,
            fieldset=fieldset(form),
            found=found,
            currency=CURRENCY,
            shown=found.new[:SHOWN] if found else (),
            more=max(len(found.new) - SHOWN, 0) if found else 0,
            table=form.cleaned_data["table"] if found else "",
        )

    def _imported(self, request: HttpRequest, form: UmaTableForm, *, by: User) -> HttpResponse:
        return self._entered(
            request, uma.enter(form.cleaned_data["table"], by=by, at=timezone.now())
        )

    def _entered(self, request: HttpRequest, done: uma.UmaRead) -> HttpResponse:
        if not done.new:
            messages.info(request, _("All of it was known already: nothing changed."))
        else:
            entered = ngettext(
                "%(count)d value entered.", "%(count)d values entered.", len(done.new)
            ) % {"count": len(done.new)}
            revalued = ngettext(
                "%(count)d open cost in UMA is owed at the newest value.",
                "%(count)d open costs in UMA are owed at the newest value.",
                done.open_costs,
            ) % {"count": done.open_costs}
            messages.success(request, f"{entered} {revalued}")
            for doubt in done.doubts:
                messages.warning(request, doubt)
        return HttpResponseRedirect(reverse("admin:donations_umavalue_changelist"))
