import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import Model

from defensefund.templatetags.formats import plain_day
from donations import disbursement, ledger, receipts, reconciliation, refunds
from donations.admin.bail_back import for_this_person
from donations.admin.line_search import lines_found
from donations.admin.match_words import told_of
from donations.admin.trail import facts_of
from donations.models import (
    AccountKey,
    BailOutcome,
    Donation,
    Entry,
    Exchange,
    OwnTransfer,
    StatementLine,
    StatementMatch,
)
from donations.references import format_reference
from tests.donations.reconciliation.files import (
    bank_csv,
    make_account,
    make_line,
    make_paid_disbursement,
    make_payout,
    on_its_way,
    record_paid,
)
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.donations.test_bail import deposited
from tests.factories import (
    NOW,
    TODAY,
    give,
    log_in,
    make_bank_account,
    make_case,
    make_donation,
    make_exchange,
    make_fund,
    make_pledge,
    make_policy,
    make_receipt,
    make_user,
)

OPEN = "/admin/donations/statementline/open/"
SURE = "/admin/donations/statementline/open/sure/"


def words(response) -> str:
    return " ".join(unescape(response.content.decode()).split())


def match_url(line) -> str:
    return f"/admin/donations/statementline/{line.pk}/match/"


def undo_url(line) -> str:
    return f"/admin/donations/statementline/{line.pk}/undo/"


def test_open_lines_show_the_likeliest_candidate_and_why(treasurer):
    pledge = make_pledge(method="transfer")
    line = make_line("25", text=f"gift {pledge.reference}", counterparty="Ana Ejemplo")

    text = words(treasurer.get(OPEN))

    assert "1 line waits for somebody to say what it is." in text
    assert "Ana Ejemplo" in text
    assert "The text has the gift's reference." in text
    assert f'name="choice" value="pledge-{pledge.pk}"' in text
    assert match_url(line) in text


def test_open_lines_when_there_are_none(treasurer):
    assert "No line is open" in words(treasurer.get(OPEN))


def test_open_lines_of_one_account(treasurer):
    make_line("25", text="euro line")
    make_line("30", make_bank_account("USD"), text="dollar line")

    text = words(treasurer.get(f"{OPEN}?account=bank-usd"))

    assert "dollar line" in text
    assert "euro line" not in text


def test_open_lines_are_in_pages_which_stay_when_one_is_matched(treasurer):
    lines = [make_line("25", text=f"line {number}") for number in range(55)]

    def shown(query):
        page = treasurer.get(f"{OPEN}{query}")
        found = [row[0].pk for row in page.context["rows"]]
        return found, dict(re.findall(r'rel="(\w+)" href="(\?[^"]*)"', page.content.decode()))

    first, links = shown("")
    assert first == [line.pk for line in lines[:25]]
    assert links == {"next": f"?page=after-{lines[24].pk}"}
    reconciliation.match(line=lines[24], target=make_fund(), by=make_user(), at=NOW)
    second, ways = shown(links["next"])
    assert second == [line.pk for line in lines[25:50]]
    assert ways == {
        "first": "?",
        "prev": f"?page=before-{lines[25].pk}",
        "next": f"?page=after-{lines[49].pk}",
    }
    assert shown(ways["next"])[0] == [line.pk for line in lines[50:]]
    assert shown("?page=7")[0] == [line.pk for line in lines[:24]] + [lines[25].pk]
    assert "54 lines wait" in words(treasurer.get(OPEN))


@pytest.mark.parametrize("count", [1, 3])
def test_open_lines_ask_a_fixed_number_of_queries(treasurer, django_assert_num_queries, count):
    for _number in range(count):
        make_line("25", text=make_pledge(method="transfer").reference)
        record_paid(make_paid_disbursement())
        make_line("-190")
        make_payout("25")
    treasurer.get(OPEN)

    with django_assert_num_queries(6):
        response = treasurer.get(OPEN)

    assert len(response.context["rows"]) == 2 * count


def test_accept_books_and_returns_to_the_list(treasurer):
    pledge = make_pledge(method="transfer")
    line = make_line("25", text=pledge.reference)

    response = treasurer.post(match_url(line), {"choice": f"pledge-{pledge.pk}"}, follow=True)

    standing = StatementMatch.objects.get()
    assert (standing.line, standing.donation.pledge, standing.confirmed_by.username) == (
        line,
        pledge,
        "tess",
    )
    assert response.redirect_chain == [(OPEN, 302)]
    assert f"Matched: {standing.donation}." in words(response)


