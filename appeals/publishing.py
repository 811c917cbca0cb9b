"""What may be read, and who answers for it: appeals and cases in public, figures confirmed,
and an update's way from draft over another person's review to its page."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from .consent import refuse_plain_names
from .markdown import keys_in
from .models import Appeal, Case, Defendant, Figure, Update

# A page is to stay under 100 KB, also over a telephone and Tor.
LONGEST_BODY = 60_000


class NotPublishable(Exception):
    """Something is missing or out of order; the message says what, to the person who asked."""


class OwnReview(NotPublishable):
    """Author or writer asked to review their own text."""


class TextChanged(NotPublishable):
    """The text is not the one the reviewer read."""


@transaction.atomic
def publish_appeal(*, appeal: Appeal, by: User, at: datetime) -> Appeal:
    """Show the appeal to everyone; NotPublishable or consent.NameInText say why not."""
    appeal = Appeal.objects.select_for_update().get(pk=appeal.pk)
    texts = list(appeal.texts.all())
    if not any(text.language == appeal.default_language for text in texts):
        raise NotPublishable(
            _("The appeal has no text in its main language (%(language)s): write it first.")
            % {"language": appeal.default_language}
        )
    if any(len(text.body) > LONGEST_BODY for text in texts):
        raise NotPublishable(
            _("The text is longer than one page can be (%(most)s characters): shorten it.")
            % {"most": LONGEST_BODY}
        )
    _check(appeal, [part for text in texts for part in (text.title, text.summary, text.body)])
    if appeal.published_at is None:
        appeal.published_at, appeal.published_by = at, by
        appeal.save(update_fields=["published_at", "published_by"])
    return appeal


@transaction.atomic
def withdraw_appeal(*, appeal: Appeal) -> Appeal:
    """Take the appeal, and with it its cases and updates, off the public pages."""
    appeal = Appeal.objects.select_for_update().get(pk=appeal.pk)
    appeal.published_at = appeal.published_by = None
    appeal.save(update_fields=["published_at", "published_by"])
    return appeal


@transaction.atomic
def publish_case(*, case: Case, by: User, at: datetime) -> Case:
    """Show the case, once its appeal is public; NotPublishable or consent.NameInText say why not."""
    case = Case.objects.select_related("appeal").select_for_update(of=("self",)).get(pk=case.pk)
    texts = list(case.texts.all())
    if not texts:
        raise NotPublishable(_("The case has no text: write its title and summary first."))
    parts = [part for text in texts for part in (text.title, text.charge, text.summary)]
    places = [hearing.place for hearing in case.hearings.all()]
    _check(case.appeal, [*parts, case.court, case.docket, *places])
    if case.published_at is None:
        case.published_at, case.published_by = at, by
        case.save(update_fields=["published_at", "published_by"])
    return case


@transaction.atomic
def withdraw_case(*, case: Case) -> Case:
    case = Case.objects.select_for_update().get(pk=case.pk)
    case.published_at = case.published_by = None
    case.save(update_fields=["published_at", "published_by"])
    return case


@transaction.atomic
def confirm_figure(*, figure: Figure, by: User, at: datetime) -> Figure:
    """State that number, label and source were compared with the text they come from."""
    figure = Figure.objects.select_for_update().get(pk=figure.pk)
    if figure.source is None:
        raise NotPublishable(_("The figure has no source: say who states it first."))
    texts = list(figure.texts.all())
    if not texts:
        raise NotPublishable(_("The figure has no label: say what it counts first."))
    parts = [part for text in texts for part in (text.label, text.place, text.period)]
    refuse_plain_names([*parts, figure.source.publisher, figure.source.title])
    if figure.confirmed_at is None:
        figure.confirmed_at, figure.confirmed_by = at, by
        figure.save(update_fields=["confirmed_at", "confirmed_by"])
    return figure


@transaction.atomic
def submit(*, update: Update, by: User, at: datetime) -> Update:
    """Ask for a review. NotPublishable or consent.NameInText say what to mend first."""
    update = _lock(update)
    _check_texts(update)
    if update.submitted_at is None:
        update.submitted_at, update.submitted_by = at, by
        update.save(update_fields=["submitted_at", "submitted_by"])
    return update


@transaction.atomic
def review(*, update: Update, seen_hash: str, by: User, at: datetime) -> Update:
    """Sign off the text whose hash is `seen_hash`: the one the reviewer had on the screen.

    Raises OwnReview, TextChanged, NotPublishable.
    """
    update = _lock(update)
    if update.submitted_at is None:
        raise NotPublishable(_("This is a draft: its author submits it for review first."))
    if by.pk in update.writers():
        raise OwnReview(_("You wrote some of this text: another person reviews it."))
    if seen_hash != update.content_hash():
        raise TextChanged(
            _("The text was changed while you read it. Read it again, then sign off.")
        )
    _check_texts(update)
    update.reviewed_at, update.reviewed_by, update.reviewed_hash = at, by, seen_hash
    update.published_at = update.published_by = None
    update.save(
        update_fields=[
            "reviewed_at",
            "reviewed_by",
            "reviewed_hash",
            "published_at",
            "published_by",
        ]
    )
    return update


@transaction.atomic
def publish(*, update: Update, by: User, at: datetime) -> Update:
    """Show a reviewed update. NotPublishable: not reviewed. Publishing twice is publishing once."""
    update = _lock(update)
    if update.reviewed_at is None:
        raise NotPublishable(_("Nobody has reviewed this text: it is published after a review."))
    _check_texts(update)
    if update.published_at is None:
        update.published_at, update.published_by = at, by
        update.save(update_fields=["published_at", "published_by"])
    return update


@transaction.atomic
def withdraw(*, update: Update) -> Update:
    """Take an update off its page; the review of its text still stands."""
    update = _lock(update)
    update.published_at = update.published_by = None
    update.save(update_fields=["published_at", "published_by"])
    return update


def _lock(update: Update) -> Update:
    return Update.objects.select_related("appeal").select_for_update(of=("self",)).get(pk=update.pk)


def _check_texts(update: Update) -> None:
    texts = list(update.texts.all())
    if not texts:
        raise NotPublishable(_("The update has no text: write it first."))
    _check(update.appeal, [part for text in texts for part in (text.title, text.body)])


def _check(appeal: Appeal, texts: Iterable[str]) -> None:
    """No plain names, and every [[key]] is a person of this appeal."""
    texts = list(texts)
    refuse_plain_names(texts)
    if why := unknown_people(appeal, texts):
        raise NotPublishable(why)


def unknown_people(appeal: Appeal, texts: Iterable[str]) -> str:
    """A sentence that names each [[key]] in `texts` that is no defendant's of this appeal; empty when all are."""
    keys = set().union(*(keys_in(text) for text in texts))
    known = set(
        Defendant.objects.filter(key__in=keys, cases__appeal=appeal).values_list("key", flat=True)
    )
    if not keys - known:
        return ""
    return _("No defendant in this appeal's cases has the key %(keys)s.") % {
        "keys": ", ".join(f"[[{key}]]" for key in sorted(keys - known))
    }
