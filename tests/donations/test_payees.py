"""The register of payees: what is sealed stays sealed, what two people gave counts, and what changed is not paid."""

from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from defensefund.sealing import new_key, seal
from donations import disbursement, payees
from donations.account_numbers import WrongNumber, payable_account
from donations.models import Disbursement, Payee, PayeeAccount, Scheme, SealingKey
from donations.models.payee import new_payee_number
from donations.sealed_accounts import SealedAccount, short
from tests import factories
from tests.donations.spending import allocate, approve, make_ready, request, requested
from tests.factories import (
    KEY_FILE,
    NOW,
    PUBLIC_KEY,
    TODAY,
    make_bank_account,
    make_payee,
    make_sealing_key,
    make_user,
)
from tests.threads import in_parallel

IBAN, OTHER_IBAN = "DE02120300000000202051", "ES9121000418450200051332"


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def key(db):
    return make_sealing_key(public_key=PUBLIC_KEY)


@pytest.fixture
def ready(db):
    return make_ready()


def record(by=None, account=IBAN, *, scheme=Scheme.IBAN, number=None):
    return payees.record(
        kind=Payee.Kind.LAWYER,
        name="Sample law office",
        scheme=scheme,
        account=account,
        number=number or new_payee_number(),
        by=by or make_user(),
        at=NOW,
    )


def change(payee, account=OTHER_IBAN, *, by=None, name="Sample law office"):
    return payees.change_account(
        payee, name=name, scheme=Scheme.IBAN, account=account, by=by or make_user(), at=NOW
    )


def confirm(payee, account=IBAN, *, by=None):
    return payees.confirm(payee, account=account, by=by or make_user(), at=NOW)


def refused(match, act):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        act()


def delete_all(table):
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


# --- What is kept ---------------------------------------------------------------------------------


def test_account_is_nowhere_but_in_the_sealed_file(key, tmp_path, capsys):
    payee = record(account="DE02 1203 0000 0000 2020 51")

    with connection.cursor() as cursor:
        cursor.execute("SELECT a::text, p::text FROM donations_payeeaccount a, donations_payee p")
        rows = " ".join(cursor.fetchone())
    assert "120300000000" not in rows
    assert "law office" not in rows
    (row,) = PayeeAccount.objects.all()
    assert (row.tail, row.waiting, list(row.sealed_to.all())) == ("…2051", "", [key])
    sealed, mine = tmp_path / "sealed.age", tmp_path / "my.key"
    sealed.write_bytes(row.sealed)
    mine.write_text(KEY_FILE)
    call_command("unseal", sealed, identity=mine)
    assert capsys.readouterr().out.splitlines()[:4] == [
        f"Payee    {payee.number}",
        "Holder   Sample law office",
        f"Account  {IBAN} (iban)",
        f"Code     {short(row.code)}",
    ]


def test_only_the_right_key_opens(key, tmp_path):
    record()
    sealed, file = tmp_path / "sealed.age", tmp_path / "a.key"
    sealed.write_bytes(PayeeAccount.objects.get().sealed)

    for content, sentence in (
        (new_key()[0], "This key does not open it"),
        ("nothing", "There is no secret key"),
        ("AGE-SECRET-KEY-1BROKEN", "is damaged"),
    ):
        file.write_text(content)
        with pytest.raises(CommandError, match=sentence):
            call_command("unseal", sealed, identity=file)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("unseal", tmp_path / "none", identity=file)
    file.write_text(KEY_FILE)
    sealed.write_bytes(sealed.read_bytes()[:-1] + b"x")
    with pytest.raises(CommandError, match="does not open it"):
        call_command("unseal", sealed, identity=file)


def test_new_key_file_is_its_owners_alone_and_never_written_over(tmp_path, capsys):
    file = tmp_path / "my.key"

    call_command("new_sealing_key", str(file))

    assert file.stat().st_mode & 0o777 == 0o600
    public = capsys.readouterr().out.split()[-1]
    assert f"# public key: {public}" in file.read_text()
    with pytest.raises(CommandError, match="is there already"):
        call_command("new_sealing_key", str(file))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("new_sealing_key", str(tmp_path / "no" / "folder"))


