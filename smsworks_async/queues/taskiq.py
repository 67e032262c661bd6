"""Campaigns over taskiq's workers: the extra ``taskiq``."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smsworks_async.bulk.campaign.work import ended_by_itself
from smsworks_async.models import values
from smsworks_async.queues._decisions import SHARE, Held


if TYPE_CHECKING:
    from taskiq import AsyncBroker

    from smsworks_async import AsyncSMSWorks
    from smsworks_async.journals import Journal
    from smsworks_async.models.report import BulkReport


class Campaigns:
    """Sends campaigns of a journal over the workers of a taskiq broker.

    It registers two tasks, ``smsworks.work`` and ``smsworks.tend``, which take a campaign's name.
    Every process that sends or tends has a client of its own, which is made when it is first used.

    Args:
        broker: the broker.
        client: makes the client of a process: a function without arguments.
        journal: where the campaigns are kept: a path, a PostgreSQL URL, or a journal; the
            client's by default, which then is opened once in each process.
        seconds: for which a task works before it makes room for others, above 0; 30 by default.
        on_done: called with the `BulkReport` of a campaign that is over, by `tend`, and awaited if
            it is async; at least once, perhaps in several processes.
        name: what the tasks' names begin with.
        labels: further labels of the tasks.

    Attributes:
        work: the task that sends chunks, and queues itself again while there are more.
        tend: the task that reconciles: see `tend_now`. Run it every minute.
    """

    def __init__(
        self,
        broker: AsyncBroker,
        *,
        client: Callable[[], AsyncSMSWorks],
        journal: Journal | str | os.PathLike[str] | None = None,
        seconds: float = SHARE,
        on_done: Callable[[BulkReport], object] | None = None,
        name: str = "smsworks",
        **labels: Any,
    ) -> None:
        self._held = Held(client)
        self._journal = journal
        self._seconds = values.seconds(seconds, "seconds", above=True)
        self._on_done = on_done

        # taskiq gives what it registers another name, which methods do not take.
        async def work(campaign: str) -> None:
            await self._work(campaign)

        async def tend(campaign: str) -> float:
            return await self.tend_now(campaign)

        self.work = broker.register_task(work, task_name=f"{name}.work", **labels)
        self.tend = broker.register_task(tend, task_name=f"{name}.tend", **labels)

    async def dispatch(self, campaign: str, *, tasks: int = 8) -> None:
        """Queue tasks that send a campaign; a second time, or after a queue was lost, is harmless.

        Args:
            campaign: the campaign's name, as it was planned.
            tasks: how many, which is how many processes may send at the same time, 1 or more.
        """
        for _ in range(values.integer(tasks, "tasks", at_least=1)):
            await self.work.kiq(campaign)

    async def _work(self, campaign: str) -> None:
        """Send chunks of a campaign for a while; queue another task where there may be more."""
        bulk = self._held.client().bulk
        report = await bulk.work(campaign, journal=self._journal, seconds=self._seconds)
        if ended_by_itself(report):
            await self.work.kiq(campaign)

    async def tend_now(self, campaign: str) -> float:
        """Reconcile a campaign, and queue a task where nothing is being sent; call it each minute.

        Returns:
            The seconds after which there may be something to do; 0 if the campaign is over.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read or written.
        """
        bulk = self._held.client().bulk
        report = await bulk.reconcile(campaign, journal=self._journal, settle=0.0)
        then = self._held.next_of(await bulk.status(campaign, journal=self._journal))
        if then.dispatches:
            await self.dispatch(campaign)
        if then.is_over and self._on_done is not None and self._held.is_new(campaign):
            told = self._on_done(report)
            if inspect.isawaitable(told):
                await told
            self._held.told(campaign)
        return then.seconds
