"""Supporters in the office: found by the address somebody writes from, and never shown with one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminEmailInputWidget
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appeals.models.language import language_name
from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin, RowsInline, fieldset, page, require, sent
from defensefund.privacy import keyed_hash
from defensefund.templatetags.formats import money

from ..models import Pledge, Supporter
from ..references import format_reference


class FindForm(forms.Form):
    """Posted, since an address in a page's address would stay in histories and logs."""

    email = forms.EmailField(
        label=gettext_lazy("Their e-mail address"),
        help_text=gettext_lazy("The whole address, as they gave it with the gift."),
        widget=AdminEmailInputWidget(attrs={"autocomplete": "off"}),
    )
    supporter: Supporter

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        found = Supporter.objects.filter(email_hash=keyed_hash(email, purpose="email")).first()
        if found is None:
            raise forms.ValidationError(
                _("Nobody gave with this address, or they had themselves forgotten.")
            )
        self.supporter = found
        return email


def _gifts() -> Coalesce:
    """Counted for the rows of the page alone: a join would count all of them to sort some."""
    gifts = Pledge.objects.filter(supporter=OuterRef("pk")).order_by().values("supporter")
    return Coalesce(Subquery(gifts.annotate(count=Count("pk")).values("count")), 0)


class GiftInline(RowsInline):
    model = Pledge
    fields = ("created_at", "fund", "method", "frequency", "written", "reference_written")
    readonly_fields = ("written", "reference_written")
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pledge]:
        return super().get_queryset(request).select_related("fund").order_by("-pk")

    @admin.display(description=gettext_lazy("amount"))
    def written(self, pledge: Pledge) -> str:
        return money(pledge.amount, pledge.currency)

    @admin.display(description=gettext_lazy("transfer reference"))
    def reference_written(self, pledge: Pledge) -> str:
        return format_reference(pledge.reference) if pledge.reference else "–"


@admin.register(Supporter)
class SupporterAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_at", "language_named", "gifts")
    list_filter = (DayFilter,)
    day_field = "created_at"
    ordering = ("-created_at", "-pk")
    is_long = True
    search_fields = ("=pk",)
    search_help_text = gettext_lazy("The supporter's number.")
    fields = ("created_at", "language_named")
    readonly_fields = ("language_named",)
    inlines = (GiftInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Supporter]:
        supporters: QuerySet[Supporter] = super().get_queryset(request)
        return supporters.annotate(gifts=_gifts())

    def get_urls(self) -> list[URLPattern]:
        find = self.admin_site.admin_view(self.find_view)
        return [path("find/", find, name="donations_supporter_find"), *super().get_urls()]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        require(request, "donations.view_supporter")
        data, _files = sent(request)
        form = FindForm(data)
        if form.is_valid():
            messages.success(request, _("This is whoever gave with that address."))
            return HttpResponseRedirect(
                reverse("admin:donations_supporter_change", args=[form.supporter.pk])
            )
        return page(
            self,
            request,
            "admin/donations/record.html",
            title=_("Find a supporter"),
            form=form,
            fieldsets=fieldset(form),
        )

    @admin.display(description=gettext_lazy("language"))
    def language_named(self, supporter: Supporter) -> str:
        return language_name(supporter.language)

    @admin.display(description=gettext_lazy("supporter"), ordering="pk")
    def name(self, supporter: Supporter) -> str:
        return str(supporter)

    @admin.display(description=gettext_lazy("gifts"))
    def gifts(self, supporter: Any) -> int:
        count: int = supporter.gifts
        return count
