"""The policy's order for what is left over, its cap for administration, and its text per language. Each tried to break."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from donations import allocation, disbursement, ledger, policy
from donations.ledger import Posting
from donations.models import AccountKey, Disbursement, Entry, Policy, PolicyText, SurplusMove
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, request
from tests.factories import NOW, make_policy, make_user
from tests.threads import in_parallel

pytestmark = pytest.mark.django_db
LIMITS = [("EUR", "5000", "0")]


# --- What is left over -------------------------------------------------------------------------------------


@pytest.fixture
def over():
    """A case's fund of 1,000 EUR whose purpose is over; it falls back to the general fund."""
    r = make_ready()
    allocation.end_cost(r.cost, ending="settled", by=r.treasurer, at=NOW)
    r.fund.fallback = r.general
    r.fund.save()
    return r


def ask(r):
    return allocation.request_surplus(
        fund=r.fund, currency="EUR", cause=SurplusMove.Cause.CASE_ENDED, by=r.treasurer, at=NOW
    )


def other_case(r, *, is_same_appeal):
    return factories.make_case(r.case.appeal if is_same_appeal else None)


def test_other_defendants_of_the_appeal_come_first_when_the_policy_says_so(over):
    make_policy(limits=LIMITS, surplus_order=["appeal", "others"])
    sister = other_case(over, is_same_appeal=True)
    cost = factories.make_cost(sister, owed="50", by=over.treasurer)

    with pytest.raises(allocation.WrongFund, match="first to other defendants of the same appeal"):
        ask(over)

    theirs = factories.make_fund("case", case=sister)
    over.fund.fallback = theirs
    over.fund.save()
    allocation.approve_surplus(ask(over), by=over.approver, at=NOW)
    assert ledger.balance(AccountKey.fund(theirs, "EUR")) == 1000
    assert cost.owed == 50


@pytest.mark.parametrize(
    ("order", "is_same_appeal", "owed_in", "is_let"),
    [
        (["appeal", "others"], True, "USD", True),  # nothing lacks in this currency
        (["appeal", "others"], False, "EUR", True),  # it goes to others, and only they lack
        (["others", "appeal"], True, "EUR", True),  # others come first by this policy
        (["appeal"], False, "EUR", False),  # others get nothing by this policy
    ],
)
def test_order_is_the_policys(over, order, is_same_appeal, owed_in, is_let):
    make_policy(limits=[*LIMITS, ("USD", "1", "0")], surplus_order=order)
    factories.make_cost(other_case(over, is_same_appeal=is_same_appeal), currency=owed_in)

    if is_let:
        assert ask(over).amount == 1000
    else:
        with pytest.raises(allocation.WrongFund, match="does not go where"):
            ask(over)


@pytest.mark.parametrize(
    ("order", "is_let"),
    [
        (["appeal", "others", "partner"], True),
        (["others", "partner"], True),
        (["appeal", "partner", "others"], False),
        (["partner", "others", "appeal"], False),
    ],
)
def test_partner_who_comes_before_is_not_passed_over(over, order, is_let):
    move = ask(over)
    make_policy(limits=LIMITS, surplus_order=order, partner="Casa de muestra")

    if is_let:
        allocation.approve_surplus(move, by=over.approver, at=NOW)
        assert ledger.balance(AccountKey.fund(over.general, "EUR")) == 1000
        return
    with pytest.raises(allocation.WrongFund, match="to Casa de muestra before it goes there"):
        allocation.approve_surplus(move, by=over.approver, at=NOW)
    with pytest.raises(IntegrityError, match="by the order of the policy"), transaction.atomic():
        SurplusMove.objects.filter(pk=move.pk).update(approved_by=over.approver, approved_at=NOW)
    allocation.refuse_surplus(move, reason="the partner first", by=over.approver, at=NOW)
    with pytest.raises(allocation.WrongFund, match="before it goes there"):
        ask(over)
    assert ledger.balance(AccountKey.fund(over.fund, "EUR")) == 1000


def test_need_that_arises_after_it_was_asked_for_stops_the_approval(over):
    make_policy(limits=LIMITS, surplus_order=["appeal", "others"])
    move = ask(over)
    factories.make_cost(other_case(over, is_same_appeal=True))

    with pytest.raises(allocation.WrongFund, match="lack money"):
        allocation.approve_surplus(move, by=over.approver, at=NOW)
    with pytest.raises(IntegrityError, match="by the order of the policy"), transaction.atomic():
        SurplusMove.objects.filter(pk=move.pk).update(approved_by=over.approver, approved_at=NOW)

    allocation.refuse_surplus(move, reason="sister case first", by=over.approver, at=NOW)
    assert ledger.balance(AccountKey.fund(over.fund, "EUR")) == 1000


def test_cost_that_has_its_money_needs_nothing(over):
    make_policy(limits=LIMITS, surplus_order=["appeal", "others"])
    sister = other_case(over, is_same_appeal=True)
    over.cost = factories.make_cost(sister, owed="30")
    own = factories.make_fund("case", case=sister)
    factories.give(own, "30")
    allocate(over, "30", own)

    assert ask(over).amount == 1000


def test_without_a_policy_the_fallback_alone_decides(over):
    factories.make_cost(other_case(over, is_same_appeal=True))

    assert ask(over).target == over.general