@pytest.mark.parametrize(
    ("scheme", "text", "kept"),
    [
        ("iban", "de02 1203 0000 0000 2020 51", IBAN),
        ("cbu", "28505909 40090418135201", "2850590940090418135201"),
        ("sort_code", "12-34-56 1234 5678", "123456 12345678"),
        ("pix", "ana@example.org", "ana@example.org"),
        ("pix", "+55 11 91234 5678", "+5511912345678"),
        ("pix", "111.444.777-35", "11144477735"),
        ("pix", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("other", "021 000 021  / 12345", "021 000 021 / 12345"),
    ],
)
def test_account_of_each_kind_is_written_alike(scheme, text, kept):
    assert payable_account(text, scheme) == kept


@pytest.mark.parametrize(
    ("scheme", "text", "sentence"),
    [
        ("iban", "DE02120300000000202052", "check digits"),
        ("cbu", "2850590940090418135202", "check digits"),
        ("cbu", "casa.mate.sol", "22 digits"),
        ("sort_code", "12345", "six digits"),
        ("sort_code", "123456 1234567", "eight digits"),
        ("pix", "111.444.777-36", "check digits"),
        ("other", "12", "4 to 40"),
        ("other", IBAN, "choose that kind"),
    ],
)
def test_account_with_a_slip_is_refused_before_it_is_sealed(key, scheme, text, sentence):
    with pytest.raises(WrongNumber, match=sentence):
        payable_account(text, scheme)
    with pytest.raises(payees.WrongAccount, match=sentence):
        record(account=text, scheme=Scheme(scheme))

    assert not Payee.objects.exists()


@pytest.mark.parametrize(
    ("account", "scheme", "fields"),
    [
        ("DE02 1203 0000 0000 2020 51", Scheme.IBAN, {"number": IBAN}),
        ("2850590940090418135201", Scheme.CBU, {"number": "2850590940090418135201"}),
        ("20-20-15 55555555", Scheme.SORT_CODE, {"number": "55555555", "sort_code": "202015"}),
        ("ana@example.org", Scheme.PIX, {"pix_kind": "email", "pix_key": "ana@example.org"}),
    ],
)
def test_account_of_the_fund_itself_is_no_payees(key, account, scheme, fields):
    make_bank_account(scheme=scheme, **fields)

    with pytest.raises(payees.WrongAccount, match="an account of the fund itself"):
        record(account=account, scheme=scheme)
    payee = record(account=OTHER_IBAN)
    with pytest.raises(payees.WrongAccount, match="an account of the fund itself"):
        payees.change_account(
            payee, name="x", scheme=scheme, account=account, by=make_user(), at=NOW
        )


def test_without_a_key_in_use_nothing_is_recorded(db):
    waiting = SealingKey.objects.create(
        user=make_user(), public_key=new_key()[1], registered_at=NOW
    )
    gone = make_sealing_key()
    gone.user.is_active = False
    gone.user.save()

    with pytest.raises(payees.NoKeys, match="There is no key to seal the account to"):
        record()

    assert not Payee.objects.exists()
    assert waiting.is_in_use is gone.is_in_use is False


def test_payee_sent_twice_is_recorded_once(key):
    number = new_payee_number()
    record(number=number)

    with pytest.raises(payees.AlreadyDone):
        record(number=number)

    assert PayeeAccount.objects.count() == 1


# --- Two people -----------------------------------------------------------------------------------


def test_second_person_gives_the_same_account(key):
    payee, by = record(), make_user()
    assert list(Payee.objects.to_confirm()) == [payee]

    with pytest.raises(payees.NotTheSame, match="not the account that was recorded"):
        confirm(payee, OTHER_IBAN)
    with pytest.raises(payees.WrongAccount, match="check digits"):
        confirm(payee, IBAN[:-1] + "2")
    confirm(payee, "DE02 1203 0000 0000 2020 51", by=by)

    payee.refresh_from_db()
    assert (payee.account.confirmed_by, payee.is_payable) == (by, True)
    assert list(Payee.objects.payable()) == [payee]
    with pytest.raises(payees.WrongState, match="confirmed already"):
        confirm(payee)


def test_who_recorded_it_cannot_confirm_it_superusers_included(key):
    by = make_user(is_superuser=True)
    payee = record(by)

    with pytest.raises(payees.SamePerson):
        confirm(payee, by=by)
    refused(
        "confirmed_by_another_person",
        lambda: PayeeAccount.objects.update(confirmed_by=by, confirmed_at=NOW),
    )


def test_account_of_a_payee_is_never_changed_in_place(key):
    payee = confirm(record())
    row = PayeeAccount.objects.filter(pk=payee.account_id)

    for values in (
        {"account_hash": "0" * 64},
        {"payee_hash": "0" * 64},
        {"tail": "…9999"},
        {"name": "Another"},
        {"scheme": "other"},
        {"code": "0" * 64},
        {"given_by": make_user()},
        {"confirmed_by": make_user()},
        {"confirmed_by": None, "confirmed_at": None},
        {"payee": make_payee()},
    ):
        refused("not changed", lambda values=values: row.update(**values))
    refused("sealed_or_waiting|not changed", lambda: row.update(sealed=b"", code="", waiting="x"))
    for table in ("donations_payeeaccount", "donations_payee"):
        refused("never deleted", lambda table=table: delete_all(table))


def test_account_cannot_start_confirmed_nor_come_back_nor_be_anothers(key):
    payee = confirm(record())
    old = payee.account
    change(payee)
    payees_row = Payee.objects.filter(pk=payee.pk)
    copy = PayeeAccount.objects.get(pk=old.pk)
    copy.pk = None

    refused("waits for its second person", lambda: copy.save(force_insert=True))
    refused("no earlier account", lambda: payees_row.update(account=old))
    refused("no earlier account", lambda: payees_row.update(account=None))
    refused("another payee's", lambda: payees_row.update(account=make_payee().account))


# --- What it means for payments -------------------------------------------------------------------


def test_unconfirmed_payee_is_neither_approved_nor_paid_by_verb_or_database(ready):
    ready.cost.payee = make_payee(is_confirmed=False)
    ready.cost.save()
    allocate(ready, "600")
    row = requested(ready)

    with pytest.raises(disbursement.PayeeNotReady, match="Nobody has confirmed"):
        approve(ready, row)
    refused(
        "payee is not confirmed",
        lambda: Disbursement.objects.filter(pk=row.pk).update(
            approved_by=ready.approver, approved_at=NOW, approved_hash=row.content_hash
        ),
    )
    confirm(ready.cost.payee)
    assert approve(ready, row).approved_by == ready.approver


@pytest.mark.parametrize("how", ["change", "rename", "retire"])
def test_change_of_payee_voids_every_open_approval_to_it_and_no_other(ready, how):
    allocate(ready, "600")
    payee = ready.cost.payee
    paid = approve(ready, requested(ready, "10"))
    disbursement.pay(paid, paid_on=TODAY, by=ready.treasurer, at=NOW)
    refused_one = approve(ready, requested(ready, "10"))
    disbursement.refuse(refused_one, reason="No", by=ready.other, at=NOW)
    approved = approve(ready, requested(ready, "20"))
    elsewhere = SimpleNamespace(**vars(ready))
    elsewhere.cost = factories.make_cost(ready.case)
    elsewhere.document = factories.make_document(elsewhere.cost)
    allocate(elsewhere, "20")
    untouched = approve(elsewhere, requested(elsewhere, "20"))

    if how == "retire":
        payees.retire(payee, by=ready.other, at=NOW)
    else:
        change(
            payee,
            OTHER_IBAN if how == "change" else IBAN,
            name="New name" if how == "rename" else "x",
        )

    for row in (paid, refused_one, approved, untouched):
        row.refresh_from_db()
    assert (approved.approved_by, approved.approved_at, approved.approved_hash) == (None, None, "")
    assert [row.approved_by for row in (paid, refused_one, untouched)] == [
        ready.approver, ready.approver, ready.approver,
    ]  # fmt: skip
    sentence = "is retired" if how == "retire" else "was changed after"
    with pytest.raises(disbursement.PayeeNotReady, match=sentence):
        approve(ready, approved)
    if how == "retire":
        with pytest.raises(disbursement.PayeeNotReady, match="choose another payee"):
            request(ready, "1")
    else:
        assert requested(ready, "5").payee_account == payee.accounts.latest("pk")


def test_amending_takes_the_account_as_it_is_now(ready):
    allocate(ready, "600")
    row = approve(ready, requested(ready))
    payee = confirm(change(ready.cost.payee), OTHER_IBAN)

    disbursement.amend(
        row, amount=row.amount, document=row.document, bank_account=row.bank_account,
        by=ready.treasurer, at=NOW,
    )  # fmt: skip

    row.refresh_from_db()
    assert (row.payee_account, row.approved_at) == (payee.account, None)
    assert approve(ready, row).approved_at == NOW


def test_payment_goes_to_the_payee_of_its_cost(ready):
    allocate(ready, "600")
    row = requested(ready)

    refused(
        "payee of its cost",
        lambda: Disbursement.objects.filter(pk=row.pk).update(payee_account=make_payee().account),
    )
    ready.cost.payee = make_payee()
    ready.cost.save()
    with pytest.raises(disbursement.PayeeNotReady, match="another payee now"):
        approve(ready, row)


def test_changing_to_what_is_recorded_is_refused_and_retired_is_final(ready):
    payee = ready.cost.payee

    with pytest.raises(payees.WrongState, match="recorded already"):
        change(payee, IBAN)
    payees.retire(payee, by=ready.other, at=NOW)
    for act in (lambda: change(payee), lambda: confirm(payee)):
        with pytest.raises(payees.WrongState, match="is retired"):
            act()
    with pytest.raises(payees.WrongState, match="retired already"):
        payees.retire(payee, by=ready.other, at=NOW)
    refused(
        "retired payee is not changed",
        lambda: Payee.objects.filter(pk=payee.pk).update(retired_at=None, retired_by=None),
    )


@pytest.mark.django_db(transaction=True)
def test_account_changed_while_many_pay_is_not_paid_afterwards():
    """Whoever is first: a payment made before the change stands, none is made after it, and nobody waits for ever."""
    r = make_ready()
    allocate(r, "1000")
    rows = [approve(r, requested(r, "10")) for _i in range(12)]

    def work(n):
        if n == 6:
            return "changed" if change(r.cost.payee) else ""
        row = rows[n % 12]
        return "paid" if disbursement.pay(row, paid_on=TODAY, by=r.treasurer, at=NOW) else ""

    results = in_parallel(12, work)

    assert set(results) <= {"paid", "changed", "PayeeNotReady", "WrongState"}
    assert results.count("changed") == 1
    paid = Disbursement.objects.filter(paid_at__isnull=False)
    assert paid.count() == results.count("paid")
    # Its payment came before the change, or not at all.
    assert not Disbursement.objects.filter(approved_at__isnull=False, paid_at=None).exists()


# --- Keys -----------------------------------------------------------------------------------------


def test_key_is_registered_by_its_owner_and_confirmed_by_another(db):
    owner, _file, public = make_user(), *new_key()
    row = payees.register_key(public_key=f" {public.upper()} ", by=owner, at=NOW)

    assert (row.user, row.public_key, row.is_in_use) == (owner, public, False)
    with pytest.raises(payees.SamePerson):
        payees.confirm_key(row, by=owner, at=NOW)
    with pytest.raises(payees.WrongKey, match="registered already"):
        payees.register_key(public_key=public, by=make_user(), at=NOW)
    row = payees.confirm_key(row, by=make_user(), at=NOW)
    assert row.is_in_use
    with pytest.raises(payees.WrongState):
        payees.confirm_key(row, by=make_user(), at=NOW)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("age1xyz", "no public key"),
        ("", "no public key"),
        (KEY_FILE.splitlines()[-1], "This is the secret key"),
    ],
    # The key is made anew by each worker; the tests' names have to be the same in all of them.
    ids=["too short", "empty", "secret"],
)
def test_what_is_no_public_key_is_refused(db, text, sentence):
    with pytest.raises(payees.WrongKey, match=sentence):
        payees.register_key(public_key=text, by=make_user(), at=NOW)


