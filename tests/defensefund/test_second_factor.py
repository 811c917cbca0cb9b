from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from defensefund import second_factor
from defensefund.models import Authenticator, RecoveryCode, SecurityEvent
from tests.factories import NOW, code_of, make_authenticator, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db

STEP = timedelta(seconds=30)


def test_confirm_makes_the_authenticator_count_and_gives_ten_codes():
    user = make_user()
    authenticator = second_factor.begin(user=user, at=NOW)

    codes = second_factor.confirm(
        authenticator=authenticator, code=code_of(authenticator, NOW), replace=False, at=NOW
    )

    assert len(set(codes)) == 10
    assert all(len(code) == 11 and code[5] == "-" for code in codes)
    assert Authenticator.objects.get(user=user).confirmed
    assert [event.kind for event in user.security_events.order_by("pk")] == [
        SecurityEvent.Kind.SET_UP,
        SecurityEvent.Kind.CODES_MADE,
    ]


def test_confirm_with_a_wrong_code_changes_nothing():
    user = make_user()
    authenticator = second_factor.begin(user=user, at=NOW)

    with pytest.raises(second_factor.WrongCode):
        second_factor.confirm(authenticator=authenticator, code="000000", replace=False, at=NOW)

    assert not Authenticator.objects.filter(confirmed=True).exists()
    assert not RecoveryCode.objects.exists()


def test_confirm_refuses_who_knows_only_the_password_of_an_account_that_is_set_up():
    user = make_user()
    present = make_authenticator(user)
    intruders = second_factor.begin(user=user, at=NOW)

    with pytest.raises(second_factor.AlreadySetUp):
        second_factor.confirm(
            authenticator=intruders, code=code_of(intruders, NOW), replace=False, at=NOW
        )

    assert Authenticator.objects.get(user=user, confirmed=True) == present


def test_confirm_in_place_of_the_present_one():
    user = make_user()
    make_authenticator(user)
    new = second_factor.begin(user=user, at=NOW)

    second_factor.confirm(authenticator=new, code=code_of(new, NOW), replace=True, at=NOW)

    assert list(Authenticator.objects.filter(user=user)) == [new]


def test_two_confirmed_authenticators_are_refused_by_the_database():
    user = make_user()
    make_authenticator(user)

    with (
        pytest.raises(IntegrityError, match="authenticator_confirmed_once"),
        transaction.atomic(),
    ):
        make_authenticator(user)


def test_prove_accepts_a_code_once():
    user = make_user()
    authenticator = make_authenticator(user)
    code = code_of(authenticator, NOW)

    assert second_factor.prove(user=user, code=f" {code[:3]} {code[3:]} ", at=NOW) == authenticator
    with pytest.raises(second_factor.WrongCode):
        second_factor.prove(user=user, code=code, at=NOW)


