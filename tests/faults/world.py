"""Ten weeks of a fund, lived through the real verbs, the real SDK and the stand-in for Stripe, of which nothing was told.

Our own rows (promises, payment pages, wishes) are there as the verbs committed them; what happened at Stripe stands in its
events alone. The few that our own verbs need to go on, the first weeks', were told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from django.contrib.auth.models import User

from donations import checkout, conditional, monthly, refunds, stripe_api, webhooks
from donations.currencies import quantize
from donations.models import Donation, KeptCard, Pledge, Subscription
from donations.sandbox import acts
from donations.sandbox.errors import SandboxError
from donations.sandbox.models import SandboxDelivery, SandboxObject
from tests import factories

WEEKS = 10
AMOUNTS = {
    "EUR": ("5", "12.50", "25", "40", "333.33"),
    "USD": ("10", "25", "99.99"),
    "CLP": ("5000", "12000", "90001"),
    "KWD": ("2.500", "10.010"),
}


@dataclass
class Clock:
    """Stands in for timezone.now while the world is made: everything in it happens at its own time."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def go_on(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


@dataclass
class World:
    clock: Clock
    funds: list
    began_at: datetime
    treasurer: User
    random: Random = field(default_factory=lambda: Random(2026))
    given: int = 0

    # --- Giving ---------------------------------------------------------------------------------

    def promise(self, *, currency: str | None = None, **fields) -> Pledge:
        """A gift as the form makes it, by one of forty supporters or by nobody we know, and its payment page."""
        self.given += 1
        fund = self.random.choice(self.funds)
        currency = currency or self.random.choices(list(AMOUNTS), [6, 2, 2, 1])[0]
        email = f"s{self.given % 40}@example.org" if self.random.random() < 0.7 else ""
        gift = checkout.Gift(
            **{
                "appeal": self.funds[0].appeal,
                "fund": fund,
                "method": Pledge.Method.CARD,
                "amount": Decimal(self.random.choice(AMOUNTS[currency])),
                "currency": currency,
                "email": email,
                "language": self.random.choice(["en", "es"]),
                "covers_fee": self.random.random() < 0.3,
            }
            | fields
        )
        pledge = checkout.promise(
            gift, uuid=UUID(int=self.random.getrandbits(128), version=4), at=self.clock()
        )
        checkout.start(pledge, at=self.clock())
        return pledge

    def session(self, pledge: Pledge) -> str:
        return str(pledge.checkouts.latest("pk").stripe_session_id)

    def give(self, card: str = "4242", **fields) -> str:
        """A gift paid by card some minutes after its page was opened; Stripe's name of the payment."""
        session = self.session(self.promise(**fields))
        return acts.pay(session, card=card, at=self.clock.go_on(minutes=3))["payment_intent"]

    def give_at_last(self) -> None:
        """Two cards are declined, a third pays."""
        session = self.session(self.promise())
        for code in ("insufficient_funds", "generic_decline"):
            acts.decline(session, code=code, at=self.clock.go_on(minutes=1))
        acts.pay(session, at=self.clock.go_on(minutes=1))

    def leave(self) -> None:
        """A card is declined, and the page left to expire."""
        session = self.session(self.promise())
        acts.decline(session, code="generic_decline", at=self.clock.go_on(minutes=1))
        acts.expire(session, at=self.clock.go_on(minutes=33))

    def debit(self, *, succeeded: bool | None) -> Callable[[], None]:
        """A bank debit; the bank answers later, or not within these weeks."""
        session = self.session(self.promise(currency="EUR"))
        acts.debit(session, at=self.clock.go_on(minutes=2))
        if succeeded is None:
            return lambda: None
        return lambda: acts.settle(session, succeeded=succeeded, at=self.clock())

    def give_monthly(self, card: str = "4242", **fields) -> str:
        """The first month of a monthly gift is paid; Stripe's name of the subscription."""
        pledge = self.promise(
            **{"frequency": Pledge.Frequency.MONTHLY, "email": f"m{self.given}@example.org"}
            | fields
        )
        return acts.pay(self.session(pledge), card=card, at=self.clock.go_on(minutes=3))[
            "subscription"
        ]

    # --- Taking back ----------------------------------------------------------------------------

    def refunds(self) -> list[Callable[[], object]]:
        """Payments sent back in Stripe's dashboard, whole or in parts, some of which come back: now; and what follows later."""
        whole, parts, failing, pending, lost = (self.give() for _i in range(5))
        self.clock.go_on(hours=5)
        acts.refund(whole, at=self.clock())
        units = SandboxObject.objects.get(id=parts).data["amount"]
        step = 100 if units >= 1000 else 10
        acts.refund(parts, amount=step * 2, at=self.clock.go_on(minutes=1))
        acts.refund(parts, amount=step, at=self.clock.go_on(minutes=1))
        failed = acts.refund(failing, at=self.clock.go_on(minutes=1))["id"]
        arriving = acts.refund(pending, is_pending=True, at=self.clock.go_on(minutes=1))["id"]
        losing = acts.refund(lost, is_pending=True, at=self.clock.go_on(minutes=1))["id"]
        return [
            lambda: acts.fail_refund(failed, at=self.clock()),
            lambda: acts.arrive(arriving, at=self.clock()),
            lambda: acts.fail_refund(losing, at=self.clock()),
            # Sent again, to where it does arrive.
            lambda: acts.refund(failing, at=self.clock.go_on(hours=1)),
        ]

    def disputes(self) -> list[Callable[[], object]]:
        won, kept_fee, lost, part, asked, escalated, warned, suspected = (
            self.give() for _i in range(8)
        )
        self.clock.go_on(hours=3)
        opened = [
            acts.open_dispute(p, at=self.clock.go_on(minutes=1)) for p in (won, kept_fee, lost)
        ]
        units = SandboxObject.objects.get(id=part).data["amount"] // 20 * 10
        acts.open_dispute(part, amount=units, at=self.clock.go_on(minutes=1))
        asking, escalating = (
            acts.open_dispute(p, is_inquiry=True, at=self.clock.go_on(minutes=1))["id"]
            for p in (asked, escalated)
        )
        acts.warn(warned, at=self.clock.go_on(minutes=1))
        acts.warn(suspected, at=self.clock.go_on(minutes=1))
        acts.refund(warned, reason="fraudulent", at=self.clock.go_on(minutes=1))
        ids = [dispute["id"] for dispute in opened]

        def escalate() -> None:
            acts.escalate(escalating, at=self.clock.go_on(minutes=1))
            acts.lose(escalating, at=self.clock.go_on(hours=1))

        return [
            lambda: acts.win(ids[0], at=self.clock()),
            lambda: acts.win(ids[1], gives_fee_back=False, at=self.clock()),
            lambda: acts.lose(ids[2], at=self.clock()),
            lambda: acts.close_inquiry(asking, at=self.clock()),
            escalate,
            lambda: acts.open_dispute(suspected, at=self.clock()),
        ]

    def pay_out(self) -> list[str]:
        """Each currency's balance to the bank, where there is any; Stripe's names of the payouts."""
        made = []
        for currency in AMOUNTS:
            try:
                made.append(acts.pay_out(currency.lower(), at=self.clock.go_on(minutes=1))["id"])
            except SandboxError:
                # Refunds and disputes took more than came in.
                continue
        return made


