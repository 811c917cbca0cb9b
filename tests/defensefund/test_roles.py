from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.management import call_command

from defensefund.rights import RightsBackend
from defensefund.roles import GROUPS, OUR_APPS, sync_groups
from tests.factories import make_user

pytestmark = pytest.mark.django_db

DONORS = ("supporter", "pledge", "checkout", "letter", "stripeevent")


def models():
    return [model for app in OUR_APPS for model in apps.get_app_config(app).get_models()]


def granted():
    return {
        group.name: {
            f"{p.content_type.app_label}.{p.codename}"
            for p in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }


def test_migrations_make_the_groups_of_the_table():
    assert granted() == GROUPS


def test_sync_takes_away_what_was_added_and_keeps_members():
    member = make_user(None, "auditor")
    auditor = Group.objects.get(name="auditor")
    auditor.permissions.add(Permission.objects.get(codename="view_supporter"))
    Group.objects.get(name="approver").delete()

    call_command("sync_groups", stdout=StringIO())

    assert granted() == GROUPS
    assert list(auditor.user_set.all()) == [member]


def test_every_verb_has_somebody():
    verbs = {
        f"{model._meta.app_label}.{codename}"
        for model in models()
        for codename, _name in model._meta.permissions
    }
    held = frozenset().union(*GROUPS.values())

    assert verbs - held == set()


def test_every_permission_of_the_table_exists():
    known = {
        f"{p.content_type.app_label}.{p.codename}"
        for p in Permission.objects.select_related("content_type")
    }

    assert frozenset().union(*GROUPS.values()) <= known


@pytest.mark.parametrize("group", ["organizer", "approver", "auditor"])
def test_only_treasurers_meet_donors(group):
    assert not [p for p in GROUPS[group] if p.endswith(tuple(f"_{m}" for m in DONORS))]


def test_organizers_touch_no_money():
    assert not [p for p in GROUPS["organizer"] if not p.startswith("appeals.")]


def test_auditors_read_and_take_the_books_away_and_change_nothing():
    assert [p for p in GROUPS["auditor"] if ".view_" not in p] == ["donations.export_entry"]


def test_nobody_edits_the_ledger_or_deletes_money():
    held = frozenset().union(*GROUPS.values())

    assert not [p for p in held if p.startswith("donations.") and ".delete_" in p]
    assert not held & {
        f"donations.{act}_{model}"
        for act in ("add", "change")
        for model in ("account", "entry", "reversal", "donation", "refund", "payout")
    }


def test_asking_and_approving_are_never_one_role():
    for group, permissions in GROUPS.items():
        for thing in ("disbursement", "fundcover", "refundrequest", "partnerpayment"):
            both = {f"donations.request_{thing}", f"donations.approve_{thing}"}
            assert not both <= permissions, group
        assert not {"appeals.change_updatetext", "appeals.review_update"} <= permissions, group


def test_nobody_manages_accounts_or_second_factors():
    held = frozenset().union(*GROUPS.values())

    assert not [p for p in held if p.split(".")[0] in {"auth", "defensefund"}]


def test_sync_can_run_again():
    sync_groups()
    sync_groups()

    assert granted() == GROUPS


def test_rights_are_those_django_says_in_one_query(django_assert_num_queries):
    for user, queries in (
        (make_user(None, "treasurer", "auditor"), 1),
        (make_user(), 1),
        (make_user(is_superuser=True), 2),
        (make_user(None, "treasurer", is_active=False), 0),
    ):
        user.user_permissions.add(Permission.objects.get(codename="view_user"))
        django_s = ModelBackend().get_all_permissions(User.objects.get(pk=user.pk))
        fresh = User.objects.get(pk=user.pk)

        with django_assert_num_queries(queries):
            ours = RightsBackend().get_all_permissions(fresh)
            assert RightsBackend().get_all_permissions(fresh) == ours

        assert ours == django_s
        assert fresh.has_perm("auth.view_user") == user.is_active
    assert RightsBackend().get_all_permissions(AnonymousUser()) == set()
