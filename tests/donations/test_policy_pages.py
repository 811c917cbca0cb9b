"""The fund's rules as supporters read them, and in the office where they are drafted and enacted."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from donations import policy
from donations.models import Policy
from donations.policy_changes import Change, changes
from donations.tokens import gift_path
from tests import factories
from tests.factories import log_in, make_policy, make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def treasurer(client):
    client.user = make_user(None, "treasurer")
    return log_in(client, client.user)


@pytest.fixture
def approver():
    client = Client()
    client.user = make_user(None, "approver")
    return log_in(client, client.user)


def now():
    return timezone.now()


def whole_policy(**fields):
    return make_policy(
        kinds=["fees", ("bail", ["ruling", "receipt"])],
        caps=[("fees", "EUR", "5000"), ("fees", "ARS", "9000000")],
        limits=[("EUR", "1000", "250.50"), ("USD", "1000", "0")],
        reserve_percent=Decimal("12.50"),
        surplus_order=["appeal", "others", "partner"],
        **{"at": now()} | fields,
    )


def read(client, path):
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_everybody_reads_the_rules_in_force(client):
    whole_policy(partner="Sample partner")

    page = read(client, "/en/rules/")

    for words in (
        "Version 1",
        'Lawyers&#x27; fees</th><td data-label="Documents">bill or invoice</td><td class="amount" data-label="At most"><span class="amount">€5,000</span>',
        'court&#x27;s ruling or notice, receipt or ticket</td><td class="amount" data-label="At most">no cap',
        "Never paid for: campaigning, weapons",
        '€1,000</td><td class="amount" data-label="Emergency up to">€250.50',
        "within 72 hours",
        "12.5 % stay in it",
        "<li>Sample partner</li>",
        "nothing moved for 12 months",
        "whatever was agreed before: to pay more, a newer version of the rules has to let it. What a court sets in UMA",
        "When the fund is dissolved, all that is left goes to: Another defense fund (sample)",
    ):
        assert words in page
    # Without a cap in pesos nothing rises above one by itself.
    make_policy(at=now(), caps=[("fees", "EUR", "500")])
    assert "in UMA" not in read(client, "/en/rules/")


@pytest.mark.parametrize("language", ["es", "en", "pt", "fr"])
def test_rules_are_there_in_every_language_and_before_there_are_any(client, language):
    assert client.get(f"/{language}/rules/").status_code == 200
    whole_policy()
    assert client.get(f"/{language}/rules/").status_code == 200
    assert client.get(f"/{language}/rules/1/").status_code == 200


def test_before_any_version_the_page_says_what_holds(client):
    make_policy(enacted=False)

    assert "has not enacted its rules yet" in read(client, "/en/rules/")
    assert client.get("/en/rules/1/").status_code == 404


def test_older_and_coming_versions_say_that_they_are(client):
    make_policy(at=now() - DAY)
    make_policy(at=now())
    make_policy(at=now(), in_force_from=now().date() + DAY)

    assert "A newer version is in force" in read(client, "/en/rules/1/")
    assert "not in force yet" in read(client, "/en/rules/3/")
    page = read(client, "/en/rules/")
    assert "<strong>Version 2</strong>" in page
    assert '<a href="/en/rules/1/">Version 1</a>' in page


def test_each_version_says_what_is_different_from_the_one_before(client):
    many = "Other words. " * 40
    for number, body in ((1, "Sample words."), (2, many), (2, many), (2, many + "Third.")):
        row = whole_policy(enacted=False, approvers=number)
        row.texts.create(language="en", body=body)
        row = Policy.objects.with_rules().get(pk=row.pk)
        policy.enact(row, content_hash=row.content_hash, by=make_user(), at=now())

    assert "What is different" not in read(client, "/en/rules/1/")
    page = read(client, "/en/rules/2/").partition('<h2 id="changes">')[2]
    assert page.startswith("What is different from Version 1</h2>")
    assert (
        '<th scope="row">In words: English</th><td data-label="Version 1">Sample words.</td>'
        f'<td data-label="Version 2">{"Other words. " * 19}Other words. …</td>'
    ) in page
    assert page.count('<th scope="row">') == 2
    assert "Nothing but the day from which it is in force." in read(client, "/en/rules/3/")
    # A long text is shown from a little before where it begins to differ.
    assert (
        '<td data-label="Version 3">… words. Other words. Other words.</td>'
        '<td data-label="Version 4">… words. Other words. Other words. Third.</td>'
    ) in read(client, "/en/rules/4/")


def test_page_takes_a_constant_number_of_queries(client, django_assert_num_queries):
    make_policy(at=now())
    with django_assert_num_queries(7):
        client.get("/en/rules/")
    for _version in range(3):
        whole_policy()
    with django_assert_num_queries(7):
        assert "What is different from Version 3" in read(client, "/en/rules/")


def test_donate_page_and_footer_lead_there_and_the_gift_says_its_version(client):
    appeal = factories.make_appeal("sample")
    factories.make_fund("appeal", appeal=appeal)
    make_policy(at=now())
    pledge = factories.make_pledge(appeal, created_at=now(), language="en")
    pledge.refresh_from_db()

    donate = read(client, "/en/sample/donate/")
    assert donate.count('href="/en/rules/"') >= 2
    page = read(client, gift_path(pledge))
    assert '<a href="/en/rules/1/">version 1 of the fund' in page
    assert re.search(r"<strong>Promised</strong> <time[^>]*>[^<]* UTC</time></li>", page)


def test_treasurer_sees_under_which_version_a_donation_was_given(treasurer):
    make_policy(at=now())
    donation = factories.make_donation(factories.make_pledge(created_at=now()))

    page = read(treasurer, f"/admin/donations/donation/{donation.pk}/change/")

    assert '<dt>Given under</dt><dd><a href="/en/rules/1/">Version 1</a>' in page


# --- In the office -----------------------------------------------------------------------------------------


def form_data(**fields):
    inlines = {
        f"{prefix}-{name}": count
        for prefix in ("kinds", "caps", "limits", "texts")
        for name, count in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))
    }
    return {
        **inlines,
        "in_force_from": now().date().isoformat(),
        "not_eligible": ["campaigning"],
        "approvers": "1",
        "emergency_hours": "72",
        "reserve_percent": "10",
        "fund_order_0": "case",
        "fund_order_1": "",
        "fund_order_2": "general",
        "fund_order_3": "",
        "surplus_order_0": "appeal",
        "surplus_order_1": "",
        "surplus_order_2": "",
        "partner": "",
        "dormant_months": "12",
        "dissolution": "Another defense fund",
        "kinds-TOTAL_FORMS": "1",
        "kinds-0-kind": "fees",
        "kinds-0-documents": ["bill", "agreement"],
        "caps-TOTAL_FORMS": "1",
        "caps-0-kind": "fees",
        "caps-0-currency": "EUR",
        "caps-0-amount": "500",
        "limits-TOTAL_FORMS": "1",
        "limits-0-currency": "EUR",
        "limits-0-third_person_above": "100",
        "limits-0-emergency_up_to": "50",
        "limits-0-fee_alone_up_to": "10",
    } | fields


def test_draft_is_written_by_form_and_enacted_by_another_person(treasurer, approver):
    page = treasurer.post("/admin/donations/policy/add/", form_data(), follow=True)
    row = Policy.objects.with_rules().get()

    assert page.status_code == 200
    assert (row.drafted_by, row.fund_order, row.surplus_order, row.not_eligible) == (
        treasurer.user, ["case", "general"], ["appeal"], ["campaigning"],
    )  # fmt: skip
    assert (row.documents("fees"), row.cap("fees", "EUR"), row.emergency_limit("EUR")) == (
        ["bill", "agreement"], 500, 50,
    )  # fmt: skip
    form = read(treasurer, f"/admin/donations/policy/{row.pk}/change/")
    for name, value in (
        ("caps-0-amount", "500.00"),
        ("limits-0-emergency_up_to", "50.00"),
        ("reserve_percent", "10"),
    ):
        assert re.search(rf'<input[^>]* name="{name}" value="{re.escape(value)}"', form), name
    path = f"/admin/donations/policy/{row.pk}/enact/"
    assert treasurer.get(path).status_code == 403
    assert "<h1>Enact</h1>" in read(approver, path)
    approver.post(path, {"content_hash": "another"})
    assert Policy.objects.in_force(on=now().date()) is None
    done = approver.post(path, {"content_hash": row.content_hash}, follow=True)

    assert "Version 1 is enacted" in done.content.decode()
    assert Policy.objects.in_force(on=now().date()) == row
    assert "In force from" in read(treasurer, f"/admin/donations/policy/{row.pk}/change/")
    refused = treasurer.post(f"/admin/donations/policy/{row.pk}/change/", form_data())
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"in_force_from": "2020-01-01"}, "Rules do not reach back"),
        ({"fund_order_1": "case"}, "stands in two places"),
        ({"fund_order_0": "", "fund_order_2": ""}, "Name at least one kind of fund."),
        ({"surplus_order_0": ""}, "Say where it goes first."),
        ({"surplus_order_1": "partner"}, "Name the partner"),
        ({"dissolution": " "}, "Say to whom what is left goes when the fund is dissolved."),
        ({"reserve_percent": "101"}, "100"),
        ({"caps-0-amount": "500.001"}, "EUR has no such small parts."),
        ({"limits-0-emergency_up_to": "-1"}, "A limit is not below zero."),
        ({"kinds-0-documents": []}, "Nothing is paid without a document"),
    ],
)
def test_wrong_rule_gets_a_sentence_and_nothing_is_kept(treasurer, fields, sentence):
    page = treasurer.post("/admin/donations/policy/add/", form_data(**fields))

    assert page.status_code == 200
    assert sentence in page.content.decode()
    assert not Policy.objects.exists()


def test_who_changes_a_draft_is_the_one_who_drafted_it(treasurer):
    row = make_policy(enacted=False, at=now())
    kind = row.kinds.get()
    rules = form_data() | {
        "kinds-INITIAL_FORMS": "1",
        "kinds-0-id": kind.pk,
        "kinds-0-policy": row.pk,
        "kinds-0-DELETE": "on",
        "kinds-TOTAL_FORMS": "2",
        "kinds-1-kind": "bail",
        "kinds-1-documents": ["ruling"],
        "caps-TOTAL_FORMS": "0",
        "limits-TOTAL_FORMS": "0",
    }
    treasurer.post(f"/admin/donations/policy/{row.pk}/change/", rules, follow=True)
    row = Policy.objects.get()

    assert (row.drafted_by, [each.kind for each in row.kinds.all()]) == (treasurer.user, ["bail"])


def test_next_version_is_drafted_from_the_newest(treasurer):
    first = whole_policy()
    path = f"/admin/donations/policy/{first.pk}/draft/"
    page = treasurer.post(path, {"in_force_from": now().date().isoformat()}, follow=True)
    made = Policy.objects.drafts().get()

    assert page.redirect_chain == [(f"/admin/donations/policy/{made.pk}/change/", 302)]
    assert made.content_hash == first.content_hash
    assert "Nothing but the day from which it is in force." in page.content.decode()
    assert "This is a draft: change it here." in read(
        treasurer, f"/admin/donations/policy/{made.pk}/draft/"
    )


def test_second_person_sees_what_a_draft_changes_and_no_form(treasurer, approver):
    first = whole_policy(partner="Sample partner")
    made = policy.draft(in_force_from=now().date(), by=treasurer.user, at=now())
    made.kinds.filter(kind="fees").update(documents=["agreement"])
    made.caps.all().update(amount=750)
    made.limits.all().delete()
    Policy.objects.filter(pk=made.pk).update(reserve_percent=25)

    said = changes(first, Policy.objects.with_rules().get(pk=made.pk))
    page = read(approver, f"/admin/donations/policy/{made.pk}/change/")

    assert said == [
        Change("Lawyers' fees: Documents", "bill or invoice", "agreement on fees"),
        Change("Lawyers' fees: At most", "€5,000, ARS\xa09,000,000", "€750, ARS\xa0750"),
        Change("Third person above: EUR", "€1,000", "–"),
        Change("Emergency up to: EUR", "€250.50", "–"),
        Change("Bank's fee by one person up to: EUR", "€10", "–"),
        Change("Third person above: USD", "US$1,000", "–"),
        Change("Emergency up to: USD", "US$0", "–"),
        Change("Bank's fee by one person up to: USD", "US$10", "–"),
        Change("Reserve, in percent", "12.5", "25"),
    ]
    assert "What is different from Version 1" in page
    assert "Lawyers&#x27; fees: Documents" in page
    assert 'name="reserve_percent"' not in page
    assert "draft of the fund" in read(approver, "/admin/")


def test_lists_and_pages_take_a_constant_number_of_queries(
    treasurer, django_assert_max_num_queries
):
    row = make_policy(enacted=False, at=now())
    treasurer.get("/admin/")
    with django_assert_max_num_queries(10):
        treasurer.get("/admin/donations/policy/")
    for _i in range(3):
        whole_policy()
    with django_assert_max_num_queries(10):
        treasurer.get("/admin/donations/policy/")
    with django_assert_max_num_queries(32):
        treasurer.get(f"/admin/donations/policy/{row.pk}/change/")
