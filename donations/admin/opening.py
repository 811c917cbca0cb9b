"""What lay on a bank account before its first statement: what is known of it, and the form that asks to book the rest."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import fieldset, page, sent
from defensefund.templatetags.formats import money

from .. import openings, past
from ..models import BankAccount, Fund, PastImport
from ..openings import Opening
from .spending_forms import AmountField, typed


class OpeningForm(forms.Form):
    fund = forms.ModelChoiceField(
        Fund.objects.open().order_by("name"),
        label=gettext_lazy("Fund it is for"),
        help_text=gettext_lazy("Money of several purposes: book a part to each fund."),
        error_messages={"required": gettext_lazy("Choose the fund the money is for.")},
    )
    amount = AmountField()

    def __init__(self, data: Any, *, opening: Opening) -> None:
        super().__init__(data)
        self.account = opening.account
        amount = self.fields["amount"]
        assert isinstance(amount, AmountField)
        amount.currency = self.account.currency
        amount.initial = typed(opening.missing, self.account.currency)

    def act(self, *, by: User, at: datetime) -> PastImport:
        """Raises PastError's kinds."""
        return past.request_opening(account=self.account, **self.cleaned_data, by=by, at=at)


def opening_page(
    model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, account: BankAccount, *, by: User
) -> HttpResponse:
    opening = openings.opening_of(account)
    form = None
    if opening and opening.missing > 0:
        data, _files = sent(request)
        form = OpeningForm(data, opening=opening)
        if form.is_valid():
            try:
                row = form.act(by=by, at=timezone.now())
            except (past.NothingMissing, past.TooMuch) as refusal:
                form.add_error("amount", str(refusal))
            except past.PastError as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("Asked for: another person approves it."))
                return HttpResponseRedirect(
                    reverse("admin:donations_pastimport_change", args=[row.pk])
                )
    return page(
        model_admin,
        request,
        "admin/donations/bankaccount/opening.html",
        title=_("What was there before the first statement"),
        account=account,
        opening=opening,
        form=form,
        fieldsets=fieldset(form) if form else (),
        waiting=PastImport.objects.undecided().count(),
    )


def opening_note(account: BankAccount, *, by: User) -> SafeString | None:
    """The sentence for whoever has imported a statement, where something was there before; else None."""
    opening = openings.opening_of(account)
    if opening is None or not opening.missing:
        return None
    said = _(
        "The first statement of %(account)s opens with %(stated)s, and the books have %(booked)s there before it."
    ) % {
        "account": account,
        "stated": money(opening.stated, account.currency),
        "booked": money(opening.booked, account.currency),
    }
    if not by.has_perm("donations.request_pastimport"):
        return format_html("{}", said)
    href = reverse("admin:donations_bankaccount_opening", args=[account.pk])
    return format_html('{} <a href="{}">{}</a>', said, href, _("Say which fund it is for"))
