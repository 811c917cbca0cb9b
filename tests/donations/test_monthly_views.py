"""The pages of a monthly gift that runs, and what its letters lead to."""

import re
from datetime import timedelta
from decimal import Decimal
from email import message_from_string
from email.policy import default

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from donations import emails, monthly
from donations.models import Letter, Subscription, SubscriptionChange
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults
from donations.tokens import Purpose, gift_path, gift_token, purpose_path
from tests import factories
from tests.donations.monthly_gifts import begin_monthly, catch_up, make_subscription, renew

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def begun(rows_of_a_module):
    with rows_of_a_module():
        return begin_monthly(amount="25").pk


@pytest.fixture
def running(begun, db):
    return Subscription.objects.get(pk=begun)


def page_of(subscription, act=""):
    return f"{gift_path(subscription.pledge, at=timezone.now())}{act}"


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_gift_page_shows_how_it_stands_and_what_can_be_done(client, running):
    text = client.get(page_of(running)).content.decode()

    assert "every month" in text
    for act in ("amount", "day", "pause", "stop", "card"):
        assert f"/monthly/{act}/" in text
    assert "ana@example.org" not in text


def test_gift_page_costs_the_same_however_many_months(client, running):
    path = page_of(running)
    counts = []
    for _month in range(3):
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counts.append(len(queries))
        catch_up(renew(running))
        running.refresh_from_db()

    assert counts[0] == counts[1] == counts[2]


def test_amount_is_looked_over_with_its_fee_before_it_is_changed(client, running):
    path = page_of(running, "monthly/amount/")

    shown = client.post(path, {"amount": "40", "cover_fee": "on"})
    assert "€0.87" in shown.content.decode()
    assert "€40.87" in shown.content.decode()
    assert not SubscriptionChange.objects.exists()
    done = client.post(path, {"amount": "40", "cover_fee": "on", "confirmed": "yes"}, follow=True)

    running.refresh_from_db()
    assert (running.amount, running.fee_cover) == (Decimal(40), Decimal("0.87"))
    assert said(done) == ["From the next charge on it is the new amount."]


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "Write the amount you want to give each month."),
        ("2", "The smallest gift by this form is €3.00."),
        ("much", "Write the amount in figures, like 25,50: no letters, signs or currency symbol."),
    ],
)
def test_amount_that_cannot_be_says_why_and_stays_filled_in(client, running, amount, sentence):
    response = client.post(page_of(running, "monthly/amount/"), {"amount": amount})

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert response.context["form"]["amount"].value() == amount


def test_day_is_looked_over_with_its_date_before_it_is_changed(client, running):
    day = 1 if running.next_charge_at.day != 1 else 2
    path = page_of(running, "monthly/day/")
    expected = monthly.first_on(running, day=day, at=timezone.now())

    shown = client.post(path, {"day": day})
    assert f'datetime="{expected.date().isoformat()}"' in shown.content.decode()
    client.post(path, {"day": day, "confirmed": "yes"})

    running.refresh_from_db()
    assert running.next_charge_at == expected


def test_same_day_says_so_on_the_form(client, running):
    day = running.next_charge_at.day
    if day > 28:
        pytest.skip("On the 29th to 31st of a month no day of the form is today's.")

    response = client.post(page_of(running, "monthly/day/"), {"day": day})

    assert response.status_code == 422
    assert "It is charged on that day already." in response.content.decode()


def test_pause_and_go_on_are_one_press_each(client, running):
    client.post(page_of(running, "monthly/pause/"))
    running.refresh_from_db()
    assert running.paused_at
    assert "/monthly/resume/" in client.get(page_of(running)).content.decode()

    client.post(page_of(running, "monthly/resume/"))

    running.refresh_from_db()
    assert running.paused_at is None


def test_stop_asks_first_and_then_is_final(client, running):
    asked = client.get(page_of(running, "monthly/stop/"))
    assert "Stop the monthly gift?" in asked.content.decode()
    running.refresh_from_db()
    assert running.is_live

    done = client.post(page_of(running, "monthly/stop/"), follow=True)

    running.refresh_from_db()
    assert not running.is_live
    assert said(done) == ["Stopped. Nothing will be charged any more."]
    assert "from=" in done.content.decode()