def test_accept_candidate_that_does_not_fit_any_more_is_refused(treasurer):
    payout = make_payout()
    line, other = make_line("1218.13", text="STRIPE"), make_line("1218.13", text="STRIPE")
    reconciliation.match(line=other, target=payout, by=make_user(), at=NOW)

    response = treasurer.post(match_url(line), {"choice": f"payout-{payout.pk}"})

    assert "This candidate does not fit any more: somebody matched it" in words(response)
    assert StatementMatch.objects.count() == 1


def test_accept_candidate_less_sure_than_it_was_is_asked_again(treasurer):
    pledge = make_pledge(method="transfer")
    first, second = make_line("25", text=pledge.reference), make_line("25", text=pledge.reference)
    sure = {"choice": f"pledge-{pledge.pk}", "seen": "1"}

    treasurer.post(match_url(first), sure)
    text = words(treasurer.post(match_url(second), sure))

    assert "Something changed since you saw this candidate." in text
    assert "€25.00 arrived for it already: is this a further gift?" in text
    assert StatementMatch.objects.count() == 1
    treasurer.post(match_url(second), {"choice": f"pledge-{pledge.pk}"})
    assert StatementMatch.objects.count() == 2


def test_accept_line_matched_meanwhile_says_so(treasurer):
    pledge = make_pledge(method="transfer")
    line = make_line("25", text=pledge.reference)
    reconciliation.match(line=line, target=pledge, by=make_user("tom"), at=NOW)

    text = words(treasurer.post(match_url(line), {"choice": f"pledge-{pledge.pk}"}))

    assert "Somebody was faster: this line is matched already." in text
    assert "Said by tom" in text
    assert StatementMatch.objects.count() == 1


def test_match_announced_gift_by_its_reference(treasurer):
    pledge, line = make_pledge(method="transfer", amount="30"), make_line("25")
    written = f"{pledge.reference[:7].lower()} {pledge.reference[7:]}"

    treasurer.post(match_url(line), {"choice": "pledge", "reference": written})

    assert Donation.objects.get().pledge == pledge


def mistyped(reference: str) -> str:
    return reference[:-1] + ("C" if reference[-1] != "C" else "D")


def test_match_by_a_mistyped_reference_says_which_is_meant(treasurer):
    pledge, line = make_pledge(method="transfer"), make_line("25")
    data = {"choice": "pledge", "reference": mistyped(pledge.reference)}

    text = words(treasurer.post(match_url(line), data))

    assert f"One character away is: {format_reference(pledge.reference)}." in text
    assert not StatementMatch.objects.exists()


def test_mistyped_reference_is_proposed_and_never_among_the_sure_ones(treasurer):
    pledge = make_pledge(method="transfer")
    line = make_line("25", text=mistyped(pledge.reference))

    text = words(treasurer.get(OPEN))
    treasurer.post(SURE, {"sure": f"{line.pk}:pledge-{pledge.pk}"})

    assert "the reference with one character wrong." in text
    assert 'name="sure"' not in text
    assert not StatementMatch.objects.exists()
    treasurer.post(match_url(line), {"choice": f"pledge-{pledge.pk}", "seen": "2"})
    assert Donation.objects.get().pledge == pledge


def test_match_gift_nobody_announced(treasurer):
    fund, line = make_fund(), make_line("25")

    treasurer.post(match_url(line), {"choice": "gift", "gift_fund": fund.pk})

    gift, entry = Donation.objects.get(), Entry.objects.get()
    assert (gift.fund, gift.pledge) == (fund, None)
    # From each of them the money is followed to the others.
    pages = {
        row: f"/admin/donations/{row._meta.model_name}/{row.pk}/change/"
        for row in (gift, entry, line)
    }
    leads = {
        row: {other for other in pages if pages[other] in words(treasurer.get(path))} - {row}
        for row, path in pages.items()
    }
    assert leads == {gift: {entry}, entry: {gift, line}, line: {gift, entry}}


@pytest.mark.usefixtures("fees_by_one_person")
def test_match_bank_fee(treasurer):
    fund, line = make_fund(), make_line("-5")
    give(fund, "5")

    treasurer.post(match_url(line), {"choice": "charge", "charge_fund": fund.pk})

    assert (Entry.objects.latest("pk").kind, StatementMatch.objects.get().explanation) == (
        "bank_fee",
        "Bank fee",
    )


