from io import StringIO

import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from defensefund import security_log
from defensefund.models import SecurityEvent
from tests.factories import NOW, make_user
from tests.threads import in_parallel

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


def some_events():
    user = make_user()
    return [
        security_log.record(kind, user=user, by=by, at=NOW)
        for kind, by in (
            (SecurityEvent.Kind.LOGGED_IN, user),
            (SecurityEvent.Kind.LOCKED_OUT, None),
            (SecurityEvent.Kind.REMOVED, user),
        )
    ]


@pytest.mark.parametrize(
    "altered",
    [
        "UPDATE defensefund_securityevent SET kind = 'x' WHERE id = %s",
        "UPDATE defensefund_securityevent SET by_id = user_id WHERE id = %s",
        "UPDATE defensefund_securityevent SET at = at - interval '1 microsecond' WHERE id = %s",
        "DELETE FROM defensefund_securityevent WHERE id = %s",
    ],
)
def test_what_was_altered_above_the_triggers_shows(altered):
    events = some_events()
    assert security_log.first_broken() is None
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE defensefund_securityevent DISABLE TRIGGER USER")
        cursor.execute(altered, [events[1].pk])

    broken = events[2].pk if altered.startswith("DELETE") else events[1].pk
    assert security_log.first_broken() == broken
    with pytest.raises(CommandError, match=f"Event {broken} does not follow"):
        call_command("check_security_log")


def test_check_says_where_the_log_ends():
    last = some_events()[-1]
    last.refresh_from_db()
    out = StringIO()

    call_command("check_security_log", stdout=out)

    assert out.getvalue() == (
        f"3 events, each following from the one before.\nLast: {last.pk} {last.chain}\n"
    )


def test_chain_given_by_a_writer_is_not_believed():
    user = make_user()
    event = SecurityEvent.objects.create(kind="x", user=user, by=user, at=NOW, chain="0" * 64)
    event.refresh_from_db()

    assert event.chain != "0" * 64
    assert security_log.first_broken() is None


@pytest.mark.django_db(transaction=True)
def test_events_that_come_at_once_make_one_chain():
    user = make_user()

    def record(_number):
        for _ in range(5):
            security_log.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=NOW)

    assert in_parallel(6, record) == [None] * 6
    assert SecurityEvent.objects.count() == 30
    assert security_log.first_broken() is None


def test_account_with_a_past_cannot_be_deleted():
    user = make_user(is_declared=False)
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
