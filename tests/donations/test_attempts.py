from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from defensefund import challenges, limits
from donations import attempts
from donations.attempts import BUDGETS, Attempt, Paused, ProofWanted, TransferOnly
from donations.models import Pledge
from tests import factories
from tests.defensefund.challenge_answers import solve
from tests.factories import NOW

CARD, TRANSFER = Pledge.Method.CARD, Pledge.Method.TRANSFER
OPEN = frozenset()


def attempt(network="45.0.0.0", method=CARD, **fields):
    return Attempt(uuid4(), method, "EUR", network, **fields)


def admit(one, *, at=NOW, paused=OPEN):
    attempts.admit(one, paused=paused, at=at)


def proof_of(network="45.0.0.0", method=CARD, at=NOW):
    """An attempt with a solved challenge of its own."""
    one = attempt(network, method)
    challenge = challenges.pose(str(one.subject), at=at)
    return replace(one, challenge=challenge.text, solution=solve(challenge))


def patient(network="45.0.0.0", at=NOW):
    one = attempt(network)
    return replace(one, challenge=challenges.pose(str(one.subject), at=at - challenges.WAIT).text)


def passed(tries, *, at=NOW):
    """How many of the attempts may go on."""
    count = 0
    for one in tries:
        with suppress(attempts.Refusal):
            admit(one, at=at)
            count += 1
    return count


@pytest.mark.django_db
def test_a_household_is_asked_nothing_a_crowd_is(django_assert_num_queries):
    free = BUDGETS[CARD].free_here

    with django_assert_num_queries(free):
        assert passed(attempt() for _i in range(free)) == free
    with pytest.raises(ProofWanted) as wanted:
        admit(attempt())
    assert (wanted.value.seconds, wanted.value.is_new) == (60, True)
    # Another network, and the same one an hour later, begin anew.
    admit(attempt("45.0.1.0"))
    admit(attempt(), at=NOW + timedelta(hours=1))


@pytest.mark.django_db
def test_flood_of_one_network_is_not_everybodys():
    passed(attempt() for _i in range(200))

    admit(attempt("45.0.1.0"))


@pytest.mark.django_db
@pytest.mark.parametrize("inner", ["127.0.0.0", "0.0.0.0", "10.1.2.0", "::", "fd00::"])
def test_inner_addresses_are_no_network(inner):
    """As behind our own onion service: everybody there at once, and nobody shut out as one."""
    everywhere = BUDGETS[CARD].free_everywhere

    assert passed(attempt(inner) for _i in range(everywhere + 5)) == everywhere


@pytest.mark.django_db
def test_proofs_pass_up_to_a_budget_of_the_network():
    here = BUDGETS[CARD].proved_here

    assert passed(proof_of() for _i in range(here + 3)) == here
    with pytest.raises(TransferOnly) as refusal:
        admit(proof_of())
    assert refusal.value.until == NOW + timedelta(hours=1)
    admit(proof_of("45.0.1.0"))


@pytest.mark.django_db
def test_proofs_pass_up_to_a_budget_of_everybody():
    everywhere = BUDGETS[CARD].proved_everywhere

    tries = (proof_of(f"45.0.{number}.0") for number in range(everywhere + 3))
    assert passed(tries) == everywhere


@pytest.mark.django_db
def test_gifts_that_arrive_make_room_for_more(django_assert_num_queries):
    everywhere = BUDGETS[CARD].proved_everywhere
    for _i in range(2):
        factories.make_donation(received_at=NOW - timedelta(minutes=5))
    factories.make_donation(received_at=NOW - timedelta(hours=2))

    tries = (proof_of(f"45.0.{number}.0") for number in range(everywhere + 10))
    assert passed(tries) == everywhere + 2 * attempts.ROOM_BY_GIFT


@pytest.mark.django_db
def test_patience_leaves_room_for_work():
    waited = BUDGETS[CARD].waited_everywhere

    assert passed(patient(f"45.0.{number}.0") for number in range(waited + 3)) == waited
    admit(proof_of("45.1.0.0"))


@pytest.mark.django_db
def test_replayed_proof_uses_up_nobodys_room():
    one = proof_of()
    passed(one for _i in range(100))

    [limit] = attempts.proved(CARD, BUDGETS[CARD])
    assert [tally.count for tally in limits.tallies(limit, at=NOW)] == [1]
    with pytest.raises(ProofWanted):
        admit(one)


@pytest.mark.django_db
def test_transfer_has_room_of_its_own():
    passed(attempt() for _i in range(100))

    free = BUDGETS[TRANSFER].free_here
    assert passed(attempt(method=TRANSFER) for _i in range(free + 1)) == free
    admit(proof_of(method=TRANSFER))


@pytest.mark.django_db
def test_page_for_another_card_is_counted_by_gift():
    subject = uuid4()
    for _i in range(attempts.CARD_PAGES):
        attempts.admit_card_page(subject, at=NOW)

    with pytest.raises(TransferOnly) as refusal:
        attempts.admit_card_page(subject, at=NOW)
    assert refusal.value.until == NOW + timedelta(hours=1)
    attempts.admit_card_page(uuid4(), at=NOW)


@pytest.mark.django_db
def test_paused_way_takes_nothing_whatever_is_proved():
    with pytest.raises(Paused):
        admit(proof_of(), paused=frozenset({"card"}))
    admit(attempt(method=TRANSFER), paused=frozenset({"card"}))


@pytest.mark.django_db(transaction=True)
def test_without_counters_it_is_neither_open_nor_shut():
    """Everybody shows a proof, and a few of them pass in each process; transfers go on."""
    limits.makeshift.clear()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE defensefund_tally RENAME TO tally_away")
    try:
        with pytest.raises(ProofWanted):
            admit(attempt())
        most = attempts.MAKESHIFT_EVERYWHERE
        tries = [proof_of(f"45.0.{number}.0") for number in range(most + 3)]
        assert passed(tries) == most
        with pytest.raises(TransferOnly):
            admit(proof_of("45.1.0.0"))
        # A proof counts once here too.
        assert passed([tries[0]] * 5) == attempts.USES - 1
        admit(proof_of(method=TRANSFER))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tally_away RENAME TO defensefund_tally")
        limits.makeshift.clear()
    # And back as soon as it counts again.
    admit(attempt())