Later = list[tuple[int, Callable[[], object]]]


def build(clock: Clock, *, times: int) -> World:
    """Ten weeks up to now, each act `times` over."""
    appeal = factories.make_appeal("sample")
    funds = [
        factories.make_fund("appeal", "sample", appeal=appeal),
        factories.make_fund("general", "general"),
        factories.make_fund("case", "sample-case", case=factories.make_case(appeal, "one")),
    ]
    world = World(clock, funds, began_at=clock(), treasurer=factories.make_user("treasurer"))
    later: Later = []
    _live_told(world, later)
    for week in range(WEEKS):
        for _n in range(times):
            _live(world, week, later)
        _pass_week(world, week, later)
    SandboxDelivery.objects.all().delete()
    return world


def _live_told(world: World, later: Later) -> None:
    """Gifts that were told of, so that people can go on with them here: changed, sent back, charged on a condition."""
    dearer, paused, stopped = (world.give_monthly(currency="EUR") for _n in range(3))
    returned, partly = (world.give(currency="EUR") for _n in range(2))
    kept = [_keep_card(world, card) for card in ("4242", "4242", "9995")]
    webhooks.catch_up(since=world.began_at, at=world.clock())
    while webhooks.process_pending(at=world.clock()):
        pass
    conditional.keep_cards(at=world.clock())
    assert all(KeptCard.objects.filter(pledge=pledge).exists() for pledge in kept)

    def known(name: str) -> Subscription:
        return Subscription.objects.get(stripe_subscription_id=name)

    later += [
        (
            3,
            lambda: monthly.change_amount(
                known(dearer), amount=Decimal(60), covers_fee=True, at=world.clock()
            ),
        ),
        (3, lambda: monthly.pause(known(paused), at=world.clock())),
        (6, lambda: monthly.resume(known(paused), at=world.clock())),
        (7, lambda: monthly.stop(known(stopped), at=world.clock())),
        (4, lambda: _send_back(world, returned, Decimal(1))),
        (4, lambda: _send_back(world, partly, Decimal("0.5"))),
        # Decided, and charged; and three days later what was declined is tried again.
        (5, lambda: conditional.run(at=world.clock())),
        (6, lambda: conditional.run(at=world.clock())),
    ]


