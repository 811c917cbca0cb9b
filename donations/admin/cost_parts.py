"""Who shares a cost, and when what of it falls due: two forms on pages of their own, and what is shown of both."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from appeals.models import Defendant
from defensefund.days import DayField
from defensefund.verbs import Verb, VerbForm

from .. import costs
from ..currencies import exponent
from ..models import LegalCost
from ..models.cost_share import split
from ..month_days import months_later
from ..schedule import Schedule, cover
from .spending_forms import read_amount, typed

PARTS, AMOUNTS = "parts", "amounts"
UMA_PLACES = 4
MOST_INSTALMENTS = 120


def plan_of(cost: Any, *, today: date) -> Schedule | None:
    """The agreed instalments of `cost` (`with_figures`), with what is paid spread over them; None without a plan."""
    parts = list(cost.instalments.values_list("due_on", "amount"))
    if not parts:
        return None
    still_open = cost.uma_open()
    paid = cost.paid_out if still_open is None else cost.uma - still_open
    return cover(parts, paid, today=today)


class ShareForm(VerbForm):
    """One field for each defendant of the case; those left empty have no share."""

    way = forms.ChoiceField(
        label=gettext_lazy("Shares are"),
        choices=[
            (PARTS, gettext_lazy("parts, like 1 and 1, or 2 and 3")),
            (AMOUNTS, gettext_lazy("amounts that add up to what is owed")),
        ],
        initial=PARTS,
        widget=forms.RadioSelect,
    )

    def prepare(self) -> None:
        now = {share.defendant_id: share for share in self.row.shares.all()}
        if any(share.parts is None for share in now.values()):
            self.fields["way"].initial = AMOUNTS
        self.people = {f"share_{each.pk}": each for each in self.row.case.defendants.all()}
        for name, person in self.people.items():
            share = now.get(person.pk)
            initial = "" if share is None else share.parts or typed(share.amount, self.row.currency)
            self.fields[name] = forms.CharField(
                label=person.alias,
                required=False,
                initial=initial,
                max_length=30,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        shares: dict[Defendant, Any] = {}
        for name, person in self.people.items():
            if not (text := cleaned.get(name, "").strip()):
                continue
            try:
                shares[person] = self._read(text, cleaned.get("way"))
            except ValidationError as error:
                self.add_error(name, error)
        return cleaned | {"shares": shares}

    def _read(self, text: str, way: str | None) -> int | Decimal:
        if way == AMOUNTS:
            return read_amount(text, self.row.currency)
        if not re.fullmatch(r"[0-9]{1,4}", text) or not int(text):
            raise ValidationError(_("Parts are whole numbers, like 1, 2 or 3."))
        return int(text)


class PlanForm(VerbForm):
    """Equal instalments, counted out; or each in a line of its own. Neither: there is no plan any more."""

    count = forms.IntegerField(
        label=gettext_lazy("Equal instalments"),
        required=False,
        min_value=1,
        max_value=MOST_INSTALMENTS,
        help_text=gettext_lazy("How many; what does not divide is in the later ones."),
    )
    first_on = DayField(label=gettext_lazy("The first on"), required=False)
    every = forms.ChoiceField(
        label=gettext_lazy("The others"),
        choices=[("month", gettext_lazy("every month")), ("week", gettext_lazy("every week"))],
    )
    lines = forms.CharField(
        label=gettext_lazy("Or each by itself"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One a line, day and amount: 2026-03-31 250.50. All empty: no plan."
        ),
    )

    def prepare(self) -> None:
        self.fields["lines"].initial = "\n".join(
            f"{part.due_on.isoformat()} {self._typed(part.amount)}"
            for part in self.row.instalments.all()
        )

    def _typed(self, amount: Decimal) -> str:
        if self.row.uma is None:
            return typed(amount, self.row.currency)
        return f"{amount.normalize():f}"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("count"):
            if "first_on" not in self.errors and not cleaned.get("first_on"):
                self.add_error("first_on", _("Say when the first is due."))
            if self.errors:
                return cleaned
            return cleaned | {"instalments": self._counted(cleaned)}
        if cleaned.get("first_on"):
            self.add_error("count", _("Say how many instalments there are."))
        return cleaned | {"instalments": self._listed(cleaned.get("lines", ""))}

    def _counted(self, cleaned: dict[str, Any]) -> list[tuple[date, Decimal]]:
        count, first = cleaned["count"], cleaned["first_on"]
        in_uma = self.row.uma is not None
        amounts = split(
            self.row.uma if in_uma else self.row.owed,
            [1] * count,
            UMA_PLACES if in_uma else exponent(self.row.currency),
        )
        if cleaned["every"] == "week":
            days = [first + timedelta(weeks=number) for number in range(count)]
        else:
            days = [months_later(first, number) for number in range(count)]
        return list(zip(days, amounts, strict=True))

    def _listed(self, text: str) -> list[tuple[date, Decimal]]:
        found = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            day, _gap, amount = line.strip().partition(" ")
            try:
                found.append((date.fromisoformat(day), self._amount(amount.strip())))
            except (ValueError, ValidationError):
                self.add_error(
                    "lines",
                    _("Line %(number)d: write a day and an amount, like 2026-03-31 250.50.")
                    % {"number": number},
                )
        if len(found) > MOST_INSTALMENTS:
            self.add_error("lines", _("No more than %(most)d.") % {"most": MOST_INSTALMENTS})
        return found

    def _amount(self, text: str) -> Decimal:
        if self.row.uma is None:
            return read_amount(text, self.row.currency)
        if not re.fullmatch(r"[0-9]{1,12}([.,][0-9]{1,4})?", text):
            raise ValueError(text)
        return Decimal(text.replace(",", "."))


def share(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    shares = data["shares"]
    costs.share(cost, **{data["way"]: shares})
    if not shares:
        return _("This cost is %(person)s's alone.") % {"person": cost.defendant}
    return ngettext(
        "%(count)d person shares this cost.", "%(count)d people share this cost.", len(shares)
    ) % {"count": len(shares)}


def agree(cost: LegalCost, data: dict[str, Any], by: User, at: datetime) -> str:
    made = costs.agree_plan(cost, data["instalments"])
    if not made:
        return _("There are no instalments any more.")
    return ngettext(
        "%(count)d instalment is agreed.", "%(count)d instalments are agreed.", len(made)
    ) % {"count": len(made)}


def why_no_plan(cost: Any, _by: User) -> str:
    if cost.ended_on:
        return _("This cost has ended.")
    if cost.to_pay <= 0:
        return _("Nothing of it is still to be paid.")
    return ""


def why_no_sharing(cost: Any, by: User) -> str:
    if why := why_no_plan(cost, by):
        return why
    if cost.case.defendants.count() < 2 and not cost.shares.exists():
        return _("There is only one defendant in this case.")
    return ""


SHARE = Verb(
    "share",
    gettext_lazy("Share among defendants"),
    gettext_lazy(
        "Shares are exact: each is cut to the smallest unit of the currency, and what was cut off is carried to the "
        "next, so the later of equal shares may be one unit larger. Leave all empty to end the sharing."
    ),
    "change_legalcost",
    share,
    ShareForm,
    {costs.CostError: ""},
    closed=why_no_sharing,
)
PLAN = Verb(
    "plan",
    gettext_lazy("Agree instalments"),
    gettext_lazy(
        "By which days how much is due. Together they are what is owed; payments cover the oldest first."
    ),
    "change_legalcost",
    agree,
    PlanForm,
    {costs.CostError: ""},
    closed=why_no_plan,
)