def test_wish_without_an_answer_is_said_to_be_kept(client, running):
    SandboxFaults.objects.create(api_fault="error", api_requests=3)

    done = client.post(page_of(running, "monthly/stop/"), follow=True)

    [sentence] = said(done)
    assert sentence.startswith("Your wish is kept.")
    assert "The payment service has not answered yet" in done.content.decode()


def test_what_is_over_cannot_be_changed_and_says_so(client, running):
    monthly.stop(running, at=timezone.now())

    done = client.post(page_of(running, "monthly/pause/"), follow=True)

    assert said(done) == ["This monthly gift has ended: there is nothing to change any more."]


def test_card_is_replaced_on_stripes_page(client, running):
    response = client.post(page_of(running, "monthly/card/"))

    assert response.status_code == 302
    assert "/sandbox/portal/" in response["Location"]


def test_charge_that_needs_the_supporter_leads_to_stripes_page_until_it_is_settled(client, running):
    catch_up(renew(running, outcome="authentication_required"))
    page = client.get(page_of(running)).content.decode()
    assert "Your bank wants to hear from you." in page

    response = client.post(page_of(running, "monthly/settle/"))

    assert "/sandbox/invoice/" in response["Location"]
    charge = running.charges.first()
    acts.pay_invoice(charge.stripe_invoice_id, at=timezone.now(), outcome="succeeded")
    catch_up()
    done = client.post(page_of(running, "monthly/settle/"), follow=True)
    assert said(done) == ["There is nothing to pay at the moment."]


def test_earlier_month_that_failed_stays_in_sight_and_can_be_paid(client, running):
    catch_up(renew(running, outcome="generic_decline"))
    running.refresh_from_db()
    catch_up(renew(running))
    missed = running.charges.get(state="failed")
    page = client.get(page_of(running)).content.decode()
    assert "Not every month went through." in page
    assert "The last charge did not go through." not in page

    response = client.post(page_of(running, "monthly/settle/"), {"month": missed.pk})

    assert response["Location"].endswith(f"/sandbox/invoice/{missed.stripe_invoice_id}/")
    acts.pay_invoice(missed.stripe_invoice_id, at=timezone.now(), outcome="succeeded")
    catch_up()
    assert "Not every month" not in client.get(page_of(running)).content.decode()
    for month in (missed.pk, "", "x"):
        done = client.post(page_of(running, "monthly/settle/"), {"month": month}, follow=True)
        assert said(done) == ["There is nothing to pay at the moment."]


def test_stripe_away_sends_nobody_into_the_void(client, running):
    SandboxFaults.objects.create(api_fault="error", api_requests=3)

    done = client.post(page_of(running, "monthly/card/"), follow=True)

    assert said(done) == [
        "The payment service does not answer. Nothing was changed; try again in a few minutes."
    ]


def test_reminders_are_asked_for_and_stopped(client, running):
    for wanted in ("yes", "no"):
        client.post(page_of(running, "monthly/remind/"), {"wanted": wanted})
        running.refresh_from_db()
        assert running.is_reminder_wanted == (wanted == "yes")


def test_private_link_lives_as_long_as_the_monthly_gift(client):
    old = timezone.now() - timedelta(days=1500)
    subscription = make_subscription(
        factories.make_pledge(frequency="monthly", created_at=old), created_at=old
    )
    path = gift_path(subscription.pledge, at=timezone.now())
    assert client.get(path).status_code == 200


# --- From a mail --------------------------------------------------------------------------------


def stop_path(subscription, purpose=Purpose.STOP_MONTHLY, at=None):
    return purpose_path(subscription.pledge, purpose, at=at or timezone.now())


def test_opening_the_stop_link_changes_nothing_and_shows_exactly_one_button(client, running):
    response = client.get(stop_path(running))

    running.refresh_from_db()
    assert running.is_live
    assert response.content.decode().count("<button") == 1
    assert "no-store" in response["Cache-Control"]


def test_mail_programs_button_stops_it_with_one_post(client, running):
    """RFC 8058: a POST from elsewhere, without cookies and without a form of ours."""
    strict = type(client)(enforce_csrf_checks=True)

    response = strict.post(stop_path(running), {"List-Unsubscribe": "One-Click"})

    running.refresh_from_db()
    assert (response.status_code, running.is_live) == (200, False)
    assert "Stopped." in response.content.decode()
    assert "<button" not in strict.get(stop_path(running)).content.decode()


