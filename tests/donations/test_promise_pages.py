"""The pages of a promise: filled in, looked at, confirmed; changed and called off at the private link; paid by card."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone, translation

from donations import emails
from donations.models import BankAccount, Checkout, Donation, Pledge
from donations.promise_forms import PromiseForm
from donations.sandbox import acts
from donations.sandbox.models import SandboxFaults, SandboxObject
from donations.tokens import gift_path, gift_token, stop_path
from donations.transparency import came_in_for_appeal
from tests import factories
from tests.donations.card_gifts import catch_up
from tests.factories import make_promise

pytestmark = pytest.mark.django_db

ADDRESS = "/en/sample/promise/?currency=EUR"


def soon(days):
    return timezone.now().date() + timedelta(days=days)


@pytest.fixture
def appeal():
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", appeal=appeal)
    factories.make_bank_account("EUR", takes_gifts=True)
    return appeal


def test_appeal_without_a_fund_says_so_and_the_treasurer_is_told(client):
    appeal = factories.make_appeal("sample")
    pages = [client.get(f"/en/sample/{name}/").content.decode() for name in ("donate", "promise")]
    treasurer = factories.log_in(
        Client(headers={"accept-language": "en"}), factories.make_user("rosa", "treasurer")
    )
    told = "public appeal that takes no gifts: it has no fund"

    assert [page.count("cannot be taken yet") for page in pages] == [1, 1]
    assert [page.count("<form") for page in pages] == [0, 0]
    assert told in treasurer.get("/admin/").content.decode()

    factories.make_fund("appeal", appeal=appeal)

    assert "cannot be taken yet" not in client.get("/en/sample/donate/").content.decode()
    assert told not in treasurer.get("/admin/").content.decode()


def filled(appeal, **changes):
    """The form as a browser sends it."""
    with translation.override("en"):
        form = PromiseForm(appeal=appeal, currency="EUR", today=timezone.now().date())
    data = {name: field.initial or "" for name, field in form.fields.items()}
    data |= {"fund": data["fund"].pk, "first_on": soon(10).isoformat(), "amount": "25"}
    return data | {"rhythm": "monthly", "times": "3"} | changes


def errors(client, appeal, **changes):
    response = client.post(ADDRESS, filled(appeal, **changes))
    assert response.status_code == 422
    assert not Pledge.objects.exists()
    return dict(response.context["form"].errors)


def test_promise_is_seen_before_it_is_kept(client, appeal):
    data = filled(appeal, email="ana@example.org")

    seen = client.post(ADDRESS, data)

    assert seen.status_code == 200
    assert not Pledge.objects.exists()
    looked_at = seen.content.decode()
    for said in ("€75.00", "Where it is needed most", "By bank transfer", "ana@example.org</dd>"):
        assert said in looked_at
    kept = client.post(ADDRESS, data | {"confirmed": "1"})
    again = client.post(ADDRESS, data | {"confirmed": "1"})
    pledge = Pledge.objects.get()
    assert kept.url == again.url == gift_path(pledge)
    assert (pledge.amount, pledge.method, pledge.instalments.count()) == (75, "transfer", 3)
    page = client.get(kept.url).content.decode()
    assert "What you promised" in page
    assert "Details for your transfer" in page


def test_preview_sends_back_everything_that_was_written(client, appeal):
    data = filled(appeal, rhythm="dates", amount="5", day_2=soon(4), sum_2="7,50", day_1=soon(3))

    seen = client.post(ADDRESS, data).content.decode()

    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', seen))
    hidden |= {n: v for v, n in re.findall(r'type="hidden" value="([^"]*)" name="(\w+)"', seen)}
    hidden.pop("csrfmiddlewaretoken", None)
    client.post(ADDRESS, hidden | {"confirmed": "1"})
    pledge = Pledge.objects.get()
    assert [(i.due_on, i.amount) for i in pledge.instalments.all()] == [
        (soon(3), 5),
        (soon(4), Decimal("7.50")),
    ]
    back = client.post(ADDRESS, hidden | {"edit": "1"})
    assert back.status_code == 200
    assert 'value="7,50"' in back.content.decode()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": ""}, {"amount": ["Write the amount you want to give."]}),
        ({"amount": "2"}, {"amount": ["The smallest gift by this form is €3.00."]}),
        ({"first_on": ""}, {"first_on": ["Choose the first day."]}),
        ({"first_on": "soon"}, {"first_on": ["This is no day. Write it like 2027-01-31."]}),
        (
            {"first_on": "2020-01-01"},
            {
                "first_on": [
                    "This day is behind, or another part is due on it or later. Choose a later one."
                ]
            },
        ),
        (
            {"first_on": "2999-01-01"},
            {"first_on": ["This day is more than two years away. Choose an earlier one."]},
        ),
        ({"times": "1"}, {"times": ["Write how many times, from 2 to 120."]}),
        ({"times": ""}, {"times": ["Write how many times, from 2 to 120."]}),
        ({"times": "many"}, {"times": ["Write a whole number, like 6."]}),
        (
            {"rhythm": ""},
            {"rhythm": ["Choose once, every week, every month or your own days."]},
        ),
        ({"rhythm": "dates"}, {"day_1": ["Choose at least one day."]}),
        (
            {"rhythm": "dates", "sum_1": "10"},
            {"day_1": ["Choose the day for this amount."]},
        ),
        ({"method": "card"}, None),
        ({"method": "kept_card"}, None),
    ],
)
def test_form_says_beside_the_field_what_is_wrong(client, appeal, changes, expected):
    found = errors(client, appeal, **changes)

    assert found == expected if expected else list(found) == ["method"]


def test_same_day_twice_is_pointed_out(client, appeal):
    day = soon(4).isoformat()

    assert list(errors(client, appeal, rhythm="dates", day_1=day, day_3=day)) == ["day_3"]


def test_promise_without_end_is_written_down_for_a_year(client, appeal):
    client.post(ADDRESS, filled(appeal, rhythm="without_end", times="") | {"confirmed": "1"})

    pledge = Pledge.objects.get()
    assert (pledge.is_open_ended, pledge.amount, pledge.instalments.count()) == (True, 25, 13)


def test_change_shows_what_is_promised_and_keeps_what_is_due(client, appeal):
    pledge = make_promise([(soon(-3), "10"), (soon(20), "10")], appeal=appeal, frequency="monthly")
    url = f"/en/gift/{gift_token(pledge)}/promise/change/"
    shown = client.get(url)
    data = {"amount": "20", "rhythm": "once", "first_on": soon(30).isoformat()}

    assert shown.context["form"].initial["amount"] == "10"
    client.post(url, data)
    assert pledge.instalments.count() == 2
    done = client.post(url, data | {"confirmed": "1"})

    assert done.url == gift_path(pledge)
    assert [(i.due_on, i.amount) for i in pledge.instalments.all()] == [
        (soon(-3), 10),
        (soon(30), 20),
    ]


def test_call_off_asks_once_and_can_be_taken_back(client, appeal):
    pledge = make_promise([(soon(5), "10")], appeal=appeal)
    path = f"/en/gift/{gift_token(pledge)}"

    client.get(f"{path}/promise/cancel/")
    pledge.refresh_from_db()
    assert pledge.cancelled_at is None
    client.post(f"{path}/promise/cancel/")
    assert "called off" in client.get(f"{path}/").content.decode()
    assert client.post(f"{path}/promise/pause/").status_code == 302
    client.post(f"{path}/promise/resume/")

    pledge.refresh_from_db()
    assert (pledge.cancelled_at, pledge.paused_at) == (None, None)


def test_pages_of_a_promise_are_not_there_for_other_gifts(client, appeal):
    token = gift_token(factories.make_pledge(appeal))
    for act in ("change", "cancel", "pause", "resume", "remind"):
        assert client.post(f"/en/gift/{token}/promise/{act}/").status_code == 404


# --- Reminders ------------------------------------------------------------------------------------


def test_looking_at_the_stop_link_changes_nothing_and_its_button_stops(appeal):
    pledge = make_promise([(soon(5), "10")], appeal=appeal, supporter=factories.make_supporter())
    # As a mail program sends it: no cookie, no token.
    client = Client(enforce_csrf_checks=True)

    assert client.get(stop_path(pledge)).status_code == 200
    assert client.head(stop_path(pledge)).status_code == 200
    pledge.refresh_from_db()
    assert pledge.reminders_stopped_at is None
    answer = client.post(stop_path(pledge), {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    pledge.refresh_from_db()
    assert pledge.reminders_stopped_at
    assert pledge.cancelled_at is None


def test_stop_link_opens_nothing_else_and_no_other_link_stops(client, appeal):
    pledge = make_promise([(soon(5), "10")], appeal=appeal)
    stop = stop_path(pledge).split("/gift/")[1].split("/")[0]

    assert client.get(f"/en/gift/{stop}/").status_code == 404
    assert client.post(f"/en/gift/{gift_token(pledge)}/stop/").status_code == 404


def test_reminders_can_be_wanted_again(client, appeal):
    pledge = make_promise(
        [(soon(5), "10")],
        appeal=appeal,
        supporter=factories.make_supporter(),
        reminders_stopped_at=timezone.now(),
    )
    client.post(f"/en/gift/{gift_token(pledge)}/promise/remind/")

    pledge.refresh_from_db()
    assert pledge.reminders_stopped_at is None


# --- Paid by card ---------------------------------------------------------------------------------


def pay_page(client, pledge):
    return client.post(f"/en/gift/{gift_token(pledge)}/pay/")


@pytest.mark.parametrize("frequency", ["monthly", "dates"])
def test_each_part_is_paid_on_a_page_for_its_amount(client, appeal, frequency):
    pledge = make_promise(
        [(soon(-1), "10"), (soon(20), "15")],
        appeal=appeal,
        method="card_later",
        frequency=frequency,
    )
    for amount in (10, 15):
        assert pay_page(client, pledge).status_code == 302
        visit = Checkout.objects.latest("pk")
        assert visit.amount == amount
        acts.pay(visit.stripe_session_id, at=timezone.now())
        catch_up()

    assert [d.amount for d in pledge.donations.order_by("pk")] == [10, 15]
    assert pay_page(client, pledge).url == gift_path(pledge)
    assert Checkout.objects.count() == 2


def test_same_part_asked_for_twice_is_one_page(client, appeal):
    pledge = make_promise([(soon(2), "10")], appeal=appeal, method="card_later")

    assert pay_page(client, pledge).url == pay_page(client, pledge).url
    assert Checkout.objects.count() == 1


def test_page_for_an_outdated_amount_is_shut(client, appeal):
    pledge = make_promise([(soon(-2), "10")], appeal=appeal, method="card_later")
    first = pay_page(client, pledge).url
    factories.make_arrival(pledge, "4")

    second = pay_page(client, pledge).url

    assert first != second
    old, new = Checkout.objects.order_by("pk")
    assert (old.expired_at is not None, new.amount) == (True, 6)
    status = {o.id: o.data["status"] for o in SandboxObject.objects.sessions()}
    assert (status[old.stripe_session_id], status[new.stripe_session_id]) == ("expired", "open")


def test_outdated_page_that_was_paid_meanwhile_opens_no_second_one(client, appeal):
    pledge = make_promise([(soon(-2), "10")], appeal=appeal, method="card_later")
    pay_page(client, pledge)
    # Paid at Stripe, and its webhook is late; then a transfer arrives too.
    acts.pay(Checkout.objects.get().stripe_session_id, at=timezone.now())
    factories.make_arrival(pledge, "4")

    assert pay_page(client, pledge).url == gift_path(pledge)
    assert SandboxObject.objects.sessions().count() == 1
    catch_up()
    assert Donation.objects.filter(method="card").count() == 1


def test_called_off_promise_is_not_paid(client, appeal):
    pledge = make_promise(
        [(soon(2), "10")], appeal=appeal, method="card_later", cancelled_at=timezone.now()
    )
    assert pay_page(client, pledge).url == gift_path(pledge)
    assert not Checkout.objects.exists()


def test_link_of_a_long_promise_lives_as_long_as_it_has_parts(client, appeal):
    long_ago = timezone.now() - timedelta(days=900)
    alive = make_promise([(soon(-900), "5"), (soon(9), "5")], appeal=appeal, at=long_ago)
    over = make_promise([(soon(-900), "5")], appeal=appeal, at=long_ago)

    assert client.get(gift_path(alive)).status_code == 200
    assert client.get(gift_path(over)).status_code == 404


@pytest.mark.parametrize("parts", [1, 3])
def test_private_page_costs_the_same_with_one_part_and_three(
    client, appeal, parts, django_assert_num_queries
):
    pledge = make_promise([(soon(9 + n), "5") for n in range(parts)], appeal=appeal)
    with django_assert_num_queries(6):
        client.get(gift_path(pledge))


def test_days_written_by_hand_are_understood(client, appeal):
    day = date.today() + timedelta(days=40)
    client.post(ADDRESS, filled(appeal, first_on=day.strftime("%d/%m/%Y")) | {"confirmed": "1"})

    assert Pledge.objects.get().instalments.first().due_on == day


@pytest.fixture
def announced(appeal):
    return factories.make_announced(
        appeal, appeal.funds.get(), "40", language="en", supporter=factories.make_supporter()
    )


def test_announced_transfer_is_called_off_and_taken_up_again(client, announced):
    page = gift_path(announced)
    assert "Call it off" in client.get(page).content.decode()
    asked = client.get(f"{page}promise/cancel/").content.decode()
    assert "€40.00 of it has not arrived" in asked

    client.post(f"{page}promise/cancel/")

    text = client.get(page).content.decode()
    assert "Your promise is called off." in text
    assert announced.reference not in text
    assert [c.promised for c in came_in_for_appeal(announced.appeal)] == []
    client.post(f"{page}promise/resume/")
    assert announced.reference in client.get(page).content.decode()
    assert [c.promised for c in came_in_for_appeal(announced.appeal)] == [40]


def test_announced_transfer_has_no_parts_to_change_or_pause(client, announced):
    page = gift_path(announced)

    assert client.get(f"{page}promise/change/").status_code == 404
    assert client.post(f"{page}promise/remind/").status_code == 404
    client.post(f"{page}promise/pause/")

    announced.refresh_from_db()
    assert announced.paused_at is None


def test_announced_transfer_chosen_anew_is_promised_once(client, announced):
    token = gift_token(announced)
    form = client.get(f"/en/sample/donate/?from={token}").context["form"]
    assert [form[name].value() for name in ("amount", "method")] == ["40.00", "transfer"]
    data = {name: form[name].value() or "" for name in form.fields if name != "cover_fee"}
    data |= {"amount": "55"}

    for _double_click in range(2):
        response = client.post(f"/en/sample/donate/?from={token}", data)

    second = Pledge.objects.exclude(pk=announced.pk).get()
    assert response["Location"] == gift_path(second)
    assert (second.amount, second.supporter) == (55, announced.supporter)
    assert [c.promised for c in came_in_for_appeal(announced.appeal)] == [55]


def test_transfer_that_arrived_is_not_chosen_anew(client, announced):
    factories.make_arrival(announced, "40")
    token = gift_token(announced)
    form = client.get(f"/en/sample/donate/?from={token}").context["form"]
    data = {name: form[name].value() or "" for name in form.fields if name != "cover_fee"}

    client.post(f"/en/sample/donate/?from={token}", data)

    announced.refresh_from_db()
    assert (Pledge.objects.get(), announced.cancelled_at) == (announced, None)


def test_transfer_and_cash_have_a_day_and_no_fee_of_the_payment_service(client, announced):
    factories.make_arrival(announced, "40", fee=0, received_at=datetime(2026, 3, 9, tzinfo=UTC))

    page = client.get(gift_path(announced)).content.decode()

    assert '<time datetime="2026-03-09">March 9, 2026</time>' in page
    assert "payment service" not in page


def test_while_transfers_are_paused_nobody_is_told_where_to_send_money(client, appeal, announced):
    account = BankAccount.objects.get()
    page = gift_path(announced)
    assert account.number in client.get(page).content.decode().replace(" ", "").replace("\xa0", "")
    letter = announced.letters.create(
        kind="transfer_details", created_at=timezone.now(), due_at=timezone.now()
    )

    factories.make_pause()

    text = client.get(page).content.decode()
    assert "The account for this currency is closed at the moment." in text
    assert account.number not in text.replace(" ", "").replace("\xa0", "")
    assert client.get(f"{page}transfer/")["Location"] == page
    body = emails.word(letter, at=timezone.now()).body
    assert "The account for this currency is closed at the moment." in body
    assert account.number not in body.replace(" ", "").replace("\xa0", "")
    ways = client.get(ADDRESS).context["form"].fields["method"].choices
    assert [way for way, _label in ways] == ["card_later", "cash"]


def test_details_of_a_transfer_called_off_before_they_went_are_not_sent(client, inbox, announced):
    announced.letters.create(
        kind="transfer_details", created_at=timezone.now(), due_at=timezone.now()
    )
    client.post(f"{gift_path(announced)}promise/cancel/")

    emails.send_due(at=timezone.now())

    assert inbox.messages == []
    assert announced.letters.get().error == "not due any more"


@pytest.mark.parametrize(("has_account", "is_named"), [(True, True), (False, False)])
def test_transfer_is_named_as_a_way_out_only_where_there_is_one(
    client, appeal, has_account, is_named
):
    if not has_account:
        BankAccount.objects.update(closed_on=date(2026, 3, 1))
    SandboxFaults.objects.create(api_fault="error", api_requests=3)
    form = client.get("/en/sample/donate/").context["form"]
    data = {name: form[name].value() or "" for name in form.fields if name != "cover_fee"}

    response = client.post("/en/sample/donate/", data | {"fund": appeal.funds.get().pk})

    assert response.status_code == 503
    text = response.content.decode()
    assert "The card payment service does not answer. Try again in a few minutes" in text
    assert ("or give by bank transfer." in text) == is_named


def test_gift_sent_back_wholly_is_not_said_to_be_in_the_books(client, announced):
    donation = factories.make_arrival(announced, "40")
    donation.refunds.create(
        amount=40, refunded_at=timezone.now(), status="succeeded", source="refund:sample"
    )

    text = client.get(gift_path(announced)).content.decode()

    assert "Your gift was sent back to you." in text
    assert "is in the fund's books" not in text.replace("&#x27;", "'")
