"""Two processes with a shared store of handled reports, and a provider that posts to both."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter

import aiohttp

from support.processes import WORKERS, environment
from support.waiting import PATIENCE


PATH = "/sms/the-webhook-secret-of-these-tests-AAAA"
SERVERS = {
    "aiohttp": f"{WORKERS / 'report_app.py'} {{fd}}",
    "uvicorn": f"-m uvicorn --app-dir {WORKERS} report_app:asgi --fd {{fd}} --no-access-log",
    "gunicorn": (
        f"-m gunicorn --pythonpath {WORKERS} report_app:wsgi --bind fd://{{fd}} --preload "
        "--workers 1 --threads 8 --keep-alive 60"
    ),
}


class Process:
    """A server process on a socket that survives it."""

    def __init__(self, server, folder, more):
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}{PATH}"
        self._command = SERVERS[server].format(fd=self._listening.fileno()).split()
        self._environment = environment(REPORTS_FOLDER=str(folder), **more)
        self._log = (folder / "log").open("a")
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            [sys.executable, *self._command],
            pass_fds=[self._listening.fileno()],
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def group(self):
        return self._process.pid

    def send(self, number):
        os.killpg(self.group, number)

    def kill(self):
        """Kill it and its children; return the mark of its lines."""
        self.send(signal.SIGKILL)
        self._process.wait()
        return self.group

    def end(self):
        self.kill()
        self._listening.close()
        self._log.close()


class Load:
    """The processes, the posts to them, and the reports that they have handled."""

    def __init__(self, server, folder, **more):
        self.folder = folder
        for name in ("handled", "ahead"):
            (folder / name).touch()
        self.processes = [Process(server, folder, more) for _ in range(2)]
        self.killed = set()
        self.answers = Counter()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for process in self.processes:
            process.end()
        await self._session.close()

    async def post(self, process, message_id, status="DELIVERED"):
        """Post a report to one of the processes, and return whether it was answered with 200."""
        document = {"messageid": message_id, "status": status}
        try:
            async with self._session.post(process.url, json=document) as response:
                self.answers[response.status] += 1
                return response.status == 200
        except aiohttp.ClientError:
            self.answers["none"] += 1
            return False

    async def post_until_taken(self, process, message_id, pause):
        """Post a report repeatedly, as the provider does, until the response is 200."""
        while not await self.post(process, message_id):
            await asyncio.sleep(pause)

    def kill(self, process):
        """Kill a process, and start it again."""
        self.killed.add(process.kill())
        process.start()

    def turn_clock(self, seconds):
        """Advance the store's clock, which determines only the expiry of claims."""
        os.truncate(self.folder / "ahead", seconds)

    def runs(self):
        """Return which processes have run the function for each message, in order."""
        runs = {}
        for line in (self.folder / "handled").read_text().splitlines():
            message_id, group = line.split()
            runs.setdefault(message_id, []).append(int(group))
        return runs

    async def until_handled(self, count):
        """Wait until the function has run a number of times."""
        async with asyncio.timeout(PATIENCE):
            while (self.folder / "handled").read_bytes().count(b"\n") < count:
                await asyncio.sleep(0.005)  # the servers need the processor, too

    def figures(self, expected):
        counts = Counter(len(groups) for groups in self.runs().values())
        never = len(set(expected) - set(self.runs()))
        return (
            f"{counts[1]} handled once, {counts[2]} twice, "
            f"{sum(n for times, n in counts.items() if times > 2)} more often, {never} never; "
            f"{len(self.killed)} killed; answers {dict(self.answers)}"
        )

    def check(self, expected):
        """Check that each was handled, and repeated only after a kill, with a logged warning."""
        runs, log = self.runs(), (self.folder / "log").read_text()
        assert set(runs) == set(expected), log[-2000:]
        for message_id, groups in runs.items():
            assert set(groups[:-1]) <= self.killed, (message_id, groups)
            assert log.count(f"message {message_id} expired without a result") >= len(groups) - 1
