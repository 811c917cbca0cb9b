"""Names and accounts that stood on costs and payments before there was a register get into it, none lost, none confirmed."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from donations import disbursement, payees
from donations.models import Disbursement, LegalCost
from tests.donations.spending import allocate, approve, make_ready, requested
from tests.factories import NOW, PUBLIC_KEY, TODAY, make_user

BEFORE, AFTER = ("donations", "0029_lists"), ("donations", "0031_payee_rules")


def migrate(*targets):
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


@pytest.mark.django_db(transaction=True)
def test_written_payees_move_to_the_register_and_back():
    leaves = list(MigrationExecutor(connection).loader.graph.leaf_nodes())
    r = make_ready()
    allocate(r, "600")
    paid = approve(r, requested(r, "100"))
    disbursement.pay(paid, paid_on=TODAY, by=r.treasurer, at=NOW)
    approved = approve(r, requested(r, "50"))
    paid_hash = Disbursement.objects.get(pk=paid.pk).content_hash
    try:
        old = migrate(BEFORE)
        cost = old.get_model("donations", "LegalCost").objects.get()
        # Of what was sealed the way back has the last characters alone; as if they had been written so.
        assert (cost.payee_name, cost.payee_account) == ("Sample law office", "…2051")
        cost.payee_account = "DE02 1203 0000 0000 2020 51"
        cost.save()
    finally:
        migrate(*leaves)

    cost = LegalCost.objects.select_related("payee__account").get()
    account = cost.payee.account
    assert (account.name, account.scheme, account.tail) == ("Sample law office", "iban", "…2051")
    assert (bytes(account.sealed), account.waiting, account.confirmed_at) == (
        b"", "DE02120300000000202051", None,
    )  # fmt: skip
    paid, approved = Disbursement.objects.order_by("pk")
    assert paid.paid_at
    assert paid.content_hash == paid_hash
    assert paid.approved_by
    # An approval for an account that nobody confirmed counts no more.
    assert (approved.approved_at, approved.approved_hash) == (None, "")
    key = payees.register_key(public_key=PUBLIC_KEY, by=make_user(), at=NOW)
    payees.confirm_key(key, by=make_user(), at=NOW)
    account.refresh_from_db()
    assert (account.waiting, bool(account.sealed)) == ("", True)
