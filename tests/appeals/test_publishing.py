"""The way to the public page, tried against the verbs and against the database behind them."""

import threading
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from appeals import consent, publishing
from appeals.models import Appeal, AppealText, Case, Figure, Source, Update, UpdateText
from tests.appeals.factories import (
    NOW,
    make_appeal,
    make_case,
    make_defendant,
    make_figure,
    make_published_update,
    make_update,
)

DRAFT = {
    "submitted_at": None,
    "submitted_by_id": None,
    "reviewed_at": None,
    "reviewed_by_id": None,
    "reviewed_hash": "",
    "published_at": None,
    "published_by_id": None,
}


def steps_of(update: Update) -> dict[str, object]:
    return Update.objects.filter(pk=update.pk).values(*DRAFT).get()


def refused_by(constraint: str, **changes: object) -> None:
    """Changing the only update so breaks the rule named `constraint`, whatever the verbs would say."""
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Update.objects.update(**changes)
    assert constraint in str(error.value.__cause__.diag.constraint_name)


def test_update_state_walks_from_draft_to_published(ana: User, bruno: User) -> None:
    update = make_update(make_appeal(by=ana), by=ana)
    states = [update.state]
    update = publishing.submit(update=update, by=ana, at=NOW)
    states.append(update.state)
    update = publishing.review(
        update=update, seen_hash=update.content_hash() or "", by=bruno, at=NOW
    )
    states.append(update.state)
    update = publishing.publish(update=update, by=ana, at=NOW)
    states.append(update.state)
    update = publishing.withdraw(update=update)
    states.append(update.state)
    assert states == ["draft", "submitted", "reviewed", "published", "reviewed"]


def test_review_own_update_refused(ana: User, bruno: User) -> None:
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    with pytest.raises(publishing.OwnReview):
        publishing.review(update=update, seen_hash=update.content_hash() or "", by=ana, at=NOW)
    UpdateText.objects.update(written_by=bruno)
    refused_by(
        "update_reviewer_is_not_author",
        reviewed_at=NOW,
        reviewed_by=ana,
        reviewed_hash=update.content_hash(),
    )


def test_review_by_somebody_who_wrote_a_translation_refused(ana: User, bruno: User) -> None:
    update = make_update(make_appeal(), by=ana, languages=("es",))
    UpdateText.objects.create(update=update, language="en", title="T", body="B", written_by=bruno)
    update = publishing.submit(update=update, by=ana, at=NOW)
    with pytest.raises(publishing.OwnReview):
        publishing.review(update=update, seen_hash=update.content_hash() or "", by=bruno, at=NOW)
    refused_by(
        "update_reviewer_wrote_none_of_it",
        reviewed_at=NOW,
        reviewed_by=bruno,
        reviewed_hash=update.content_hash(),
    )


def test_review_of_a_text_changed_meanwhile_refused(ana: User, bruno: User) -> None:
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    seen = update.content_hash() or ""
    UpdateText.objects.filter(update=update, language="es").update(body="Another")
    with pytest.raises(publishing.TextChanged):
        publishing.review(update=update, seen_hash=seen, by=bruno, at=NOW)
    refused_by(
        "update_review_of_present_text", reviewed_at=NOW, reviewed_by=bruno, reviewed_hash=seen
    )


def test_review_of_a_draft_refused(ana: User, bruno: User) -> None:
    update = make_update(make_appeal(), by=ana)
    with pytest.raises(publishing.NotPublishable, match="draft"):
        publishing.review(update=update, seen_hash=update.content_hash() or "", by=bruno, at=NOW)
    refused_by(
        "update_submitted_before_review",
        reviewed_at=NOW,
        reviewed_by=bruno,
        reviewed_hash=update.content_hash(),
    )


def test_publish_without_review_refused(ana: User) -> None:
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    with pytest.raises(publishing.NotPublishable, match="reviewed"):
        publishing.publish(update=update, by=ana, at=NOW)
    refused_by("update_review", published_at=NOW, published_by=ana)


def test_submit_without_text_refused(ana: User) -> None:
    update = Update.objects.create(appeal=make_appeal(), slug="empty", created_by=ana)
    with pytest.raises(publishing.NotPublishable, match="no text"):
        publishing.submit(update=update, by=ana, at=NOW)