@pytest.mark.usefixtures("fees_by_one_person")
def test_match_bank_fee_takes_no_fund_below_zero_unless_somebody_means_it(treasurer):
    fund, line = make_fund(), make_line("-5", text="Comisión")
    give(fund, "2")
    said = {"choice": "charge", "charge_fund": fund.pk, "explanation": ""}

    listed = words(treasurer.get(OPEN))
    clicked = words(treasurer.post(match_url(line), {"choice": f"charge-{fund.pk}", "seen": "3"}))
    asked = words(treasurer.post(match_url(line), said))
    assert not StatementMatch.objects.exists()
    treasurer.post(match_url(line), said | {"below_zero": "on"})

    assert (
        f"{fund} has €2.00, less than the fee of €5.00. Say by hand which fund bears it" in listed
    )
    assert "Yes, it is this" not in listed
    assert "This candidate does not fit any more" in clicked
    assert f"{fund} has €2.00: the fee of €5.00 takes it below zero" in asked
    assert 'name="below_zero"' in asked
    assert (StatementMatch.objects.get().explanation, Entry.objects.latest("pk").amount) == (
        "Bank fee", 5,
    )  # fmt: skip


def test_fund_that_by_the_policy_bears_no_fees_is_not_offered_for_one(treasurer):
    general, other = make_fund(), make_fund("case", case=make_case())
    make_policy(fee_order=["general"])

    def offered(line, field):
        return {choice.value for choice, _name in list(treasurer.get(match_url(line)).context["form"].fields[field].choices)[1:]}  # fmt: skip

    fee, income = make_line("-5", text="Comisión"), make_line("5")
    assert offered(fee, "charge_fund") == {general.pk}
    assert "By the policy fees of banks are borne by the general fund." in words(
        treasurer.get(match_url(fee))
    )
    assert offered(income, "charge_fund") == {general.pk, other.pk}


@pytest.mark.usefixtures("fees_by_one_person")
def test_part_of_a_line_is_weighed_against_what_the_fund_has(treasurer):
    fund, line = make_fund(), make_line("-5")
    give(fund, "2")

    treasurer.post(match_url(line), {"choice": "charge", "charge_fund": fund.pk, "part": "2"})

    assert (StatementMatch.objects.get().amount, Entry.objects.latest("pk").amount) == (-2, 2)


def test_match_note_books_nothing(treasurer):
    line = make_line("5")

    treasurer.post(match_url(line), {"choice": "note", "explanation": "between our accounts"})

    assert StatementMatch.objects.get().explanation == "between our accounts"
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Choose what the line is."),
        ({"choice": "payout-99"}, "This candidate does not fit any more"),
        ({"choice": "pledge", "reference": "RF12"}, "This is no complete reference"),
        ({"choice": "pledge", "reference": "RF89CDFGHJKMNPQR"}, "No gift was announced with this reference."),
        ({"choice": "gift"}, "Choose the fund the gift is for."),
        ({"choice": "charge"}, "Choose the fund that bears the fee or earns the interest."),
        ({"choice": "note"}, "Say in a few words what the line is."),
    ],
)  # fmt: skip
def test_match_bad_input_gets_a_sentence(treasurer, data, sentence):
    line = make_line("25")

    assert sentence in words(treasurer.post(match_url(line), data))
    assert not StatementMatch.objects.exists()


def test_match_money_out_is_offered_as_no_gift(treasurer):
    text = words(treasurer.get(match_url(make_line("-25"))))

    assert 'value="gift"' not in text
    assert "A fee of the bank" in text


def test_undo_opens_the_line_again(treasurer):
    line = make_line("25")
    standing = reconciliation.match(line=line, target=make_fund(), by=make_user(), at=NOW)

    assert "Say why the match is taken back." in words(treasurer.post(undo_url(line), {}))
    response = treasurer.post(undo_url(line), {"reason": "another line"}, follow=True)

    standing.refresh_from_db()
    assert standing.undone_by.username == "tess"
    assert "Taken back: the line is open again." in words(response)
    assert "What is this line?" in words(response)
    listed = words(treasurer.get("/admin/donations/donation/"))
    page = words(treasurer.get(f"/admin/donations/donation/{standing.donation_id}/change/"))
    assert ("no gift after all" in listed, "no gift after all" in page) == (True, True)
    assert "Can still be sent back" not in page


def test_sure_lines_are_matched_together(treasurer):
    pledge, payout = make_pledge(method="transfer"), make_payout()
    gift = make_line("25", text=pledge.reference)
    arrival = make_line("1218.13", text="STRIPE")
    unsure = make_line("30")

    page = treasurer.get(OPEN)
    response = treasurer.post(SURE, {"sure": page.context["sure"]}, follow=True)

    assert page.context["sure"] == [
        f"{gift.pk}:pledge-{pledge.pk}",
        f"{arrival.pk}:payout-{payout.pk}",
    ]
    assert {match.line_id for match in StatementMatch.objects.all()} == {gift.pk, arrival.pk}
    assert "2 lines matched." in words(response)
    assert [row[0] for row in response.context["rows"]] == [unsure]


