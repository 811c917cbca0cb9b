"""VERB: where letters go and which are written once more: another address, a copy, a new link, the yearly statement."""

from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from .models import Donation, Letter, Pledge, Supporter


class CorrespondenceError(Exception):
    """Says why, in a sentence to the supporter or the office."""


class SameAddress(CorrespondenceError):
    """Letters go there already."""


class NoAddress(CorrespondenceError):
    """There is nowhere to write to."""


class AlreadyAsked(CorrespondenceError):
    """A copy was asked for today."""


class NotSent(CorrespondenceError):
    """What was never sent cannot have come back."""


@transaction.atomic
def readdress(pledge: Pledge, *, email: str, by: User | None = None, at: datetime) -> Pledge:
    """Sends the gift's letters to `email` from now on, the last one once more; returns the pledge with its new link.

    All links made before are closed: whoever got letters by mistake holds one. The address before is told in one
    letter, without link or new address, if a letter ever went there: it may be a thief who has it changed; a stranger
    who never got a letter gets none now. `by` is empty when the supporter does it at the private link.
    Raises SameAddress, and NoAddress when the supporter asked to be forgotten.
    """
    pledge = _locked(pledge)
    if pledge.erased_at:
        raise NoAddress(_("Whoever gave this asked to be forgotten."))
    before = pledge.supporter
    new = Supporter.objects.of_address(email, language=pledge.language, at=at)
    if before == new:
        raise SameAddress(_("Letters go to this address already."))
    reached = before and pledge.letters.filter(sent_at__isnull=False, error="", supporter=None)
    if before and reached and reached.exists():
        Letter.objects.create(
            kind=Letter.Kind.ADDRESS_CHANGED,
            pledge=pledge,
            supporter=before,
            occasion=at.isoformat(),
            created_at=at,
            due_at=at,
        )
    pledge.supporter = new
    pledge.link_version += 1
    pledge.save(update_fields=["supporter", "link_version"])
    # What waits, or came back, goes to the new address.
    pledge.letters.filter(sent_at=None, supporter=None).update(due_at=at, bounced_at=None, error="")
    pledge.letters.filter(bounced_at__isnull=False, supporter=None).update(bounced_at=None)
    _write_again(pledge, at=at)
    if before and not before.letters.exists() and not before.pledges.exists():
        before.delete()
    return pledge


def _write_again(pledge: Pledge, *, at: datetime) -> None:
    """Something to the new address with the new link in it, unless a letter waits to go there anyway."""
    if pledge.letters.filter(sent_at=None, supporter=None).exists():
        return
    donation = pledge.donations.standing().order_by("pk").last()
    kind = Letter.Kind.RECEIPT_COPY if donation else Letter.Kind.NEW_LINK
    if donation and not donation.letters.exists():
        kind = Letter.Kind.RECEIPT
    Letter.objects.create(
        kind=kind,
        pledge=pledge,
        donation=donation,
        occasion="" if kind == Letter.Kind.RECEIPT else at.isoformat(),
        created_at=at,
        due_at=at,
    )


@transaction.atomic
def resend(donation: Donation, *, by: User | None = None, at: datetime) -> Letter:
    """Writes the receipt's letter once more, marked as a copy; once a day, so that a link cannot flood its owner.

    Raises NoAddress, AlreadyAsked. `by` is empty when the supporter asks at the private link.
    """
    pledge = donation.pledge
    if pledge is None or pledge.supporter_id is None:
        raise NoAddress(_("We hold no e-mail address for this gift."))
    if donation.reversed_at:
        raise NoAddress(_("This gift turned out to be something else: it has no receipt."))
    try:
        with transaction.atomic():
            return Letter.objects.create(
                kind=Letter.Kind.RECEIPT_COPY,
                pledge=pledge,
                donation=donation,
                occasion=f"{at.astimezone(UTC):%Y-%m-%d}",
                created_at=at,
                due_at=at,
            )
    except IntegrityError as error:
        raise AlreadyAsked(_("A copy was asked for today already. It is on its way.")) from error


@transaction.atomic
def note_bounce(letter: Letter, *, by: User, at: datetime) -> None:
    """Records that a letter came back as undeliverable; the private page asks for another address. Raises NotSent."""
    letter = Letter.objects.select_for_update().get(pk=letter.pk)
    if not letter.sent_at:
        raise NotSent(_("This letter was not sent yet."))
    letter.bounced_at = at
    letter.save(update_fields=["bounced_at"])


@transaction.atomic
def write_new_link(*, email_hash: str, at: datetime) -> bool:
    """A letter with fresh links to the gifts of whoever has this address; False when nobody has, or one went this hour."""
    pledge = Pledge.objects.filter(supporter__email_hash=email_hash).order_by("pk").last()
    if pledge is None:
        return False
    return _once(Letter.Kind.NEW_LINK, pledge, f"{at.astimezone(UTC):%Y-%m-%d %H}", at=at)


def write_statements(*, year: int, at: datetime) -> int:
    """One letter to each supporter whose gifts arrived in `year`; returns how many are new. Safe to run again."""
    gave = (
        Donation.objects.standing()
        .filter(received_at__year=year, pledge__supporter__isnull=False)
        .order_by("pledge__supporter", "-pledge")
        .distinct("pledge__supporter")
    )
    return sum(
        _once(Letter.Kind.STATEMENT, donation.pledge, str(year), at=at)
        for donation in gave.select_related("pledge").iterator()
        if donation.pledge
    )


def _once(kind: Letter.Kind, pledge: Pledge, occasion: str, *, at: datetime) -> bool:
    """One letter of its kind and occasion to a supporter, whichever of their gifts it is kept with."""
    assert pledge.supporter_id is not None
    with transaction.atomic():
        Supporter.objects.select_for_update(no_key=True).get(pk=pledge.supporter_id)
        known = Letter.objects.filter(
            kind=kind, occasion=occasion, pledge__supporter=pledge.supporter_id
        )
        if known.exists():
            return False
        Letter.objects.create(kind=kind, pledge=pledge, occasion=occasion, created_at=at, due_at=at)
        return True


def _locked(pledge: Pledge) -> Pledge:
    return (
        Pledge.objects.select_for_update(of=("self",), no_key=True)
        .select_related("supporter")
        .get(pk=pledge.pk)
    )