def test_insert_as_published_refused(ana: User, bruno: User) -> None:
    with pytest.raises(IntegrityError, match="another text"), transaction.atomic():
        Update.objects.create(
            appeal=make_appeal(),
            slug="forged",
            created_by=ana,
            submitted_at=NOW,
            submitted_by=ana,
            reviewed_at=NOW,
            reviewed_by=bruno,
            reviewed_hash="0" * 64,
            published_at=NOW,
            published_by=ana,
        )


@pytest.mark.parametrize(
    "edit",
    [
        lambda update: UpdateText.objects.filter(update=update, language="en").update(title="New"),
        lambda update: UpdateText.objects.filter(update=update, language="en").delete(),
        lambda update: UpdateText.objects.filter(update=update).update(body="New"),
        lambda update: Update.objects.filter(pk=update.pk).update(slug="elsewhere"),
        lambda update: Update.objects.filter(pk=update.pk).update(case=make_case(update.appeal)),
    ],
    ids=["title", "deleted translation", "bodies", "address", "case"],
)
def test_edit_of_a_published_update_takes_it_off_the_page(
    ana: User, bruno: User, edit: object
) -> None:
    update = make_published_update(make_appeal(by=ana), author=ana, reviewer=bruno)
    edit(update)
    assert steps_of(update) == DRAFT
    assert list(Update.objects.published()) == []


def test_added_translation_of_a_published_update_takes_it_off_the_page(
    ana: User, bruno: User
) -> None:
    update = make_published_update(
        make_appeal(by=ana), author=ana, reviewer=bruno, languages=("es",)
    )
    UpdateText.objects.create(update=update, language="en", title="T", body="B", written_by=ana)
    assert steps_of(update) == DRAFT


def test_text_moved_to_another_update_voids_both_reviews(ana: User, bruno: User) -> None:
    appeal = make_appeal(by=ana)
    first = make_published_update(appeal, author=ana, reviewer=bruno, languages=("es",))
    second = make_published_update(appeal, author=ana, reviewer=bruno, languages=("en",))
    UpdateText.objects.filter(update=second).update(update=first)
    assert [steps_of(first), steps_of(second)] == [DRAFT, DRAFT]


def test_saving_an_update_without_change_keeps_its_review(ana: User, bruno: User) -> None:
    update = make_published_update(make_appeal(by=ana), author=ana, reviewer=bruno)
    for text in update.texts.all():
        text.save()
    assert update.state == Update.State.PUBLISHED
    assert list(Update.objects.published()) == [update]


def test_author_of_an_update_stays(ana: User, bruno: User) -> None:
    make_update(make_appeal(), by=ana)
    refused_by("update_author_stays", created_by=bruno)


