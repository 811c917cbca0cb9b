"""Treasurers' public keys in the office: registered by their owner, confirmed by another person."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from defensefund.verbs import Verb

from .. import payees
from ..models import PayeeAccount, SealingKey
from .payee_forms import RegisterKeyForm
from .recording import RecordingAdmin

REFUSALS: dict[type[Exception], str] = {payees.WrongKey: "public_key", payees.PayeeError: ""}
STEPS: dict[type[Exception], str] = {payees.PayeeError: ""}


def confirm(row: SealingKey, _data: dict[str, Any], by: User, at: datetime) -> str:
    payees.confirm_key(row, by=by, at=at)
    return _("From now on accounts are sealed to this key too. Seal the earlier ones anew.")


def withdraw(row: SealingKey, _data: dict[str, Any], by: User, at: datetime) -> str:
    payees.withdraw_key(row, by=by, at=at)
    return _("Nothing is sealed to this key any more. Seal the earlier accounts anew.")


def why_not_confirm(row: Any, by: User) -> str:
    if row.confirmed_at or row.withdrawn_at:
        return _("This key is confirmed or withdrawn already.")
    return (
        _("This is your own key: another person must confirm it.") if row.user_id == by.pk else ""
    )


def why_not_withdraw(row: Any, _by: User) -> str:
    return _("This key is withdrawn already.") if row.withdrawn_at else ""


@admin.register(SealingKey)
class SealingKeyAdmin(RecordingAdmin):
    list_display = ("user", "public_key", "state", "registered_at")
    list_select_related = ("user",)
    list_display_links = ("public_key",)
    show_full_result_count = False
    list_per_page = 50
    fields = ("public_key",)
    hides_fields = True
    facts_template = "admin/donations/sealingkey/_facts.html"
    record_label = gettext_lazy("Register my key")
    record_explanation = gettext_lazy(
        "Make a key on your own computer with “./run new_sealing_key FILE”, or with age-keygen. The file is yours alone: "
        "keep it, and a copy on paper, away from here. Paste the public part, age1…"
    )
    record_permission = "register_sealingkey"
    record_form = RegisterKeyForm
    record_refusals = REFUSALS
    verbs = (
        Verb(
            "confirm",
            gettext_lazy("Confirm"),
            gettext_lazy(
                "Ask the person, by telephone or face to face, to read the key to you: whoever has it can read "
                "every account sealed from now on."
            ),
            "confirm_sealingkey",
            confirm,
            refusals=STEPS,
            closed=why_not_confirm,
            is_grave=True,
        ),
        Verb(
            "withdraw",
            gettext_lazy("Withdraw"),
            gettext_lazy("When its owner goes, or the key was lost or seen by others."),
            "confirm_sealingkey",
            withdraw,
            refusals=STEPS,
            closed=why_not_withdraw,
            is_exception=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return SealingKey.objects.select_related("user", "confirmed_by", "withdrawn_by")

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        current = PayeeAccount.objects.current()
        return {"key": row, "opens": current.filter(sealed_to=row).count(), "of": current.count()}

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: SealingKey) -> str:
        if row.withdrawn_at:
            return _("withdrawn")
        if not row.confirmed_at:
            return _("to confirm")
        return _("in use") if row.is_in_use else _("its owner cannot log in")

    def said(self, row: SealingKey) -> str:
        return _("Registered: another person confirms it.")