@pytest.mark.parametrize(
    ("late", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_prove_bears_a_clock_one_step_off_and_no_more(late, accepted):
    user = make_user()
    code = code_of(make_authenticator(user), NOW + late * STEP)

    if accepted:
        second_factor.prove(user=user, code=code, at=NOW)
    else:
        with pytest.raises(second_factor.WrongCode):
            second_factor.prove(user=user, code=code, at=NOW)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\0\0", "-" * 20])
def test_prove_refuses_what_is_no_code(code):
    user = make_user()
    make_authenticator(user)

    with pytest.raises(second_factor.WrongCode):
        second_factor.prove(user=user, code=code, at=NOW)


def test_prove_refuses_the_code_of_somebody_else():
    user, other = make_user(), make_user()
    make_authenticator(user)
    code = code_of(make_authenticator(other), NOW)

    with pytest.raises(second_factor.WrongCode):
        second_factor.prove(user=user, code=code, at=NOW)


def test_prove_refuses_an_authenticator_that_was_never_confirmed():
    user = make_user()
    authenticator = second_factor.begin(user=user, at=NOW)

    with pytest.raises(second_factor.WrongCode):
        second_factor.prove(user=user, code=code_of(authenticator, NOW), at=NOW)


def test_prove_waits_longer_after_each_wrong_code_and_never_over_fifteen_minutes():
    user = make_user()
    authenticator = make_authenticator(user)
    at, waits = NOW, []
    for _ in range(14):
        with pytest.raises(second_factor.WrongCode):
            second_factor.prove(user=user, code="000000", at=at)
        authenticator.refresh_from_db()
        until = authenticator.locked_until() or at
        waits.append(int((until - at).total_seconds()))
        at = until

    assert waits == [0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    with pytest.raises(second_factor.TooManyWrongCodes) as refused:
        second_factor.prove(
            user=user, code=code_of(authenticator, NOW), at=at - timedelta(seconds=1)
        )
    assert refused.value.until == at
    assert second_factor.prove(user=user, code=code_of(authenticator, at), at=at) == authenticator
    authenticator.refresh_from_db()
    assert authenticator.locked_until() is None


def test_recovery_code_opens_once_also_while_the_app_is_slowed_down():
    user = make_user()
    authenticator = make_authenticator(user, failures=20, failed_at=NOW)
    codes = second_factor.renew_codes(user=user, at=NOW)

    assert second_factor.prove(user=user, code=codes[3].upper(), at=NOW) == authenticator
    with pytest.raises(second_factor.WrongCode):
        second_factor.prove(user=user, code=codes[3], at=NOW)
    assert user.recovery_codes.filter(used_at=None).count() == 9


def test_recovery_codes_are_void_once_new_ones_are_made():
    user = make_user()
    make_authenticator(user)
    old = second_factor.renew_codes(user=user, at=NOW)
    second_factor.renew_codes(user=user, at=NOW)

    with pytest.raises(second_factor.WrongCode):
        second_factor.prove(user=user, code=old[0], at=NOW)


def test_secrets_are_not_readable_in_the_database():
    user = make_user()
    authenticator = make_authenticator(user)
    codes = second_factor.renew_codes(user=user, at=NOW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM defensefund_authenticator")
        key = cursor.fetchone()[0]
        cursor.execute("SELECT digest FROM defensefund_recoverycode")
        digests = {row[0] for row in cursor.fetchall()}

    assert authenticator.key not in key
    assert not digests & set(codes)
    assert not digests & {code.replace("-", "") for code in codes}


def test_remove_leaves_nothing_that_opens():
    user, admin = make_user(), make_user()
    authenticator = make_authenticator(user)
    codes = second_factor.renew_codes(user=user, at=NOW)

    second_factor.remove(user=user, by=admin, at=NOW)

    for code in (codes[0], code_of(authenticator, NOW)):
        with pytest.raises(second_factor.WrongCode):
            second_factor.prove(user=user, code=code, at=NOW)
    event = user.security_events.first()
    assert (event.kind, event.by) == (SecurityEvent.Kind.REMOVED, admin)


@pytest.mark.django_db(transaction=True)
def test_recovery_code_opens_once_in_a_race():
    user = make_user()
    authenticator = make_authenticator(user)
    code = second_factor.renew_codes(user=user, at=NOW)[0]

    ended = in_parallel(6, lambda _number: second_factor.prove(user=user, code=code, at=NOW))

    assert Counter(ended) == {authenticator: 1, "WrongCode": 5}


@pytest.mark.django_db(transaction=True)
def test_app_code_opens_once_in_a_race():
    user = make_user()
    authenticator = make_authenticator(user)
    code = code_of(authenticator, NOW)

    ended = in_parallel(6, lambda _number: second_factor.prove(user=user, code=code, at=NOW))

    assert ended.count(authenticator) == 1
    assert set(ended) <= {authenticator, "WrongCode", "TooManyWrongCodes"}


@pytest.mark.django_db(transaction=True)
def test_first_set_up_is_won_by_one_in_a_race():
    user = make_user()

    def set_up(_number):
        authenticator = second_factor.begin(user=user, at=NOW)
        second_factor.confirm(
            authenticator=authenticator, code=code_of(authenticator, NOW), replace=False, at=NOW
        )

    ended = in_parallel(6, set_up)

    assert ended.count(None) == 1
    assert set(ended) <= {None, "WrongCode", "AlreadySetUp"}
    assert Authenticator.objects.filter(user=user, confirmed=True).count() == 1
    assert user.recovery_codes.count() == 10


def test_set_up_url_is_what_apps_read():
    user = make_user("ana")
    authenticator = make_authenticator(user, key="00" * 20)

    assert authenticator.manual_key() == " ".join(["AAAA"] * 8)
    assert authenticator.setup_url() == (
        "otpauth://totp/Fondo%20de%20Defensa%20Solidario%3Aana"
        "?secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&issuer=Fondo%20de%20Defensa%20Solidario"
    )
