"""The forms of a promise: how much, when and how often; and the change of what is still to come."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from appeals.models import Appeal
from defensefund.days import DayField

from .checkout import Gift
from .currencies import GIVING
from .forms import FundChoiceField, SentOnceForm, read_amount
from .models import BankAccount, Condition, Fund, Pledge
from .month_days import months_later
from .pledges import MOST_PARTS, Promise
from .schedule import HORIZON_MONTHS, Part, Schedule, monthly, weekly
from .stripe_facts import is_charged
from .stripe_facts import step as stripe_step

WITHOUT_END = "without_end"
# Days of one's own choice on one page; whoever wants more promises again.
ROWS = 8
LATEST = timedelta(days=2 * 365)

BAD_PARTS: Mapping[str, Any] = {
    "none": _("Choose at least one day."),
    "too_many": _("That is more than can be promised at once. Choose fewer times."),
    "twice": _("This day stands here twice. Choose another, or put the two amounts together."),
    "behind": _("This day is behind, or another part is due on it or later. Choose a later one."),
    "amount": _("Write an amount above zero."),
}


def _sum(**options: Any) -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        **options,
    )


def _fund() -> FundChoiceField:
    return FundChoiceField(
        Fund.objects.none(),
        label=_("What it is for"),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": _("Choose what your gift is for."),
            "invalid_choice": _("This purpose takes no gifts any more. Please choose another."),
        },
    )


class ScheduleForm(forms.Form):
    """How much and when. After is_valid(): `parts`, `frequency`, `without_end`. `after`: the last day that cannot be chosen."""

    amount = _sum(label=_("How much each time"))
    rhythm = forms.ChoiceField(
        label=_("When"),
        widget=forms.RadioSelect,
        choices=[
            (Pledge.Frequency.ONCE.value, _("Once, later")),
            (Pledge.Frequency.WEEKLY.value, _("Every week, several times")),
            (Pledge.Frequency.MONTHLY.value, _("Every month, several times")),
            (WITHOUT_END, _("Every month, until I end it")),
            (Pledge.Frequency.DATES.value, _("On days of my own choice")),
        ],
        initial=Pledge.Frequency.MONTHLY.value,
        error_messages={"required": _("Choose once, every week, every month or your own days.")},
    )
    first_on = DayField(label=_("First day"), required=False)
    times = forms.IntegerField(
        label=_("How many times"),
        required=False,
        initial=6,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "min": 2, "max": MOST_PARTS}),
        error_messages={"invalid": _("Write a whole number, like 6.")},
    )

    def __init__(self, *args: Any, currency: str, after: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency, self.after = currency, after
        self.language = get_language() or "es"
        self.range = GIVING[currency]
        earliest = after + timedelta(days=1)
        self.fields["first_on"].initial = months_later(earliest, 1)
        for number in range(1, ROWS + 1):
            self.fields[f"day_{number}"] = DayField(label=_("Day"), required=False)
            self.fields[f"sum_{number}"] = _sum(label=_("Amount"))
        for name, field in self.fields.items():
            if name == "first_on" or name.startswith("day_"):
                field.widget.attrs |= {
                    "min": earliest.isoformat(),
                    "max": (after + LATEST).isoformat(),
                }
        self.parts: tuple[Part, ...] = ()

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"day_{n}"], self[f"sum_{n}"]) for n in range(1, ROWS + 1)]

    @property
    def frequency(self) -> Pledge.Frequency:
        rhythm = self.cleaned_data["rhythm"]
        return Pledge.Frequency("monthly" if rhythm == WITHOUT_END else rhythm)

    @property
    def without_end(self) -> bool:
        return bool(self.cleaned_data["rhythm"] == WITHOUT_END)

    @property
    def total(self) -> Decimal:
        return sum((amount for _day, amount in self.parts), Decimal(0))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        rhythm = cleaned.get("rhythm")
        if rhythm == Pledge.Frequency.DATES:
            parts = self._own_days(cleaned)
        elif rhythm:
            parts = self._rhythm(cleaned, rhythm)
        else:
            parts = []
        self.parts = tuple(sorted(parts))
        return cleaned

    def _rhythm(self, cleaned: dict[str, Any], rhythm: str) -> list[Part]:
        amount = self._amount("amount", cleaned.get("amount", ""))
        first = cleaned.get("first_on")
        if first is None and not self.has_error("first_on"):
            self.add_error("first_on", gettext("Choose the first day."))
        times = self._times(cleaned, rhythm)
        if amount is None or times is None or not self._fits("first_on", first):
            return []
        assert first is not None
        if rhythm == WITHOUT_END:
            # As far as the horizon from today, whenever it begins; later months are added as time goes.
            horizon = months_later(max(first, self.after), HORIZON_MONTHS)
            return [part for part in monthly(first, amount, times) if part[0] <= horizon]
        return weekly(first, amount, times) if rhythm == "weekly" else monthly(first, amount, times)

    def _times(self, cleaned: dict[str, Any], rhythm: str) -> int | None:
        if rhythm == Pledge.Frequency.ONCE:
            return 1
        if rhythm == WITHOUT_END:
            return HORIZON_MONTHS + 1
        times: int | None = cleaned.get("times")
        if self.has_error("times"):
            return None
        if times is None or not 2 <= times <= MOST_PARTS:
            self.add_error(
                "times", gettext("Write how many times, from 2 to %(most)d.") % {"most": MOST_PARTS}
            )
            return None
        return times

    def _own_days(self, cleaned: dict[str, Any]) -> list[Part]:
        parts: dict[date, Decimal] = {}
        for number in range(1, ROWS + 1):
            day, text = cleaned.get(f"day_{number}"), cleaned.get(f"sum_{number}", "")
            if day is None:
                if text and not self.has_error(f"day_{number}"):
                    self.add_error(f"day_{number}", gettext("Choose the day for this amount."))
                continue
            if day in parts:
                self.add_error(f"day_{number}", BAD_PARTS["twice"])
            name = f"sum_{number}" if text else "amount"
            amount = self._amount(name, text or cleaned.get("amount", ""))
            if self._fits(f"day_{number}", day) and amount is not None:
                parts[day] = amount
        if not parts and not self.errors:
            self.add_error("day_1", BAD_PARTS["none"])
        return list(parts.items())

    def _amount(self, name: str, text: str) -> Decimal | None:
        """The amount in the field `name`; None when it is none, and then the field says so, once."""
        if self.has_error(name):
            return None
        try:
            if not text.strip():
                raise forms.ValidationError(_("Write the amount you want to give."))
            return read_amount(text.strip(), self.currency)
        except forms.ValidationError as error:
            self.add_error(name, error)
            return None

    def _fits(self, name: str, day: date | None) -> bool:
        if day is None or self.has_error(name):
            return False
        if day <= self.after:
            self.add_error(name, BAD_PARTS["behind"])
        elif day > self.after + LATEST:
            self.add_error(
                name, gettext("This day is more than two years away. Choose an earlier one.")
            )
        return not self.has_error(name)


class PromiseForm(ScheduleForm, SentOnceForm):
    """`currency` is chosen before, by a link, as when giving at once."""

    fund = _fund()
    method = forms.ChoiceField(
        label=_("How you will give"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how you will give.")},
    )
    email = forms.EmailField(
        label=_("E-mail for reminders and receipts"),
        required=False,
        max_length=254,
        help_text=_(
            "Not needed to promise, but without it we cannot remind you, and only the link on the next page leads "
            "back to the promise. It is kept encrypted and shown to nobody."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"invalid": _("This is no e-mail address. Write it like ana@example.org.")},
    )

    def __init__(
        self, *args: Any, appeal: Appeal, currency: str, today: date, **kwargs: Any
    ) -> None:
        super().__init__(*args, currency=currency, after=today - timedelta(days=1), **kwargs)
        self.appeal = appeal
        funds = Fund.objects.offered_for(appeal).with_public_title(self.language)
        self.fields["fund"].queryset = funds  # type: ignore[attr-defined]
        self.fields["fund"].initial = first = funds.first()
        self.has_fund = first is not None
        methods = [
            (Pledge.Method.CARD_LATER.value, _("By card, each time from my private link")),
            (Pledge.Method.CASH.value, _("In cash or by cheque, handed over")),
        ]
        if BankAccount.objects.open_for_transfers(currency).exists():
            methods.insert(0, (Pledge.Method.TRANSFER.value, _("By bank transfer")))
        self.fields["method"].choices = methods  # type: ignore[attr-defined]
        self.fields["method"].initial = methods[0][0]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        by_card = cleaned.get("method") == Pledge.Method.CARD_LATER
        if by_card and not all(is_charged(amount, self.currency) for _day, amount in self.parts):
            step = f"{stripe_step(self.currency):f}"
            self.add_error(
                "method",
                gettext("Cards carry %(currency)s in steps of %(step)s only.")
                % {"currency": self.currency, "step": step},
            )
        return cleaned

    @property
    def purpose(self) -> str:
        """What was chosen, as the form calls it; only after is_valid()."""
        field = self.fields["fund"]
        assert isinstance(field, FundChoiceField)
        return field.label_from_instance(self.cleaned_data["fund"])

    @property
    def way(self) -> str:
        """How it will be given, as the form calls it; only after is_valid()."""
        choices: dict[str, Any] = dict(self.fields["method"].choices)  # type: ignore[attr-defined]
        return str(choices[self.cleaned_data["method"]])

    def promise(self) -> Promise:
        """The checked promise; only after is_valid()."""
        data = self.cleaned_data
        return Promise(
            appeal=self.appeal,
            fund=data["fund"],
            method=Pledge.Method(data["method"]),
            frequency=self.frequency,
            parts=self.parts,
            without_end=self.without_end,
            currency=self.currency,
            email=data["email"],
            language=self.language,
        )


class ConditionForm(SentOnceForm):
    """A gift that is charged only if the condition is met. The address is needed: both outcomes are announced."""

    amount = _sum(label=_("How much"))
    fund = _fund()
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        help_text=_(
            "Needed, so that we can tell you whether the card is charged or forgotten. Kept encrypted, shown to nobody."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Write your e-mail address: you will be told what becomes of your card."),
            "invalid": _("This is no e-mail address. Write it like ana@example.org."),
        },
    )

    def __init__(self, *args: Any, condition: Condition, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.condition, self.currency = condition, condition.currency
        self.language = get_language() or "es"
        self.range = GIVING[self.currency]
        funds = Fund.objects.offered_for(condition.appeal).with_public_title(self.language)
        self.fields["fund"].queryset = funds  # type: ignore[attr-defined]
        self.fields["fund"].initial = funds.first()

    def clean_amount(self) -> Decimal:
        text = self.cleaned_data["amount"].strip()
        if not text:
            raise forms.ValidationError(_("Write the amount you want to give."))
        amount = read_amount(text, self.currency)
        if not is_charged(amount, self.currency):
            raise forms.ValidationError(
                _("Cards carry %(currency)s in steps of %(step)s only."),
                params={"currency": self.currency, "step": f"{stripe_step(self.currency):f}"},
            )
        return amount

    def gift(self) -> Gift:
        """The checked gift; only after is_valid()."""
        data = self.cleaned_data
        return Gift(
            appeal=self.condition.appeal,
            fund=data["fund"],
            method=Pledge.Method.KEPT_CARD,
            amount=data["amount"],
            currency=self.currency,
            email=data["email"],
            language=self.language,
            condition=self.condition,
        )


class ChangeForm(ScheduleForm):
    """What is to come instead of the parts that are neither due nor paid."""

    @classmethod
    def of(cls, pledge: Pledge, schedule: Schedule, data: Any) -> "ChangeForm":
        """The form filled with what is promised now."""
        kept = [p.due_on for p in schedule.parts if p.paid]
        coming = [p for p in schedule.parts if p.due_on > schedule.today and not p.paid]
        first = coming[0] if coming else None
        initial: dict[str, Any] = {
            "rhythm": WITHOUT_END if pledge.is_open_ended else pledge.frequency,
            "amount": _plain(first.amount if first else pledge.amount),
            "times": max(len(coming), 2),
        }
        if first:
            initial["first_on"] = first.due_on
        if pledge.frequency == Pledge.Frequency.DATES:
            for number, part in enumerate(coming[:ROWS], start=1):
                initial |= {f"day_{number}": part.due_on, f"sum_{number}": _plain(part.amount)}
        after = max([schedule.today, *kept])
        return cls(data, currency=pledge.currency, after=after, initial=initial)


def _plain(amount: Decimal) -> str:
    """As people write it: 25, 25.5; never 25.000, which would be read as grouping."""
    return f"{amount.normalize():f}"
