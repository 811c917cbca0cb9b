"""What left the bank and is no payment of ours: said at the line, approved by another person on its own page."""

from django.test import Client

from donations import ledger
from donations.models import AccountKey, Entry, LineExplanation, StatementLine, StatementMatch
from tests.donations.reconciliation.files import make_line
from tests.factories import give, log_in, make_fund, make_user

OPEN = "/admin/donations/statementline/open/"
LIST = "/admin/donations/lineexplanation/"


def words(response):
    return " ".join(response.content.decode().split())


def browser_of(*group):
    return log_in(Client(headers={"Accept-Language": "en"}), make_user(*group))


def test_second_person_approves_on_the_first_page_what_left_the_bank(treasurer):
    approver = browser_of("abel", "approver")
    fund, line = make_fund(), make_line("-60", counterparty="Invented Ltd", text="Invoice 7")
    give(fund, "100")
    said = {"choice": "charge", "charge_fund": fund.pk}

    asked = treasurer.post(f"/admin/donations/statementline/{line.pk}/match/", said, follow=True)

    row = LineExplanation.objects.get()
    assert "Asked for: another person approves it, and only then it counts." in words(asked)
    assert not StatementMatch.objects.exists()
    listed, again = (
        words(treasurer.get(OPEN)),
        words(treasurer.get(f"/admin/donations/statementline/{line.pk}/match/")),
    )
    for page in (listed, again):
        assert "tess says that it is “Bank fee”.<br>Another person is to approve that." in page
        assert f'href="{LIST}{row.pk}/change/"' in page
    assert "bank line to match" not in words(treasurer.get("/admin/"))
    assert "to approve" not in words(treasurer.get("/admin/"))
    assert treasurer.get(f"{LIST}{row.pk}/approve/").status_code == 403

    assert "bank line somebody explained, to approve" in words(approver.get("/admin/"))
    assert "Bank fee" in words(approver.get(f"{LIST}?state=approve"))
    page = words(approver.get(f"{LIST}{row.pk}/change/"))
    assert all(each in page for each in ("Invented Ltd", "Invoice 7", "€60.00", str(fund)))
    done = approver.post(f"{LIST}{row.pk}/approve/", follow=True)

    assert "Booked." in words(done)
    assert ledger.balance(AccountKey.fund(fund, "EUR")) == 40
    assert not StatementLine.objects.unmatched().exists()
    matched = words(treasurer.get(f"/admin/donations/statementline/{line.pk}/match/"))
    assert "Said by tess, approved by abel" in matched
    treasurer.post(f"/admin/donations/statementline/{line.pk}/undo/", {"reason": "It was not."})
    assert "Taken back by tess" in words(treasurer.get(f"{LIST}{row.pk}/change/"))
    undone = treasurer.get(f"{LIST}?state=undone")
    assert undone.context["cl"].result_count == 1


def test_note_is_withdrawn_by_who_asked_and_hidden_words_stay_hidden(treasurer):
    line = make_line("-60", counterparty="Ana Ejemplo", text="gracias")
    said = {"choice": "note", "explanation": "A debit by mistake"}
    treasurer.post(f"/admin/donations/statementline/{line.pk}/match/", said)
    row = LineExplanation.objects.get()
    auditor = browser_of(None, "auditor")

    page = words(auditor.get(f"{LIST}{row.pk}/change/"))
    assert "A debit by mistake" in page
    assert "it stands under Differences until another line undoes it" in page
    assert "Ana Ejemplo" not in page
    treasurer.post(f"{LIST}{row.pk}/withdraw/", {"reason": "Found the bill."})

    row.refresh_from_db()
    assert (row.refusal_reason, row.refused_by) == ("Found the bill.", row.requested_by)
    assert "Withdrawn by tess" in words(treasurer.get(f"{LIST}{row.pk}/change/"))
    assert not Entry.objects.exists()


def test_who_was_forgotten_at_the_line_is_said_to_be_forgotten(treasurer):
    approver = browser_of("abel", "approver")
    line = make_line("-60", counterparty="Ana Ejemplo", counterparty_account="INVENTED-1", text="x")
    path = f"/admin/donations/statementline/{line.pk}/"
    treasurer.post(f"{path}match/", {"choice": "note", "explanation": "Not ours"})
    row = LineExplanation.objects.get()
    approver.post(f"{LIST}{row.pk}/approve/")
    page = words(approver.get(f"{LIST}{row.pk}/change/"))
    assert "<dd>Ana Ejemplo<br><small>INVENTED-1</small>" in page
    assert "Approved by abel" in page

    treasurer.post(f"{path}forget/")

    pages = [f"{LIST}{row.pk}/change/", f"{path}match/", f"{path}forget/"]
    for page in map(words, map(treasurer.get, pages)):
        assert "<dd>forgotten on " in page
        assert "INVENTED-1" not in page


def test_line_that_undoes_a_note_is_offered_and_approved_as_that(treasurer):
    approver = browser_of("abel", "approver")
    came = make_line("60")
    treasurer.post(
        f"/admin/donations/statementline/{came.pk}/match/",
        {"choice": "note", "explanation": "Sent to us in error"},
    )
    went = make_line("-60")
    path = f"/admin/donations/statementline/{went.pk}/match/"
    assert "Undoes what was noted of the line of" in words(treasurer.get(path))

    treasurer.post(path, {"choice": f"returned-{came.pk}"})

    row = LineExplanation.objects.get()
    for state in ("asked", "approved"):
        page = words(approver.get(f"{LIST}{row.pk}/change/"))
        assert f"<dt>Undoes</dt><dd>{came}<br>Sent to us in error</dd>" in page, state
        assert "Nothing: the two lines undo each other, and leave Differences together." in page
        approver.post(f"{LIST}{row.pk}/approve/")
    assert not StatementLine.objects.unmatched().exists()
    assert not Entry.objects.exists()
