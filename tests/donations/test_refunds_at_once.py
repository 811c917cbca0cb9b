"""Refunds asked for, and sent, by many at the same moment."""

import pytest
from django.utils import timezone

from donations import refunds
from donations.models import Donation, Refund, RefundRequest
from tests import factories
from tests.donations.card_gifts import broken, catch_up, give_by_card
from tests.donations.test_refunds import ask
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_many_requests_at_once_only_those_pass_that_fit():
    fund = factories.make_fund(code="case-sample")
    give_by_card(fund, "100")
    catch_up()
    gift, by = Donation.objects.get(), factories.make_user()

    outcomes = in_parallel(14, lambda _n: ask(gift, "30", by).state())

    assert outcomes.count("WrongAmount") == 11
    assert RefundRequest.objects.count() == 3
    # Of 100 one person sends 90 back; the fourth 30 are not there.
    assert gift.refundable() == 10


def test_two_workers_send_a_refund_once():
    fund = factories.make_fund(code="case-sample")
    give_by_card(fund, "100")
    catch_up()
    gift, by = Donation.objects.get(), factories.make_user()
    for _i in range(3):
        ask(gift, "10", by)

    answered = in_parallel(4, lambda _n: refunds.send_due(at=timezone.now()))

    assert sum(answered) == 3
    catch_up()
    assert (Refund.objects.count(), gift.refundable()) == (3, 70)
    assert broken() == {}
