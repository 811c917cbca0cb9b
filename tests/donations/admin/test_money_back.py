"""Sending money back in the office: the button on a donation, the second person, disputes and warnings of fraud."""

import pytest
from django.utils import timezone

from donations import allocation, reconciliation
from donations.models import Donation, FundCover, RefundRequest
from donations.sandbox import acts
from tests import factories
from tests.donations.admin.test_spending import browser_of, errors, press, text_of
from tests.donations.card_gifts import broken, catch_up, give_by_card, work
from tests.donations.reconciliation.files import make_account, make_line
from tests.factories import NOW

LISTS = ("donation", "refundrequest", "dispute", "fraudwarning", "balancetransaction")


@pytest.fixture
def fund(db):
    return factories.make_fund("case", code="case-sample", case=factories.make_case())


@pytest.fixture
def gift(fund):
    give_by_card(fund, "100")
    give_by_card(fund, "300")
    catch_up()
    return Donation.objects.get(amount=100)


@pytest.fixture
def approver(treasurer):
    return browser_of("approver")[0]


def page(row, verb="change"):
    return f"/admin/donations/{row._meta.model_name}/{row.pk}/{verb}/"


def test_small_refund_by_one_person_goes_out_and_shows(treasurer, gift):
    form = treasurer.get(page(gift, "refund"))
    assert form.context["form"]["amount"].value() == "100.00"
    assert "€100.00 can still be sent back. Up to €100.00 goes out at once" in text_of(form)

    done = press(treasurer, page(gift, "refund"), amount="30", reason="asked")

    assert "Stripe is asked to send it back" in text_of(done)
    work()
    assert "Can still be sent back €70.00" in text_of(treasurer.get(page(gift)))
    row = RefundRequest.objects.get()
    assert "Left Stripe's balance and the fund" in text_of(treasurer.get(page(row)))
    assert broken() == {}


def test_large_refund_waits_for_another_person(treasurer, approver, gift):
    large = Donation.objects.get(amount=300)
    done = press(treasurer, page(large, "refund"), amount="100.01", reason="asked")
    assert "Asked for: another person approves it." in text_of(done)
    row = RefundRequest.objects.get()
    assert treasurer.get(page(row, "approve")).status_code == 403
    assert "Waits for another person" in text_of(approver.get(page(row)))

    assert "Approved" in text_of(press(approver, page(row, "approve")))

    work()
    row.refresh_from_db()
    assert row.state() == RefundRequest.State.DONE


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "100.01"}, {"amount": ["Only €100.00 of this donation can still be sent back."]}),
        ({"amount": "0"}, {"amount": ["The amount must be above zero and no finer than the currency."]}),
        ({"amount": ""}, {"amount": ["Write the amount."]}),
        ({"reason": ""}, {"reason": ["Choose a reason."]}),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field(treasurer, gift, typed, said):
    response = press(treasurer, page(gift, "refund"), **{"reason": "asked"} | typed)

    assert errors(response) == said
    assert not RefundRequest.objects.exists()


def test_form_sent_twice_asks_once(treasurer, gift):
    values = {f.html_name: f.value() for f in treasurer.get(page(gift, "refund")).context["form"]}
    values |= {"amount": "10", "reason": "asked", "note": ""}

    for _i in range(2):
        treasurer.post(page(gift, "refund"), values)

    assert RefundRequest.objects.count() == 1


def test_refund_by_transfer_knows_where_the_gift_came_from(treasurer, approver, fund):
    account, by = make_account(), factories.make_user()
    line = make_line("50", account, counterparty="Ana Ejemplo", counterparty_account="ES91")
    from_line = factories.make_pledge(factories.make_appeal(), fund, method="transfer")
    reconciliation.match(line=line, target=from_line, by=by, at=NOW)
    gift = Donation.objects.get()

    done = press(treasurer, page(gift, "refund"), reason="duplicate")

    assert "another person approves it" in text_of(done)
    row = RefundRequest.objects.get()
    assert (row.payee_name, row.payee_account, row.bank_account) == ("Ana Ejemplo", "ES91", account)
    shown = text_of(approver.get(page(row)))
    assert "Ana Ejemplo" in shown
    assert row.payment_reference in shown
    auditor = browser_of("auditor")[0]
    assert "Ana Ejemplo" not in auditor.get(page(row)).content.decode()
    press(approver, page(row, "approve"))
    assert "Recorded as paid" in text_of(press(treasurer, page(row, "pay")))
    row.refresh_from_db()
    assert row.state() == RefundRequest.State.TO_PROVE