def test_sure_lines_that_are_not_sure_any_more_stay_open(treasurer):
    payout, pledge = make_payout(), make_pledge(method="transfer")
    line, gift = make_line("1218.13", text="STRIPE"), make_line("25", text=pledge.reference)
    seen = treasurer.get(OPEN).context["sure"]
    make_payout()

    response = treasurer.post(SURE, {"sure": [*seen, "x", "99:payout-1", "x:y"]}, follow=True)

    assert [match.line for match in StatementMatch.objects.all()] == [gift]
    assert "1 line matched." in words(response)
    assert "were not: look at them again." in words(response)
    assert not payout.matches.exists()
    assert not line.matches.exists()


def test_sure_two_lines_of_one_gift_are_not_both_booked_unseen(treasurer):
    pledge = make_pledge(method="transfer")
    for _number in range(2):
        make_line("25", text=pledge.reference)

    treasurer.post(SURE, {"sure": treasurer.get(OPEN).context["sure"]})

    assert StatementMatch.objects.count() == 1


def test_list_shows_state(treasurer):
    open_line, matched = make_line("25"), make_line("30")
    reconciliation.explain(line=matched, explanation="between accounts", by=make_user(), at=NOW)

    listed = {
        state: set(
            treasurer.get(f"/admin/donations/statementline/?state={state}").context["cl"].queryset
        )
        for state in ("open", "matched")
    }

    assert listed == {"open": {open_line}, "matched": {matched}}
    assert "between accounts" in words(treasurer.get("/admin/donations/statementline/"))


def test_list_says_of_each_line_what_its_page_says(treasurer):
    """Whatever a line is: a payout, a payment, gifts with a receipt and without, a refund, an exchange, the bank's own."""
    person, gift, given = make_user(), make_donation(), make_receipt().donation
    receipt = receipts.issue(given, at=NOW)
    payout, payment = make_payout("25"), record_paid(make_paid_disbursement())
    refund = refunds.request(
        donation=gift, amount=Decimal("12.5"), reason="asked", by=person, at=NOW
    )
    exchange = make_exchange()
    Exchange.objects.update(approved_by=person, approved_at=NOW)
    said = [
        ({"payout": payout}, f"payout {payout.stripe_payout_id}"),
        ({"disbursement": payment}, f"payment {payment.payment_reference}"),
        ({"donation": gift}, f"donation {gift.pk}"),
        ({"donation": given}, f"gift {receipt.number}"),
        ({"refund_request": refund}, f"refund donation {gift.pk}: −€12.50"),
        ({"exchange": exchange}, f"exchange of {plain_day(exchange.exchanged_on)}"),
        ({"explanation": "the bank's own"}, "the bank's own"),
    ]
    facts = {"amount": 1, "confirmed_by": person, "confirmed_at": NOW}
    lines = []
    for thing, _words in said:
        # A payment on a line that brought money would have come back.
        sign = -1 if "disbursement" in thing else 1
        of_line = facts | {"amount": sign, "line": make_line(25 * sign)}
        if "exchange" in thing:
            side = make_line(exchange.received, exchange.received_into)
            of_line |= {"amount": side.amount, "line": side}
        lines.append(StatementMatch.objects.create(**thing, **of_line).line)
    StatementMatch.objects.create(line=lines[-1], explanation="and more", **facts)

    shown = {
        line.pk: told_of(line.said)
        for line in treasurer.get("/admin/donations/statementline/").context["cl"].result_list
    }

    expected = [told for _thing, told in said]
    assert [shown[line.pk] for line in lines] == [*expected[:-1], "the bank's own; and more"]
    for line, told, (thing, _words) in zip(lines, expected, said, strict=True):
        page = words(treasurer.get(match_url(line)))
        assert told in page
        for row in (row for row in thing.values() if isinstance(row, Model)):
            assert f"/admin/donations/{row._meta.model_name}/{row.pk}/change/" in page


def test_list_of_lines_with_a_match_taken_back_shows_it_open_once(treasurer):
    line = make_line("25")
    for _number in range(2):
        standing = reconciliation.explain(line=line, explanation="x", by=make_user(), at=NOW)
        reconciliation.unmatch(match=standing, reason="y", by=make_user(), at=NOW)

    shown = treasurer.get("/admin/donations/statementline/?state=open").context["cl"]

    assert list(shown.queryset) == [line]