def test_withdrawn_key_is_sealed_to_no_more_and_final(key):
    other = make_sealing_key()
    payees.withdraw_key(key, by=make_user(), at=NOW)

    record()

    assert list(PayeeAccount.objects.get().sealed_to.all()) == [other]
    with pytest.raises(payees.WrongState):
        payees.withdraw_key(key, by=make_user(), at=NOW)
    mine = SealingKey.objects.filter(pk=key.pk)
    for values in (
        {"withdrawn_at": None, "withdrawn_by": None},
        {"public_key": new_key()[1]},
        {"user": make_user()},
        {"confirmed_by": make_user()},
    ):
        refused("not changed", lambda values=values: mine.update(**values))
    refused("never deleted", lambda: delete_all("donations_sealingkey"))


def test_accounts_from_before_there_were_keys_are_sealed_by_the_first(db):
    by = make_user()
    payee = Payee.objects.create(kind="lawyer", recorded_by=by, recorded_at=NOW)
    payee.account = PayeeAccount.objects.create(
        payee=payee, name="Old office", scheme="iban", tail="…2051", account_hash="a" * 64,
        payee_hash="b" * 64, waiting=IBAN, given_by=by, given_at=NOW,
    )  # fmt: skip
    payee.save()
    assert not payee.is_payable

    make_key = payees.register_key(public_key=PUBLIC_KEY, by=by, at=NOW)
    payees.confirm_key(make_key, by=make_user(), at=NOW)

    row = PayeeAccount.objects.get()
    assert (row.waiting, bool(row.sealed), len(row.code)) == ("", True, 64)
    with connection.cursor() as cursor:
        cursor.execute("SELECT waiting FROM donations_payeeaccount")
        assert cursor.fetchone() == ("",)