def _keep_card(world: World, card: str) -> Pledge:
    """A card is left for the day when the target is met."""
    appeal = world.funds[0].appeal
    condition = appeal.conditions.first() or factories.make_condition(
        appeal,
        target=Decimal(50),
        ends_on=(world.clock() + timedelta(weeks=WEEKS)).date(),
        created_at=world.clock(),
    )
    pledge = world.promise(
        currency="EUR",
        method=Pledge.Method.KEPT_CARD,
        condition=condition,
        email=f"kept{world.given}@example.org",
        covers_fee=False,
        fund=world.funds[0],
    )
    acts.pay(world.session(pledge), card=card, at=world.clock.go_on(minutes=2))
    return pledge


def _send_back(world: World, payment: str, share: Decimal) -> None:
    """The office sends a gift back, or a share of it."""
    donation = Donation.objects.get(stripe_payment_intent_id=payment)
    refunds.request(
        donation=donation,
        amount=quantize(donation.amount * share, donation.currency),
        reason="asked",
        by=world.treasurer,
        at=world.clock(),
    )
    refunds.send_due(at=world.clock())


def _live(world: World, week: int, later: Later) -> None:
    world.give()
    world.give()
    match week:
        case 0:
            world.give_monthly()
            world.give_monthly(currency="CLP")
            # Pays the first time, and never again by itself.
            world.give_monthly(card="0341")
            asked = world.give_monthly(card="3184")
            later.append((6, lambda: _confirm(world, asked)))
            later += [(2, world.debit(succeeded=answer)) for answer in (True, False)]
        case 1:
            world.give_monthly(currency="EUR", covers_fee=True)
            elsewhere = world.give_monthly()
            later += [
                (3, lambda: _change_elsewhere(world, elsewhere, is_pause=True)),
                (7, lambda: _change_elsewhere(world, elsewhere, is_pause=False)),
            ]
            world.give_at_last()
        case 2:
            later += [(4 + n, act) for n, act in enumerate(world.refunds())]
        case 3:
            world.leave()
            later += [(5 + n % 3, act) for n, act in enumerate(world.disputes())]
        case 4:
            later.append((6, world.debit(succeeded=True)))
        case 9:
            world.debit(succeeded=None)
            world.give_monthly()


def _confirm(world: World, subscription: str) -> None:
    """The supporter confirms the month their bank asked them about, on Stripe's page."""
    invoice = SandboxObject.objects.get(id=subscription).data["latest_invoice"]
    acts.pay_invoice(invoice, card="4242", at=world.clock())


def _change_elsewhere(world: World, subscription: str, *, is_pause: bool) -> None:
    """In Stripe's dashboard, without a word to us."""
    act = stripe_api.pause_subscription if is_pause else stripe_api.resume_subscription
    act(subscription, idempotency_key=f"dashboard-{subscription}-{is_pause}")


def _pass_week(world: World, week: int, later: Later) -> None:
    """Day by day, with what falls due at Stripe; what was set down for this week; and the week's payouts."""
    clock, begin = world.clock, world.began_at + timedelta(weeks=week)
    for day in range(1, 8):
        clock.at = max(clock.at, begin + timedelta(days=day))
        acts.pass_time(at=clock.at)
        if day == 3:
            for due, act in later:
                if due == week:
                    clock.go_on(minutes=1)
                    act()
        if day == 5:
            made = world.pay_out()
            if week == 6:
                acts.fail_payout(made[0], at=clock.go_on(days=1))
