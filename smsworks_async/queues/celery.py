"""Campaigns on Celery workers (extra ``celery``)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smsworks_async.bulk.campaign.work import ended_by_itself
from smsworks_async.models import values
from smsworks_async.queues._decisions import SHARE, Held


if TYPE_CHECKING:
    from celery import Celery  # type: ignore[import-untyped]

    from smsworks_async import SMSWorks
    from smsworks_async.journals import Journal
    from smsworks_async.models.report import BulkReport


class Campaigns:
    """Sends the campaigns of a journal with the workers of a Celery application.

    It registers two tasks, ``smsworks.work`` and ``smsworks.tend``, which take a campaign's name.
    Each process that runs them has its own client, which is created on first use.

    Args:
        app: the Celery application.
        client: a function without arguments that creates the client of a process.
        journal: the journal of the campaigns: a path, a PostgreSQL URL, or a journal; default: the
            client's, which is then opened once in each process.
        seconds: the working time of a task, after which it lets other tasks run; greater than 0,
            default 30.
        on_done: called by `tend` with the `BulkReport` of a finished campaign; at least once, and
            possibly in several processes.
        name: the prefix of the tasks' names.
        options: further options of the tasks, such as ``queue``.

    Attributes:
        work: the task that sends chunks, and queues itself again while there are more.
        tend: the task that reconciles: see `tend_now`. Run it every minute.
    """

    def __init__(
        self,
        app: Celery,
        *,
        client: Callable[[], SMSWorks],
        journal: Journal | str | os.PathLike[str] | None = None,
        seconds: float = SHARE,
        on_done: Callable[[BulkReport], object] | None = None,
        name: str = "smsworks",
        **options: Any,
    ) -> None:
        self._held = Held(client)
        self._journal = journal
        self._seconds = values.seconds(seconds, "seconds", above=True)
        self._on_done = on_done
        # If a worker is lost its task is delivered again, which is harmless. Celery registers a
        # shared task with all applications of the process.
        lasting = {"acks_late": True, "reject_on_worker_lost": True, "shared": False}
        settings = {**lasting, **options}

        # Celery checks arguments against a function's signature, so these are not methods.
        def work(campaign: str) -> None:
            self._work(campaign)

        def tend(campaign: str) -> float:
            return self.tend_now(campaign)

        self.work: Any = app.task(work, name=f"{name}.work", ignore_result=True, **settings)
        self.tend: Any = app.task(tend, name=f"{name}.tend", **settings)

    def dispatch(self, campaign: str, *, tasks: int = 8) -> None:
        """Queue tasks that send a campaign. Calling it again is harmless, also after a lost queue.

        Args:
            campaign: the name of the planned campaign.
            tasks: the number of tasks, and so of processes that send concurrently, at least 1.
        """
        for _ in range(values.integer(tasks, "tasks", at_least=1)):
            self.work.delay(campaign)

    def _work(self, campaign: str) -> None:
        """Send chunks of a campaign for a while; queue another task if there may be more."""
        bulk = self._held.client().bulk
        report = bulk.work(campaign, journal=self._journal, seconds=self._seconds)
        if ended_by_itself(report):
            self.work.delay(campaign)

    def tend_now(self, campaign: str) -> float:
        """Reconcile a campaign, and queue a task if nothing is being sent; call it every minute.

        Returns:
            The seconds after which there may be something to do; 0 if the campaign is over.

        Raises:
            ValidationError: the campaign does not exist.
            JournalError: the journal cannot be read or written.
        """
        bulk = self._held.client().bulk
        report = bulk.reconcile(campaign, journal=self._journal, settle=0.0)
        then = self._held.next_of(bulk.status(campaign, journal=self._journal))
        if then.dispatches:
            self.dispatch(campaign)
        if then.is_over and self._on_done is not None and self._held.is_new(campaign):
            self._on_done(report)
            self._held.told(campaign)
        return then.seconds