def test_request_is_refused_by_the_second_person_and_withdrawn_by_its_own(
    treasurer, approver, gift
):
    press(treasurer, page(gift, "refund"), amount="10", reason="asked")
    press(treasurer, page(gift, "refund"), amount="20", reason="asked")
    first, second = RefundRequest.objects.order_by("pk")

    assert errors(press(approver, page(first, "refuse"))) == {"reason": ["Say why."]}
    press(approver, page(first, "refuse"), reason="Not ours to give back.")
    other = browser_of("treasurer")[0]
    assert "Only who asked for it can withdraw it" in text_of(other.get(page(second, "withdraw")))
    press(treasurer, page(second, "withdraw"), reason="A mistake.")

    assert {row.state() for row in RefundRequest.objects.all()} == {RefundRequest.State.REFUSED}
    assert gift.refundable() == 100


def test_dispute_shows_deadline_amount_and_fee_and_can_be_accepted(treasurer, gift):
    acts.open_dispute(gift.stripe_payment_intent_id, at=timezone.now())
    work()
    [dispute] = gift.disputes.all()
    listed = text_of(treasurer.get("/admin/donations/dispute/?state=answer"))
    assert "to be answered" in listed
    assert "€100.00" in listed
    shown = text_of(treasurer.get(page(dispute)))
    assert "Held by the bank €100.00 Fee €20.00" in shown

    done = press(treasurer, page(dispute, "accept"), reason="Too small to contest.")

    assert "it is lost" in text_of(done)
    work()
    assert "lost" in text_of(treasurer.get(page(dispute)))
    assert "This dispute has ended." in text_of(treasurer.get(page(dispute, "accept")))


def test_warning_above_the_limit_is_one_click_for_the_approver(treasurer, approver, gift, settings):
    settings.FRAUD_REFUND_LIMITS = {}
    acts.warn(gift.stripe_payment_intent_id, at=timezone.now())
    work()
    [warning] = gift.fraud_warnings.all()
    assert "Decide about the refund" in text_of(approver.get(page(warning)))
    assert "Waits for a person's approval" in text_of(approver.get(page(warning.request)))

    press(approver, page(warning.request, "approve"))

    work()
    assert gift.refundable() == 0
    assert "See the refund" in text_of(treasurer.get(page(warning)))


def test_failed_refund_is_told_in_a_sentence(treasurer, gift):
    press(treasurer, page(gift, "refund"), amount="30", reason="asked")
    work()
    row = RefundRequest.objects.get()
    acts.fail_refund(row.refund.stripe_refund_id, at=timezone.now())
    work()

    shown = text_of(treasurer.get(page(row)))

    assert "The refund did not arrive (the card has expired or was cancelled)" in shown
    assert "Came back to the fund" in shown


def test_cover_is_refused_by_the_second_person_or_withdrawn_by_its_own(treasurer, approver, fund):
    source = factories.make_fund()
    user = treasurer.session["_auth_user_id"]
    covers = [
        FundCover.objects.create(
            source=source, target=fund, amount=1, currency="EUR", reason="Sample",
            requested_by_id=user, requested_at=NOW,
        )
        for _i in range(2)
    ]  # fmt: skip

    assert "refused" in text_of(press(approver, page(covers[0], "refuse"), reason="Not this fund."))
    assert "withdrawn" in text_of(press(treasurer, page(covers[1], "withdraw"), reason="Mistake."))

    assert not FundCover.objects.undecided().exists()
    assert "Withdrawn by tess" in text_of(approver.get(page(covers[1])))
    with pytest.raises(allocation.WrongState):
        allocation.approve_cover(covers[0], by=factories.make_user(), at=NOW)


@pytest.mark.parametrize("model", LISTS)
def test_empty_lists_and_every_filter_open(treasurer, gift, model):
    response = treasurer.get(f"/admin/donations/{model}/")
    assert response.status_code == 200
    for spec in response.context["cl"].filter_specs:
        for choice in spec.choices(response.context["cl"]):
            opened = treasurer.get(f"/admin/donations/{model}/{choice['query_string']}")
            assert opened.status_code == 200, choice