def test_accounts_are_sealed_anew_on_a_treasurers_computer(key, tmp_path, capsys):
    payee, untouched_code = record(), PayeeAccount.objects.get().code
    new_file, public = new_key()
    new = make_sealing_key(public_key=public)
    stale = PayeeAccount.objects.sealed_otherwise(SealingKey.objects.in_use())
    assert list(stale) == [payee.account]
    bundle, result, mine = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "my.key"
    bundle.write_text(payees.bundle())
    mine.write_text(KEY_FILE)

    call_command("reseal", bundle, result, identity=mine)

    assert f"Sealing to {new.user}: {public}" in capsys.readouterr().out
    assert payees.take_back(result.read_bytes(), by=make_user(), at=NOW) == 1
    row = PayeeAccount.objects.get()
    assert (row.code, set(row.sealed_to.all()), list(stale.all())) == (
        untouched_code,
        {key, new},
        [],
    )
    mine.write_text(new_file)
    sealed = tmp_path / "x.age"
    sealed.write_bytes(row.sealed)
    call_command("unseal", sealed, identity=mine)
    assert IBAN in capsys.readouterr().out
    # Who goes is sealed to no more.
    payees.withdraw_key(key, by=make_user(), at=NOW)
    bundle.write_text(payees.bundle())
    call_command("reseal", bundle, result, identity=mine)
    payees.take_back(result.read_bytes(), by=make_user(), at=NOW)
    sealed.write_bytes(PayeeAccount.objects.get().sealed)
    mine.write_text(KEY_FILE)
    with pytest.raises(CommandError, match="does not open it"):
        call_command("unseal", sealed, identity=mine)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"x", "not what ./run reseal wrote"),
        (b"[]", "not what ./run reseal wrote"),
        (b'{"sealed_to": [], "accounts": {}}', "other keys"),
        (b'{"sealed_to": ["KEY"], "accounts": {}}', "there is none"),
        (b'{"sealed_to": ["KEY"], "accounts": {"0": "eA=="}}', "changed meanwhile"),
        (b'{"sealed_to": ["KEY"], "accounts": {"PK": "eA=="}}', "not sealed to exactly"),
    ],
)
def test_what_is_no_bundle_sealed_anew_changes_nothing(key, content, sentence):
    row = record().account
    content = content.replace(b"KEY", PUBLIC_KEY.encode()).replace(b"PK", str(row.pk).encode())

    with pytest.raises(payees.WrongBundle, match=sentence):
        payees.take_back(content, by=make_user(), at=NOW)

    assert bytes(PayeeAccount.objects.get().sealed) == bytes(row.sealed)


def test_file_exchanged_in_the_office_is_noticed_when_sealed_anew(key, tmp_path):
    payee = record()
    other = SealedAccount(payee.number, "Thief", "iban", OTHER_IBAN)
    PayeeAccount.objects.update(sealed=seal(other.written(), [PUBLIC_KEY]))
    make_sealing_key()
    bundle, mine = tmp_path / "a.json", tmp_path / "my.key"
    bundle.write_text(payees.bundle())
    mine.write_text(KEY_FILE)

    with pytest.raises(CommandError, match="not the one that was recorded"):
        call_command("reseal", bundle, tmp_path / "b.json", identity=mine)
