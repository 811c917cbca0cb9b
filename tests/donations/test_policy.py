"""The fund's rules: enacted by two people, never changed, kept with what they were applied to."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from donations import policy
from donations.models import Donation, LegalCost, Pledge, Policy, PolicyCap, PolicyKind, PolicyLimit
from tests import factories
from tests.factories import NOW, TODAY, make_policy, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def refused(match, write):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        write()


def enact(row, by=None, at=NOW):
    row = Policy.objects.get(pk=row.pk)
    return policy.enact(row, content_hash=row.content_hash, by=by or make_user(), at=at)


def test_draft_is_no_policy_until_another_person_enacts_it():
    by, other = make_user(), make_user()
    row = make_policy(enacted=False, by=by)

    assert Policy.objects.in_force(on=TODAY) is None
    with pytest.raises(policy.SamePerson, match="You drafted this version"):
        enact(row, by=by)
    done = enact(row, by=other)

    assert (done.version, done.enacted_by, done.enacted_at) == (1, other, NOW)
    assert Policy.objects.in_force(on=TODAY) == done
    assert Policy.objects.in_force(on=TODAY - DAY) is None


def test_rules_are_read_as_written():
    row = make_policy(
        kinds=["fees", ("bail", ["ruling", "receipt"])],
        caps=[("fees", "EUR", "500")],
        limits=[("EUR", "1000", "200")],
    )

    assert (row.pays("fees"), row.pays("travel")) == (True, False)
    assert row.documents("bail") == ["ruling", "receipt"]
    assert row.lacking("bail", {"receipt", "bill"}) == ["ruling"]
    assert (row.cap("fees", "EUR"), row.cap("fees", "USD"), row.cap("bail", "EUR")) == (
        Decimal(500), None, None,
    )  # fmt: skip
    assert (row.third_person_above("EUR"), row.emergency_limit("EUR")) == (1000, 200)
    # What the rules do not name is treated strictly.
    assert (row.third_person_above("USD"), row.emergency_limit("USD")) == (0, 0)


def test_two_approvers_are_always_two():
    row = make_policy(limits=[("EUR", "1000", "200")], approvers=2)

    assert row.third_person_above("EUR") == 0


def test_newest_day_counts_and_of_one_day_the_newest_version():
    first = make_policy(at=NOW - 2 * DAY)
    ahead = make_policy(in_force_from=TODAY + DAY)
    second = make_policy()
    third = make_policy()

    assert [Policy.objects.in_force(on=TODAY + n * DAY) for n in (-3, -2, -1, 0, 1, 2)] == [
        None, first, first, third, ahead, ahead,
    ]  # fmt: skip
    assert [row.version for row in (first, ahead, second, third)] == [1, 2, 3, 4]


def test_in_force_takes_a_constant_number_of_queries(django_assert_num_queries):
    make_policy(kinds=list(LegalCost.Kind.values), limits=[("EUR", "1", "0"), ("USD", "1", "0")])

    with django_assert_num_queries(5):
        row = Policy.objects.with_rules().in_force(on=TODAY)
        assert row is not None
        assert all(row.pays(kind) for kind in LegalCost.Kind.values)
        row.third_person_above("USD")


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda row: row.kinds.all().delete(), policy.Incomplete, "names no kind of cost"),
        (
            lambda row: PolicyCap.objects.create(
                policy=row, kind="bail", currency="EUR", amount=1
            ),
            policy.Incomplete,
            "cap for “bail",
        ),
        (
            lambda row: Policy.objects.filter(pk=row.pk).update(dissolution=" "),
            policy.Incomplete,
            "does not say to whom what is left goes when the fund is dissolved",
        ),
        (
            lambda row: factories.make_bank_account("USD"),
            policy.Incomplete,
            "The fund has an account in USD: say how many people",
        ),
        (
            lambda row: Policy.objects.filter(pk=row.pk).update(in_force_from=TODAY - DAY),
            policy.WrongDay,
            "since March 9, 2026, before it is enacted",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_not_enacted(spoil, error, sentence):
    row = make_policy(enacted=False)
    spoil(row)

    with pytest.raises(error, match=sentence):
        enact(row)
    assert Policy.objects.get().version is None


def test_nobody_enacts_what_they_did_not_see():
    row = make_policy(enacted=False, caps=[("fees", "EUR", "500")])
    seen = row.content_hash
    row.caps.update(amount=Decimal(5000))

    with pytest.raises(policy.ContentChanged, match="changed after you opened it"):
        policy.enact(row, content_hash=seen, by=make_user(), at=NOW)
    with pytest.raises(policy.WrongState, match="enacted already"):
        enact(enact(row))


def test_content_hash_is_of_every_rule():
    row = make_policy(enacted=False, caps=[("fees", "EUR", "5")], limits=[("EUR", "5", "1")])
    seen = {row.content_hash}
    for change in (
        lambda: row.kinds.update(documents=["ruling"]),
        lambda: row.caps.update(currency="USD"),
        lambda: row.limits.update(third_person_above=6),
        lambda: row.limits.update(emergency_up_to=2),
        lambda: PolicyKind.objects.create(policy=row, kind="bail", documents=["bill"]),
        *(
            lambda change=change: Policy.objects.update(**change)
            for change in (
                {"in_force_from": TODAY + DAY},
                {"not_eligible": []},
                {"approvers": 2},
                {"emergency_hours": 1},
                {"reserve_percent": Decimal("0.01")},
                {"fund_order": ["general"]},
                {"surplus_order": ["partner"]},
                {"partner": "Another"},
                {"dormant_months": 3},
                {"dissolution": "Another"},
            )
        ),
    ):
        change()
        seen.add(Policy.objects.get().content_hash)

    assert len(seen) == 16


def test_next_version_starts_with_the_rules_of_the_last():
    first = make_policy(
        kinds=["fees", ("bail", ["ruling"])],
        caps=[("fees", "EUR", "500")],
        limits=[("EUR", "1000", "200")],
        reserve_percent=Decimal(10),
    )
    made = policy.draft(in_force_from=TODAY, by=make_user(), at=NOW)

    assert (made.version, made.enacted_at) == (None, None)
    assert made.dissolution == first.dissolution != ""
    assert Policy.objects.get(pk=made.pk).content_hash == first.content_hash


def test_version_made_from_a_sample_is_the_funds_own():
    make_policy(kinds=["fees"], is_sample=True)

    made = policy.draft(in_force_from=TODAY, by=make_user(), at=NOW)

    assert made.is_sample is False


def test_first_draft_is_empty():
    made = policy.draft(in_force_from=TODAY, by=make_user(), at=NOW)

    assert (made.surplus_order, made.partner, made.kinds.count()) == (["appeal", "others"], "", 0)
    with pytest.raises(policy.Incomplete):
        enact(made)


# --- What the database refuses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda row: Policy.objects.filter(pk=row.pk).update(dormant_months=1),
        lambda row: Policy.objects.filter(pk=row.pk).update(
            enacted_at=None, enacted_by=None, version=None
        ),
        lambda row: row.delete(),
        lambda row: row.kinds.update(kind="bail"),
        lambda row: row.caps.update(amount=1),
        lambda row: row.limits.update(emergency_up_to=0),
        lambda row: row.kinds.all().delete(),
        lambda row: row.caps.all().delete(),
        lambda row: row.limits.all().delete(),
        lambda row: PolicyKind.objects.create(policy=row, kind="bail", documents=["bill"]),
        lambda row: PolicyCap.objects.create(policy=row, kind="fees", currency="USD", amount=1),
        lambda row: PolicyLimit.objects.create(policy=row, currency="USD", third_person_above=1),
        lambda row: PolicyCap.objects.filter(policy=make_policy(
            enacted=False, caps=[("fees", "EUR", "1")]
        )).update(policy=row, currency="USD"),
    ],
)  # fmt: skip
def test_enacted_version_stays(write):
    row = make_policy(caps=[("fees", "EUR", "500")], limits=[("EUR", "1000", "200")])

    refused("an enacted policy stays as it is", lambda: write(row))


def test_draft_may_be_changed_and_thrown_away():
    row = make_policy(enacted=False, caps=[("fees", "EUR", "500")], limits=[("EUR", "9", "1")])
    row.caps.update(amount=1)
    row.delete()

    assert (Policy.objects.count(), PolicyCap.objects.count(), PolicyKind.objects.count()) == (
        0, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"approvers": 0}, "policy_approvers_one_or_two"),
        ({"reserve_percent": 101}, "policy_reserve_is_a_part"),
        ({"dormant_months": 0}, "policy_dormant_after_a_month"),
        ({"fund_order": []}, "policy_uses_some_fund"),
        ({"surplus_order": ["partner"], "partner": ""}, "policy_partner_named"),
    ],
)
def test_no_draft_of_such_rules(fields, rule):
    refused(rule, lambda: make_policy(enacted=False, **fields))


def test_rows_past_the_verb_are_refused_too():
    row = make_policy(enacted=False)
    mine = Policy.objects.filter(pk=row.pk)
    enacted = {"version": 1, "enacted_at": NOW, "enacted_by": row.drafted_by}

    refused("policy_enacted_by_another_person", lambda: mine.update(**enacted))
    enacted["enacted_by"] = make_user()
    refused("policy_enactment_complete", lambda: mine.update(**enacted | {"version": None}))
    refused(
        "policy_not_in_force_before_enacted",
        lambda: mine.update(**enacted, in_force_from=TODAY - DAY),
    )
    mine.update(dissolution=" ")
    refused("to whom what is left goes", lambda: mine.update(**enacted))
    mine.update(dissolution="Another")
    refused("starts as a draft", lambda: make_policy(enacted=False, **enacted))
    refused("policy_kind_needs_a_document", lambda: row.kinds.update(documents=[]))
    refused(
        "policy_limits_not_below_zero",
        lambda: PolicyLimit.objects.create(
            policy=row, currency="EUR", third_person_above=1, emergency_up_to=-1
        ),
    )


@pytest.mark.django_db(transaction=True)
def test_two_drafts_enacted_at_once_get_two_numbers():
    rows = [make_policy(enacted=False) for _i in range(4)]
    people = [make_user() for _i in range(4)]

    in_parallel(4, lambda number: enact(rows[number], by=people[number]).pk)

    assert sorted(Policy.objects.values_list("version", flat=True)) == [1, 2, 3, 4]


# --- Kept with gifts and costs -----------------------------------------------------------------------


def test_gift_keeps_the_policy_it_was_promised_under():
    before = factories.make_pledge(created_at=NOW - DAY)
    first = make_policy()
    promised = factories.make_pledge(created_at=NOW)
    second = make_policy(at=NOW + DAY)

    arrived = factories.make_arrival(promised, "25", received_at=NOW + 2 * DAY)
    unannounced = Donation.objects.create(
        fund=promised.fund,
        method="transfer",
        amount=1,
        currency="EUR",
        received_at=NOW + 2 * DAY,
        source="bank:x",
    )
    early = factories.make_arrival(before, "25", received_at=NOW + 2 * DAY)

    assert [Pledge.objects.get(pk=row.pk).policy for row in (before, promised)] == [None, first]
    assert [Donation.objects.get(pk=row.pk).policy for row in (arrived, unannounced, early)] == [
        first, second, None,
    ]  # fmt: skip
    refused("keeps the policy", lambda: Pledge.objects.update(policy=second))
    refused("keeps the policy", lambda: Donation.objects.update(policy=None))


def test_policy_typed_into_a_gift_is_not_believed():
    newer = make_policy(at=NOW + DAY)

    assert Pledge.objects.get(pk=factories.make_pledge(policy=newer).pk).policy is None


def test_cost_is_measured_by_the_policy_it_was_recorded_under():
    make_policy(kinds=["fees"], caps=[("fees", "EUR", "500")])
    case = factories.make_case()
    mine = LegalCost.objects.filter(pk=factories.make_cost(case, owed="500").pk)

    refused("does not pay this kind", lambda: factories.make_cost(case, kind="travel", owed="1"))
    refused("above the cap", lambda: factories.make_cost(case, owed="500.01"))
    refused("above the cap", lambda: mine.update(owed=501))
    refused("does not pay this kind", lambda: mine.update(kind="travel"))
    # A cap of another currency is none.
    factories.make_cost(case, owed="501", currency="USD")
    make_policy(at=NOW + DAY, caps=[("fees", "EUR", "50")])
    mine.update(owed=400, description="Mended")
    refused("keeps the policy", lambda: mine.update(policy=Policy.objects.in_force(on=TODAY + DAY)))


def test_cost_before_any_policy_is_measured_by_none():
    cost = factories.make_cost(owed="100000")
    make_policy(caps=[("fees", "EUR", "500")])

    LegalCost.objects.filter(pk=cost.pk).update(owed=200000)

    assert LegalCost.objects.get().policy is None
