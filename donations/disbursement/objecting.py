"""An objection to a payment made with one approval in an emergency: kept in sight until another person answers it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from donations.models import Disbursement, Objection

from .errors import AlreadyDone, NoReason, SamePerson, WrongState


@transaction.atomic
def object_to(disbursement: Disbursement, *, reason: str, by: User, at: datetime) -> Objection:
    """Keeps what `by` says against the payment; no money moves. Raises WrongState, NoReason, AlreadyDone."""
    row = Disbursement.objects.select_for_update(no_key=True).get(pk=disbursement.pk)
    if not (row.is_emergency and row.paid_at):
        raise WrongState(_("Only a payment made in an emergency is objected to; refuse any other."))
    if not reason.strip():
        raise NoReason(_("Say what speaks against it."))
    if row.objections.open().filter(by=by).exists():
        raise AlreadyDone(_("Your objection is kept already, and not answered yet."))
    return Objection.objects.create(disbursement=row, reason=reason.strip(), by=by, at=at)


@transaction.atomic
def answer(disbursement: Disbursement, *, text: str, by: User, at: datetime) -> list[Objection]:
    """Answers all open objections to the payment but one's own. Raises WrongState, NoReason, SamePerson."""
    open_ones = list(disbursement.objections.open().select_for_update(no_key=True))
    if not open_ones:
        raise WrongState(_("No objection waits for an answer."))
    if not text.strip():
        raise NoReason(_("Write the answer: it stays beside the objection."))
    others = [each for each in open_ones if each.by_id != by.pk]
    if not others:
        raise SamePerson(_("The objection is yours: another person answers it."))
    for each in others:
        each.answer, each.answered_by, each.answered_at = text.strip(), by, at
        each.save(update_fields=["answer", "answered_by", "answered_at"])
    return others
