"""READ: what can be wrong between Stripe, the bank and the books, or on its way; each with its cause, next step and patience."""

from datetime import timedelta
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    """What is wrong, or what is on its way."""

    MISSING = "missing", _("not booked")
    EXTRA = "extra", _("unknown to Stripe")
    AMOUNT = "amount", _("another amount")
    CURRENCY = "currency", _("another currency")
    FUND = "fund", _("another fund")
    FEE = "fee", _("another fee")
    DUPLICATE_REFUND = "duplicate_refund", _("refunded twice")
    DISPUTE = "dispute", _("dispute booked otherwise")
    DATE = "date", _("another day")
    PAYOUT_SPLIT = "payout_split", _("payout is not the sum of its movements")
    TEST_MODE = "test_mode", _("told in another mode")
    FOREIGN_ACCOUNT = "foreign_account", _("told of another account")
    UNKNOWN = "unknown", _("of an unknown type")
    COLLECTED = "collected", _("collected from the bank by Stripe")
    ASKED = "asked", _("explained, and to be approved")
    BALANCE = "balance", _("Stripe's balance is another")
    OPENING = "opening", _("on the account before its first statement, and not booked")
    NOT_OURS = "not_ours", _("at Stripe, and not ours")
    NOT_ITEMISED = "not_itemised", _("payout of which Stripe never said the movements")
    ANNOUNCED = "announced", _("given, and not on Stripe's balance yet")
    AT_STRIPE = "at_stripe", _("waits at Stripe for a payout")
    REFUNDED = "refunded", _("refunds that no payout has settled yet")
    DISPUTED = "disputed", _("disputes that no payout has settled yet")
    EXPLAINED = "explained", _("explained by two people, and not settled by a payout yet")
    PAYOUT_BACK = "payout_back", _("payouts that came back from the bank")
    LEFT_OVER = "left_over", _("left over by payouts without their movements")
    IN_TRANSIT = "in_transit", _("on its way to the bank")
    CASH = "cash", _("cash on its way to the bank")
    TRANSFER_OUT = "transfer_out", _("on its way to another account of ours")
    TRANSFER_IN = "transfer_in", _("arrived from an account of ours that does not show it")
    BAIL = "bail", _("held by a court")
    BANK_LINES = "bank_lines", _("bank lines nobody has matched")
    UNBOOKED = "unbooked", _("on the bank's account, and not booked")
    NOTIFIED = "notified", _("told otherwise by a notification of the bank")
    UNPROVED = "unproved", _("paid, and on no statement yet")