def test_list_is_narrowed_to_an_account(treasurer):
    euros, dollars = make_line("25"), make_line("12", make_bank_account("USD", name="Dollars"))
    listed = "/admin/donations/statementline/"

    page = treasurer.get(f"{listed}?account={dollars.account.code}&state=open")

    assert list(page.context["cl"].result_list) == [dollars]
    assert f"?account={euros.account.code}&state=open" in unescape(page.content.decode())
    assert "Dollars (USD)" in words(page)
    assert "Nothing fits what you look for." in words(treasurer.get(f"{listed}?account=none"))
    assert treasurer.get(f"{listed}?file=0&account=").status_code == 200


def test_auditor_reads_lines_without_names(treasurer, client):
    line = make_line("25", counterparty="Ana Ejemplo", text="from Ana", counterparty_account="DE75")
    url = f"/admin/donations/statementline/{line.pk}/change/"

    listed = "/admin/donations/statementline/"
    assert "Ana Ejemplo" in words(treasurer.get(url))
    assert "Ana Ejemplo" in words(treasurer.get(listed))
    log_in(client, make_user("audrey", "auditor"))
    assert "Ana" not in words(client.get(listed))
    response = client.get(url)

    assert response.status_code == 200
    assert "Ana" not in words(response)
    assert client.get(match_url(line)).status_code == 403


def test_who_paid_is_forgotten_by_a_button_with_all_their_lines(treasurer):
    """Pressed once, noted in the history, and said everywhere since."""
    named = {"counterparty": "Ana Ejemplo", "text": "from Ana", "payer_hash": "a" * 64}
    line, other, third = (make_line(each, **named) for each in ("25", "30", "40"))
    make_line("50", counterparty="Bo")
    page, forget = (
        f"/admin/donations/statementline/{line.pk}/{each}/" for each in ("change", "forget")
    )
    assert "Forget who this was" in words(treasurer.get(page))
    form = words(treasurer.get(forget))
    assert "Ana Ejemplo" in form
    assert "Also in the 2 other lines of the same account or name" in form

    said = words(treasurer.post(forget, {"with_others": "on"}, follow=True))

    assert "Forgotten in 3 lines: they stay in the books" in said
    assert "Ana" not in said + words(treasurer.get(OPEN)) + words(treasurer.get(match_url(third)))
    assert "forgotten on" in words(treasurer.get(match_url(other)))
    assert "This is forgotten already." in words(treasurer.get(forget))
    assert "Forget who this was" not in words(treasurer.get(page))
    logged = LogEntry.objects.get()
    assert (logged.object_id, logged.change_message) == (str(line.pk), "Forget who this was")


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_lines_asks_a_fixed_number_of_queries(treasurer, django_assert_num_queries, count):
    for number in range(count):
        line = make_line("25", booked_on=NOW.date() - timedelta(days=number))
        reconciliation.match(line=line, target=make_fund(), by=make_user(), at=NOW)
    StatementLine.objects.update(references=["PAY-ABCDEFGH"])
    treasurer.get("/admin/donations/statementline/")

    with django_assert_num_queries(5):
        treasurer.get("/admin/donations/statementline/")
    with django_assert_num_queries(5):
        page = treasurer.get("/admin/donations/statementline/?q=PAY-ABCDEFGH")
    assert len(page.context["cl"].result_list) == count


def test_line_is_found_by_any_reference_of_ours_in_it(treasurer):
    pledge = make_pledge(method="transfer")
    gift = make_line("25", references=[pledge.reference, "PAY-ABCDEFGH"])
    paid = make_line("-30", references=["PAY-ABCDEFGH"], counterparty="Ana Ejemplo")
    payout = make_line("40", references=["po_sample00001"])
    make_line("50")

    def found(typed):
        page = treasurer.get("/admin/donations/statementline/", {"q": typed})
        return {line.pk for line in page.context["cl"].result_list}

    for typed in (
        pledge.reference,
        format_reference(pledge.reference),
        f" {pledge.reference.lower()} ",
    ):
        assert found(typed) == {gift.pk}
    assert found("PAY-ABCDEFGH") == {gift.pk, paid.pk}
    assert found("po_sample00001") == {payout.pk}
    # Names are encrypted, and nobody is looked for by them; nor by half a reference.
    assert found("Ana Ejemplo") == found("PAY-ABC") == set()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("123,45", {"123.45", "-123.45", "123.45 ARS"}),
        ("123.45", {"123.45", "-123.45", "123.45 ARS"}),
        (" €123.45 ", {"123.45", "-123.45"}),
        ("123,45 €", {"123.45", "-123.45"}),
        ("ARS 123.45", {"123.45 ARS"}),
        ("-123.45", {"-123.45"}),
        ("−€123.45", {"-123.45"}),
        ("+123,45", {"123.45", "123.45 ARS"}),
        ("1.234,5", {"1234.50"}),
        # Grouped by hand, or of a currency of three decimals.
        ("1.234", {"1234", "1.234 KWD"}),
        ("123,4", set()),
        ("123,456,78", set()),
        ("12 Ana", set()),
    ],
)
def test_lines_are_found_by_their_amount(treasurer, typed, found):
    for each in ("123.45", "-123.45", "123.45 ARS", "1234.50", "1234", "1.234 KWD", "12"):
        amount, currency = f"{each} EUR".split()[:2]
        make_line(amount, currency=currency, text=each)

    page = treasurer.get("/admin/donations/statementline/", {"q": typed})

    assert {line.text for line in page.context["cl"].result_list} == found