def test_update_on_a_case_of_another_appeal_refused(ana: User) -> None:
    update = make_update(make_appeal(slug="one"), by=ana)
    other = make_case(make_appeal(slug="two"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Update.objects.filter(pk=update.pk).update(case=other)
        connection.check_constraints()
    assert Update.objects.get(pk=update.pk).case is None


def test_updates_of_a_withdrawn_case_or_appeal_are_not_published(ana: User, bruno: User) -> None:
    appeal = make_appeal(by=ana)
    case = make_case(appeal, by=ana)
    make_published_update(appeal, author=ana, reviewer=bruno, case=case)
    assert Update.objects.published().count() == 1
    publishing.withdraw_case(case=case)
    assert Update.objects.published().count() == 0
    publishing.publish_case(case=case, by=ana, at=NOW)
    publishing.withdraw_appeal(appeal=appeal)
    assert Update.objects.published().count() == 0


@pytest.mark.django_db(transaction=True)
def test_edit_and_review_at_once_never_leave_an_unread_text_reviewed() -> None:
    ana, bruno = User.objects.create_user("ana"), User.objects.create_user("bruno")
    update = publishing.submit(update=make_update(make_appeal(), by=ana), by=ana, at=NOW)
    seen = update.content_hash() or ""
    edited, reviewed = threading.Event(), threading.Event()

    def edit() -> None:
        with transaction.atomic():
            UpdateText.objects.filter(update=update).update(body="Slipped in")
            edited.set()
            reviewed.wait(1)  # the review waits for this transaction, so this always runs out
        connection.close()

    thread = threading.Thread(target=edit)
    thread.start()
    edited.wait(5)
    with pytest.raises(publishing.TextChanged):
        publishing.review(update=update, seen_hash=seen, by=bruno, at=NOW)
    reviewed.set()
    thread.join()
    assert Update.objects.get().state == Update.State.SUBMITTED


def test_submit_with_a_name_in_plain_words_refused(ana: User) -> None:
    appeal = make_appeal()
    make_defendant(make_case(appeal), name="Rosa Inventada Prueba", alias="Persona R", key="r")
    update = make_update(appeal, by=ana, body="They accuse ROSA “Inventáda”, it is said.")
    with pytest.raises(consent.NameInText, match="Persona R"):
        publishing.submit(update=update, by=ana, at=NOW)
    UpdateText.objects.update(body="They accuse [[r]], it is said.")
    assert publishing.submit(update=update, by=ana, at=NOW).state == Update.State.SUBMITTED


def test_submit_with_an_unknown_key_refused(ana: User) -> None:
    update = make_update(make_appeal(), by=ana, body="They accuse [[nobody]].")
    with pytest.raises(publishing.NotPublishable, match=r"\[\[nobody\]\]"):
        publishing.submit(update=update, by=ana, at=NOW)


def test_publish_appeal_without_its_main_language_refused(ana: User) -> None:
    appeal = make_appeal(languages=("en",))
    with pytest.raises(publishing.NotPublishable, match="main language"):
        publishing.publish_appeal(appeal=appeal, by=ana, at=NOW)
    with pytest.raises(IntegrityError, match="main language"), transaction.atomic():
        Appeal.objects.update(published_at=NOW, published_by=ana)
        connection.check_constraints()


def test_text_of_a_published_appeal_cannot_be_taken_away(ana: User) -> None:
    make_appeal(by=ana)
    with pytest.raises(IntegrityError, match="main language"), transaction.atomic():
        AppealText.objects.filter(language="es").delete()
        connection.check_constraints()


def test_text_of_a_published_case_cannot_be_taken_away(ana: User) -> None:
    case = make_case(make_appeal(by=ana), by=ana)
    with pytest.raises(IntegrityError, match="case has a text"), transaction.atomic():
        case.texts.all().delete()
        connection.check_constraints()


def test_publish_appeal_longer_than_a_page_refused(ana: User) -> None:
    appeal = make_appeal()
    AppealText.objects.update(body="x" * (publishing.LONGEST_BODY + 1))
    with pytest.raises(publishing.NotPublishable, match="60000"):
        publishing.publish_appeal(appeal=appeal, by=ana, at=NOW)


def test_publish_case_without_text_refused(ana: User) -> None:
    case = Case.objects.create(appeal=make_appeal(), slug="empty")
    with pytest.raises(publishing.NotPublishable, match="no text"):
        publishing.publish_case(case=case, by=ana, at=NOW)


def test_confirm_figure_without_source_refused(ana: User) -> None:
    figure = Figure.objects.create(appeal=make_appeal(), value=1)
    with pytest.raises(publishing.NotPublishable, match="no source"):
        publishing.confirm_figure(figure=figure, by=ana, at=NOW)
    with pytest.raises(IntegrityError, match="figure_confirmed_with_source"), transaction.atomic():
        Figure.objects.update(confirmed_at=NOW, confirmed_by=ana)


@pytest.mark.parametrize(
    "edit",
    [
        lambda figure: Figure.objects.update(value=666),
        lambda figure: Figure.objects.update(source=Source.objects.create(publisher="Other")),
        lambda figure: figure.texts.update(label="other"),
        lambda figure: figure.texts.all().delete(),
    ],
    ids=["value", "source", "label", "deleted label"],
)
def test_edit_of_a_confirmed_figure_asks_for_a_new_confirmation(ana: User, edit: object) -> None:
    figure = make_figure(make_appeal(), by=ana)
    edit(figure)
    assert not Figure.objects.get().is_confirmed


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        (
            "appeal_ends_after_it_starts",
            {"starts_on": date(2026, 2, 2), "ends_on": date(2026, 2, 1)},
        ),
        ("appeal_goal_with_currency", {"goal_amount": 5}),
        ("appeal_goal_with_currency", {"goal_currency": "EUR"}),
        ("appeal_goal_with_currency", {"goal_amount": 0, "goal_currency": "EUR"}),
        ("appeal_published_by_someone", {"published_at": datetime(2026, 1, 1, tzinfo=UTC)}),
    ],
)
def test_appeal_constraints(db: None, constraint: str, changes: dict[str, object]) -> None:
    make_appeal()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Appeal.objects.update(**changes)


def test_verbs_take_the_time_from_the_caller(ana: User) -> None:
    assert make_appeal(by=ana).published_at == NOW != timezone.now()
