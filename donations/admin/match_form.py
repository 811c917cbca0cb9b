"""The form on which a person says what a bank line is."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import ledger, reconciliation
from ..currencies import written
from ..models import (
    AccountKey,
    BankAccount,
    Fund,
    LegalCost,
    LineExplanation,
    Payout,
    Pledge,
    StatementLine,
    StatementMatch,
)
from ..reconciliation import Certainty, Suggestion
from ..references import find_references, format_reference, slips
from .bail_back import bail_back, match_or_ask, match_with
from .match_fields import DepositField, PartField, PayoutField, offer_bearers

PLEDGE, GIFT, CHARGE, OWN, BAIL, LESS, NOTE = (
    "pledge", "gift", "charge", "own", "bail", "less", "note",
)  # fmt: skip


class MatchForm(forms.Form):
    """`choice` is a candidate's token or one of the ways named above; the other fields belong to these."""

    choice = forms.ChoiceField(
        label=gettext_lazy("What the line is"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose what the line is."),
            "invalid_choice": gettext_lazy(
                "This candidate does not fit any more: somebody matched it, or it was changed. Look again."
            ),
        },
    )
    # How sure the candidate was on the page where it was pressed.
    seen = forms.TypedChoiceField(
        choices=[(certainty.value, certainty.name) for certainty in Certainty],
        coerce=lambda value: Certainty(int(value)),
        required=False,
        empty_value=None,
        widget=forms.HiddenInput,
    )
    # What was open of the line then.
    open = forms.DecimalField(required=False, widget=forms.HiddenInput)
    part = PartField(
        label=gettext_lazy("Only a part of it"),
        required=False,
        help_text=gettext_lazy(
            "Leave it empty for all that is open. Otherwise the rest stays open, and you say next what that is."
        ),
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference of the gift"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("As the supporter was given it: RF and fourteen characters."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 30}),
    )
    gift_fund = forms.ModelChoiceField(
        Fund.objects.open(), label=gettext_lazy("Fund the gift is for"), required=False
    )
    charge_fund = forms.ModelChoiceField(
        Fund.objects.open(), label=gettext_lazy("Fund that bears or earns it"), required=False
    )
    below_zero = forms.BooleanField(
        label=gettext_lazy("Book it to this fund, and below zero"), required=False
    )
    own_account = forms.ModelChoiceField(
        BankAccount.objects.none(), label=gettext_lazy("The other account"), required=False
    )
    own_fee_fund = forms.ModelChoiceField(
        Fund.objects.open(),
        label=gettext_lazy("Fund that bears what a bank kept of it"),
        required=False,
        help_text=gettext_lazy(
            "Only where less arrived than left: the rest is booked as this fund's bank fee."
        ),
    )
    own_another = forms.BooleanField(
        label=gettext_lazy("It is another transfer than the one that waits"), required=False
    )
    less_payout = PayoutField(
        Payout.objects.none(), label=gettext_lazy("The payout"), required=False
    )
    less_fund = forms.ModelChoiceField(
        Fund.objects.open(),
        label=gettext_lazy("Fund that bears what the bank kept"),
        required=False,
    )
    bail_cost = DepositField(
        LegalCost.objects.none(),
        label=gettext_lazy("Deposit that came back, or a part of it"),
        required=False,
        help_text=gettext_lazy("It goes to the funds the deposit was taken from."),
    )
    explanation = forms.CharField(
        label=gettext_lazy("What it is"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 50}),
        help_text=gettext_lazy("In a few words, without names of supporters."),
    )

    def __init__(
        self,
        data: Any,
        *,
        line: StatementLine,
        suggestions: Sequence[Suggestion],
        may_return_bail: bool = False,
    ) -> None:
        super().__init__(data)
        self.line = line
        self.suggestions = {each.token: each for each in suggestions if not each.obstacle}
        # What own transfers and payouts less a fee turn out to be; set when they are checked.
        self.target: reconciliation.Target
        # The field whose fund would go below zero, so that the person has to say it twice.
        self.asks_below_zero = ""
        # Whether a transfer waits that the line is likely the other side of, so that the person has to say that it is not.
        self.asks_another = False
        part = self.fields["part"]
        assert isinstance(part, PartField)
        part.currency = line.currency
        choice = self.fields["choice"]
        assert isinstance(choice, forms.ChoiceField)
        others = BankAccount.objects.filter(currency=line.currency, closed_on=None)
        own: Any = self.fields["own_account"]
        own.queryset = others.exclude(pk=line.account_id).order_by("name", "code")
        self.has_other_accounts = own.queryset.exists()
        held: Any = self.fields["bail_cost"]
        if may_return_bail and line.amount > 0:
            costs = LegalCost.objects.with_bail_held(line.currency).with_figures()
            held.queryset = costs.select_related("defendant").order_by("-pk")
        self.has_bail_held = held.queryset.exists()
        payouts: Any = self.fields["less_payout"]
        if line.amount > 0:
            payouts.queryset = Payout.objects.in_transit().filter(
                currency=line.currency, amount__gt=line.open_amount
            )
        self.has_larger_payouts = payouts.queryset.exists()
        fees = ("own_fee_fund", "less_fund") if line.amount > 0 else ("own_fee_fund", "charge_fund")
        offer_bearers(*(self.fields[name] for name in fees))
        ways = (
            (PLEDGE, GIFT, CHARGE, OWN, BAIL, LESS, NOTE)
            if line.amount > 0
            else (CHARGE, OWN, NOTE)
        )
        choice.choices = [(value, value) for value in (*self.suggestions, *ways)]

    def clean_reference(self) -> Pledge | None:
        if self.data.get("choice") != PLEDGE:
            return None
        written = self.cleaned_data["reference"]
        found = find_references(written)
        pledge = Pledge.objects.filter(reference__in=found).first()
        if pledge is not None:
            return pledge
        close = Pledge.objects.filter(reference__in=[slip.reference for slip in slips(written)])
        if meant := [format_reference(str(pledge.reference)) for pledge in close[:3]]:
            raise ValidationError(
                _(
                    "No gift was announced with this reference. One character away is: %(references)s."
                ),
                params={"references": ", ".join(meant)},
            )
        if not found:
            raise ValidationError(
                _(
                    "This is no complete reference: two check digits and twelve letters follow RF. Is a character wrong?"
                )
            )
        raise ValidationError(_("No gift was announced with this reference."))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        choice, seen = cleaned.get("choice"), cleaned.get("seen")
        suggestion = self.suggestions.get(choice or "")
        was_open = cleaned.get("open")
        is_stale = bool(suggestion and seen and suggestion.certainty > seen)
        if is_stale or (was_open is not None and was_open != self.line.open_amount):
            self.add_error(
                "choice",
                _(
                    "Something changed since you saw this candidate. Read the reasons again and press once more."
                ),
            )
        check = {
            GIFT: self._check_gift,
            CHARGE: self._check_charge,
            OWN: self._check_own,
            BAIL: self._check_bail,
            LESS: self._check_less,
            NOTE: self._check_note,
        }.get(choice or "")
        if check and "part" in cleaned:
            check(cleaned)
        return cleaned

    def _check_gift(self, said: dict[str, Any]) -> None:
        if not said.get("gift_fund"):
            self.add_error("gift_fund", _("Choose the fund the gift is for."))

    def _check_charge(self, said: dict[str, Any]) -> None:
        fund = said.get("charge_fund")
        if not fund:
            self.add_error(
                "charge_fund", _("Choose the fund that bears the fee or earns the interest.")
            )
        elif self.line.amount < 0:
            self._check_bears("charge_fund", fund, -self._signed(said))

    def _check_own(self, said: dict[str, Any]) -> None:
        other, fund = said.get("own_account"), said.get("own_fee_fund")
        if not other:
            self.add_error("own_account", _("Choose the account it went to, or came from."))
        elif not fund:
            self.target = reconciliation.Between(other)
            self._check_another(other, said)
        elif half := reconciliation.short_of(self.line, self._signed(said), other):
            self.target = reconciliation.BetweenLess(half.transfer, fund)
            self._check_bears("own_fee_fund", fund, half.side - self._signed(said))
        else:
            self.add_error(
                "own_fee_fund",
                _(
                    "No transfer with %(account)s waits here of which a bank could have kept something. Match the line of that "
                    "account first, or choose no fund."
                )
                % {"account": other},
            )

    def _check_bail(self, said: dict[str, Any]) -> None:
        if not said.get("bail_cost"):
            self.add_error("bail_cost", _("Choose the cost whose deposit came back."))

    def _check_another(self, other: BankAccount, said: dict[str, Any]) -> None:
        """What a bank kept a fee of would otherwise begin a second transfer, and neither be seen on the other side."""
        half = reconciliation.likely_short_of(self.line, self._signed(said), other)
        if half is None:
            return
        self.asks_another = True
        if not said.get("own_another"):
            self.add_error(
                "own_fee_fund",
                _(
                    "A transfer of %(amount)s with %(account)s waits for its other side, and here is %(less)s less. Choose the fund "
                    "that bears what a bank kept of it, or tick that it is another transfer."
                )
                % {
                    "amount": written(abs(half.side), self.line.currency),
                    "account": other,
                    "less": written(half.side - self._signed(said), self.line.currency),
                },
            )

    def _check_less(self, said: dict[str, Any]) -> None:
        payout, fund = said.get("less_payout"), said.get("less_fund")
        if not payout:
            self.add_error("less_payout", _("Choose the payout of which the bank kept something."))
        if not fund:
            self.add_error("less_fund", _("Choose the fund that bears what the bank kept."))
        if payout and fund:
            self.target = reconciliation.Less(payout, fund)
            self._check_bears("less_fund", fund, payout.amount - self._signed(said))

    def _check_note(self, said: dict[str, Any]) -> None:
        if not said.get("explanation"):
            self.add_error("explanation", _("Say in a few words what the line is."))

    def _signed(self, said: dict[str, Any]) -> Decimal:
        """What of the line is meant, with its sign."""
        part: Decimal | None = said["part"]
        if part is None:
            return self.line.open_amount
        return part if self.line.amount > 0 else -part

    def _check_bears(self, field: str, fund: Fund, fee: Decimal) -> None:
        """A fact is booked even below zero, but nobody does that unawares."""
        currency = self.line.currency
        has = ledger.balance(AccountKey.fund(fund, currency))
        if has >= fee:
            return
        self.asks_below_zero = field
        if not self.cleaned_data.get("below_zero"):
            self.add_error(
                field,
                _(
                    "%(fund)s has %(has)s: the fee of %(fee)s takes it below zero, and nothing can be set aside or paid from it "
                    "until two people cover that from another fund. Choose a fund that has the money, or tick that you mean it."
                )
                % {
                    "fund": fund,
                    "has": written(has, currency),
                    "fee": written(fee, currency),
                },
            )

    def _amount(self, suggestion: Suggestion | None) -> Decimal | None:
        """The part of the line, with its sign; None for all that is open."""
        if self.cleaned_data["part"] is not None:
            return self._signed(self.cleaned_data)
        return suggestion.part if suggestion else None

    def act(self, *, by: User, at: datetime) -> StatementMatch | LineExplanation:
        """Calls the one verb the choice means, or asks for it where another person has to approve it. Raises ReconciliationError, AllocationError and what the ledger raises."""
        said, line = self.cleaned_data, self.line
        suggestion = self.suggestions.get(said["choice"])
        amount = self._amount(suggestion)
        if said["choice"] in (CHARGE, NOTE):
            is_charge = said["choice"] == CHARGE
            charge = reconciliation.Charge(said["charge_fund"]) if is_charge else None
            return match_or_ask(line, charge, amount, explanation=said["explanation"], by=by, at=at)
        if said["choice"] == BAIL:
            return bail_back(line, said["bail_cost"], amount, by=by, at=at)
        if suggestion:
            return match_with(line, suggestion, amount, by=by, at=at)
        target: reconciliation.Target
        if said["choice"] in (OWN, LESS):
            target = self.target
        else:
            target = said["reference"] if said["choice"] == PLEDGE else said["gift_fund"]
        return match_or_ask(line, target, amount, by=by, at=at)


class UndoForm(forms.Form):
    """Bound only for the match it is about: a line in parts has one form for each."""

    reason = forms.CharField(
        label=gettext_lazy("Why it is taken back"),
        max_length=300,
        widget=forms.TextInput(attrs={"size": 50, "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Say why the match is taken back.")},
        help_text=gettext_lazy("Kept with the reversal in the books; without names of supporters."),
    )