def test_amount_is_looked_up_in_an_index(treasurer, django_assert_num_queries):
    make_line("123.45")
    listed = StatementLine.objects.order_by("-booked_on", "-pk")
    with connection.cursor() as cursor:
        # As where there are many rows, of which a handful here say nothing.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    plan = lines_found(listed, "123,45")[:26].explain()
    assert "Index Scan Backward using statement_line_by_amount" in plan
    assert "Sort" not in plan
    treasurer.get("/admin/donations/statementline/")
    with django_assert_num_queries(5):
        treasurer.get("/admin/donations/statementline/", {"q": "123,45"})


def test_line_is_split_in_steps_and_each_part_is_taken_back_by_itself(treasurer):
    pledge, fund, line = make_pledge(method="transfer"), make_fund(), make_line("40")
    first = {"choice": "pledge", "reference": pledge.reference, "part": "25,00", "open": "40.000"}

    response = treasurer.post(match_url(line), first, follow=True)

    assert response.redirect_chain == [(match_url(line), 302)]
    text = words(response)
    assert "€15.00 of €40.00 are still open." in text
    assert "Said by tess" in text
    treasurer.post(match_url(line), {"choice": "gift", "gift_fund": fund.pk, "open": "15.000"})
    gift, rest = StatementMatch.objects.order_by("pk")
    assert (gift.amount, rest.amount, rest.donation.fund) == (25, 15, fund)
    treasurer.post(undo_url(line), {"match": gift.pk, "reason": "less"})
    assert [match.pk for match in line.matches.standing()] == [rest.pk]
    assert "left of €40.00" in words(treasurer.get(OPEN))


def test_click_on_a_line_of_which_a_part_was_said_meanwhile_says_so(treasurer):
    pledge, line = make_pledge(method="transfer"), make_line("40")
    reconciliation.match(line=line, target=pledge, amount=Decimal(25), by=make_user(), at=NOW)

    data = {"choice": "gift", "gift_fund": make_fund().pk, "open": "40.000"}
    response = treasurer.post(match_url(line), data)

    assert "Something changed since you saw this candidate." in words(response)
    assert line.matches.count() == 1


@pytest.mark.parametrize("part", ["x", "0", "41", "25.001"])
def test_part_that_is_none_gets_a_sentence(treasurer, part):
    line = make_line("40")

    response = treasurer.post(
        match_url(line), {"choice": "gift", "gift_fund": make_fund().pk, "part": part}
    )

    assert 'class="errorlist' in words(response)
    assert not StatementMatch.objects.exists()


@pytest.mark.usefixtures("fees_by_one_person")
def test_bank_fee_is_proposed_for_the_fund_that_bore_the_last_one(treasurer):
    fund = make_fund()
    give(fund, "20")
    reconciliation.explain(
        line=make_line("-5"), explanation="fee", fund=fund, by=make_user(), at=NOW
    )
    line = make_line("-4.50", text="Comisión de mantenimiento")

    text = words(treasurer.get(OPEN))
    treasurer.post(match_url(line), {"choice": f"charge-{fund.pk}", "seen": "2"})

    assert f"{fund} bore the last fee of this account, on March 10, 2026." in text
    assert (line.matches.get().explanation, Entry.objects.latest("pk").amount) == ("Bank fee", 4.5)