# --- Administration ----------------------------------------------------------------------------------------


def capped(percent="10", **fields):
    row = make_policy(enacted=False, limits=LIMITS, admin_percent=Decimal(percent), **fields)
    row.kinds.update(is_admin=True)
    row = Policy.objects.with_rules().get(pk=row.pk)
    return policy.enact(row, content_hash=row.content_hash, by=make_user(), at=NOW)


def test_administration_is_paid_up_to_its_part_of_what_was_received():
    r = make_ready()
    capped("10")
    allocate(r, "600")

    with pytest.raises(disbursement.NotByPolicy, match=r"no more than 10 % .*: €100\.00 of it is"):
        request(r, "100.01")
    row = request(r, "60")
    with pytest.raises(disbursement.NotByPolicy, match=r"€40\.00 of it is left"):
        request(r, "41")

    changed = disbursement.amend(
        row, amount=Decimal(100), document=r.document, bank_account=r.bank, by=r.treasurer, at=NOW
    )
    assert changed.amount == 100
    disbursement.refuse(changed, reason="x", by=r.approver, at=NOW)
    assert request(r, "100").amount == 100


def test_what_went_back_was_not_received():
    r = make_ready()
    capped("10")
    allocate(r, "600")
    ledger.post(
        Posting(
            Entry.Kind.REFUND, AccountKey.fund(r.fund, "EUR"), AccountKey.bank(r.bank), Decimal(200),
            NOW.date(), "test:refund",
        )
    )  # fmt: skip

    with pytest.raises(disbursement.NotByPolicy, match=r"€80\.00 of it is left"):
        request(r, "81")


def test_other_kinds_and_policies_without_a_cap_know_no_such_limit():
    r = make_ready()
    make_policy(limits=LIMITS)
    allocate(r, "600")

    assert request(r, "600").amount == 600


def test_database_refuses_more_administration_itself():
    r = make_ready()
    allocate(r, "600")
    row = approve(r, request(r, "100"))
    capped("5")

    for change in ({"amount": Decimal(51)}, {"requested_at": NOW}):
        with pytest.raises(IntegrityError, match="for administration"), transaction.atomic():
            Disbursement.objects.filter(pk=row.pk).update(**change)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_both_count_on_the_same_part():
    r = make_ready(owed="500")
    capped("10")
    costs = [r.cost, factories.make_cost(r.case, r.cost.defendant, owed="500", by=r.treasurer)]
    bills = [r.document, factories.make_document(costs[1], b"%PDF-1.4 other")]
    for cost in costs:
        allocation.allocate(fund=r.fund, cost=cost, amount=Decimal(500), by=r.treasurer, at=NOW)

    def both(number):
        disbursement.request(
            cost=costs[number], document=bills[number], bank_account=r.bank, amount=Decimal(80),
            by=r.treasurer, at=NOW,
        )  # fmt: skip

    ended = sorted(map(str, in_parallel(2, both)))

    assert ended in (["IntegrityError", "None"], ["None", "NotByPolicy"])
    assert Disbursement.objects.count() == 1


def test_cap_needs_a_kind_that_counts():
    row = make_policy(enacted=False, limits=LIMITS, admin_percent=Decimal(5))

    with pytest.raises(policy.Incomplete, match="no kind of cost counts as it"):
        policy.enact(row, content_hash=row.content_hash, by=make_user(), at=NOW)


# --- In words ----------------------------------------------------------------------------------------------


def written(**texts):
    row = make_policy(enacted=False, limits=LIMITS)
    for language, body in texts.items():
        PolicyText.objects.create(policy=row, language=language, body=body)
    row = Policy.objects.with_rules().get(pk=row.pk)
    return policy.enact(row, content_hash=row.content_hash, by=make_user(), at=NOW)


def test_text_is_shown_in_the_readers_language_and_safely(client):
    written(en="We meet **monthly**. <script>x</script>", es="Nos reunimos cada mes.")

    english = client.get("/en/rules/").content.decode()
    spanish = client.get("/es/rules/").content.decode()
    french = client.get("/fr/rules/").content.decode()

    assert "We meet <strong>monthly</strong>." in english
    assert "<script>x" not in english
    assert "Nos reunimos cada mes." in spanish
    # In a language without a text: the site's first.
    assert ("We meet" in french) != ("Nos reunimos" in french)


def test_text_is_enacted_with_the_rest_and_stays():
    row = make_policy(enacted=False, limits=LIMITS)
    seen = row.content_hash
    PolicyText.objects.create(policy=row, language="en", body="Added")

    row = Policy.objects.with_rules().get(pk=row.pk)
    with pytest.raises(policy.ContentChanged):
        policy.enact(row, content_hash=seen, by=make_user(), at=NOW)
    policy.enact(row, content_hash=row.content_hash, by=make_user(), at=NOW)

    for sql in (
        "UPDATE donations_policytext SET body = 'other'",
        "DELETE FROM donations_policytext",
    ):
        with (
            pytest.raises(IntegrityError, match="stays as it is"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
    copied = policy.draft(in_force_from=NOW.date(), by=make_user(), at=NOW)
    assert [(each.language, each.body) for each in copied.texts.all()] == [("en", "Added")]
