from datetime import timedelta

import pytest

from defensefund import challenges
from defensefund.challenges import LIFE, WAIT, NoChallenge
from tests.defensefund.challenge_answers import solve
from tests.factories import NOW


def test_challenge_comes_back_as_it_was_set():
    challenge = challenges.pose("gift", at=NOW)

    assert challenges.read(challenge.text, subject="gift", at=NOW) == challenge


def test_challenge_is_solved_by_its_number_alone():
    challenge = challenges.pose("gift", at=NOW)
    number = solve(challenge)

    assert challenge.is_solved_by(number)
    for wrong in ("", "-1", "x", str(int(number) + 1), "٣", "1" * 5000):
        assert not challenge.is_solved_by(wrong), wrong


def test_challenge_matures_after_a_minute():
    challenge = challenges.pose("gift", at=NOW)

    assert challenge.seconds_left(NOW) == 60
    assert challenge.seconds_left(NOW + timedelta(seconds=20)) == 40
    assert challenge.seconds_left(NOW + WAIT) == 0


@pytest.mark.parametrize(
    ("subject", "at"),
    [
        ("another gift", NOW),
        ("gift", NOW + LIFE),
        ("gift", NOW - timedelta(seconds=1)),
    ],
)
def test_challenge_is_good_for_one_thing_and_half_an_hour(subject, at):
    text = challenges.pose("gift", at=NOW).text

    with pytest.raises(NoChallenge):
        challenges.read(text, subject=subject, at=at)


def test_forged_challenge_is_none():
    text = challenges.pose("gift", at=NOW).text

    for forged in ("", "x", text[:-1], text + "A" * 600, "A" + text):
        with pytest.raises(NoChallenge):
            challenges.read(forged, subject="gift", at=NOW)


def test_two_challenges_are_never_the_same():
    assert len({challenges.pose("gift", at=NOW).text for _i in range(50)}) == 50