def test_lines_booked_by_themselves_are_listed_and_say_so(treasurer):
    pledge = make_pledge(method="transfer")
    content = bank_csv(f"2026-03-09;25;EUR;Ana;{pledge.reference}", closing="25")
    result = reconciliation.import_statement(
        account=make_account(), name="a.csv", content=content, by=None, at=NOW
    )
    other = make_line("30")
    reconciliation.explain(line=other, explanation="x", by=make_user(), at=NOW)

    page = treasurer.get(
        f"/admin/donations/statementline/?file={result.statement.pk}&state=automatic"
    )

    [line] = page.context["cl"].queryset
    assert line.amount == 25
    assert "Matched by itself at the import" in words(treasurer.get(match_url(line)))


def test_line_to_another_account_of_ours_and_its_other_side(treasurer):
    current = make_account(code="current")
    savings = make_bank_account(code="savings", name="Savings", number="ES9121000418450200051332")
    out, came = make_line("-500", current), make_line("500", savings)

    assert "It went to another account of ours" in treasurer.get(match_url(out)).content.decode()
    missing = treasurer.post(match_url(out), {"choice": "own"})
    assert missing.context["form"].errors["own_account"] == [
        "Choose the account it went to, or came from."
    ]
    treasurer.post(match_url(out), {"choice": "own", "own_account": savings.pk})
    candidate = treasurer.get(OPEN).content.decode()
    assert "Transfer from Sample bank to Savings" in candidate
    [suggestion] = treasurer.get(match_url(came)).context["suggestions"]
    done = treasurer.post(match_url(came), {"choice": suggestion.token}, follow=True)

    assert "Matched: transfer from Sample bank to Savings." in done.content.decode()
    for line in (out, came):
        line.refresh_from_db()
        assert line.open_amount == 0


def test_line_of_the_only_account_in_its_currency_is_to_no_other(treasurer):
    line = make_line("-500", make_account())

    shown = words(treasurer.get(match_url(line)))

    assert "another account of ours" not in shown


def test_bail_that_a_court_gave_back_is_recorded_from_its_line(treasurer):
    r = deposited()
    line = make_line("600", r.bank, booked_on=TODAY)
    page = treasurer.get(match_url(line))
    assert "Bail that a court gave back" in words(page)
    missing = treasurer.post(match_url(line), {"choice": "bail"})
    assert missing.context["form"].errors["bail_cost"] == [
        "Choose the cost whose deposit came back."
    ]
    large = make_line("1000.01", r.bank, booked_on=TODAY)
    assert f"{r.cost.number} · {r.cost.defendant} · €" in missing.content.decode()
    refused = treasurer.post(match_url(large), {"choice": "bail", "bail_cost": r.cost.pk})
    assert "The court holds €1,000.00 for this cost, not more." in words(refused)
    assert not BailOutcome.objects.exists()

    done = treasurer.post(match_url(line), {"choice": "bail", "bail_cost": r.cost.pk}, follow=True)

    assert f"Matched: bail of {r.cost.number} that came back." in words(done)
    outcome = BailOutcome.objects.get()
    assert (outcome.amount, outcome.bank_account, outcome.happened_on) == (600, r.bank, TODAY)
    assert StatementMatch.objects.get().bail_outcome == outcome
    # The rest is proposed, and recorded with one click, by whoever may record it.
    rest = make_line("400", r.bank, booked_on=TODAY)
    token = f"givenback-{r.cost.pk}"
    shown = words(treasurer.get(match_url(rest)))
    assert f"Bail of {r.cost.number} that a court gives back: recorded with it" in shown
    [candidate] = for_this_person(reconciliation.suggest(rest), make_user())
    assert candidate.obstacle
    treasurer.post(match_url(rest), {"choice": token})
    assert sorted(BailOutcome.objects.values_list("amount", flat=True)) == [400, 600]
    assert rest.matches.get().bail_outcome.amount == 400
    assert "Bail that a court gave back" not in words(
        treasurer.get(match_url(make_line("-5", r.bank)))
    )


def test_payment_that_came_back_shows_on_its_page(treasurer):
    r = make_ready()
    allocate(r, "1000")
    row = disbursement.pay(approve(r, requested(r)), paid_on=TODAY, by=r.treasurer, at=NOW)
    out = make_line("-400", r.bank, text=row.payment_reference)
    reconciliation.match(line=out, target=row, by=r.treasurer, at=NOW)
    line = make_line("400", r.bank, text=row.payment_reference, booked_on=TODAY)
    assert f"Payment {row.payment_reference} to Sample law office came back" in words(
        treasurer.get(OPEN)
    )

    done = treasurer.post(match_url(line), {"choice": f"cameback-{row.pk}"}, follow=True)

    assert f"Matched: payment {row.payment_reference} came back." in words(done)
    shown = words(treasurer.get(f"/admin/donations/disbursement/{row.pk}/change/"))
    assert "Came back from the payee's bank" in shown
    assert "ask for the payment anew" in shown
    assert f"/admin/donations/statementline/{out.pk}/change/" in shown
    behind = [(entry.kind, facts_of(entry)) for entry in Entry.objects.order_by("pk")[1:]]
    assert behind == [("allocation", [r.cost]), ("disbursement", [row]), ("disbursement", [row])]
    listed = treasurer.get("/admin/donations/disbursement/?state=came_back")
    assert [each.pk for each in listed.context["cl"].queryset] == [row.pk]