def test_stop_from_a_mail_is_kept_when_stripe_is_away(client, running):
    SandboxFaults.objects.create(api_fault="error", api_requests=3, fails_reads=True)

    response = client.post(stop_path(running))

    assert "Your wish is kept." in response.content.decode()
    assert SubscriptionChange.objects.open().get().kind == "stop"


def test_reminders_are_stopped_from_a_mail_and_the_gift_goes_on(client, running):
    monthly.remind(running, is_wanted=True)
    path = stop_path(running, Purpose.STOP_REMINDERS)

    assert client.get(path).content.decode().count("<button") == 1
    running.refresh_from_db()
    assert running.is_reminder_wanted
    client.post(path, {"List-Unsubscribe": "One-Click"})

    running.refresh_from_db()
    assert (running.is_reminder_wanted, running.is_live) == (False, True)


def test_link_is_good_for_its_purpose_alone_and_not_for_ever(client, running):
    token = stop_path(running).split("/")[-2]
    gift = gift_token(running.pledge, at=timezone.now())
    old = stop_path(running, at=timezone.now() - timedelta(days=401))
    for path in (
        f"/en/stop/reminders/{token}/",
        f"/en/gift/{token}/",
        f"/en/stop/monthly/{gift}/",
        f"/en/stop/monthly/{token[:-1]}/",
        "/en/stop/monthly/x/",
        old,
    ):
        assert client.post(path).status_code in {404, 405}, path
    running.refresh_from_db()
    assert running.is_live


# --- Letters ------------------------------------------------------------------------------------


def test_every_letter_of_a_monthly_gift_can_stop_it_and_says_nothing_outside(
    client, running, inbox
):
    monthly.remind(running, is_wanted=True)
    catch_up(renew(running, outcome="generic_decline"))
    running.refresh_from_db()
    for kind, occasion in (("upcoming_charge", "2026-04-24"), ("action_required", "in_x")):
        Letter.objects.create(
            kind=kind,
            pledge=running.pledge,
            occasion=occasion,
            created_at=timezone.now(),
            due_at=timezone.now(),
        )

    emails.send_due(at=timezone.now() + timedelta(days=60))

    letters = [message_from_string(text, policy=default) for _to, text in inbox.messages]
    assert len(letters) == 4
    for letter in letters:
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        [link] = re.findall(r"<http://[^/]+(/\S+)>", letter["List-Unsubscribe"])
        is_reminder = "/stop/reminders/" in link
        assert is_reminder == (letter["Subject"] == "A payment is coming up")
        assert client.get(link).status_code == 200
        body = letter.get_content()
        assert "/stop/monthly/" in body
        for word in ("Sample appeal", "appeal-", "fund-", "donat", "defen"):
            assert word not in str(letter["Subject"]).lower()
    assert {letter["Subject"].split(" R-")[0] for letter in letters} == {
        "Receipt",
        "A payment did not go through",
        "A payment is coming up",
        "A payment waits for you",
    }


def test_letter_of_the_end_names_no_way_to_stop_what_is_over(running):
    monthly.stop(running, at=timezone.now())
    letter = Letter.objects.get(kind="monthly_stopped")

    words = emails.word(letter, at=timezone.now())

    assert words.subject == "Your monthly payment has ended"
    assert "/stop/" not in words.body
    assert emails.unsubscribe_link(letter, at=timezone.now()) == ""


@pytest.mark.parametrize("change", ["pause", "stop", "unwanted"])
def test_reminder_overtaken_by_a_change_is_not_sent(running, inbox, change):
    monthly.remind(running, is_wanted=True)
    now = timezone.now()
    letter = Letter.objects.create(
        kind="upcoming_charge", pledge=running.pledge, occasion="x", created_at=now, due_at=now
    )
    if change == "unwanted":
        monthly.remind(running, is_wanted=False)
    else:
        getattr(monthly, change)(running, at=now)

    emails.send_due(at=now)

    letter.refresh_from_db()
    assert (letter.error, letter.sent_at) == ("not due any more", now)