# By kind: the cause and the next step, each a sentence.
ADVICE: dict[str, tuple[Any, Any]] = {
    Kind.MISSING: (
        _(
            "Stripe moved money that the books do not have: its webhook was lost or refused, or no gift of ours is behind it."
        ),
        _(
            "Press “Ask Stripe again” on Differences, with a day before it. If it stays, look among the refused Stripe events for its payment. "
            "Where no gift of ours is behind it, as when somebody paid by a link made at Stripe, open it and press Explain: another "
            "person approves, and it is a gift, or noted as not ours."
        ),
    ),
    Kind.EXTRA: (
        _("The books have money at Stripe that Stripe never moved."),
        _(
            "Look at the entry's source at Stripe. If it is not there, reverse the entry, with the reason."
        ),
    ),
    Kind.AMOUNT: (
        _("The entry's amount is not the one Stripe moved."),
        _("Reverse the entry, with the reason; the next sync books what Stripe says."),
    ),
    Kind.CURRENCY: (
        _("The entry is in another currency than Stripe's movement."),
        _("Reverse the entry, with the reason; the next sync books what Stripe says."),
    ),
    Kind.FUND: (
        _("The entry is on another fund than the gift was given to."),
        _("Look which fund the supporter chose: reverse the entry, or correct the gift."),
    ),
    Kind.FEE: (
        _("The fee in the books is not the one Stripe kept, or one of the two has none."),
        _(
            "Compare the movement at Stripe; reverse what is wrong. The next sync books the fee it says."
        ),
    ),
    Kind.DUPLICATE_REFUND: (
        _("More went back than was given, or one refund is booked twice."),
        _(
            "Look at the payment at Stripe: if the money left twice, write to the supporter; if not, reverse the second entry."
        ),
    ),
    Kind.DISPUTE: (
        _("A dispute, or its fee, is booked otherwise than Stripe moved it, or not at all."),
        _(
            "Open the dispute at Stripe and compare; the next sync books what is missing. Of a payment that is no gift of ours, open "
            "it here and press Explain."
        ),
    ),
    Kind.DATE: (
        _("The entry bears another day than the fact."),
        _("Reverse it, with the reason, when the month matters."),
    ),
    Kind.PAYOUT_SPLIT: (
        _("The movements tied to the payout do not add up to it."),
        _("Open the payout at Stripe and compare its list with ours."),
    ),
    Kind.TEST_MODE: (
        _(
            "An event of Stripe's test mode was acted on as if it were real, or the other way round."
        ),
        _("Check which keys the endpoint uses; reverse what the event booked."),
    ),
    Kind.FOREIGN_ACCOUNT: (
        _("An event of another Stripe account was acted on."),
        _("Check the endpoint's secret and STRIPE_ACCOUNT; reverse what the event booked."),
    ),
    Kind.UNKNOWN: (
        _("Stripe moved money in a way this program does not know; it is kept, and not booked."),
        _(
            "Look it up at Stripe, then open it here and press Explain: another person approves, and it is booked."
        ),
    ),
    Kind.COLLECTED: (
        _(
            "Refunds or disputes took Stripe's balance below zero, and Stripe took the rest from the bank account."
        ),
        _(
            "Open it and press Explain, with the bank account it left: another person approves. Then match the bank's line with it, which proves it."
        ),
    ),
    Kind.ASKED: (
        _("Somebody explained what Stripe moved there, and nobody has approved that yet."),
        _("Another person opens it, and approves or refuses it; once approved, it is booked."),
    ),
    Kind.NOT_OURS: (
        _(
            "Two people said that this money, which came or went at Stripe, is somebody else's; the books leave it out."
        ),
        _("See that it goes back. When it has, explain that movement as not ours, too."),
    ),
    Kind.NOT_ITEMISED: (
        _(
            "Stripe sent this payout and did not say within a week which gifts it is made of. Payouts made by hand are never itemised."
        ),
        _(
            "Look at Stripe whether payouts are automatic, and set them so. If this one was made by hand, open it and press Accept, with the reason; if it is automatic, ask Stripe. The money is booked in any case."
        ),
    ),
    Kind.BALANCE: (
        _(
            "Stripe holds another amount than all its movements we know come to: one was never fetched."
        ),
        _(
            "Press “Ask Stripe again” on Differences, each time with an earlier day, until it agrees."
        ),
    ),
    Kind.OPENING: (
        _(
            "The first statement of the account does not begin with what the books have on it: it held money before, or was overdrawn."
        ),
        _(
            "Book what was there to the fund it is for; another person approves. Where the books have more, look among the entries before that day."
        ),
    ),
    Kind.ANNOUNCED: (
        _(
            "Stripe has told of the gift, and its balance, which is read every ten minutes, had not yet."
        ),
        _(
            "Nothing: what Stripe's balance does not tell of within two hours is said to be unknown there."
        ),
    ),
    Kind.AT_STRIPE: (
        _(
            "Gifts that Stripe took, less the fees it kept of them, and that no payout has brought to the bank yet."
        ),
        _("Nothing, for some days. If it grows old, look whether payouts are automatic at Stripe."),
    ),
    Kind.REFUNDED: (
        _(
            "Refunds that Stripe took from what lies there, or that came back to it: the next payout is so much less, or more."
        ),
        _("Nothing: the next payout settles it, or gifts do that come until then."),
    ),
    Kind.DISPUTED: (
        _(
            "What supporters' banks took back in disputes or gave back, and Stripe's fees for these: the next payout is so much less, or more."
        ),
        _("For the money nothing. What a dispute waits for, and until when, is on its page."),
    ),
    Kind.EXPLAINED: (
        _(
            "What Stripe moved beside gifts, as two people explained it; it is booked, and the next payout is so much less, or more."
        ),
        _("Nothing: the next payout settles it."),
    ),
    Kind.PAYOUT_BACK: (
        _("A bank did not take a payout, or it was called off: the money is at Stripe again."),
        _("See at Stripe why, and mend the bank account there. The next payout brings it again."),
    ),
    Kind.LEFT_OVER: (
        _(
            "Stripe has not said which movements a payout took along. All that came before it is by so much more, or less, than the payout."
        ),
        _(
            "Nothing, for some days: then Stripe has said it. Of a payout made by hand it never does, and the next ones bring the rest."
        ),
    ),
    Kind.IN_TRANSIT: (
        _("Stripe has sent it, and no bank line shows it."),
        _(
            "Import the bank's statement and match the line. If the bank has none, ask Stripe by the payout's name."
        ),
    ),
    Kind.CASH: (
        _("Somebody brought it to the bank, and no bank line shows it."),
        _("Import the bank's statement and match the line, or ask who brought it."),
    ),
    Kind.TRANSFER_OUT: (
        _("It left one account of ours, and no line of the other shows it."),
        _(
            "Import the other account's statement and match the line. If that bank has none, ask the one it left, or take the match back: perhaps it went elsewhere."
        ),
    ),
    Kind.TRANSFER_IN: (
        _("It arrived from another account of ours, and no line there shows that it left."),
        _(
            "Import that account's statement and match the line. If that bank has none, take the match back: somebody else sent it."
        ),
    ),
    Kind.BAIL: (
        _("A deposit that a court holds until the case ends."),
        _("Nothing, until the court gives it back or keeps it: record that on the cost."),
    ),
    Kind.BANK_LINES: (
        _("The bank moved money that nobody has explained."),
        _("Work through the open lines."),
    ),
    Kind.UNBOOKED: (
        _(
            "Somebody said what this bank line is, and that the books leave it out: money of others that came to us, or left for "
            "something that was not ours. By so much the bank has more, or less, than the books."
        ),
        _(
            "See that it goes back, or comes back; when that line is here, say what it is: two lines that undo each other leave this "
            "list. If it is ours after all, take the explanation back and say anew what the line is."
        ),
    ),
    Kind.NOTIFIED: (
        _(
            "A notification (CAMT.054) names a line of the statement and says another amount than the statement, by which the books go."
        ),
        _(
            "Ask the bank which is right, and import the notification that it corrects. If the statement is right, open the line "
            "and say what it is; what was matched by itself, take back and match it yourself."
        ),
    ),
    Kind.UNPROVED: (
        _("Somebody recorded that it was paid, or came back, and no bank line shows it."),
        _(
            "Import the bank's statement and match the line, or ask whether it really was. A payment that never left, and what was "
            "recorded wrongly of bail, or of what Stripe collected, is taken back where it stands, by two people."
        ),
    ),
}
# After so long what is on its way is work; before that it only has an age. What is not named here is work at once.
PATIENCE: dict[str, timedelta | None] = {
    Kind.ANNOUNCED: None,
    Kind.AT_STRIPE: timedelta(days=14),
    Kind.REFUNDED: timedelta(days=14),
    Kind.DISPUTED: timedelta(days=14),
    Kind.EXPLAINED: timedelta(days=14),
    Kind.PAYOUT_BACK: timedelta(days=5),
    Kind.LEFT_OVER: timedelta(days=14),
    Kind.IN_TRANSIT: timedelta(days=5),
    Kind.CASH: timedelta(days=7),
    Kind.TRANSFER_OUT: timedelta(days=5),
    Kind.TRANSFER_IN: timedelta(days=5),
    Kind.BANK_LINES: timedelta(days=7),
    Kind.NOT_OURS: timedelta(days=7),
    Kind.UNBOOKED: timedelta(days=7),
    Kind.UNPROVED: timedelta(days=7),
    Kind.BAIL: None,
}
