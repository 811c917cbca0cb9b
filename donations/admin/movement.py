"""What nothing of ours explains on Stripe's balance: said on the movement's page, approved here by another person."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.office import ReadOnlyAdmin
from defensefund.templatetags.formats import money
from defensefund.verbs import Verb, VerbAdmin, VerbForm

from .. import ledger, payouts
from ..models import AccountKey, BalanceTransaction, BankAccount, Fund, MovementExplanation, Policy
from .proposals import ReasonForm, why_decided, why_not_approve, why_not_withdraw

Meaning = MovementExplanation.Meaning
REFUSALS: dict[type[Exception], str] = {
    payouts.NoReason: "reason",
    payouts.ExplanationError: "",
}


class ExplainForm(VerbForm):
    """What Stripe collected from the bank is nothing else; nothing else is that."""

    meaning = forms.ChoiceField(label=gettext_lazy("What it is"), widget=forms.RadioSelect)
    fund = forms.ModelChoiceField(
        Fund.objects.open().order_by("name"),
        label=gettext_lazy("Fund that bears or gets it"),
        required=False,
        help_text=gettext_lazy("Leave it empty for what is not ours."),
    )
    bank_account = forms.ModelChoiceField(
        BankAccount.objects.none(),
        label=gettext_lazy("Bank account it left"),
        error_messages={"required": gettext_lazy("Choose the bank account it left.")},
    )
    note = forms.CharField(
        label=gettext_lazy("How you know"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What Stripe's own page says of it. No names of supporters."),
        error_messages={"required": gettext_lazy("Say how you know.")},
    )

    def prepare(self) -> None:
        meaning = self.fields["meaning"]
        assert isinstance(meaning, forms.ChoiceField)
        is_collected = self.row.is_collected
        meaning.choices = [choice for choice in Meaning.choices if choice[0] in _meanings(self.row)]
        if is_collected:
            meaning.initial = Meaning.COLLECTED
            del self.fields["fund"]
            accounts = BankAccount.objects.filter(currency=self.row.currency).order_by("name")
            self.fields["bank_account"].queryset = accounts  # type: ignore[attr-defined]
            self.fields["bank_account"].initial = accounts.first()
        else:
            del self.fields["bank_account"]
            if self.row.is_payment:
                meaning.help_text = _(
                    "What is sent back at Stripe is best said to be a gift, too: its refund is then booked by itself, and the "
                    "fund bears what Stripe keeps of it."
                )
            self._say_who_bears()

    def _say_who_bears(self) -> None:
        policy = Policy.objects.in_force(on=timezone.now().date())
        if policy and policy.fee_order and self.row.is_charge and not self.row.is_payment:
            self.fields["fund"].help_text = _(
                "By the policy a charge of Stripe's own is borne by %(funds)s. Leave it empty for what is not ours."
            ) % {"funds": ", ".join(policy.fee_bearers)}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        meaning = cleaned.get("meaning")
        if meaning in {Meaning.FEE, Meaning.FUND, Meaning.GIFT} and not cleaned.get("fund"):
            self.add_error("fund", _("Choose the fund that bears or gets it."))
        if meaning == Meaning.NOT_OURS:
            cleaned["fund"] = None
        return cleaned


def _meanings(movement: BalanceTransaction) -> set[Meaning]:
    if movement.is_collected:
        return {Meaning.COLLECTED}
    if movement.is_payment:
        return {Meaning.GIFT, Meaning.NOT_OURS}
    return {Meaning.FEE, Meaning.FUND, Meaning.NOT_OURS}


def explain(movement: BalanceTransaction, data: dict[str, Any], by: User, at: datetime) -> str:
    meaning = Meaning(data.pop("meaning"))
    payouts.request_explanation(movement, meaning=meaning, by=by, at=at, **data)
    return _("Asked for: another person approves it, and only then it is booked.")


def why_not_explain(movement: BalanceTransaction, _by: User) -> str:
    if movement.is_ours():
        return _("The program books this kind of movement by itself.")
    if not movement.is_unexplained():
        return _("This movement is explained, or another person is to decide on it already.")
    return why_wait(movement)


def why_wait(movement: BalanceTransaction) -> str:
    """Why it is too early to explain it; empty once it is not."""
    try:
        payouts.check_told(movement, at=timezone.now())
    except payouts.TooEarly as error:
        return str(error)
    return ""


# On a movement's page.
EXPLAIN = Verb(
    "explain",
    gettext_lazy("Explain"),
    gettext_lazy(
        "Stripe moved this money in a way the program cannot place. Say what it is; when another person has approved "
        "it, it is booked on Stripe's own day."
    ),
    "request_movementexplanation",
    explain,
    ExplainForm,
    {payouts.NoReason: "note", payouts.NotByPolicy: "fund", payouts.ExplanationError: ""},
    closed=why_not_explain,
)


def approve(row: MovementExplanation, _data: dict[str, Any], by: User, at: datetime) -> str:
    done = payouts.approve_explanation(row, by=by, at=at)
    if done.meaning == Meaning.NOT_OURS:
        return _("Noted as not ours: nothing is booked.")
    if done.meaning == Meaning.COLLECTED:
        return _("Booked. The bank's line is proposed for it, and proves it.")
    if done.meaning == Meaning.GIFT:
        return _("Booked as a gift: it stands among the donations, and is sent back from there.")
    return _("Booked.")


def refuse(row: MovementExplanation, data: dict[str, Any], by: User, at: datetime) -> str:
    payouts.refuse_explanation(row, reason=data["reason"], by=by, at=at)
    return _("Nothing is booked; the movement is open again.")


def take_back(row: MovementExplanation, data: dict[str, Any], by: User, at: datetime) -> str:
    payouts.take_back_explanation(row, reason=data["reason"], by=by, at=at)
    return _("Taken back: what was booked is reversed, and the movement is open again.")


def why_not_take_back(row: MovementExplanation, _by: User) -> str:
    if not row.approved_at or row.undone_at:
        return _("Only what is booked is taken back, and once.")
    if row.meaning == Meaning.GIFT:
        return _("It is a gift by now: send it back there, if it is none.")
    return ""


class ExplanationState(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("approve", _("to approve")),
            ("booked", _("booked")),
            ("refused", _("refused or withdrawn")),
            ("undone", _("taken back")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "approve":
                return queryset.undecided()
            case "booked":
                return queryset.standing()
            case "refused":
                return queryset.filter(refused_at__isnull=False)
            case "undone":
                return queryset.filter(undone_at__isnull=False)
        return queryset


def _goes_below_zero(row: MovementExplanation) -> bool:
    """Whether its fund has less than what is to be booked on it; it is booked all the same, as a fact."""
    if row.fund is None or row.approved_at or row.refused_at or row.movement.net >= 0:
        return False
    key = AccountKey.fund(row.fund, row.movement.currency)
    return ledger.balance(key) + row.movement.net < 0


@admin.register(MovementExplanation)
class MovementExplanationAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("movement", "amount_moved", "meaning", "fund", "requested_by", "approved_by")
    list_filter = (ExplanationState, "meaning")
    list_select_related = ("movement", "fund", "bank_account", "requested_by", "approved_by")
    list_per_page = 25
    show_full_result_count = False
    ordering = ("-pk",)
    fields = ("movement",)
    hides_fields = True
    facts_template = "admin/donations/movementexplanation/_facts.html"
    verbs = (
        Verb(
            "approve",
            gettext_lazy("Approve"),
            gettext_lazy("It is booked at once, as it was explained."),
            "approve_movementexplanation",
            approve,
            refusals={payouts.ExplanationError: ""},
            closed=why_not_approve,
            is_grave=True,
        ),
        Verb(
            "refuse",
            gettext_lazy("Refuse"),
            gettext_lazy("Ends this request for good; the movement can be explained anew."),
            "approve_movementexplanation",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_decided,
            is_exception=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("Ends your own request for good; the movement can be explained anew."),
            "request_movementexplanation",
            refuse,
            ReasonForm,
            REFUSALS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
        Verb(
            "take-back",
            gettext_lazy("Take back"),
            gettext_lazy(
                "It was explained wrongly. The books keep the entry and its reversal, and the movement is open again."
            ),
            "approve_movementexplanation",
            take_back,
            ReasonForm,
            REFUSALS,
            closed=why_not_take_back,
            is_grave=True,
            is_exception=True,
        ),
    )

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {
            "explanation": row,
            "movement": row.movement,
            "goes_below_zero": _goes_below_zero(row),
            "may_look": request.user.has_perm("donations.view_balancetransaction"),
        }

    @admin.display(description=gettext_lazy("net"))
    def amount_moved(self, row: MovementExplanation) -> str:
        return money(row.movement.net, row.movement.currency)
