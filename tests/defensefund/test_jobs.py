"""The job queue: what is due is done, in the job's own transaction, and survives a killed worker."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from defensefund import jobs

pytestmark = pytest.mark.django_db(transaction=True)

done: list[str] = []


@app.task(name="tests.note")
def note(text: str) -> None:
    done.append(text)


@app.task(name="tests.note_then_more")
def note_then_more(text: str) -> None:
    done.append(text)
    note.defer(text=f"{text}, more")


@app.task(name="tests.fail_after_enqueueing")
def fail_after_enqueueing() -> None:
    with transaction.atomic():
        note.defer(text="of a failed transaction")
        raise ValueError("it was not to be")


@pytest.fixture(autouse=True)
def only_our_own_timetable(monkeypatch: pytest.MonkeyPatch) -> None:
    done.clear()
    ours = {
        key: task
        for key, task in app.periodic_registry.periodic_tasks.items()
        if key[0].startswith("defensefund.")
    }
    monkeypatch.setattr(app.periodic_registry, "periodic_tasks", ours)


def statuses() -> dict[str, int]:
    """How many jobs of the tests' own tasks stand at each status."""
    found = list(
        ProcrastinateJob.objects.filter(task_name__startswith="tests.").values_list(
            "status", flat=True
        )
    )
    return {status: found.count(status) for status in sorted(set(found))}


def alone(function: Callable[..., object], *args: object, **options: object) -> None:
    """Call it in a thread, for another test's browser may keep an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(function, *args, **options).result()


def cut_off(job_id: int, *, attempts: int) -> None:
    """Leave a job as a worker leaves it that was killed an hour ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        )
        worker = cursor.fetchone()[0]
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s, attempts = %s WHERE id = %s",
            [worker, attempts, job_id],
        )


def test_work_once_does_what_is_due_and_what_that_enqueues():
    note_then_more.defer(text="first")
    note.configure(schedule_in={"hours": 1}).defer(text="later")

    alone(call_command, "work", once=True)

    assert done == ["first", "first, more"]
    assert statuses() == {"succeeded": 2, "todo": 1}


def test_work_once_runs_the_timetable_once_for_each_time():
    alone(jobs.work_off)
    alone(jobs.work_off)

    names = ProcrastinateJob.objects.values_list("task_name", "args__timestamp", "status")
    assert {(name, status) for name, _, status in names} == {
        ("defensefund.jobs.retry_stalled_jobs", "succeeded"),
        ("defensefund.jobs.prune_finished_jobs", "succeeded"),
    }
    assert len(names) == len(set(names))


def test_rolled_back_transaction_enqueues_nothing():
    with pytest.raises(ValueError), transaction.atomic():
        note.defer(text="never")
        raise ValueError

    alone(jobs.work_off)

    assert done == []


def test_job_enqueues_within_its_own_transaction(caplog):
    fail_after_enqueueing.defer()

    alone(jobs.work_off)

    assert done == []
    assert statuses() == {"failed": 1}


def test_job_of_a_killed_worker_is_run_again():
    cut_off(note.defer(text="again"), attempts=0)

    alone(jobs.work_off)

    assert done == ["again"]
    assert statuses() == {"succeeded": 1}


def test_job_that_was_cut_off_too_often_fails(caplog):
    cut_off(note.defer(text="deadly"), attempts=jobs.MAX_ATTEMPTS)

    alone(jobs.work_off)

    assert done == []
    assert statuses() == {"failed": 1}
    assert "was cut off 5 times" in caplog.text
    assert "deadly" not in caplog.text


def test_old_finished_jobs_are_forgotten_and_failed_ones_kept_longer(caplog):
    note.defer(text="well")
    fail_after_enqueueing.defer()
    alone(jobs.work_off)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_events SET at = %s", [timezone.now() - timedelta(days=4)]
        )
        cursor.execute("DELETE FROM procrastinate_periodic_defers")

    alone(jobs.work_off)

    assert statuses() == {"failed": 1}


def test_worker_knows_every_task_there_is():
    """In a process of its own, started as the worker is, without the office's pages: there alone an unknown task fails."""
    asked = (
        "import django; django.setup(); from procrastinate.contrib.django import app;"
        " app.perform_import_paths(); print(*sorted(app.tasks), sep='\\n')"
    )
    known = subprocess.run(
        [sys.executable, "-c", asked, "work"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "defensefund.settings"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    folders = (settings.BASE_DIR / folder for folder in ("appeals", "defensefund", "donations"))
    sources = [file.read_text() for folder in folders for file in folder.rglob("*.py")]
    written = {name for text in sources for name in re.findall(r'@app\.task\(name="(\w+)"', text)}
    assert written - set(known) == set()
    assert "answer_asking" in known