@pytest.mark.usefixtures("fees_by_one_person")
def test_payout_less_a_fee_is_said_by_hand_where_the_line_names_nothing(treasurer):
    fund = make_fund()
    payout = on_its_way(fund)
    line = make_line("80", text="incoming payment")
    chosen = {"choice": "less", "less_payout": payout.pk, "less_fund": fund.pk}

    page = words(treasurer.get(match_url(line)))
    refused = words(treasurer.post(match_url(line), {"choice": "less"}))
    treasurer.post(match_url(line), chosen)

    assert "A payout from Stripe, of which a bank kept its fee" in page
    assert "€98.25 · March 10, 2026 · po_sample00001" in page
    assert "Choose the payout of which the bank kept something." in refused
    assert "Choose the fund that bears what the bank kept." in refused
    standing = StatementMatch.objects.get()
    assert (standing.payout, standing.withheld) == (payout, Decimal("18.25"))
    assert ledger.balance(AccountKey.transit("EUR")) == 0


@pytest.mark.usefixtures("fees_by_one_person")
def test_payout_less_a_fee_is_offered_only_for_larger_payouts_and_to_whom_it_leaves_something(
    treasurer,
):
    fund, poor = make_fund(), make_fund()
    payout = on_its_way(fund)

    assert 'value="less"' not in words(treasurer.get(match_url(make_line("99"))))
    line = make_line("80")
    chosen = {"choice": "less", "less_payout": payout.pk, "less_fund": poor.pk}
    asked = words(treasurer.post(match_url(line), chosen))
    assert not StatementMatch.objects.exists()
    treasurer.post(match_url(line), chosen | {"below_zero": "on"})

    assert f"{poor} has €0.00: the fee of €18.25 takes it below zero" in asked
    assert StatementMatch.objects.get().withheld == Decimal("18.25")


@pytest.mark.usefixtures("fees_by_one_person")
def test_transfer_that_arrived_less_a_fee_is_said_by_hand(treasurer):
    current, savings = make_account(code="current"), make_bank_account(code="savings")
    fund = make_fund()
    give(fund, "600")
    came = make_line("300", savings)
    chosen = {"choice": "own", "own_account": current.pk, "own_fee_fund": fund.pk}

    none = words(treasurer.post(match_url(came), chosen))
    out = make_line("-500", current)
    treasurer.post(match_url(out), {"choice": "own", "own_account": savings.pk})
    done = words(treasurer.post(match_url(came), chosen, follow=True))

    assert (
        f"No transfer with {current} waits here of which a bank could have kept something." in none
    )
    assert "of which a bank kept €200.00" in done
    assert (ledger.balance(AccountKey.transit("EUR")), came.matches.get().withheld) == (0, 200)


def test_transfer_that_waits_is_not_begun_a_second_time_unawares(treasurer):
    current, savings = make_account(code="current"), make_bank_account(code="savings")
    chosen = {"choice": "own", "own_account": savings.pk}
    treasurer.post(match_url(make_line("-20", current)), chosen)
    came = make_line("19.50", savings)
    chosen = {"choice": "own", "own_account": current.pk}

    asked = treasurer.post(match_url(came), chosen)
    assert (
        f"A transfer of €20.00 with {current} waits for its other side, and here is €0.50 less." in words(asked)
    )  # fmt: skip
    assert 'name="own_another"' in words(asked)
    assert OwnTransfer.objects.count() == 1
    # One of exactly this amount waits too: then it is that one.
    treasurer.post(match_url(make_line("-19.50", current)), {"choice": "own", "own_account": savings.pk})  # fmt: skip
    treasurer.post(match_url(came), chosen)
    assert (OwnTransfer.objects.count(), ledger.balance(AccountKey.transit("EUR"))) == (2, 20)

    treasurer.post(match_url(make_line("19.40", savings)), chosen | {"own_another": "on"})
    assert OwnTransfer.objects.count() == 3
