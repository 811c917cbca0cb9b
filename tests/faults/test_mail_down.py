"""An hour without a mail server: gifts go on, no letter is lost, none goes out twice, no receipt's number is left out."""

from datetime import timedelta

import pytest
from django.utils import timezone

from donations import emails, webhooks
from donations.models import Letter, Receipt
from tests import factories
from tests.donations.card_gifts import give_by_card

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("fault", ["away", "full"])
def test_hour_without_a_mail_server_loses_nothing(inbox, settings, fault):
    fund, began = factories.make_fund(), timezone.now()
    there, away = (
        settings.MAILERS,
        {"default": settings.MAILERS["default"] | {"OPTIONS": {"host": "127.0.0.1", "port": 9}}},
    )
    settings.MAILERS = away if fault == "away" else there
    inbox.is_full = fault == "full"
    addresses = []
    for minute in range(60):
        at = began + timedelta(minutes=minute)
        if minute % 10 == 0:
            addresses.append(f"p{minute}@example.org")
            give_by_card(fund, "25", supporter=factories.make_supporter(addresses[-1]))
            webhooks.catch_up(since=began - timedelta(hours=1), at=at)
            while webhooks.process_pending(at=at):
                pass
        assert emails.send_due(at=at) == 0
    assert inbox.messages == []
    assert {letter.attempts for letter in Letter.objects.all()} == {4, 5, 6}

    settings.MAILERS, inbox.is_full = there, False
    # Whoever waited longest had been tried longest: twice the hour at most.
    for minute in range(60, 131):
        emails.send_due(at=began + timedelta(minutes=minute))

    assert sorted(address for to, _text in inbox.messages for address in to) == sorted(addresses)
    assert not Letter.objects.filter(sent_at=None).exists()
    assert sorted(Receipt.objects.values_list("serial", flat=True)) == [1, 2, 3, 4, 5, 6]
