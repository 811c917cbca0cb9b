"""The auditor's seat: every page of it is walked, and none has a word about who gave."""

import re

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from defensefund.privacy import EncryptedTextField
from tests.factories import log_in, make_cost, make_document, make_user
from tests.test_access import MODELS, PAGES, one_of_each, rows  # noqa: F401  fixtures

CANARY = "Canary Donora"
# What is encrypted and is of nobody who gave, but of who is paid.
NOT_DONORS = {"donations.models.payee"}
# Empty since the import was decided, by the database's own rule.
EMPTY = {"pastimport.table"}


def donors_fields():
    """Every encrypted field but the exceptions: a new one is a donor's until somebody says otherwise."""
    return [
        (model, field.name)
        for model in apps.get_app_config("donations").get_models()
        if model._meta.managed and model.__module__ not in NOT_DONORS
        for field in model._meta.fields
        if isinstance(field, EncryptedTextField)
        and f"{model._meta.model_name}.{field.name}" not in EMPTY
    ]


@pytest.fixture
def marked(rows):  # noqa: F811
    """A row of everything, in which whatever is known of a donor is the canary."""
    with connection.cursor() as cursor:
        # What stays as it was written, like rows of the past, gets the canary's words all the same.
        cursor.execute("SET LOCAL session_replication_role = replica")
    for model, name in donors_fields():
        # A name is kept only of a gift that shows it.
        shown = {"visibility": "name"} if name == "public_name" else {}
        model.objects.update(**{name: CANARY}, **shown)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    return rows


def addresses(role, rows):  # noqa: F811
    """What `role` may open; that it opens nothing else is in test_access.py."""
    for label, letters in MODELS.items():
        if "v" in letters.get(role, ""):
            app, model = label.split(".")
            yield reverse(f"admin:{app}_{model}_changelist")
            yield reverse(f"admin:{app}_{model}_change", args=[rows[label]])
    for name, page in PAGES.items():
        if role in page.roles and page.get == 200:
            yield reverse(name, args=(rows[page.row],) if page.row else page.args)
    yield reverse("admin:app_list", args=["donations"])
    for form in ("csv", "beancount"):
        yield reverse("admin:donations_entry_journal", args=[form])


def told(client, path):
    response = client.get(path)
    assert response.status_code == 200, path
    content = b"".join(response) if response.streaming else response.content
    return content.decode(errors="replace")


def seated(role):
    return log_in(Client(headers={"accept-language": "en"}), make_user("seated", role))


def test_auditor_reads_no_donors_name_or_address_anywhere(marked):
    client = seated("auditor")
    opened = {path: told(client, path) for path in addresses("auditor", marked)}

    assert [path for path, page in opened.items() if CANARY in page] == []
    assert len(opened) > 40
    # Nor does a link lead to a page that is closed to them: one of each is followed.
    links = {
        re.sub(r"[0-9]+", "1", found): found
        for page in opened.values()
        for found in re.findall(r'href="(/admin/[^"?#]+)', page)
        if found not in opened and "history" not in found
    }
    closed = [path for path in links.values() if client.get(path).status_code == 403]
    assert closed == []
    assert len(links) > 5


def test_treasurer_does_read_them_so_there_was_something_to_leak(marked):
    line = reverse("admin:donations_statementline_change", args=[marked["donations.statementline"]])
    slip = reverse("admin:donations_cashreceipt_change", args=[marked["donations.cashreceipt"]])
    client = seated("treasurer")

    assert CANARY in told(client, line)
    assert CANARY in told(client, slip)


def test_documents_are_listed_with_their_hash(marked):
    document = make_document(make_cost())

    page = told(
        seated("auditor"), reverse("admin:donations_legalcost_change", args=[document.cost_id])
    )

    assert document.sha256[:8] in page
