"""Databases made by the earlier, longer way of migrations go on; one that stopped on that way is told what to do."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from defensefund.roles import OUR_APPS


def ours():
    """Today's migrations of our apps that stand for earlier ones, by (app, name)."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return {
        key: migration
        for key, migration in loader.disk_migrations.items()
        if key[0] in OUR_APPS and migration.replaces
    }


def migrate():
    out = StringIO()
    call_command("migrate", interactive=False, stdout=out)
    return out.getvalue()


def test_wherever_an_earlier_database_stopped_it_has_a_part_of_one_migration():
    earlier = {}
    for key, migration in ours().items():
        for app, name in migration.replaces:
            assert (app, name) not in earlier
            assert app == key[0]
            earlier[app, name] = key
    for app in {app for app, _name in earlier}:
        names = sorted(name for of, name in earlier if of == app)
        for stop in range(1, len(names)):
            had = {(app, name) for name in names[:stop]}
            assert any(
                0 < len(had & {*migration.replaces}) < len(migration.replaces)
                for key, migration in ours().items()
                if key[0] == app
            ), f"{app} stopped at {names[stop - 1]}"


@pytest.mark.django_db
def test_a_database_made_by_the_earlier_migrations_has_nothing_to_do():
    recorder = MigrationRecorder(connection)
    for app, name in ours():
        recorder.record_unapplied(app, name)
    assert not {*ours()} & {*recorder.applied_migrations()}
    assert "No migrations to apply." in migrate()
    assert {*ours()} <= {*recorder.applied_migrations()}


@pytest.mark.django_db
def test_a_database_that_stopped_on_the_earlier_way_is_told_what_to_do():
    recorder = MigrationRecorder(connection)
    last = max(name for m in ours().values() for app, name in m.replaces if app == "donations")
    recorder.record_unapplied("donations", last)
    before = {*recorder.applied_migrations()}
    with pytest.raises(CommandError) as refusal:
        migrate()
    assert str(refusal.value) == (
        f"This database stopped on the way of an earlier version of this program: it lacks donations.{last}, which this "
        "version holds only together with others. Nothing was changed. Take the last version that has it\n"
        f"    git checkout $(git rev-list -1 HEAD -- donations/migrations/{last}.py)^\n"
        "run ./run migrate there, then come back to this version and run it again."
    )
    assert {*recorder.applied_migrations()} == before


def rules():
    """Functions, triggers, views and constraints, each with its definition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'function ' || oid::regprocedure, pg_get_functiondef(oid) FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'"
            " UNION ALL SELECT 'trigger ' || tgname, tgenabled::text || pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE NOT tgisinternal"
            " UNION ALL SELECT 'view ' || viewname, definition FROM pg_views WHERE schemaname = 'public'"
            " UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace"
        )
        return dict(cursor.fetchall())


@pytest.mark.django_db
def test_the_rules_are_taken_back_without_a_trace_and_made_again_the_same():
    before = rules()
    call_command("migrate", "donations", "0001", interactive=False, verbosity=0)
    after = rules()
    assert not [name for name in after if name.startswith("function donations_")]
    # Only a constraint that the first file made may be another since.
    different = {name.split()[0] for name in after if after[name] != before.get(name)}
    assert different <= {"constraint"}
    call_command("migrate", interactive=False, verbosity=0)
    assert rules() == before


@pytest.mark.django_db
def test_the_models_are_as_the_migrations_made_them():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
