"""VERB: whether one more attempt to give may go on, must first show a little work or patience, or should be a transfer.

What it is up against is card testing: stolen cards tried by the thousand on a page like ours. Nobody is told apart by
who they are, only by how much comes from one network and from everywhere, so whoever shares an address with a crowd
(as over Tor) can always go on by work, by waiting, or by transfer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from defensefund import challenges, limits
from defensefund.challenges import Challenge, NoChallenge
from defensefund.limits import Limit
from defensefund.network import tells_apart

from .giving_health import HOUR, cards_arrived
from .models import Pledge

TEN_MINUTES = timedelta(minutes=10)


@dataclass(frozen=True)
class Budget:
    """How many attempts pass: unasked, and with proof; from one network in an hour, from everywhere in ten minutes."""

    free_here: int
    free_everywhere: int
    proved_here: int
    proved_everywhere: int
    # Of those, by waiting alone: who solves nothing must not use up the room of those who do.
    waited_everywhere: int


# By card 40 in ten minutes at most reach Stripe when none of them ends in a gift.
BUDGETS = {
    Pledge.Method.CARD: Budget(5, 25, 10, 15, 8),
    # The way that stays open: it costs us a row, and Stripe hears nothing of it.
    Pledge.Method.TRANSFER: Budget(10, 60, 100, 600, 600),
}
# Gifts that arrived in the last hour make room for as many more: on the fund's great day nobody is sent away.
ROOM_BY_GIFT = 3
# What one process lets pass in ten minutes, all with proof, while PostgreSQL cannot count.
MAKESHIFT_EVERYWHERE = 5
# How often a monthly gift's holder may go to Stripe's page for another card within an hour.
CARD_PAGES = 5
# A proof sent again is the same gift again: an impatient double click, and no more than that.
USES = 3


@dataclass(frozen=True)
class Attempt:
    """`subject` is the gift, as the form names it; `network` comes from network_of; the last two from the page."""

    subject: UUID
    method: Pledge.Method
    currency: str
    network: str
    challenge: str = ""
    solution: str = ""


class Refusal(Exception):
    """Not now, or not in this way. Nothing was kept and nothing charged."""


class ProofWanted(Refusal):
    """May go on with an answer to `challenge`: its solution, or the same sent again after `seconds`."""

    def __init__(self, challenge: Challenge, *, seconds: int, is_new: bool) -> None:
        super().__init__(challenge.subject)
        self.challenge, self.seconds, self.is_new = challenge, seconds, is_new


class TransferOnly(Refusal):
    """No card now: wait until the instant `until`, or give by transfer."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class Paused(Refusal):
    """People (or too many declined cards) shut this way to give; people will open it."""


def admit(attempt: Attempt, *, paused: frozenset[str], at: datetime) -> None:
    """Counts the attempt and returns when it may go on; raises Paused, ProofWanted or TransferOnly.

    `paused` are the methods shut in its currency. One statement on the database, outside of any transaction; a second
    one only when so many have proved themselves that it matters how many gifts arrived.
    """
    if attempt.method in paused:
        raise Paused
    budget = BUDGETS[attempt.method]
    try:
        challenge = challenges.read(attempt.challenge, subject=str(attempt.subject), at=at)
    except NoChallenge:
        _without_proof(attempt, budget, at=at)
        return
    is_solved = challenge.is_solved_by(attempt.solution)
    seconds = challenge.seconds_left(at)
    if not is_solved and seconds:
        raise ProofWanted(challenge, seconds=seconds, is_new=False)
    _with_proof(attempt, budget, challenge, is_solved=is_solved, at=at)


def admit_card_page(subject: UUID, *, at: datetime) -> None:
    """Lets the holder of a monthly gift's link open one more page for another card; raises TransferOnly.

    Counted by gift alone: whoever else tries cards has nothing to do with it.
    """
    counts = limits.count(Limit(f"card page {subject}", HOUR, CARD_PAGES), at=at)
    if counts.exceeded:
        raise TransferOnly(counts.exceeded.ends_at(at))


def _without_proof(attempt: Attempt, budget: Budget, *, at: datetime) -> None:
    counts = limits.count(*asked(attempt.method, budget, attempt.network), at=at)
    if counts.exceeded or counts.is_makeshift:
        raise _proof_wanted(attempt, at=at)


def _with_proof(
    attempt: Attempt, budget: Budget, challenge: Challenge, *, is_solved: bool, at: datetime
) -> None:
    first = Limit(f"proof {challenge.salt}", challenges.LIFE, 1, since=challenge.set_at)
    room = proved(attempt.method, budget, attempt.network, is_solved=is_solved)
    counts = limits.count(first, *room, at=at)
    if counts.exceeded is first:
        if counts.times[first] > USES:
            raise _proof_wanted(attempt, at=at)
        return
    over = counts.exceeded
    if room and counts.is_makeshift and counts.times.get(room[-1], 0) > MAKESHIFT_EVERYWHERE:
        over = room[-1]
    elif over and over is room[-1] and counts.times[over] <= over.most + _earned(at=at):
        return
    if over:
        raise TransferOnly(over.ends_at(at))


def _earned(*, at: datetime) -> int:
    return ROOM_BY_GIFT * cards_arrived(at - HOUR).count()


def _proof_wanted(attempt: Attempt, *, at: datetime) -> ProofWanted:
    challenge = challenges.pose(str(attempt.subject), at=at)
    return ProofWanted(challenge, seconds=challenge.seconds_left(at), is_new=True)


def asked(method: Pledge.Method, budget: Budget, network: str = "") -> list[Limit]:
    """What passes without a proof: from the network, where that tells anything, and from everywhere."""
    everywhere = Limit(f"{method} asked", TEN_MINUTES, budget.free_everywhere)
    if not network or not tells_apart(network):
        return [everywhere]
    return [Limit(f"{method} asked {network}", HOUR, budget.free_here), everywhere]


def proved(
    method: Pledge.Method, budget: Budget, network: str = "", *, is_solved: bool = True
) -> list[Limit]:
    """What passes with a proof: from the network, by waiting alone, and from everywhere, which comes last."""
    everywhere = Limit(f"{method} proved", TEN_MINUTES, budget.proved_everywhere)
    waited = Limit(f"{method} waited", TEN_MINUTES, budget.waited_everywhere)
    here = Limit(f"{method} proved {network}", HOUR, budget.proved_here)
    found = [] if is_solved else [waited]
    if network and tells_apart(network):
        found.insert(0, here)
    return [*found, everywhere]
