"""The job queue: procrastinate on our own PostgreSQL. How it is worked off, and how it keeps itself in order.

Each app's jobs.py holds its tasks. A job runs at least once, so it must bear being run again;
its arguments are ids and never personal data, because failures are logged with them.
"""

import asyncio
import logging
import math
import signal
import time
from typing import Any

import psycopg
from procrastinate import JobContext
from procrastinate.connector import BaseConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.middleware import AsyncCallNext
from procrastinate.periodic import PeriodicDeferrer
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker

from defensefund import security_log as security_log  # its tasks are the worker's too

logger = logging.getLogger(__name__)

# Jobs that run at the same time in one worker; they mostly wait for mail and payment servers.
CONCURRENCY = 4
# A job that was cut off this often is taken for the reason, and left as failed.
MAX_ATTEMPTS = 5
RETRY_SECONDS = 2
KEEP_FINISHED_HOURS = 3 * 24
KEEP_FAILED_HOURS = 90 * 24


class WorkerConnector(PsycopgConnector):
    """Takes and finishes jobs over connections of its own, but lets a job enqueue others over Django's connection.

    So what a job enqueues is in the job's own transaction: nothing is sent for what was rolled back.
    """

    def get_sync_connector(self) -> BaseConnector:
        return DjangoConnector()


def work_on() -> None:
    """Work until SIGTERM or Ctrl-C, then finish the jobs that run. Outlives a database that is away for a while."""
    with app.replace_connector(_connector()):
        asyncio.run(_run_until_stopped())


def work_off() -> None:
    """Do all that is due, periodic tasks and what those jobs enqueue included, and come back."""
    with app.replace_connector(_connector()):
        asyncio.run(_run_all_due())


def _connector() -> WorkerConnector:
    return WorkerConnector(kwargs=connector_params(), min_size=1, max_size=4)


async def _run_until_stopped() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stopping = asyncio.create_task(stopped.wait())
    while not stopped.is_set():
        # It comes back by itself only when it has lost the database.
        working = asyncio.create_task(_run_worker())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            return
        except (ConnectorException, psycopg.OperationalError) as error:
            logger.warning("The job worker has lost the database: %s", error)
        await asyncio.wait({stopping}, timeout=RETRY_SECONDS)


async def _run_worker() -> None:
    async with app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)


async def _run_all_due() -> None:
    started = 0

    async def count(call_next: AsyncCallNext, context: JobContext, worker: Worker) -> Any:
        nonlocal started
        started += 1
        return await call_next()

    async with app.open_async():
        # The latest time of each task that has come; the database knows which were enqueued before.
        deferrer = PeriodicDeferrer(registry=app.periodic_registry, max_delay=math.inf)
        await deferrer.defer_jobs(deferrer.get_previous_tasks(at=time.time()))
        before = -1
        while started > before:
            before = started
            await app.run_worker_async(
                concurrency=CONCURRENCY, wait=False, listen_notify=False, worker_middleware=[count]
            )


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="retry_stalled_jobs")
async def retry_stalled_jobs(timestamp: int) -> None:
    """Run again what a killed worker left half done; procrastinate itself would leave it running for ever."""
    for job in await app.job_manager.get_stalled_jobs():
        if job.attempts < MAX_ATTEMPTS:
            await app.job_manager.retry_job(job)
        else:
            logger.error("Job %s of %s was cut off %s times", job.id, job.task_name, job.attempts)
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="prune_finished_jobs")
async def prune_finished_jobs(timestamp: int) -> None:
    """Forget jobs that went well after some days, and failed ones when nobody will look at them any more."""
    await app.job_manager.delete_old_jobs(nb_hours=KEEP_FINISHED_HOURS, include_cancelled=True)
    await app.job_manager.delete_old_jobs(
        nb_hours=KEEP_FAILED_HOURS, include_failed=True, include_aborted=True
    )
