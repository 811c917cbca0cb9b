"""Forget who is on the other side of a bank line, in the office: for gifts that nobody announced, and whatever else has no pledge."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.verbs import Verb, VerbForm

from .. import erasure
from ..models import StatementDetail, StatementLine


class ForgetPayerForm(VerbForm):
    with_others = forms.BooleanField(required=False, initial=True)

    def prepare(self) -> None:
        count = erasure.others_of(self.row).count()
        if not count:
            del self.fields["with_others"]
            return
        self.fields["with_others"].label = ngettext(
            "Also in the one other line of the same account or name",
            "Also in the %(count)d other lines of the same account or name",
            count,
        ) % {"count": count}
        self.fields["with_others"].help_text = _(
            "By the account that the bank names; where it names none, by the name."
        )


def forget_payer(line: StatementLine, data: dict[str, Any], _by: User, at: datetime) -> str:
    count = erasure.forget_payer(line, with_others=data.get("with_others", False), at=at)
    return ngettext(
        "Forgotten: the line stays in the books, and nobody knows whose it was.",
        "Forgotten in %(count)d lines: they stay in the books, and nobody knows whose they were.",
        count,
    ) % {"count": count}


def why_not_forget(line: Any, _by: User) -> str:
    if line.forgotten_at:
        return _("This is forgotten already.")
    told = StatementDetail.objects.named().filter(account=line.account_id, key=line.key)
    if not (line.is_known or told.exists()):
        return _("The bank said nothing of who this was.")
    if not StatementLine.objects.of_payers().filter(pk=line.pk).exists():
        return _("This is a payment of ours: the books keep who was paid.")
    return ""


FORGET = Verb(
    "forget",
    gettext_lazy("Forget who this was"),
    gettext_lazy(
        "Name, account and text are emptied for good, also in what notifications of the bank told of it and on refunds. "
        "Day, amount and what it was matched to stay, and no figure changes. The same file, imported again, brings nothing back. "
        "Where the line is still open, say first what it is: afterwards only amount and day are left to tell by."
    ),
    "forget_statementline",
    forget_payer,
    ForgetPayerForm,
    {erasure.ForgetError: ""},
    closed=why_not_forget,
    is_grave=True,
    is_exception=True,
)
