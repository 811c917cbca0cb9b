"""What the pages of payments share that leave the bank: their state, and why a step is closed (models/bank_payment.py)."""

from typing import Any

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..models.bank_payment import BankPayment

State = BankPayment.State
TAGS = {
    State.TO_APPROVE: "warning",
    State.TO_PAY: "warning",
    State.TO_PROVE: "warning",
    State.DONE: "good",
    State.CAME_BACK: "bad",
    State.NEVER_LEFT: "bad",
    State.REFUSED: "bad",
}


def state_tag(row: BankPayment, *, is_proved: bool) -> SafeString:
    state = row.state(is_proved=is_proved)
    return format_html('<span class="tag tag--{}">{}</span>', TAGS[state], state.label)


def why_final(row: Any, _by: User) -> str:
    if row.refused_at:
        return _("This payment was refused: ask for another.")
    if row.undone_at:
        return _("This payment never left: ask for another.")
    if row.came_back_on:
        return _("This payment came back: ask for another.")
    return _("This payment is recorded as paid.") if row.paid_at else ""


def why_not_approve(row: Any, by: User) -> str:
    if row.refused_at or row.undone_at or (row.paid_at and not row.lacks_second):
        return why_final(row, by)
    if row.requested_by_id == by.pk:
        return _("You asked for this payment yourself: another person must approve it.")
    if row.approved_at and not row.lacks_second:
        return _("This payment is approved already.")
    if row.approved_by_id == by.pk:
        return _("You approved this payment already: a third person must approve it too.")
    return ""


def why_not_pay(row: Any, by: User) -> str:
    final = why_final(row, by)
    if final or row.is_approved:
        return final
    if row.approved_at:
        return _("By the policy a third person must approve this payment too.")
    return _("This payment is not approved.")
