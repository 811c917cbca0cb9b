import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from defensefund import security_log
from defensefund.models import SecurityEvent
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db


def refused(sql):
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_security_log_is_append_only_for_the_tables_owner():
    user = make_user()
    security_log.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=NOW)

    refused("UPDATE defensefund_securityevent SET kind = 'x'")
    refused("DELETE FROM defensefund_securityevent")


def test_security_log_cannot_be_emptied():
    refused("TRUNCATE defensefund_securityevent")


def test_account_with_a_past_cannot_be_deleted():
    user = make_user()
    security_log.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        user.delete()


def test_events_leave_the_machine_without_names(caplog):
    user = make_user("nobodys-business")

    event = security_log.record(SecurityEvent.Kind.LOCKED_OUT, user=user, by=None, at=NOW)

    assert f"locked out: user {user.pk}, by unknown, event {event.pk}" in caplog.text
    assert "nobodys-business" not in caplog.text


def queued():
    return list(
        ProcrastinateJob.objects.filter(task_name="tell_of_security_event").values_list(
            "args", flat=True
        )
    )


def test_what_an_intruder_would_do_is_told_to_the_person():
    user = make_user(email="ana@example.org")
    event = security_log.record(SecurityEvent.Kind.NEW_DEVICE, user=user, by=user, at=NOW)
    assert queued() == [{"event_id": event.pk}]

    security_log.tell(event_id=event.pk)

    [letter] = mail.outbox
    assert letter.to == ["ana@example.org"]
    assert "2026-03-10 12:00" in letter.body
    assert settings.FUND_NAME not in letter.subject + letter.body
    assert user.username not in letter.subject + letter.body


def test_login_from_a_known_device_is_told_to_nobody():
    user = make_user(email="ana@example.org")
    security_log.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=NOW)

    assert queued() == []


def test_letter_needs_an_address():
    user = make_user(email="")
    security_log.record(SecurityEvent.Kind.REMOVED, user=user, by=user, at=NOW)

    assert queued() == []
