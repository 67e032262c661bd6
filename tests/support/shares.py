"""A campaign in PostgreSQL that several processes send with `bulk.work` under faults."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager

import attrs

from smsworks_async import AsyncSMSWorks
from smsworks_async.journals import PostgresJournal
from smsworks_async.sandbox import Fault, Sandbox
from support.messages import TEXT_TO_MANY
from support.processes import environment, worker_command
from support.sandboxes import AT_ONCE
from support.waiting import until


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
CHUNKS, CHUNK = (300 if SLOW else 40), 3
PROCESSES, CONCURRENCY = 3, 3
NAME = "opening"
#: The seconds by which the reconciling process's clock is ahead, so that all leases have expired.
LATER = 5000.0


@attrs.define(eq=False)
class Share:
    """A process that executes one order."""

    pid: int
    file: os.PathLike[str]

    @property
    def is_running(self):
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    async def said(self):
        """Return its final output; None if it was killed."""
        await until(lambda: not self.is_running)
        return json.loads(self.file.read_text()) if self.file.exists() else None


class Shares:
    """The processes, forked from one that has imported the modules."""

    def __init__(self, process, folder):
        self._process = process
        self._folder = folder
        self._numbers = itertools.count()

    async def start(self, order):
        file = self._folder / f"said-{next(self._numbers)}"
        self._process.stdin.write(json.dumps({**order, "said": str(file)}).encode() + b"\n")
        return Share(int(await self._process.stdout.readline()), file)


@asynccontextmanager
async def shares(folder):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *worker_command("share")[1:],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    try:
        yield Shares(process, folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@attrs.define(eq=False)
class Scene:
    """An unsent campaign.

    Attributes:
        box: the provider.
        url: the journal's URL for the test.
        people: the recipients.
        running: the last started processes.
    """

    box: Sandbox
    url: str
    people: list[str]
    shares: Shares
    running: list[Share] = attrs.field(factory=list)

    def order(self, **more):
        return {
            "token": self.box.token,
            "base_url": self.box.base_url,
            "journal": self.url,
            "campaign": NAME,
            "concurrency": CONCURRENCY,
            **more,
        }

    async def start(self, *orders):
        """Start a process for each of some orders; three for none."""
        given = orders or [{}] * PROCESSES
        self.running = [await self.shares.start(self.order(**more)) for more in given]

    async def hold(self, after):
        """Let processes send a share of the chunks, then hold each one's next request.

        Returns:
            Whether there were enough chunks.
        """
        self.box.clear_faults()
        posts = self.posts + max(1, int(after * CHUNKS))
        self.box.add_fault(
            Fault(path="/batch/send", nth=posts - self.posts + 1, when="hold", times=0)
        )
        most = posts + PROCESSES * CONCURRENCY
        await until(lambda: self.posts >= most or not self.is_running)
        return self.is_running

    @property
    def posts(self):
        return sum(request.path.endswith("/batch/send") for request in self.box.requests)

    @property
    def is_running(self):
        return any(share.is_running for share in self.running)

    def release(self):
        self.box.clear_faults()
        self.box.release()

    async def said(self):
        """Return the final output of the processes."""
        return [await share.said() for share in self.running]

    @asynccontextmanager
    async def client(self, ahead=0.0):
        clock = (lambda: time.time() + ahead) if ahead else None
        journal = PostgresJournal(self.url, clock=clock)
        async with AsyncSMSWorks(
            self.box.token, base_url=self.box.base_url, journal=journal, retry=AT_ONCE
        ) as sms:
            yield sms
        await journal.close()

    async def account(self):
        """Send the rest, reconcile, and check that no recipient was texted twice or lost.

        Returns:
            The figures as text.
        """
        again = 0
        async with self.client(LATER) as sms:
            while (status := await sms.bulk.status(NAME)).not_sent:
                assert status.state == "running", status.why
                assert again < 5, "too many restarts"
                again += 1
                await self.start()
                for said in await self.said():
                    assert said["error"] is None, said
            report = await sms.bulk.reconcile(NAME, settle=0)
        texted = Counter(self.box.accepted_by_destination())
        doubled = [number for number, times in texted.items() if times > 1]
        named = {
            number
            for batch in report.batches
            if batch.outcome != "accepted"
            for number in batch.destinations
        }
        lost = set(self.people) - texted.keys() - named
        assert not doubled, "texted twice"
        assert not lost, "neither texted nor named"
        assert texted.keys() <= set(self.people)
        assert report.adds_up
        assert report.read == len(self.people)
        assert report.accepted == len(texted)
        assert report.accepted_twice == 0
        return (
            f"{CHUNKS} chunks, {PROCESSES} processes: {len(texted)} texted once, 0 twice, 0 lost, "
            f"{report.unknown} in doubt and named, started again {again} times"
        )


@asynccontextmanager
async def scene(url, folder):
    """Plan a campaign of `CHUNKS` chunks."""
    people = [f"447700900{n:03d}" for n in range(CHUNKS * CHUNK)]
    async with (
        Sandbox(credits=1e9, flooding=False, delivery_delay=1e6) as box,
        shares(folder) as processes,
    ):
        made = Scene(box, url, people, processes)
        async with made.client() as sms:
            await sms.bulk.plan(
                **TEXT_TO_MANY, destinations=people, chunk_size=CHUNK, campaign=NAME
            )
        yield made
