import pytest
from django.db import IntegrityError, connection, transaction

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
    SecurityEvent.objects.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=NOW)

    refused("UPDATE defensefund_securityevent SET kind = 'x'")
    refused("DELETE FROM defensefund_securityevent")


def test_security_log_cannot_be_emptied():
    refused("TRUNCATE defensefund_securityevent")


def test_account_with_a_past_cannot_be_deleted():
    user = make_user()
    SecurityEvent.objects.record(SecurityEvent.Kind.LOGGED_IN, user=user, by=user, at=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        user.delete()


def test_events_leave_the_machine_without_names(caplog):
    user = make_user("nobodys-business")

    event = SecurityEvent.objects.record(SecurityEvent.Kind.LOCKED_OUT, user=user, by=None, at=NOW)

    assert f"locked out: user {user.pk}, by unknown, event {event.pk}" in caplog.text
    assert "nobodys-business" not in caplog.text
